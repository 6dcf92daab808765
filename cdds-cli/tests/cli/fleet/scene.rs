//! What a fleet stands on: a catalog on a server, and worker processes.

use std::process::{Child, Command, Stdio};

use tokio_postgres::config::Host;

use crate::postgres_server::Server;
use crate::support::Place;

/// What the page of operators says.
const PAGE: &str = include_str!("../../../../docs/FLEET.md");

/// Puts the catalog of a place into a server.
pub(super) fn catalog_in(server: &Server, place: &Place) {
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
    forget_file(place);
}

/// Removes the catalog in a file, and what belongs to it.
pub(super) fn forget_file(place: &Place) {
    for file in ["cdds.db", "cdds.db-wal", "cdds.db-shm"] {
        let _ = std::fs::remove_file(place.path(file));
    }
    let _ = std::fs::remove_dir_all(place.path("cdds.db.workers"));
    // It was the store of the catalog that is gone.
    let _ = std::fs::remove_file(place.path("artifacts/.cdds-store"));
}

/// A worker process, which is killed if the test ends before it.
pub(super) struct Worker(Child);

impl Worker {
    pub(super) fn start(place: &Place) -> Self {
        Self::of(place, place.cdds(&["run", "--no-progress"]))
    }

    /// Starts one whose clock is off by so much, like `+1h`.
    pub(super) fn start_off(place: &Place, by: &str) -> Self {
        let mut folders = std::fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
        let library = folders.find_map(|folder| {
            let library = folder.join("faketime/libfaketimeMT.so.1");
            library.exists().then_some(library)
        });
        let Some(library) = library else { panic!("faketime is missing: `bash .ci/tools` installs it") };
        let mut command = place.cdds(&["run", "--no-progress"]);
        // Not by its program, which would be another process. Waits are measured by a clock that goes right.
        command.env("LD_PRELOAD", library).env("FAKETIME", by).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        Self::of(place, command)
    }

    pub(super) fn of(place: &Place, mut command: Command) -> Self {
        let log = std::fs::File::options().create(true).append(true).open(place.path("log")).unwrap();
        Self(command.stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    /// Returns the executions that it runs, as the server's record says.
    #[cfg(all(feature = "buckets", feature = "delivery"))]
    pub(super) fn running(&self, server: &Server) -> Vec<String> {
        let statement = format!(
            "SELECT e.id::text FROM cdds.execution AS e JOIN cdds.worker AS w ON w.id = e.worker \
             WHERE e.status = 'in_progress' AND w.process = {}",
            self.0.id()
        );
        let rows = server
            .within(async { server.client("postgres").await.query_typed(&statement, &[]).await.unwrap() });
        rows.iter().map(|row| row.get(0)).collect()
    }

    pub(super) fn process(&self) -> u32 {
        self.0.id()
    }

    pub(super) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.0.id().to_string()]).status();
        assert!(sent.unwrap().success(), "{name}");
    }

    pub(super) fn ended(mut self) -> Option<i32> {
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

/// Returns a number of the server's record.
pub(super) fn counted(server: &Server, statement: &str) -> i64 {
    server.within(async {
        let client = server.client("postgres").await;
        client.query_typed(statement, &[]).await.unwrap()[0].get(0)
    })
}

/// Returns how many executions have ended, as the server's record says.
pub(super) fn ended(server: &Server) -> usize {
    let ended = counted(server, "SELECT count(*) FROM cdds.execution WHERE status = 'finished'");
    usize::try_from(ended).unwrap()
}

/// Waits until so many executions have ended.
pub(super) fn wait_for(count: usize, server: &Server) {
    while ended(server) < count {
        std::thread::yield_now();
    }
}
