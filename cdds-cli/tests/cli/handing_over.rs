//! Copies for data subjects by the program itself, over SQLite and PostgreSQL (rule D9).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use cdds_core::ports::clock::Clock;
use cdds_core::system::SystemClock;
use futures::executor::block_on;
use serde_json::{Value, json};

use crate::erasing::{EMAIL, PHONE, assert_nothing_in_the_clear, run, shop, shown, sql};
use crate::postgres_server::Server;
use crate::support::{Place, string, text};

/// How many customers there are. Each has an address and a telephone number.
const PEOPLE: usize = 8;

/// Types like those of Chinook, and calls, which are about two people each. Prices are about nobody.
const TYPES: &str = r#"
[[source.type]]
id = "customer"
table = "customers"
subject = ["email", { field = "phone", kind = "phone" }]
[[source.type]]
id = "invoice"
table = "invoices"
subject = [{ field = "billing_email", kind = "email" }]
[[source.type]]
id = "line"
table = "lines"
subject = [{ field = "customer", kind = "email" }]
time = "due"
time_format = "iso"
[[source.type]]
id = "call"
table = "calls"
subject = [{ field = "caller", kind = "phone" }, { field = "callee", kind = "phone" }]
[[source.type]]
id = "price"
table = "prices"
"#;

/// The tables, in words that both databases understand: customers, their invoices and lines, and a call from each to the
/// next. Some are spelled in their own ways, some lie in the future, and one is hostile.
fn tables() -> String {
    let mut statements = "create table customers(id integer primary key, name text, email text, phone text);
        create table invoices(id integer primary key, billing_email text, total integer);
        create table lines(id integer primary key, customer text, due text);
        create table calls(id integer primary key, caller text, callee text);
        create table prices(id integer primary key, amount integer);
        insert into prices values (1, 9);"
        .to_owned();
    for n in 0..PEOPLE {
        let (email, next) = (format!("C{n}@Example.com"), (n + 1) % PEOPLE);
        let name = if n == 3 { "<script>alert(1)</script>\"" } else { "Customer" };
        statements += &format!(
            "insert into customers values ({n}, '{name} {n}', '{email}', '0049 (0)40 10 0{n}');
             insert into invoices values ({n}, 'c{n}@example.com', {n});
             insert into lines values ({n}, '{email}', '2020-01-0{day}T00:00:00Z');
             insert into lines values ({other}, 'c{n}@example.com', '2090-01-0{day}T00:00:00Z');
             insert into calls values ({n}, '+49 40 100{n}', '004940100{next}');",
            day = n + 1,
            other = n + 100,
        );
    }
    statements
}

fn configure(place: &Place, source: &str) {
    configure_types(place, source, TYPES);
}

fn configure_types(place: &Place, source: &str, types: &str) {
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let config = config
        .replace("# [subjects]\n# key_file = \"subjects.keys\"", "[subjects]\nkey_file = \"subjects.keys\"");
    let title = "<img src=x onerror=alert(1)> & Söhne";
    let source = format!("\n[[source]]\nid = \"index.html\"\ntitle = \"{title}\"\n{source}\n{types}");
    std::fs::write(place.path("cdds.toml"), config + &source).unwrap();
    place.done(&["subject", "key", "2026"]);
}

/// Puts a request for access on record, with its identifiers on standard input, and verifies it. Returns its id.
fn asked(place: &Place, identifiers: &str, options: &[&str]) -> String {
    let create = ["subject", "create", "--identifier", "-", "--kind", "access", "--output", "json"];
    let mut command = place.cdds(&[&create[..], options].concat());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(identifiers.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let id = string(&serde_json::from_slice::<Value>(&output.stdout).unwrap()["id"]);
    place.done(&["subject", "verify", &id, "--by", "the desk", "--how", "passport shown"]);
    id
}

/// Downloads the set of a request that is done. Returns the paths of its files.
fn fetched(place: &Place, id: &str) -> Vec<String> {
    let done = shown(place, id);
    assert_eq!((&done["state"], &done["export"]["status"]), (&"done".into(), &"finished".into()), "{done}");
    let execution = string(&done["export"]["execution_id"]);
    let files = place.json(&["artifact", "download", "--execution", &execution, "--to", &execution]);
    files.as_array().unwrap().iter().map(|file| string(&file["path"])).collect()
}

/// Hands over what a shop holds about the person whom other tests erase, in the types that are not kept by law. Returns it
/// by the folder of its type, and removes every copy of it.
pub(crate) fn copied(place: &Place) -> BTreeMap<String, Vec<String>> {
    let identifiers = format!("phone={PHONE}\nemail={EMAIL}\n");
    let scope = ["--plaintext", "--source", "shop/customer", "--source", "shop/call"];
    let id = asked(place, &identifiers, &scope);
    run(place);
    let archive = fetched(place, &id).into_iter().find(|path| path.ends_with(".zip")).unwrap();
    let (records, page) = extracted(place, &archive, "copy");
    assert_eq!(records.is_empty(), page.contains("No record about you was found."), "{page}");
    let execution = string(&shown(place, &id)["export"]["execution_id"]);
    place.done(&["artifact", "delete", "--execution", &execution]);
    for folder in ["copy", &execution] {
        std::fs::remove_dir_all(place.path(folder)).unwrap();
    }
    records
}

/// Extracts an archive. Returns the records by the folder of their type, and the page.
fn extracted(place: &Place, archive: &str, to: &str) -> (BTreeMap<String, Vec<String>>, String) {
    place.program("unzip", &["-q", archive, "-d", to], &[]);
    let mut records: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut page = None;
    for name in place.files(to) {
        let contents = std::fs::read_to_string(place.path(to).join(&name)).unwrap();
        match name.rsplit_once('/') {
            None => {
                assert_eq!(name, "index.html");
                page = Some(contents);
            }
            Some((folder, _)) => {
                let of_type = records.entry(folder.to_owned()).or_default();
                of_type.extend(contents.lines().map(str::to_owned));
            }
        }
    }
    (records, page.unwrap())
}

/// Reads a page as a browser does. Prints its tags, one a line, and then its text.
const PARSER: &str = r"
import html.parser, sys
class P(html.parser.HTMLParser):
    def handle_starttag(self, tag, attrs):
        print('tag', tag, [a for a in attrs if a[0].startswith('on') or a[0] == 'src'])
    def handle_data(self, data):
        print('text', data.strip())
P().feed(open(sys.argv[1], encoding='utf-8').read())
";

/// Returns all records of the tables that are about people, by type.
fn all_records() -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut all: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut add = |of_type, record: Value| {
        all.entry(of_type).or_default().insert(record.to_string());
    };
    for n in 0..PEOPLE {
        let (day, next) = (n + 1, (n + 1) % PEOPLE);
        let name = if n == 3 { "<script>alert(1)</script>\"" } else { "Customer" };
        let (upper, lower) = (format!("C{n}@Example.com"), format!("c{n}@example.com"));
        let phone = format!("0049 (0)40 10 0{n}");
        add("customer", json!({"id": n, "name": format!("{name} {n}"), "email": upper, "phone": phone}));
        add("invoice", json!({"id": n, "billing_email": lower, "total": n}));
        add("line", json!({"id": n, "customer": upper, "due": format!("2020-01-0{day}T00:00:00Z")}));
        add("line", json!({"id": n + 100, "customer": lower, "due": format!("2090-01-0{day}T00:00:00Z")}));
        let (caller, callee) = (format!("+49 40 100{n}"), format!("004940100{next}"));
        add("call", json!({"id": n, "caller": caller, "callee": callee}));
    }
    all
}

/// Hands over to each person what is about them, and holds all of it against the tables.
fn all_people(place: &Place) {
    let asks = |n: usize| {
        let identifiers = format!("email=c{n}@example.com\nphone=+49 40 100{n}\n");
        asked(place, &identifiers, &["--plaintext", "--source", "index.html"])
    };
    let requests: Vec<String> = (0..PEOPLE).map(asks).collect();
    run(place);
    let mut union: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (n, request) in requests.iter().enumerate() {
        let archive = fetched(place, request).into_iter().find(|path| path.ends_with(".zip")).unwrap();
        let (records, page) = extracted(place, &archive, &format!("person-{n}"));
        let counts: Vec<usize> = records.values().map(Vec::len).collect();
        assert_eq!(counts, [2, 1, 1, 2], "calls, customer, invoice and lines of {n}: {records:?}");
        for (folder, lines) in records {
            assert!(folder.starts_with("%69ndex.html/"), "{folder}");
            let records = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap().to_string());
            union.entry(folder).or_default().extend(records);
        }
        assert!(
            page.contains("<strong>6 records</strong>") && page.contains("price: its records name nobody"),
            "{page}"
        );
        for part in [format!("c{n}@"), format!("100{n}"), "<img".to_owned(), "<script".to_owned()] {
            assert!(!page.contains(&part), "{part}: {page}");
        }
        if n == 0 {
            std::fs::write(place.path("parse.py"), PARSER).unwrap();
            let parsed = place.program("python3", &["parse.py", "person-0/index.html"], &[]);
            let tags: BTreeSet<&str> =
                parsed.lines().filter_map(|line| line.strip_prefix("tag ")?.split(' ').next()).collect();
            assert!(!tags.contains("script") && !tags.contains("img") && tags.contains("table"), "{tags:?}");
            assert!(parsed.contains("text <img src=x onerror=alert(1)> & Söhne"), "{parsed}");
            assert!(!parsed.contains("[('"), "no element has a script or a source: {parsed}");
        }
    }
    let folder = |(of_type, records)| (format!("%69ndex.html/{of_type}"), records);
    assert_eq!(union, all_records().into_iter().map(folder).collect());
}

#[test]
fn d9_all_copies_together_are_the_tables_of_a_file() {
    let place = Place::new();
    configure(&place, "kind = \"sqlite\"\nurl = \"chinook.db\"");
    place.program("sqlite3", &["chinook.db"], &[&tables()]);
    all_people(&place);
}

#[test]
fn d9_all_copies_together_are_the_tables_of_a_server() {
    let server = Server::start(&[]);
    server.run("postgres", "CREATE DATABASE chinook");
    server.run("chinook", &tables());
    let place = Place::new();
    configure(&place, &format!("kind = \"postgres\"\nurl = \"{}\"", url(&server)));
    all_people(&place);
}

/// Returns where the tables of a server are.
fn url(server: &Server) -> String {
    let config = server.config("chinook");
    let Some(tokio_postgres::config::Host::Unix(folder)) = config.get_hosts().first() else {
        panic!("{config:?}")
    };
    format!("host={} user=postgres dbname=chinook", folder.display())
}

/// What copies show of customers and calls, and not.
fn shown_in_part() -> String {
    TYPES
        .replace("table = \"customers\"", "table = \"customers\"\ncopy = { only = [\"phone\", \"id\"] }")
        .replace("table = \"calls\"", "table = \"calls\"\ncopy = { without = [\"callee\"] }")
}

/// Hands over to one person what the types show of the records about them, and holds it against what they may.
fn a_copy_in_part(place: &Place) {
    let identifiers = "email=c1@example.com\nphone=+49 40 1001\n";
    let id = asked(place, identifiers, &["--plaintext", "--source", "index.html"]);
    run(place);
    let archive = fetched(place, &id).into_iter().find(|path| path.ends_with(".zip")).unwrap();
    let (records, page) = extracted(place, &archive, "part");
    let of_type = |name: &str| records[&format!("%69ndex.html/{name}")].clone();
    assert_eq!(of_type("customer"), [r#"{"id":1,"phone":"0049 (0)40 10 01"}"#], "found by the address, too");
    // The one by the person, and the one to the person, whose number is theirs to see in neither.
    assert_eq!(of_type("call"), [r#"{"id":0,"caller":"+49 40 1000"}"#, r#"{"id":1,"caller":"+49 40 1001"}"#]);
    assert_eq!(of_type("invoice"), [r#"{"id":1,"billing_email":"c1@example.com","total":1}"#]);
    for part in ["customer<br><small>of each only phone, id</small>", "call<br><small>without callee</small>"]
    {
        assert!(page.contains(part), "{part}\n{page}");
    }
}

#[test]
fn d9_a_copy_shows_what_its_rule_says_of_a_file() {
    let place = Place::new();
    configure_types(&place, "kind = \"sqlite\"\nurl = \"chinook.db\"", &shown_in_part());
    place.program("sqlite3", &["chinook.db"], &[&tables()]);
    a_copy_in_part(&place);
}

#[test]
fn d9_a_copy_shows_what_its_rule_says_of_a_server() {
    let server = Server::start(&[]);
    server.run("postgres", "CREATE DATABASE chinook");
    server.run("chinook", &tables());
    let place = Place::new();
    configure_types(&place, &format!("kind = \"postgres\"\nurl = \"{}\"", url(&server)), &shown_in_part());
    a_copy_in_part(&place);
}

#[test]
fn d9_a_copy_shows_what_its_rule_says_of_json_lines() {
    let place = Place::new();
    let types = "[[source.type]]\nid = \"note\"\nsubject = [\"email\"]\n\
                 copy = { without = [\"/about/agent\", \"score\"] }\n";
    configure_types(&place, "kind = \"json-lines\"\nurl = \"notes.jsonl\"", types);
    let notes = "{\"email\":\"Ada@example.com\",\"about\":[{\"agent\":\"Bob\",\"n\":1.50}],\"score\":7}\n\
                 {\"email\":\"bea@example.com\",\"about\":[{\"agent\":\"Bob\"}]}\n";
    std::fs::write(place.path("notes.jsonl"), notes).unwrap();
    let id = asked(&place, "email=ada@example.com\n", &["--plaintext"]);
    run(&place);
    let archive = fetched(&place, &id).into_iter().find(|path| path.ends_with(".zip")).unwrap();
    let (records, page) = extracted(&place, &archive, "part");
    assert_eq!(records["%69ndex.html/note"], [r#"{"email":"Ada@example.com","about":[{"n":1.50}]}"#]);
    assert!(page.contains("<small>without /about/agent, score</small>"), "{page}");
}

#[test]
fn d9_a_rule_of_copies_that_means_nothing_is_refused() {
    for (rule, why) in [
        ("copy = { only = [] }", "no field is named"),
        ("copy = { only = [\"a\"], without = [\"b\"] }", "expected { only"),
        ("copy = \"phone\"", "expected { only"),
        ("fields = [\"id\", \"phone\"]\ncopy = { without = [\"fone\"] }", "choose from id, phone"),
    ] {
        let place = Place::new();
        let types = TYPES.replace("table = \"customers\"", &format!("table = \"customers\"\n{rule}"));
        let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
        let source = format!("\n[[source]]\nid = \"s\"\nkind = \"sqlite\"\nurl = \"chinook.db\"\n{types}");
        std::fs::write(place.path("cdds.toml"), config + &source).unwrap();
        let output = place.cdds(&["config", "check"]).output().unwrap();
        let told = text(&output.stderr) + &text(&output.stdout);
        assert!(!output.status.success() && told.contains(why), "{rule}: {told}");
    }
}

/// Makes a key pair. Each sealed part names the issuer of its certificate, so this one names nobody.
fn key_pair(place: &Place, name: &str) {
    let subject = format!("/CN=holder of {name}.key");
    place.program(
        "openssl",
        &["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "90", "-subj", &subject],
        &["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")],
    );
}

#[test]
fn d6_d9_a_sealed_copy_goes_on_after_a_kill_opens_with_its_key_alone_and_leaves_no_trace() {
    let place = shop();
    let numbers = "(with recursive n(i) as (select 1000 union all select i + 1 from n where i < 200000) select i from n)";
    sql(
        &place,
        &format!(
            "insert into calls select i, '0049 30 7654321', '+4940' || i, hex(randomblob(60)), 0 from {numbers};"
        ),
    );
    key_pair(&place, "one");
    key_pair(&place, "other");
    let identifiers = format!("phone={PHONE}\nemail={EMAIL}\n");
    let id = asked(&place, &identifiers, &["--certificate", "one.pem", "--source", "shop"]);
    assert_nothing_in_the_clear(&place);

    // Killed while it reads.
    let mut worker = place
        .cdds(&["run", "--no-progress", "-q"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (clock, begun) = (SystemClock::new(), "select count(*) from execution where status = 'in_progress'");
    let waited = |millis| block_on(clock.sleep(Duration::from_millis(millis)));
    let is_underway = || place.program("sqlite3", &["-readonly", "cdds.db"], &[begun]).trim() == "1";
    while !is_underway() && clock.monotonic() < Duration::from_secs(10) {
        waited(2);
    }
    waited(30);
    worker.kill().unwrap();
    worker.wait().unwrap();
    let open = shown(&place, &id);
    assert_eq!((&open["state"], &open["handed_over_at"]), (&"verified".into(), &Value::Null), "{open}");
    // A crash counts as an attempt, and the next one waits.
    let mut log = String::new();
    for now in ["+1h", "+3h"] {
        log += &later(&place, now);
    }
    let done = shown(&place, &id);
    assert_eq!(&done["state"], "done", "{done}\n{log}");
    let fingerprint =
        place.program("openssl", &["x509", "-in", "one.pem", "-noout", "-fingerprint", "-sha256"], &[]);
    let fingerprint = fingerprint.trim().rsplit('=').next().unwrap().replace(':', "").to_lowercase();
    assert_eq!(done["handover"], fingerprint);
    assert_nothing_in_the_clear(&place);

    let files = fetched(&place, &id);
    let sealed = files.iter().find(|path| path.ends_with(".smime")).unwrap();
    let manifest = files.iter().find(|path| path.ends_with(".manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&std::fs::read(place.path(manifest)).unwrap()).unwrap();
    assert_eq!(manifest["records_by_source"]["shop"]["call"], 199_003);
    assert_eq!(manifest["recipients"][0]["fingerprint"], fingerprint.as_str());
    assert_nothing_in_the_clear(&place);
    let decrypt = |key: &str, to: &str| {
        let args = ["cms", "-decrypt", "-binary", "-inform", "DER", "-in", sealed, "-inkey", key, "-out", to];
        std::process::Command::new("openssl").args(args).current_dir(place.root()).output().unwrap()
    };
    let stranger = decrypt("other.key", "other.zip");
    let opened = std::fs::read(place.path("other.zip")).unwrap_or_default();
    assert!(!stranger.status.success() || !opened.starts_with(b"PK"), "a stranger opens it");
    assert!(decrypt("one.key", "one.zip").status.success());
    let (records, _) = extracted(&place, "one.zip", "opened");
    assert_eq!(records["shop/call"].len(), 199_003);
    assert_eq!(records["shop/customer"].len(), 2);
}

/// Lets a worker go on some time later. Returns what it has logged.
fn later(place: &Place, hours: &str) -> String {
    let hours = chrono::TimeDelta::hours(hours.trim_matches(['+', 'h']).parse().unwrap());
    let now = (SystemClock::new().now() + hours).to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let output = place.cdds(&["run", "--until-idle", "--no-progress", "-v", "--now", &now]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stderr)
}

#[test]
fn d9_how_a_copy_is_handed_over_has_to_be_said() {
    let place = shop();
    let asks = |options: &[&str]| {
        let create = ["subject", "create", "--identifier", "email=c7@example.com"];
        place.refused(&[&create[..], options].concat()).1
    };
    std::fs::write(place.path("bad.pem"), "no certificate").unwrap();
    for (options, code) in [
        (&["--kind", "access"][..], "invalid_subject_request"),
        (&["--kind", "both"], "invalid_subject_request"),
        (&["--kind", "erasure", "--plaintext"], "invalid_subject_request"),
        (&["--kind", "access", "--certificate", "bad.pem"], "invalid_certificate"),
        (&["--kind", "access", "--certificate", "none.pem"], "not_found"),
        (&["--kind", "access", "--plaintext", "--certificate", "bad.pem"], "usage"),
    ] {
        assert_eq!(asks(options), code, "{options:?}");
    }
    let id = asked(&place, "email=c7@example.com\n", &["--plaintext"]);
    for args in [
        &["job", "delete", &id][..],
        &["job", "suspend", &id],
        &["job", "edit", &id, "--title", "T"],
        &["job", "clone", &id],
    ] {
        assert_eq!(place.refused(args).1, "subject_job", "{args:?}");
    }
    let table = place.done(&["subject", "show", &id]);
    assert!(table.contains("plaintext") && table.contains("queued"), "{table}");
    run(&place);
    let table = place.done(&["subject", "show", &id]);
    assert!(table.contains("finished, execution") && table.contains("artifact download"), "{table}");
    let listed = place.json(&["history", "list", "--job", &id]);
    assert_eq!(listed[0]["job_title"], format!("Request {id}"));
}
