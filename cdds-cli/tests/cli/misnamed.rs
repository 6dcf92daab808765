//! Names that there are not, and names that two things share: whoever types one is told.

use serde_json::json;

use crate::pty::Terminal;
use crate::support::{DAILY, NOON, Place, id, string, text};

/// Returns what a command says on stderr, and its exit code.
fn said(place: &Place, args: &[&str]) -> (Option<i32>, String) {
    let output = place.cdds(args).output().unwrap();
    (output.status.code(), text(&output.stderr))
}

#[test]
fn a_list_by_a_name_that_there_is_not_says_so() {
    let place = Place::with_interactions(30);
    place.plaintext_job(&[]);
    place.json(&["run", "--until-idle"]);
    place.recipient("ops");
    for (list, filter, typed, told) in [
        (
            "job",
            "--source",
            "contract-history",
            "no source is called contract-history, did you mean contact-history?",
        ),
        ("history", "--source", "x", "no source is called x: there are contact-history, events, info-mart"),
        ("job", "--type", "interactoin", "no type is called interactoin, did you mean interaction?"),
        ("history", "--type", "x", "no type is called x: there are interaction, note, event"),
        ("artifact", "--type", "notes", "no type is called notes, did you mean note?"),
        ("job", "--recipient", "oops", "no recipient is called oops, did you mean ops?"),
    ] {
        let (code, said) = said(&place, &[list, "list", filter, typed]);
        assert!(code == Some(0) && said.starts_with(&format!("note: {told}")), "{list} {filter}: {said}");
        assert_eq!(place.json(&[list, "list", filter, typed]), json!([]), "programs get the list alone");
        let (_, quiet) = self::said(&place, &[list, "list", filter, typed, "-q"]);
        assert_eq!(quiet, "");
    }
    // A type is looked for in the source that is named beside it.
    let (_, told) = said(&place, &["history", "list", "--source", "events", "--type", "interaction"]);
    assert!(told.contains("no type is called interaction: there are event"), "{told}");
    for known in
        [&["--source", "contact-history"][..], &["--type", "interaction"], &["--source", "info-mart"]]
    {
        let (_, told) = said(&place, &[&["history", "list"], known].concat());
        assert!(!told.contains("note: "), "{known:?}: {told}");
    }
    let (code, told) = said(&place, &["audit", "--principal", "nobody"]);
    assert!(code == Some(0) && told.contains("nothing that nobody did is on record"), "{told}");
    let (code, told) = said(&place, &["audit", "--object", "nothing"]);
    assert!(code == Some(0) && told.contains("nothing is on record about nothing"), "{told}");
    let (_, told) = said(&place, &["audit", "--object", "T", "--until", "2020-01-01"]);
    assert!(!told.contains("note: "), "{told}");
}

#[test]
fn of_several_jobs_all_have_to_be_there_before_one_is_changed() {
    let place = Place::with_interactions(3);
    let job = string(&place.job_at(NOON, &DAILY)["id"]);
    let gone = ["nowhere", "0c1f8d9e-0000-4000-8000-000000000000"];
    for verb in ["delete", "suspend", "resume", "run"] {
        let (code, told) = said(&place, &["job", verb, gone[0], &job, gone[1]]);
        let both = format!("there is no job {}; there is no job {}: nothing was changed", gone[0], gone[1]);
        assert!(code == Some(4) && told.contains(&both), "{verb}: {told}");
        assert_eq!(place.json(&["job", "list"])[0]["version"], 1, "{verb}");
        let help = place.done(&["job", verb, "--help"]);
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains("if there is not one of them, nothing is changed"), "{help}");
    }
    let (_, told) = said(&place, &["job", "show", "t"]);
    assert!(told.starts_with("error: there is no job t") && !told.contains("did you mean"), "{told}");
    place.done(&["job", "edit", &job, "--title", "Voice of the week"]);
    let (code, told) = said(&place, &["job", "show", "Voice of the weak"]);
    assert!(code == Some(4) && told.contains("did you mean \"Voice of the week\"?"), "{told}");
}

#[test]
fn a_title_that_another_job_has_is_told() {
    let place = Place::with_interactions(3);
    let job = string(&place.job_at(NOON, &DAILY)["id"]);
    let (code, told) = said(&place, &["job", "clone", &job]);
    assert!(code == Some(0) && told.contains("there is another job called T"), "{told}");
    let clone = place
        .json(&["job", "list"])
        .as_array()
        .unwrap()
        .iter()
        .map(|one| string(&one["id"]))
        .find(|id| *id != job);
    assert!(told.contains(&format!("cdds job edit {} --title TITLE", clone.unwrap())), "{told}");
    let (code, told) = said(&place, &["job", "clone", &job, "--title", "t"]);
    assert!(code == Some(0) && told.is_empty(), "{told}");
    assert_eq!(place.refused(&["job", "show", "T"]), (3, "ambiguous_id".to_owned()));
}

#[test]
fn s3_a_renewal_for_another_subject_is_told_with_both_names() {
    let place = Place::new();
    place.recipient("ops");
    let make = |subject: &str, file: &str| {
        let request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "90", "-subj", subject];
        place.program("openssl", &request, &["-keyout", "other.key", "-out", file]);
    };
    make("/CN=ops", "same.pem");
    let (code, told) = said(&place, &["recipient", "renew", "ops", "same.pem"]);
    assert!(code == Some(0) && !told.contains("warning: "), "{told}");
    make("/CN=somebody else", "other.pem");
    let (code, told) = said(&place, &["recipient", "renew", "ops", "other.pem"]);
    assert!(
        code == Some(0) && told.starts_with("warning: ops was CN=ops, and is CN=somebody else now"),
        "{told}"
    );
}

#[test]
fn s1_whoever_seals_for_nobody_is_told_the_options() {
    let place = Place::with_interactions(3);
    let create = ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];
    let (code, told) = said(&place, &[&create[..], &["--run", "once"]].concat());
    assert!(code == Some(3) && told.ends_with(": --recipient NAME, or --plaintext\n"), "{told}");
    let create = ["subject", "create", "--identifier", "phone=+49 30 1", "--kind", "access"];
    let (code, told) = said(&place, &create);
    assert!(code == Some(3) && told.ends_with(": --certificate FILE, or --plaintext\n"), "{told}");
}

#[test]
fn whoever_types_identifiers_is_told_how_they_end() {
    let place = Place::new();
    let args = ["subject", "create", "--identifier", "-", "--kind", "erasure"];
    let mut typing = Terminal::start(&place, &args, 80, &[]);
    typing.wait_for(&["one KIND=VALUE a line, and end with Ctrl-D:"]);
    typing.type_line("phone=+49 30 1815");
    typing.type_line("\u{4}");
    let ended = typing.end();
    assert_ne!(ended.code, 0, "without a key nothing is put on record: {}", ended.screen);
    assert!(ended.screen.contains("\nerror: there is no key"), "{}", ended.screen);
}

#[cfg(feature = "serve")]
#[test]
fn a_demo_that_cannot_be_served_makes_nothing() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let refused = place.refused(&["demo", "shop", "--serve", "--listen", &at]);
    assert_eq!(refused, (1, "listen_failed".to_owned()));
    assert!(!place.path("shop").exists());
}

#[test]
fn a_download_says_where_its_files_are_and_nothing_expires_before_a_day() {
    let place = Place::with_interactions(30);
    place.plaintext_job(&[]);
    place.json(&["run", "--until-idle"]);
    let execution = place.json(&["history", "list"])[0].clone();
    let (code, told) = said(&place, &["artifact", "download", "--execution", id(&execution), "--to", "out"]);
    assert!(code == Some(0) && told.starts_with("2 files, ") && told.ends_with(" in out\n"), "{told}");
    let (code, told) = said(&place, &["retention", "preview", "--until", "2020-01-02"]);
    assert!(
        code == Some(0)
            && told == "no set expires before 2020-01-02T00:00:00Z: --until looks further ahead\n",
        "{told}"
    );
}

#[test]
fn what_was_queued_is_told_by_its_id_alone_to_whoever_wants_no_more() {
    let place = Place::with_interactions(3);
    let job = string(&place.job_at(NOON, &DAILY)["id"]);
    let run = |args: &[&str]| place.done(&[args, &["-q", "--now", NOON]].concat());
    let one = run(&["job", "run", "T"]);
    assert_eq!(place.json(&["history", "show", one.trim()])["job_id"], job.as_str(), "{one}");
    place.at(NOON, &["history", "cancel", one.trim()]);
    let again = run(&["history", "rerun", one.trim()]);
    assert_eq!(place.json(&["history", "show", again.trim()])["rerun_of"], one.trim(), "{again}");
    let slots = run(&["job", "backfill", &job, "--from", "2019-12-30", "--to", "2020-01-01"]);
    assert_eq!(slots.lines().count(), 2, "{slots}");
    for id in slots.lines() {
        assert_eq!(place.json(&["history", "show", id])["trigger"], "backfill");
    }
}
