//! Requests of data subjects, from their arrival to their end, and what stays of the person.

use std::io::Write as _;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::support::{Place, string, text};

const PHONE: &str = "+49 30 7654321";
const EMAIL: &str = "Ada.Lovelace@Example.com";

/// A place where requests are taken.
fn place() -> Place {
    with_keys(Place::new())
}

/// Configures where the keys of data subjects are.
pub(crate) fn with_keys(place: Place) -> Place {
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let config = config
        .replace("# [subjects]\n# key_file = \"subjects.keys\"", "[subjects]\nkey_file = \"subjects.keys\"");
    assert!(config.contains("\n[subjects]\n"), "init shows the table: {config}");
    std::fs::write(place.path("cdds.toml"), config).unwrap();
    place
}

/// Runs a command that reads the person's identifiers.
fn told(place: &Place, args: &[&str]) -> Output {
    let mut command = place.cdds(args);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let identifiers = format!("phone={PHONE}\r\n\n  email={EMAIL}\n");
    child.stdin.take().unwrap().write_all(identifiers.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

const CREATE: [&str; 8] = ["subject", "create", "--identifier", "-", "--kind", "erasure", "--output", "json"];

fn created(place: &Place) -> Value {
    let output = told(place, &CREATE);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Returns the files here, each with its bytes.
fn files(place: &Place) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| {
        let bytes = std::fs::read(place.path(&name)).unwrap();
        (name, bytes)
    };
    place.files(".").into_iter().map(read).collect()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Asserts that nothing of an identifier is in the clear, whatever its spelling.
fn assert_nothing_in_the_clear(name: &str, bytes: &[u8]) {
    for part in ["7654321", "30 765", "lovelace", "Lovelace"] {
        assert!(!holds(bytes, part.as_bytes()), "{part} is in {name}");
    }
}

#[test]
fn d2_d3_a_request_goes_from_its_arrival_to_its_end_by_commands() {
    let place = place();
    let key = place.json(&["subject", "key", "2026"]);
    assert_eq!(key["key"], "2026");
    let request = created(&place);
    let id = string(&request["id"]);
    assert_eq!(
        (&request["state"], &request["kind"], &request["chosen"]),
        (&"received".into(), &"erasure".into(), &"all".into())
    );
    assert_eq!(request["due"], "later");
    let kinds: Vec<&Value> =
        request["identifiers_hashed"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert_eq!(kinds, ["email", "phone"]);
    assert!(string(&request["identifiers_hashed"][0]["hash"]).starts_with("2026:"));

    let brief = &id[..8];
    let verified = ["subject", "verify", brief, "--by", "the desk", "--how", "passport shown"];
    let verified = place.json(&verified);
    assert_eq!(
        (&verified["state"], &verified["evidence_how"]),
        (&"verified".into(), &"passport shown".into())
    );
    assert_eq!(place.refused(&["subject", "approve", brief]), (3, "own_subject_request".to_owned()));
    let extended = place.json(&["subject", "extend", brief]);
    assert!(extended["due_at"].as_str() > request["due_at"].as_str(), "{extended}");
    for (args, code) in [
        (&["subject", "extend", brief][..], "subject_request_state"),
        (
            &["subject", "refuse", brief, "--reason", "wrote from ada.lovelace@example.com"],
            "invalid_subject_request",
        ),
        (&["subject", "show", "ffff0000-0000"], "not_found"),
    ] {
        assert_eq!(place.refused(args).1, code, "{args:?}");
    }
    let open = place.json(&["subject", "list", "--open", "--sort", "due_at"]);
    assert_eq!(open[0]["id"], request["id"]);
    let table = place.done(&["subject", "list"]);
    assert!(table.contains("verified") && table.contains("erasure"), "{table}");
    place.json(&["subject", "refuse", brief, "--reason", "identity could not be confirmed"]);
    assert_eq!(place.json(&["subject", "list", "--open"]), serde_json::json!([]));
    let shown = place.json(&["subject", "show", &id]);
    assert_eq!(
        (&shown["state"], &shown["due"], &shown["version"]),
        (&"refused".into(), &Value::Null, &4.into())
    );
    let entries = place.json(&["audit", "--object", &id]);
    assert_eq!(entries.as_array().unwrap().len(), 4, "{entries}");
}

#[test]
fn d6_nothing_is_in_the_clear_while_a_request_is_open_and_nothing_sealed_once_it_has_ended() {
    let place = place();
    place.done(&["subject", "key"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(place.path("subjects.keys")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let output = told(&place, &[&CREATE[..], &["-vv"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let request: Value = serde_json::from_slice(&output.stdout).unwrap();
    let id = string(&request["id"]);
    let again = told(&place, &CREATE);
    assert!(text(&again.stderr).contains("subject_request_repeated") && text(&again.stderr).contains(&id));
    for (name, bytes) in
        [("stdout", &output.stdout), ("stderr", &output.stderr), ("the refusal", &again.stderr)]
    {
        assert_nothing_in_the_clear(name, bytes);
    }
    let shown = place.done(&["subject", "show", &id]);
    assert_nothing_in_the_clear("what is shown", shown.as_bytes());
    for (name, bytes) in files(&place) {
        assert_nothing_in_the_clear(&name, &bytes);
    }
    let sealed =
        place.program("sqlite3", &["-readonly", "cdds.db"], &["select hex(sealed) from subject_request"]);
    let sealed: Vec<u8> = (0..sealed.trim().len() / 2)
        .map(|at| u8::from_str_radix(&sealed[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    assert!(sealed.len() > 60);
    let are_there = |place: &Place| files(place).iter().any(|(_, bytes)| holds(bytes, &sealed[12..28]));
    assert!(are_there(&place));
    place.done(&["subject", "withdraw", &id]);
    assert!(!are_there(&place), "the file still holds what was sealed");
    created(&place);
}

#[test]
fn d6_keys_are_needed_and_an_earlier_one_stays_of_use() {
    let place = Place::new();
    assert_eq!(told(&place, &CREATE).status.code(), Some(3));
    assert_eq!(place.refused(&["subject", "key"]), (3, "subject_key_missing".to_owned()));
    let place = self::place();
    let missing = told(&place, &CREATE);
    assert!(text(&missing.stderr).contains("cdds subject key"), "{}", text(&missing.stderr));
    place.done(&["subject", "key", "first"]);
    let id = string(&created(&place)["id"]);
    place.done(&["subject", "key", "second"]);
    assert_eq!(place.refused(&["subject", "key", "first"]), (3, "key_exists".to_owned()));
    assert!(text(&told(&place, &CREATE).stderr).contains(&id), "a newer key hides no request");
    place.done(&["subject", "verify", &id, "--by", "the desk", "--how", "passport shown"]);
    let keys = std::fs::read_to_string(place.path("subjects.keys")).unwrap();
    let names: Vec<&str> = keys
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(names, ["second", "first"], "{}", keys.lines().count());
    std::fs::write(place.path("subjects.keys"), "first 12\n").unwrap();
    let broken = told(&place, &CREATE);
    assert_eq!(broken.status.code(), Some(1), "{}", text(&broken.stderr));
    assert!(text(&broken.stderr).contains("line 1 is no key"), "{}", text(&broken.stderr));
    std::fs::remove_file(place.path("subjects.keys")).unwrap();
    place.done(&["subject", "withdraw", &id]);
}

#[test]
fn d10_exports_that_may_hold_a_person_are_found_with_those_who_have_them() {
    let place = with_keys(Place::with_interactions(6));
    let run = || place.done(&["run", "--until-idle", "-q"]);
    place.plaintext_job(&["--title", "Before there was a key"]);
    run();
    place.done(&["subject", "key", "2026"]);
    place.plaintext_job(&["--title", "All of them"]);
    place.plaintext_job(&["--title", "One of them", "--filter", "contact_id=c-1"]);
    run();
    let execution = |title: &str| {
        let history = place.json(&["history", "list"]);
        let of = history.as_array().unwrap().iter().find(|one| one["job_title"] == title);
        string(&of.unwrap()["id"])
    };
    let all = execution("All of them");
    place.json(&["artifact", "download", "--execution", &all, "--to", "out"]);
    let names = place.files("out");
    place.done(&["verify", &format!("out/{}", names[0])]);
    assert!(names.iter().all(|name| !name.contains("bloom")) && names.len() == 2, "{names:?}");
    let request = ["subject", "create", "--identifier", "contact_id= c-2", "--kind", "erasure"];
    let id = string(&place.json(&request)["id"]);

    let found = |args: &[&str]| place.json(&[&["subject", "copies", &id[..8]], args].concat());
    let rows = |found: &Value| -> Vec<(String, String, Value)> {
        let row =
            |copy: &Value| (string(&copy["execution_id"]), string(&copy["holds"]), copy["unknown"].clone());
        found.as_array().unwrap().iter().map(row).collect()
    };
    let (before, one) = (execution("Before there was a key"), execution("One of them"));
    let told = found(&[]);
    let mut expected = vec![
        (all.clone(), "may".to_owned(), Value::Null),
        (before.clone(), "unknown".to_owned(), "no_filter".into()),
    ];
    let sorted = |found: &Value| {
        let mut rows = rows(found);
        rows.sort_by_key(|(id, ..)| id.clone());
        rows
    };
    expected.sort_by_key(|(id, ..)| id.clone());
    assert_eq!(sorted(&told), expected);
    expected.push((one, "not".to_owned(), Value::Null));
    expected.sort_by_key(|(id, ..)| id.clone());
    assert_eq!(sorted(&found(&["--all"])), expected);
    let copy = told.as_array().unwrap().iter().find(|copy| copy["execution_id"] == all.as_str()).unwrap();
    assert_eq!(copy["title"], "All of them");
    let downloads = copy["downloads"].as_array().unwrap();
    assert_eq!((downloads.len(), &downloads[0]["outcome"]), (1, &"verified".into()), "{copy}");
    let output = place.cdds(&["subject", "copies", &id]).output().unwrap();
    let (table, remark) = (text(&output.stdout), text(&output.stderr));
    assert!(table.contains("may hold") && table.contains("cannot tell: made without a filter"), "{table}");
    assert!(
        remark.contains("of 3 sets, 1 may hold the person, 1 do not, and of 1 nobody can tell"),
        "{remark}"
    );

    let outcomes = || {
        let deleted = place.json(&["subject", "copies", &id, "--delete"]);
        deleted.as_array().unwrap().iter().map(|one| string(&one["outcome"])).collect::<Vec<_>>()
    };
    place.done(&["artifact", "hold", "--execution", &all]);
    assert_eq!(outcomes(), ["on_hold"]);
    place.done(&["artifact", "release", "--execution", &all]);
    assert_eq!(outcomes(), ["deleted"]);
    assert_eq!(outcomes(), Vec::<String>::new());
    let gone = found(&[]);
    let copy = gone.as_array().unwrap().iter().find(|copy| copy["execution_id"] == all.as_str()).unwrap();
    assert!(
        copy["removed_at"].is_string()
            && copy["holds"] == "may"
            && copy["downloads"][0]["principal"].is_string()
    );
    assert!(place.done(&["subject", "copies", &id]).contains("deleted "));
    let entries = place.json(&["audit", "--object", &id, "--action", "find_subject_copies"]);
    assert_eq!(entries.as_array().unwrap().len(), 8, "{entries}");
    for (name, bytes) in files(&place).iter().filter(|(name, _)| name.contains("bloom")) {
        assert!(!holds(bytes, b"c-2"), "{name}");
    }
}

#[test]
fn d2_the_status_says_when_answers_are_due() {
    let place = place();
    place.done(&["subject", "key", "2026"]);
    let standing = |now| place.at(now, &["status"]);
    let shown = |now: &str| place.done(&["status", "--now", now]);
    let received = "2026-03-01T12:00:00Z";
    assert_eq!(standing(received)["requests"], serde_json::json!({"open": 0, "due_soon": 0, "overdue": 0}));
    assert!(!shown(received).contains("requests of data subjects"));
    for due in ["45d", "10d"] {
        let output = told(&place, &[&CREATE[..], &["--due", due, "--now", received]].concat());
        // The second one repeats the first, so that it is refused.
        assert_eq!(output.status.success(), due == "45d", "{}", text(&output.stderr));
    }
    let id = string(&place.at(received, &["subject", "list"])[0]["id"]);
    for (now, counts, words) in [
        (received, (1, 0, 0), "1 open\n"),
        (
            "2026-04-10T00:00:00Z",
            (1, 1, 0),
            "1 open, 1 due within a week (`cdds subject list --open --sort due_at`)",
        ),
        ("2026-04-16T00:00:00Z", (1, 0, 1), "1 open, 1 OVERDUE (`cdds subject list"),
    ] {
        let requests = &standing(now)["requests"];
        let told = ["open", "due_soon", "overdue"].map(|count| requests[count].as_u64().unwrap());
        assert_eq!(told, <[u64; 3]>::from(counts), "{now}");
        assert!(shown(now).contains(words), "{now}: {}", shown(now));
    }
    place.at("2026-04-16T00:00:00Z", &["subject", "withdraw", &id]);
    assert_eq!(standing("2026-04-17T00:00:00Z")["requests"]["overdue"], 0);
}
