//! The API asked at random by its own document (schemathesis), while the engine works on a filled catalog.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::running::Running;
use crate::support::{Place, id, text};

/// What an answer must not be, and what it must be. Whether a request is refused is up to rules that a schema cannot
/// tell.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,unsupported_method,allow_header_conformance,\
    ignored_auth,use_after_free";

/// Values that nobody guesses, which most requests have: a valid certificate comes besides.
const KNOWN_VALUES: [(&str, &[&str]); 12] = [
    ("header.If-Match", &["*"]),
    ("body.source", &["contact-history"]),
    ("body.type", &["interaction"]),
    ("body.run", &["daily"]),
    ("body.at", &["02:00"]),
    ("body.destination", &["partner"]),
    ("body.subscriber", &["webhook:ops"]),
    ("body.timeframe", &["all", "rolling:1d", "since-last"]),
    ("body.from", &["2020-01-02T00:00:00Z"]),
    ("body.to", &["2020-01-05T00:00:00Z"]),
    ("body.kind", &["erasure", "access"]),
    ("body.identifier[*]", &["phone=+49 30 1", "contact_id=c-3", "email=ada@example.com"]),
];

/// What never succeeds here, and why.
const UNREACHED: [(&str, &str); 2] = [
    ("POST /executions/{id}/cancel", "what is queued runs at once"),
    ("POST /notices/{id}/replay", "an endpoint that does not answer is given up after days"),
];

/// Besides what every place has: the source of the document's examples, one that fails, a destination, an endpoint where
/// nobody answers, and a signing service.
const MORE: &str = r#"
[[source]]
id = "calls"
kind = "sqlite"
url = "contacts.db"
[[source.type]]
id = "call"
table = "interactions"
time = "started_at"
subject = [{ field = "contact_id", kind = "phone" }]

[[source]]
id = "broken"
kind = "sqlite"
url = "contacts.db"
[[source.type]]
id = "gone"
table = "gone"
time = "started_at"
subject = [{ field = "phone", kind = "phone" }]
erase = "delete"

[[destination]]
id = "partner"
url = "file:partner"

[[webhook]]
id = "ops"
url = "https://127.0.0.1:9/calls"
secret_file = "ops.whsec"
allow_private = true

[signing]
key = "service.key"
certificate = "service.pem"

[subjects]
key_file = "subjects.keys"
"#;

/// How many random requests each operation gets in the full size.
const OFTEN: &str = "100";

/// The tools that `.ci/tools` installs.
fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/python")
}

/// A catalog in which every address of the API leads to something: jobs of all states, executions that ended well and
/// badly, files, recipients.
fn filled() -> Place {
    let place = Place::with_interactions(60);
    for name in ["service", "law", "ops", "trash"] {
        place.recipient(name);
    }
    place.done(&["recipient", "remove", "service", "--yes"]);
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    std::fs::write(place.path("cdds.toml"), config + MORE).unwrap();
    place.sqlite("create table gone(started_at text, phone text)");
    place.done(&["subject", "key", "2026"]);
    let create =
        ["job", "create", "--title", "Calls", "--run", "daily", "--at", "02:00", "--timeframe", "rolling:1d"];
    let run =
        |options: &[&str]| place.done(&["job", "run", id(&place.json(&[&create[..], options].concat()))]);
    place.plaintext_job(&[]);
    std::fs::create_dir(place.path("partner")).unwrap();
    std::fs::write(place.path("ops.whsec"), "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
    let told = ["--destination", "partner", "--notify", "webhook:ops"];
    for _ in 0..4 {
        let calls = ["--source", "contact-history", "--type", "interaction", "--recipient", "law"];
        run(&[&calls[..], &told[..]].concat());
        run(&["--source", "broken", "--type", "gone", "--plaintext"]);
    }
    for number in 1..=2 {
        requested(&place, number);
    }
    place.sqlite("drop table gone");
    assert_eq!(place.refused(&["run", "--until-idle"]), (1, "execution_failed".to_owned()));
    place
}

/// Puts requests of data subjects on record, in every state that a step begins with.
fn requested(place: &Place, number: u32) {
    let create = |kind: &str, whose: &str, more: &[&str]| {
        let (phone, contact) =
            (format!("phone=+49 30 {whose}{number}"), format!("contact_id=c-{whose}{number}"));
        let create = ["subject", "create", "--kind", kind, "--identifier", &phone, "--identifier", &contact];
        id(&place.json(&[&create[..], more].concat())).to_owned()
    };
    let verify = |id: &str| {
        place.done(&["subject", "verify", id, "--by", "the front desk", "--how", "passport shown"])
    };
    create("access", "1", &["--plaintext"]);
    create("both", "2", &["--plaintext"]);
    create("erasure", "3", &[]);
    verify(&create("both", "4", &["--plaintext"]));
    verify(&create("erasure", "5", &[]));
    // Somebody else has put it on record, and it fails.
    let failing = create("erasure", "6", &["--source", "broken"]);
    verify(&failing);
    place.program("sqlite3", &["cdds.db"], &["update subject_request set received_by = 'clerk'"]);
    place.done(&["subject", "approve", &failing]);
}

/// What the configuration of schemathesis says: which ids exist.
#[derive(Default)]
struct Known {
    values: BTreeMap<String, Vec<String>>,
    operations: String,
}

impl Known {
    /// Asks the lists of the API for what each address of the document may be about.
    fn of(server: &Running<'_>, bearer: &str) -> Self {
        let document = json(server, bearer, "openapi.json");
        let mut known = Self::default();
        for (path, methods) in document["paths"].as_object().unwrap() {
            let Some((_, rest)) = path.split_once('{') else { continue };
            let parameter = rest.split('}').next().unwrap();
            // Some addresses are about a few on a list.
            let list = match path.as_str() {
                "/executions/{id}/rerun" => "executions?status=failed",
                "/subjects/{id}/verify" => "subjects?state=received&kind=erasure",
                "/subjects/{id}/approve" => "subjects?state=verified&kind=erasure",
                "/subjects/{id}/refuse" => "subjects?state=received&kind=both",
                "/subjects/{id}/withdraw" => "subjects?state=verified&kind=both",
                "/subjects/{id}/run"
                | "/subjects/{id}/preview"
                | "/subjects/{id}/copies/delete"
                | "/subjects/{id}/copies/notify" => "subjects?state=running",
                path if path.starts_with("/subjects/{id}/") => "subjects?state=received&kind=access",
                path if path.starts_with("/sets/") || path.ends_with("/redeliver") => {
                    "executions?status=finished"
                }
                path => path.split('/').nth(1).unwrap(),
            };
            known.values.entry(list.to_owned()).or_insert_with(|| ids(server, bearer, list));
            for method in methods.as_object().unwrap().keys() {
                known.bind(&format!("{} {path}", method.to_uppercase()), &format!("path.{parameter}"), list);
            }
        }
        known.bind("POST /artifacts/delete", "body.ids[*]", "artifacts");
        known
    }

    /// Has an operation take the values of a parameter from a list. What removes something gets the last third of it,
    /// so that the others find something.
    fn bind(&mut self, operation: &str, parameter: &str, list: &str) {
        let removes = operation.starts_with("DELETE") && !operation.ends_with("/hold");
        let removes = removes || operation.ends_with("/delete");
        let dictionary = format!("{list}-{}", if removes { "doomed" } else { "kept" });
        self.operations.push_str(&format!(
            "[[operations]]\ninclude-name = {operation:?}\n\
             parameters = {{{parameter:?} = {{dictionary = {dictionary:?}, probability = 1.0}}}}\n"
        ));
    }

    /// Returns the configuration.
    fn written(&self, certificate: &str) -> String {
        let (mut text, mut lists) = (String::from("[parameters]\n"), String::new());
        for (field, values) in KNOWN_VALUES.into_iter().chain([("body.certificate", &[certificate][..])]) {
            let dictionary = field.replace('.', "-");
            text.push_str(&format!("{field:?} = {{dictionary = {dictionary:?}, probability = 0.9}}\n"));
            lists.push_str(&format!("[dictionaries.{dictionary:?}]\nvalues = {values:?}\n"));
        }
        for (list, ids) in &self.values {
            let (kept, doomed) = ids.split_at(ids.len() - ids.len() / 3);
            for (name, ids) in [("kept", kept), ("doomed", if doomed.is_empty() { kept } else { doomed })] {
                lists.push_str(&format!("[dictionaries.\"{list}-{name}\"]\nvalues = {ids:?}\n"));
            }
        }
        text + &lists + &self.operations
    }
}

fn json(server: &Running<'_>, bearer: &str, path: &str) -> Value {
    let answer = server.ask(&format!("api/v1/{path}"), &["-H", bearer]);
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

/// Returns the ids on a list, which must have some: an address with nothing behind it would be tested for refusals alone.
fn ids(server: &Running<'_>, bearer: &str, list: &str) -> Vec<String> {
    let page = json(server, bearer, list);
    let items = page["items"].as_array().unwrap();
    // The worker of the server has to go on.
    let items = items.iter().filter(|item| list != "workers" || item["state"] == "left");
    let name = |item: &Value| item["id"].as_str().or(item["name"].as_str()).unwrap().to_owned();
    let ids: Vec<String> = items.map(name).collect();
    assert!(!ids.is_empty(), "fill {list} in this test");
    ids
}

/// Returns the operations of the document that never succeeded, by what the server counted: what they answer was then
/// compared for refusals alone.
fn unreached(document: &Value, metrics: &str) -> Vec<String> {
    let mut unreached = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().map(|method| method.to_uppercase()) {
            let counted = format!("{{method=\"{method}\",route=\"/api/v1{path}\",status=\"2");
            let operation = format!("{method} {path}");
            let is_expected = !UNREACHED.iter().any(|(known, _)| *known == operation);
            if metrics.contains(&counted) != is_expected {
                unreached.push(operation);
            }
        }
    }
    unreached
}

/// Asks every operation as this role, in these phases of schemathesis, with so many random requests each. Returns the
/// operations that never succeeded.
fn asked(role: &str, phases: &str, examples: &str) -> Vec<String> {
    let place = filled();
    let token = place.done(&["token", "create", "--role", role]);
    let bearer = format!("Authorization: Bearer {}", token.trim_end());
    let certificate = std::fs::read_to_string(place.path("ops.pem")).unwrap();
    let mut server = Running::start(&place, &[]);
    let known = Known::of(&server, &bearer).written(&certificate);
    std::fs::write(place.path("schemathesis.toml"), known).unwrap();
    let api = format!("{}api/v1", server.address);
    let output = Command::new("python3")
        .args(["-m", "schemathesis.cli", "run", &format!("{api}/openapi.json"), "--url", &api])
        .args(["--header", &bearer, "--checks", CHECKS, "--phases", phases])
        .args(["--max-examples", examples, "--seed", "1", "--generation-database", "none"])
        .args(["--warnings", "off", "--no-color"])
        .env("PYTHONPATH", tools())
        .current_dir(place.root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    let unreached = unreached(&json(&server, &bearer, "openapi.json"), &server.get("metrics").body);
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    unreached
}

#[test]
fn an_operator_is_answered_as_the_document_says() {
    asked("operator", "examples,fuzzing", "2");
}

#[test]
fn an_administrator_is_answered_as_the_document_says() {
    let unreached = asked("administrator", "examples,coverage,fuzzing", "2");
    assert_eq!(unreached, Vec::<String>::new(), "fill what they are about, or give a reason");
}

#[test]
#[ignore = "takes minutes"]
fn a_viewer_is_answered_as_the_document_says_however_often_they_ask() {
    asked("viewer", "examples,coverage,fuzzing", OFTEN);
}

#[test]
#[ignore = "takes minutes"]
fn an_operator_is_answered_as_the_document_says_however_often_they_ask() {
    asked("operator", "examples,coverage,fuzzing", OFTEN);
}

#[test]
#[ignore = "takes minutes"]
fn an_administrator_is_answered_as_the_document_says_however_often_they_ask() {
    asked("administrator", "examples,coverage,fuzzing", OFTEN);
}
