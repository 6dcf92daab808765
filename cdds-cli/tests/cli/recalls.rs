//! Those who have copies of records about somebody who asked for their erasure are told, by the program itself (rule D11).

use serde_json::{Value, json};

use crate::delivering::{MailServer, configure, mail};
#[cfg(unix)]
use crate::pty::Terminal;
use crate::subjects::with_keys;
use crate::support::{Place, string, text};

/// A place with exports that were fetched, delivered, and neither.
struct Copied {
    place: Place,
    mails: MailServer,
    /// The request of the person.
    id: String,
}

impl Copied {
    fn new() -> Self {
        let (place, mails) = (with_keys(Place::with_interactions(6)), MailServer::start(&[]));
        mail(&place, &mails);
        configure(&place, "\n[[destination]]\nid = \"share\"\nurl = \"file:share\"\n");
        std::fs::create_dir(place.path("share")).unwrap();
        place.done(&["subject", "key", "2026"]);
        let notify = ["--notify", "mailto:ada@example.org"];
        place.plaintext_job(&[&["--title", "Fetched"], &notify[..]].concat());
        place.plaintext_job(&[&["--title", "Untouched"], &notify[..]].concat());
        place.plaintext_job(&[&["--title", "Without", "--filter", "contact_id=c-1"], &notify[..]].concat());
        place.plaintext_job(&["--title", "Delivered", "--destination", "share"]);
        place.done(&["run", "--until-idle", "-q"]);
        let id = asked(&place, "erasure");
        let copied = Self { place, mails, id };
        for title in ["Fetched", "Without"] {
            copied.place.json(&[
                "artifact",
                "download",
                "--execution",
                &copied.execution(title),
                "--to",
                title,
            ]);
        }
        copied
    }

    fn execution(&self, title: &str) -> String {
        let history = self.place.json(&["history", "list"]);
        let of = history.as_array().unwrap().iter().find(|one| one["job_title"] == title);
        string(&of.unwrap()["id"])
    }

    fn copies(&self, args: &[&str]) -> Value {
        self.place.json(&[&["subject", "copies", &self.id[..8]], args].concat())
    }

    /// The mails by which sets are recalled, after all was sent.
    fn recalled(&self) -> Vec<String> {
        self.place.done(&["run", "--until-idle", "-q"]);
        let mut mails = self.mails.mails();
        mails.retain(|mail| mail.contains("Subject: Delete your copies"));
        mails
    }
}

fn asked(place: &Place, kind: &str) -> String {
    let plaintext: &[&str] = if kind == "erasure" { &[] } else { &["--plaintext"] };
    let request = ["subject", "create", "--identifier", "contact_id= c-2", "--kind", kind];
    string(&place.json(&[&request, plaintext].concat())["id"])
}

fn find<'a>(rows: &'a Value, title: &str) -> &'a Value {
    rows.as_array().unwrap().iter().find(|row| row["title"] == title).unwrap_or(&Value::Null)
}

#[test]
fn d11_those_who_have_copies_are_told_by_mail_once_and_not_who_it_is() {
    let copied = Copied::new();
    let (place, id) = (&copied.place, &copied.id);
    let told = copied.copies(&["--notify"]);
    assert_eq!(told.as_array().unwrap().len(), 2, "{told}");
    let (fetched, delivered) = (find(&told, "Fetched"), find(&told, "Delivered"));
    assert_eq!(
        (&fetched["outcome"], &fetched["told"][0]["target"]),
        (&json!("told"), &json!("mailto:ada@example.org"))
    );
    assert_eq!(fetched["told"][0]["state"], "pending");
    assert_eq!(fetched["downloads"][0]["outcome"], "verified");
    assert_eq!((&delivered["outcome"], &delivered["told"]), (&json!("nobody"), &json!([])));
    assert_eq!(
        (&delivered["deliveries"][0]["destination"], &delivered["deliveries"][0]["state"]),
        (&json!("share"), &json!("delivered"))
    );
    let mut keys: Vec<&String> = fetched.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["deliveries", "downloads", "execution_id", "outcome", "recipients", "title", "told"]);

    let mails = copied.recalled();
    let [mail] = &mails[..] else { panic!("one mail: {}", mails.len()) };
    let execution = copied.execution("Fetched");
    assert!(mail.contains("Subject: Delete your copies: Fetched") && mail.contains(&execution), "{mail}");
    assert!(!mail.contains("Kept until"), "{mail}");
    for part in ["c-2", "contact_id", id.as_str(), &id[..8]] {
        assert!(!mail.contains(part), "{part} is in the mail: {mail}");
        for notices in [place.done(&["notice", "list"]), place.json(&["notice", "list"]).to_string()] {
            assert!(!notices.contains(part), "{part} is among the notices: {notices}");
        }
    }
    let listed = place.json(&["notice", "list", "--kind", "recall"]);
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["state"]), (1, &json!("sent")), "{listed}");

    let again = copied.copies(&["--notify"]);
    let fetched = find(&again, "Fetched");
    assert_eq!((&fetched["outcome"], &fetched["told"][0]["state"]), (&json!("told_before"), &json!("sent")));
    assert_eq!(copied.recalled().len(), 1, "nobody is told twice");
    let entries = place.json(&["audit", "--action", "recall_copies"]);
    assert_eq!(entries.as_array().unwrap().len(), 2, "{entries}");
    let output = place.cdds(&["subject", "copies", id, "--notify"]).output().unwrap();
    let (table, remark) = (text(&output.stdout), text(&output.stderr));
    assert!(table.contains("told before") && table.contains("share 20"), "{table}");
    assert!(remark.contains("nobody subscribes to 1 set that somebody has"), "{remark}");
}

#[test]
fn d11_copies_are_recalled_before_sets_are_deleted_and_afterwards_as_well() {
    let copied = Copied::new();
    let settled = copied.copies(&["--notify", "--delete"]);
    assert_eq!(find(&settled["recalls"], "Fetched")["outcome"], "told", "{settled}");
    let deletions = settled["deletions"].as_array().unwrap();
    assert_eq!(deletions.len(), 3, "{settled}");
    assert!(deletions.iter().all(|one| one["outcome"] == "deleted"), "{settled}");
    // The mail is sent when the files are gone, and names them.
    let mails = copied.recalled();
    assert!(mails.len() == 1 && mails[0].contains(".zip"), "{mails:?}");
    let again = copied.copies(&["--notify", "--delete"]);
    assert_eq!(find(&again["recalls"], "Fetched")["outcome"], "told_before", "{again}");
    assert_eq!(again["deletions"], json!([]));
    assert_eq!(copied.recalled().len(), 1);
    let shown = copied.place.done(&["subject", "copies", &copied.id, "--notify", "--delete"]);
    assert!(shown.contains("told before"), "{shown}");
}

#[test]
fn d11_nobody_is_told_for_a_request_that_has_ended_or_asks_for_access_or_is_of_somebody_else() {
    let copied = Copied::new();
    let (place, id) = (&copied.place, &copied.id);
    let refused = place.refused(&["subject", "copies", id, "--notify", "--owner", "other"]);
    assert_eq!(refused, (4, "not_found".to_owned()));
    place.done(&["subject", "withdraw", id]);
    assert_eq!(
        place.refused(&["subject", "copies", id, "--notify"]),
        (3, "subject_request_state".to_owned())
    );
    let access = asked(place, "access");
    assert_eq!(
        place.refused(&["subject", "copies", &access, "--notify"]),
        (3, "subject_request_state".to_owned())
    );
    assert_eq!(place.refused(&["subject", "copies", &access, "--notify", "--all"]).0, 2);
    assert_eq!(copied.recalled().len(), 0);
    assert_eq!(place.json(&["audit", "--action", "recall_copies"]), json!([]));
}

#[test]
fn d9_d11_the_copy_that_a_person_asked_for_is_theirs() {
    let copied = Copied::new();
    let place = &copied.place;
    place.done(&["subject", "withdraw", &copied.id]);
    let access = asked(place, "access");
    place.done(&["subject", "verify", &access, "--by", "the desk", "--how", "passport shown"]);
    place.done(&["run", "--until-idle", "-q"]);
    let shown = place.json(&["subject", "show", &access]);
    assert_eq!(shown["state"], "done", "{shown}");
    let history = place.json(&["history", "list"]);
    let theirs =
        history.as_array().unwrap().iter().find(|one| string(&one["job_title"]).starts_with("Request "));
    place.json(&["artifact", "download", "--execution", &string(&theirs.unwrap()["id"]), "--to", "theirs"]);
    let archive = place.files("theirs").into_iter().find(|name| name.ends_with(".zip")).unwrap();
    let verified = place.done(&["verify", &format!("theirs/{archive}")]);
    assert!(verified.contains("1 record file and index.html read and checked"), "{verified}");
    let erasure = asked(place, "erasure");
    let found = place.json(&["subject", "copies", &erasure]);
    assert_eq!(found.as_array().unwrap().len(), 4, "{found}");
    let told = place.json(&["subject", "copies", &erasure, "--notify"]);
    let mut titles: Vec<_> = told.as_array().unwrap().iter().map(|one| string(&one["title"])).collect();
    titles.sort();
    assert_eq!(titles, ["Delivered", "Fetched"], "{told}");
}

#[test]
#[cfg(unix)]
fn d11_a_person_is_asked_before_others_are_told() {
    let copied = Copied::new();
    let args = ["subject", "copies", &copied.id, "--notify", "--delete"];
    let terminal = Terminal::start(&copied.place, &args, 200, &[]);
    terminal.type_line("n");
    let refused = terminal.end();
    let question = "Tell 1 subscriber to delete their copies of 1 set, and delete 3 sets that may hold records about the person?";
    assert!(refused.code == 3 && refused.screen.contains(question), "{}", refused.screen);
    assert_eq!(
        (copied.recalled().len(), copied.place.json(&["artifact", "list"]).as_array().unwrap().len()),
        (0, 4)
    );
    let done = Terminal::start(&copied.place, &[&args[..], &["-y"]].concat(), 200, &[]).end();
    assert!(done.code == 0 && !done.screen.contains('?'), "{}", done.screen);
    assert_eq!(copied.recalled().len(), 1);
}
