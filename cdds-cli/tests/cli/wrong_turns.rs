//! Wrong turns of somebody who knows the help alone: each is answered with the way that leads on.

use serde_json::json;

use crate::pty::Terminal;
use crate::support::{DAILY, NOON, Place, string, text};

/// Returns what a command says on stderr, and its exit code.
fn said(place: &Place, args: &[&str]) -> (Option<i32>, String) {
    let output = place.cdds(args).output().unwrap();
    (output.status.code(), text(&output.stderr))
}

#[test]
fn filters_without_all_lead_to_all() {
    let place = Place::with_interactions(3);
    for verb in ["suspend", "resume", "run", "delete"] {
        let (code, told) = said(&place, &["job", verb, "--source", "contact-history"]);
        assert!(code == Some(2) && told.contains("add --all"), "{verb}: {told}");
        let (code, told) = said(&place, &["job", verb]);
        assert!(code == Some(2) && told.contains("name the jobs, or --all of them"), "{verb}: {told}");
    }
}

#[test]
fn j8_all_jobs_of_a_source_are_stopped_also_one_that_has_started_and_waits() {
    let place = Place::with_interactions(3);
    let daily = string(&place.job_at(NOON, &DAILY)["id"]);
    let once = string(&place.job_at(NOON, &["--run", "once"])["id"]);
    let stopped = place.at(NOON, &["job", "suspend", "--source", "contact-history", "--all"]);
    let stopped: Vec<String> = stopped.as_array().unwrap().iter().map(|job| string(&job["id"])).collect();
    assert_eq!(std::collections::BTreeSet::from_iter(stopped), [daily.clone(), once].into());
    let run = place.run_at("2020-01-01T12:00:01Z");
    assert_eq!((&run["finished"], &run["failed"]), (&0.into(), &0.into()), "{run}");
    // What can never start again is not meant by all.
    let resumed = place.at(NOON, &["job", "resume", "--source", "contact-history", "--all"]);
    assert_eq!((resumed.as_array().unwrap().len(), &resumed[0]["id"]), (1, &daily.into()));
}

#[test]
fn j8_f8_a_one_time_job_that_waits_says_what_it_is_and_what_it_will_export() {
    let place = Place::with_interactions(3);
    let now = ["--now", NOON];
    let id = string(&place.job_at(NOON, &["--run", "once", "--timeframe", "all"])["id"]);
    let shown = place.at(NOON, &["job", "show", &id]);
    assert_eq!(
        (&shown["state"], &shown["suspension"]["reason"]),
        (&json!("suspended"), &json!("awaits_start"))
    );
    let words = place.done(&[&["job", "show", &id], &now[..]].concat());
    assert!(words.contains("state                 suspended: it waits to start"), "{words}");
    // A person reads it in the list, too; a program reads the state by its name.
    let ended = Terminal::start(&place, &["job", "list", "--now", NOON], 80, &[]).end();
    assert!(ended.screen.contains("waits to start"), "{}", ended.screen);
    let table = place.done(&["job", "list", "--columns", "state"]);
    assert_eq!(table, "STATE\nsuspended\n");

    let ahead = place.at("2020-01-01T12:30:00Z", &["job", "preview", &id]);
    assert_eq!(ahead.as_array().unwrap().len(), 1, "{ahead}");
    let (slot, end) = (string(&ahead[0]["slot"]), string(&ahead[0]["window"]["end"]));
    assert!(slot.starts_with("2020-01-01T12:00:0") && end.starts_with("2020-01-01T12:00:0"), "{ahead}");
    assert_eq!(ahead[0]["estimated_records"], 3, "{ahead}");
    let (code, told) = said(&place, &[&["job", "resume", &id], &now[..]].concat());
    assert!(code == Some(3) && told.contains("starts by itself") && !told.contains("was started"), "{told}");

    place.run_at("2020-01-01T12:30:01Z");
    let (code, told) = said(&place, &[&["job", "resume", &id], &now[..]].concat());
    assert!(code == Some(3) && told.contains("that was started cannot be resumed"), "{told}");
    assert_eq!(place.at(NOON, &["job", "preview", &id]), json!([]));
    let nothing = Terminal::start(&place, &["job", "preview", &id, "--now", NOON], 120, &[]).end();
    assert!(nothing.screen.contains("has run, and runs only once"), "{}", nothing.screen);
}

#[test]
fn j8_a_run_that_was_cancelled_before_it_began_leads_to_another_start() {
    let place = Place::with_interactions(3);
    let now = ["--now", NOON];
    let id = string(&place.job_at(NOON, &["--run", "once"])["id"]);
    let execution = string(&place.at(NOON, &["history", "list"])[0]["id"]);
    place.at(NOON, &["history", "cancel", &execution]);
    let words = place.done(&[&["job", "show", &id], &now[..]].concat());
    assert!(words.contains("suspended: its run was ended before it began"), "{words}");
    assert_eq!(place.at(NOON, &["job", "preview", &id]), json!([]));
    place.at(NOON, &["job", "edit", &id, "--start", "2020-01-02T00:00:00Z"]);
    assert_eq!(place.run_at("2020-01-02T00:00:01Z")["finished"], 1);
}

#[test]
fn e5_a_job_that_was_paused_by_failures_says_why_since_when_and_how_it_goes_on() {
    let place = Place::with_interactions(3);
    let options = [&DAILY[..], &["--retries", "0", "--pause-after-failures", "1"]].concat();
    let id = string(&place.job_at(NOON, &options)["id"]);
    place.fail_at("2020-01-02T02:00:00Z");
    let failed = string(&place.at(NOON, &["history", "list"])[0]["id"]);
    let suspension = &place.at(NOON, &["job", "show", &id])["suspension"];
    assert_eq!((&suspension["reason"], &suspension["failures"]), (&json!("failures"), &json!(1)));
    assert_eq!(suspension["execution_id"], failed);
    let since = string(&suspension["since"]);
    assert!(since.starts_with("2020-01-02T02:00:0"), "{since}");
    let words = place.done(&["job", "show", &id]);
    for told in [
        "paused since 2020-01-02T02",
        "1 failure in a row",
        &failed,
        "started_at",
        &format!("`cdds job resume {id}`"),
    ] {
        assert!(words.contains(told), "{told:?}: {words}");
    }
    let ended = Terminal::start(&place, &["job", "list"], 120, &[]).end();
    assert!(ended.screen.contains("paused by 1 failure"), "{}", ended.screen);

    place.json(&["job", "resume", &id]);
    place.json(&["job", "suspend", &id]);
    let words = place.done(&["job", "show", &id]);
    assert!(words.contains("suspended: by a person since") && !words.contains("paused"), "{words}");
}

#[test]
fn a_source_that_is_misspelt_is_no_source_without_jobs() {
    let place = Place::with_interactions(3);
    let (code, told) = said(&place, &["job", "suspend", "--source", "contacts", "--all"]);
    assert!(code == Some(4) && told.contains("choose from contact-history"), "{told}");
    let (code, told) = said(&place, &["job", "suspend", "--source", "contact-history", "--all"]);
    assert!(code == Some(0) && told.contains("nothing was changed"), "{told}");
}

#[test]
fn what_could_not_be_done_to_some_jobs_is_said_in_one_line() {
    let place = Place::with_interactions(3);
    let ids = [0, 1].map(|_| string(&place.job_at(NOON, &["--run", "once"])["id"]));
    let (code, told) = said(&place, &["job", "resume", &ids[0], &ids[1]]);
    assert!(code == Some(1) && told.contains("2 of 2 jobs could not be resumed: T ("), "{told}");
    let last = told.lines().last().unwrap();
    assert!(!told.contains("\\n") && ids.iter().all(|id| last.contains(id.as_str())), "{told}");
}

#[test]
fn w6_a_set_that_is_wanted_once_more_leads_to_a_backfill_of_its_slot() {
    let place = Place::with_interactions(30);
    place.job_at(NOON, &DAILY);
    place.run_at("2020-01-02T02:00:05Z");
    let now = ["--now", "2020-01-02T09:00:00Z"];
    let execution = string(&place.at(now[1], &["history", "list"])[0]["id"]);
    let (code, told) = said(&place, &[&["history", "rerun", &execution], &now[..]].concat());
    assert_eq!(code, Some(3), "{told}");
    let command = told.split('`').nth(1).unwrap().strip_prefix("cdds ").unwrap();
    let words: Vec<&str> = command.split(' ').chain(["--output", "json"]).chain(now).collect();
    let queued: serde_json::Value = serde_json::from_str(&place.done(&words)).unwrap();
    let [again] = &queued.as_array().unwrap()[..] else { panic!("one execution: {queued}") };
    assert_eq!((&again["slot"], &again["trigger"]), (&"2020-01-02T02:00:00Z".into(), &"backfill".into()));
}

#[test]
fn a7_c3_an_execution_names_its_set_for_holds_and_for_who_downloaded_it() {
    let place = Place::with_interactions(30);
    place.plaintext_job(&[]);
    place.json(&["run", "--until-idle"]);
    let execution = string(&place.json(&["history", "list"])[0]["id"]);
    for (verb, held) in [("hold", true), ("release", false)] {
        assert_eq!(place.json(&["artifact", verb, &execution[..8]])[0]["hold"], held, "{verb}");
    }
    assert_eq!(place.refused(&["artifact", "hold", "00000000-0000-4000-8000-000000000000"]).1, "not_found");

    let downloads = ["audit", "--object", &execution, "--action", "download"];
    let (code, told) = said(&place, &downloads);
    assert!(code == Some(0) && told.contains("nobody has downloaded"), "{told}");
    assert_eq!(place.json(&["artifact", "list"])[0]["job_title"], "T");
    place.json(&["artifact", "download", "--execution", &execution, "--to", "out"]);
    let listed = place.json(&downloads);
    let kinds: Vec<&str> =
        listed.as_array().unwrap().iter().map(|one| one["object"]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["manifest", "artifact"], "the newest first");
    let same = |one: &serde_json::Value| one["outcome"] == "verified" && one["title"] == "T";
    assert!(listed.as_array().unwrap().iter().all(same), "{listed}");
    let oldest = place.json(&[&downloads[..], &["--sort", "at"]].concat());
    assert_eq!(oldest[0]["object"]["kind"], "artifact");
    let page = place.json(&[&downloads[..], &["--page", "--limit", "1"]].concat());
    assert_eq!((page["items"].as_array().unwrap().len(), &page["next"]), (1, &serde_json::Value::Null));
    assert_eq!(place.refused(&[&downloads[..], &["--cursor", "x"]].concat()).0, 2);
    assert_eq!(place.json(&[&downloads[..], &["--principal", "nobody"]].concat()), serde_json::json!([]));
    assert_eq!(place.json(&[&downloads[..], &["--limit", "1"]].concat()).as_array().unwrap().len(), 1);
    assert_eq!(place.json(&[&downloads[..], &["--until", "2020-01-01"]].concat()), serde_json::json!([]));
}

#[test]
fn j4_whoever_types_a_field_that_there_is_not_is_told_at_once() {
    let place = Place::with_interactions(3);
    let create =
        ["job", "create", "--title", "T", "--source", "contact-history", "--run", "once", "--plaintext"];
    let typed = |options: &[&str]| said(&place, &[&create[..], options].concat());
    let second = ["--type", "interaction", "--field", "contact_id,second"];
    for options in [&second[..], &[&second[..], &["--dry-run"]].concat()] {
        let (code, told) = typed(options);
        assert_eq!(code, Some(3), "{told}");
        let field =
            "has no field \"second\", so its exports would fail, did you mean \"seconds\"? --allow-unknown";
        assert!(told.contains(field), "{told}");
    }
    let (code, told) = typed(&["--type", "interaction", "--filter", "zz=secret"]);
    assert!(code == Some(3) && told.contains("no field \"zz\""), "{told}");
    assert!(told.contains("`cdds source fields contact-history interaction` lists them: --allow"), "{told}");
    assert!(!told.contains("secret"), "{told}");
    assert_eq!(place.json(&["job", "list"]), serde_json::json!([]));
    let (code, told) = typed(&["--type", "interaction", "--field", "seconds", "--filter", "note!=x"]);
    assert!(code == Some(0) && !told.contains("warning"), "{told}");
    std::fs::write(
        place.path("job.toml"),
        "title = \"F\"\nsource = \"contact-history\"\ntype = \"interaction\"\nrun = \"once\"\nplaintext = true\n\
         field = [\"nota\"]\n",
    )
    .unwrap();
    let (code, told) = said(&place, &["job", "create", "--file", "job.toml"]);
    assert!(code == Some(3) && told.contains("did you mean \"note\"?"), "{told}");

    let job = place.plaintext_job(&[]);
    let edit = ["job", "edit", &job, "--field", "Note"];
    let (code, told) = said(&place, &edit);
    assert!(code == Some(3) && told.contains("did you mean \"note\"?"), "{told}");
    let (code, told) = said(&place, &["job", "clone", &job, "--title", "C", "--filter", "second>3"]);
    assert!(code == Some(3) && told.contains("did you mean \"seconds\"?"), "{told}");
    let (code, told) = said(&place, &[&edit[..], &["--allow-unknown-fields"]].concat());
    assert!(
        code == Some(0) && told.starts_with("warning: interaction of contact-history has no field"),
        "{told}"
    );
    // Somebody changes something else of the job, and is only reminded.
    let (code, told) = said(&place, &["job", "edit", &job, "--description", "x"]);
    assert!(code == Some(0) && told.contains("has no field \"Note\""), "{told}");
    // The run says the same.
    place.refused(&["run", "--until-idle"]);
    let failed = place.json(&["history", "list", "--status", "failed"]);
    let why = |one: &serde_json::Value| string(&one["error"]["message"]);
    let failed: Vec<String> = failed.as_array().unwrap().iter().map(why).collect();
    assert!(
        failed.iter().any(|why| why.contains("no column \"Note\", did you mean \"note\"?")),
        "{failed:?}"
    );
}

#[test]
fn j4_a_field_that_no_record_of_a_file_has_is_refused_only_as_a_likely_slip() {
    let place = Place::new();
    let create = ["job", "create", "--title", "T", "--source", "events", "--type", "event", "--run", "once"];
    let typed = |options: &[&str]| said(&place, &[&create[..], &["--plaintext"], options].concat());
    let (code, told) = typed(&["--field", "anything", "--dry-run"]);
    assert!(code == Some(0) && !told.contains("warning"), "nothing is known without a record: {told}");
    std::fs::write(place.path("events-1.jsonl"), "{\"caller\":\"Ada\",\"seconds\":3}\n").unwrap();
    let (code, told) = typed(&["--filter", "called=Ada"]);
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("looked at has a field \"called\", did you mean \"caller\"? --allow"), "{told}");
    assert!(!told.contains("Ada"), "{told}");
    let (code, told) = typed(&["--filter", "called=Ada", "--allow-unknown-fields"]);
    assert!(code == Some(0) && told.contains("did you mean \"caller\"?"), "{told}");
    let (code, told) = typed(&["--field", "remark"]);
    assert!(code == Some(0) && told.contains("cdds source fields events event"), "{told}");
    let (code, told) = typed(&["--field", "caller"]);
    assert!(code == Some(0) && !told.contains("warning"), "{told}");
}

#[test]
fn j4_a_type_that_names_a_column_that_there_is_not_is_told_by_its_key() {
    let place = Place::with_interactions(3);
    let right = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let job = place.job_at(NOON, &DAILY);
    for (key, typo) in [
        ("time", right.replace("time = \"started_at\"", "time = \"starts_at\"")),
        ("changed", right.replace("changed = \"updated_at\"", "changed = \"update_at\"")),
        ("category.column", right.replace("column = \"media_type\"", "column = \"media_tape\"")),
        ("subject", right.replace("subject = [\"contact_id\"]", "subject = [\"contact_iid\"]")),
    ] {
        assert_ne!(typo, right, "{key}");
        std::fs::write(place.path("cdds.toml"), typo).unwrap();
        let (code, told) = said(&place, &["source", "check", "contact-history"]);
        let expected = format!("type interaction, {key}: there is no column");
        assert!(code == Some(1) && told.contains(&expected) && told.contains("did you mean"), "{told}");
        let create = ["job", "create", "--title", "T", "--source", "contact-history", "--run", "once"];
        let create = [&create[..], &["--type", "interaction", "--plaintext"]].concat();
        let (code, told) = said(&place, &create);
        let expected = format!("[[source.type]] interaction of contact-history: {key}: there is no column");
        assert!(code == Some(3) && told.contains(&expected), "{told}");
        let (code, told) = said(&place, &[&create[..], &["--allow-unknown-fields", "--dry-run"]].concat());
        assert!(code == Some(0) && told.contains(&expected), "{told}");
        let (code, told) = said(&place, &["job", "edit", &string(&job["id"]), "--title", key]);
        assert!(code == Some(0) && told.contains(&expected), "{told}");
    }
}
