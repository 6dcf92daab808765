//! Several worker processes over one catalog in PostgreSQL, through what happens to a fleet: kills, stops that last
//! longer than a lease, and a server that crashes.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Stdio};

use serde_json::{Value, json};
use tokio_postgres::config::Host;
use tokio_postgres::types::Type;

use crate::postgres_server::Server;
use crate::support::{Place, string, text};

/// What the page of operators says.
const PAGE: &str = include_str!("../../../docs/FLEET.md");

/// The owners' jobs, each of which runs one execution at a time.
const JOBS: usize = 4;
/// The days that each job exports.
const DAYS: usize = 4;

/// Puts the catalog of a place into a server.
fn catalog_in(server: &Server, place: &Place) {
    let config = server.config("postgres");
    let Some(Host::Unix(folder)) = config.get_hosts().first() else { panic!("{config:?}") };
    let folder = folder.display().to_string().replace('/', "%2F");
    let typed = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    // As the page has it, with the server of this test in place of the example's.
    let (_, catalog) = PAGE.split_once("```toml\n[catalog]\n").unwrap();
    let catalog = catalog.split("\n\n").next().unwrap();
    let catalog = catalog.replace("cdds@db.example/exports", &format!("postgres@{folder}/postgres"));
    let declared =
        typed.replace("url = \"sqlite:cdds.db\"", &catalog).replace("lease = \"60s\"", "lease = \"3s\"");
    assert!(declared.contains(&folder) && declared.contains("lease = \"3s\""), "{declared}");
    std::fs::write(place.path("cdds.toml"), declared).unwrap();
    // The server takes anybody at his word, and the file is read all the same.
    std::fs::write(place.path("catalog.password"), "correct horse\n").unwrap();
    for file in ["cdds.db", "cdds.db-wal", "cdds.db-shm"] {
        let _ = std::fs::remove_file(place.path(file));
    }
    let _ = std::fs::remove_dir_all(place.path("cdds.db.workers"));
    // It was the store of the catalog that is gone.
    let _ = std::fs::remove_file(place.path("artifacts/.cdds-store"));
}

/// A worker process, which is killed if the test ends before it.
struct Worker(Child);

impl Worker {
    fn start(place: &Place) -> Self {
        let log = std::fs::File::options().create(true).append(true).open(place.path("log")).unwrap();
        Self(place.cdds(&["run", "--no-progress"]).stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    fn signal(&self, name: &str) {
        let sent = std::process::Command::new("kill").args(["-s", name, &self.0.id().to_string()]).status();
        assert!(sent.unwrap().success(), "{name}");
    }

    fn ended(mut self) -> Option<i32> {
        self.signal("TERM");
        self.0.wait().unwrap().code()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns how many executions have ended, as the server's record says.
fn ended(server: &Server) -> usize {
    server.within(async {
        let client = server.client("postgres").await;
        let statement = "SELECT count(*) FROM cdds.execution WHERE status = $1::text";
        let rows = client.query_typed(statement, &[(&"finished", Type::TEXT)]).await.unwrap();
        usize::try_from(rows[0].get::<_, i64>(0)).unwrap()
    })
}

/// Waits until so many executions have ended.
fn wait_for(count: usize, server: &Server) {
    while ended(server) < count {
        std::thread::yield_now();
    }
}

#[test]
fn a_catalog_in_postgresql_does_what_one_in_a_file_does() {
    let (server, place) = (Server::start(&[]), Place::with_interactions(90));
    catalog_in(&server, &place);
    std::fs::rename(place.path("catalog.password"), place.path("elsewhere")).unwrap();
    let output = place.cdds(&["job", "list"]).output().unwrap();
    let said = text(&output.stderr);
    assert!(!output.status.success() && said.contains("catalog.password cannot be read"), "{said}");
    std::fs::rename(place.path("elsewhere"), place.path("catalog.password")).unwrap();

    let job = place.plaintext_job(&["--timeframe", "all"]);
    place.done(&["run", "--until-idle"]);
    let executions = place.json(&["history", "list", "--job", &job]);
    assert_eq!(executions[0]["status"], "finished", "{executions}");
    assert_eq!(executions[0]["records"], 90);
    let files = place.json(&[
        "artifact",
        "download",
        "--execution",
        executions[0]["id"].as_str().unwrap(),
        "--to",
        "got",
    ]);
    assert_eq!(place.records(files[0]["path"].as_str().unwrap()).len(), 90);

    let output = place.cdds(&["doctor", "--output", "json"]).output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let catalog = found.as_array().unwrap().iter().find(|finding| finding["check"] == "catalog").unwrap();
    assert_eq!(catalog["status"], "ok", "{found}");
    assert!(catalog["detail"].as_str().unwrap().ends_with("answers"), "{catalog}");

    // As of another instant, everybody goes by that.
    let daily = place
        .job_at("2020-01-01T12:00:00Z", &["--run", "daily", "--at", "02:00", "--timeframe", "rolling:1d"]);
    assert_eq!(daily["next_starts_at"], "2020-01-02T02:00:00Z");
    assert_eq!(place.run_at("2020-01-02T02:00:01Z")["finished"], 1);

    // A token belongs to the machine whose server takes it.
    place.done(&["token", "create", "--role", "viewer"]);
    assert!(place.path("cdds.tokens").exists(), "{:?}", place.files("."));
    assert!(!place.path("cdds.db").exists());
}

#[test]
fn i5_i8_four_workers_lose_and_double_nothing_through_kills_stops_and_a_crash_of_the_server() {
    let mut server = Server::start(&[]);
    let place = Place::with_interactions(u32::try_from(1_440 * DAYS).unwrap());
    catalog_in(&server, &place);
    let mut jobs = Vec::new();
    for number in 0..JOBS {
        let title = format!("Calls {number}");
        let job =
            ["job", "create", "--title", &title, "--source", "contact-history", "--type", "interaction"];
        let daily = ["--plaintext", "--run", "daily", "--at", "00:00", "--timeframe", "rolling:1d"];
        let job = string(&place.json(&[&job[..], &daily[..]].concat())["id"]);
        let until = format!("2020-01-{:02}T00:00:00Z", 2 + DAYS);
        place.done(&["job", "backfill", &job, "--from", "2020-01-02T00:00:00Z", "--to", &until]);
        jobs.push(job);
    }

    let all = JOBS * DAYS;
    let mut workers: Vec<Worker> = (0..4).map(|_| Worker::start(&place)).collect();
    wait_for(all / 8, &server);
    // Gone for good.
    drop(workers.remove(0));
    workers.push(Worker::start(&place));
    // Gone for longer than its lease, which the others notice, and back again.
    workers[0].signal("STOP");
    wait_for(all / 3, &server);
    server.crash_and_start();
    wait_for(all / 2, &server);
    workers[0].signal("CONT");
    wait_for(all, &server);
    for worker in workers {
        assert_eq!(worker.ended(), Some(0), "{}", text(&std::fs::read(place.path("log")).unwrap()));
    }
    // What the killed one has left is swept, by a worker to whom the house falls when that one's hold has run out.
    let later = chrono::Utc::now() + chrono::TimeDelta::minutes(10);
    place.done(&["run", "--until-idle", "--now", &later.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)]);

    let mut executed = BTreeSet::new();
    let mut expected = Vec::new();
    for job in &jobs {
        let executions = place.json(&["history", "list", "--job", job]);
        let executions = executions.as_array().unwrap();
        assert_eq!(executions.len(), DAYS, "{executions:?}");
        let mut windows = BTreeMap::new();
        for execution in executions {
            assert_eq!(
                (&execution["status"], &execution["records"]),
                (&json!("finished"), &json!(1_440)),
                "{execution}"
            );
            executed.insert(string(&execution["id"]));
            let window = &execution["window"];
            windows.insert(string(&window["start"]), string(&window["end"]));
        }
        let tiled = windows.values().zip(windows.keys().skip(1)).all(|(end, start)| end == start);
        assert!(tiled && windows.len() == DAYS, "{windows:?}");
    }
    for file in place.json(&["artifact", "list"]).as_array().unwrap() {
        expected.push(string(&file["name"]));
    }
    assert_eq!(expected.len(), all);
    let mut claims = BTreeMap::<(String, String), Vec<String>>::new();
    for path in place.files("artifacts") {
        let [execution, claim, file] = *path.split('/').collect::<Vec<_>>() else { panic!("{path}") };
        claims.entry((execution.to_owned(), claim.to_owned())).or_default().push(file.to_owned());
    }
    // Rule E17: a whole set of a worker that was killed before it was on record stays until its retention is over.
    for files in claims.values() {
        assert_eq!(*files, ["000000", "manifest"], "nothing half-made is left: {claims:?}");
    }
    let stored: BTreeSet<&String> = claims.keys().map(|(execution, _)| execution).collect();
    assert_eq!(stored, executed.iter().collect(), "each execution has a set, and nothing else has one");
}
