//! Commands that only read, for somebody who may not write: in a closed folder, as another user, without the store.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::{Command, Output};

use rusqlite::Connection;
use serde_json::Value;

use crate::support::{NOON, Place, SINCE_LAST, failure, id, string, text};

const LATER: &str = "2020-01-02T03:00:00Z";
/// Somebody else.
const OTHER: u32 = 12_345;

/// A place with a job, an execution, a set and a recipient.
fn place() -> (Place, Vec<Vec<String>>) {
    let place = Place::with_interactions(30);
    place.recipient("ops");
    let job = place.job_at(NOON, &SINCE_LAST);
    place.run_at("2020-01-02T02:00:01Z");
    let execution = string(&place.json(&["history", "list"])[0]["id"]);
    let job = id(&job);
    let commands: Vec<Vec<&str>> = vec![
        vec!["job", "list"],
        vec!["job", "show", job],
        vec!["job", "preview", job],
        vec!["history", "list"],
        vec!["history", "show", &execution],
        vec!["artifact", "list"],
        vec!["recipient", "list"],
        vec!["destination", "list"],
        vec!["notice", "list"],
        vec!["workers"],
        vec!["audit"],
        vec!["source", "list"],
        vec!["check", "--job", job, "--within", "9999d"],
        vec!["retention", "preview"],
    ];
    let owned = |args: Vec<&str>| args.into_iter().map(str::to_owned).collect();
    (place, commands.into_iter().map(owned).collect())
}

/// Runs the program as somebody whom the permissions of files concern: root without its privileges, or the user of the
/// tests.
fn unprivileged(place: &Place, args: &[&str]) -> Output {
    let plain = place.cdds(&[args, &["--output", "json", "--now", LATER]].concat());
    if !is_root(place) {
        let mut plain = plain;
        return plain.output().unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all", "--inh-caps=-all", "--"]).arg(plain.get_program());
    command.args(plain.get_args()).current_dir(place.root());
    command.env_remove("CDDS_CONFIG").env_remove("CDDS_OUTPUT").output().unwrap()
}

fn is_root(place: &Place) -> bool {
    place.program("id", &["-u"], &[]).trim() == "0"
}

/// Lets nobody write here, and gives everything to somebody else where that is possible.
struct Closed<'a>(&'a Place);

impl<'a> Closed<'a> {
    fn new(place: &'a Place) -> Self {
        let closed = Self(place);
        closed.set(0o444, 0o555, OTHER);
        closed
    }

    fn set(&self, files: u32, folder: u32, owner: u32) {
        let entries = fs::read_dir(self.0.root()).unwrap().map(|entry| entry.unwrap().path());
        let files_of_it = entries.filter(|path| path.is_file()).map(|path| (path, files));
        for (path, mode) in files_of_it.chain([(self.0.root().to_owned(), folder)]) {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            if is_root(self.0) {
                chown(&path, Some(owner), Some(owner)).unwrap();
            }
        }
    }
}

impl Drop for Closed<'_> {
    /// Opens it again, so that it can be removed.
    fn drop(&mut self) {
        self.set(0o600, 0o700, 0);
    }
}

fn names(place: &Place) -> Vec<String> {
    let names = fs::read_dir(place.root()).unwrap();
    let mut names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn told(output: &Output) -> String {
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    string(&error["error"]["message"])
}

/// Asserts that every command prints what it printed to the owner, and leaves no trace; and that a change is refused.
fn all_can_be_read(place: &Place, commands: &[Vec<String>], expected: &[Value], what: &str) {
    let closed = Closed::new(place);
    let before = names(place);
    for (args, expected) in commands.iter().zip(expected) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let output = unprivileged(place, &args);
        assert!(output.status.success(), "{what}: {args:?}: {}", text(&output.stderr));
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(&printed, expected, "{what}: {args:?}");
    }
    let examined = unprivileged(place, &["doctor"]);
    let findings: Value = serde_json::from_slice(&examined.stdout).unwrap();
    let catalog = findings.as_array().unwrap().iter().find(|finding| finding["check"] == "catalog").unwrap();
    assert_eq!(catalog["status"], "warning", "{what}: {catalog}");
    assert!(string(&catalog["detail"]).contains("can be read, but not be written"), "{what}: {catalog}");
    let job = string(&expected[0][0]["id"]);
    for args in [&["job", "suspend", &job][..], &["run", "--until-idle"], &["recipient", "remove", "ops"]] {
        let output = unprivileged(place, args);
        assert_eq!(failure(&output).0, 1, "{what}: {args:?}");
        let why = told(&output);
        assert!(why.contains("cdds.db") && why.contains("written"), "{what}: {args:?}: {why}");
        assert!(!why.contains("SELECT") && !why.contains("PRAGMA"), "{why}");
    }
    assert_eq!(names(place), before, "{what}");
    drop(closed);
}

fn printed(place: &Place, commands: &[Vec<String>]) -> Vec<Value> {
    let words = |args: &Vec<String>| place.at(LATER, &args.iter().map(String::as_str).collect::<Vec<_>>());
    commands.iter().map(words).collect()
}

#[test]
fn a_closed_folder_is_read_without_a_trace() {
    let (place, commands) = place();
    let expected = printed(&place, &commands);
    assert!(!names(&place).contains(&"cdds.db-wal".to_owned()));
    all_can_be_read(&place, &commands, &expected, "at rest");
    // Everything works again for who may write, with the same catalog.
    assert_eq!(printed(&place, &commands), expected);

    // The lists need no store.
    fs::rename(place.path("artifacts"), place.path("elsewhere")).unwrap();
    all_can_be_read(&place, &commands, &expected, "without the store");
    assert_eq!(printed(&place, &commands), expected);
    assert_eq!(place.refused(&["run", "--until-idle"]).0, 1, "a run does");
}

#[test]
fn a_catalog_in_use_and_one_that_a_crash_has_left_are_read_with_their_log() {
    let (place, commands) = place();
    let in_use = Connection::open(place.path("cdds.db")).unwrap();
    in_use.query_row("SELECT count(*) FROM job", [], |_| Ok(())).unwrap();
    let job = string(&place.json(&["job", "list"])[0]["id"]);
    place.at(LATER, &["job", "edit", &job, "--title", "Only in the log"]);
    let expected = printed(&place, &commands);
    assert_eq!(expected[0][0]["title"], "Only in the log");
    assert!(fs::metadata(place.path("cdds.db-wal")).unwrap().len() > 0);
    all_can_be_read(&place, &commands, &expected, "in use");

    // As after a crash: with both files beside it, and with the log alone, as a backup may have it.
    let keep = |name: &str| fs::copy(place.path(name), place.path(&format!("kept-{name}"))).unwrap();
    let files = ["cdds.db", "cdds.db-wal", "cdds.db-shm"];
    for name in files {
        keep(name);
    }
    drop(in_use);
    for (what, left) in [("after a crash", &files[..]), ("without the index", &files[..2])] {
        files.iter().for_each(|name| drop(fs::remove_file(place.path(name))));
        let put_back = |name: &str| fs::copy(place.path(&format!("kept-{name}")), place.path(name)).unwrap();
        for name in left {
            put_back(name);
        }
        all_can_be_read(&place, &commands, &expected, what);
    }
    assert_eq!(printed(&place, &commands), expected);
}

#[test]
fn what_an_older_program_wrote_is_brought_up_to_date_by_who_may_write() {
    let place = Place::new();
    let catalog = place.path("cdds.db");
    fs::remove_file(&catalog).unwrap();
    let old = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../cdds-storage/src/catalog/sqlite/migrations/0001_initial.sql"
    );
    let connection = Connection::open(&catalog).unwrap();
    connection.execute_batch(&fs::read_to_string(old).unwrap()).unwrap();
    connection.pragma_update(None, "application_id", 0x4344_4453).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    drop(connection);
    let closed = Closed::new(&place);
    let output = unprivileged(&place, &["job", "list"]);
    let why = told(&output);
    assert!(why.contains("schema version 1") && why.contains("as a user who may write it"), "{why}");
    drop(closed);
    assert_eq!(place.json(&["job", "list"]), serde_json::json!([]));
    let closed = Closed::new(&place);
    assert!(unprivileged(&place, &["job", "list"]).status.success());
    drop(closed);
}
