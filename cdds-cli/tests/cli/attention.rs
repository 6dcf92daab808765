//! What `doctor` and `status` say of that needs somebody: jobs that nobody begins, that were paused, that failed and were
//! made good; keys that are missing; records that are bad.

use serde_json::{Value, json};

use crate::pty::Terminal;
use crate::support::{DAILY, NOON, Place, string, text};

/// Returns the findings of one check: status, detail and way out.
fn findings(place: &Place, now: &str, check: &str) -> Vec<(String, String, String)> {
    let output = place.cdds(&["doctor", "--output", "json", "--now", now]).output().unwrap();
    let found: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {output:?}"));
    let found = found.as_array().unwrap();
    let has_failed = found.iter().any(|finding| finding["status"] == "failed");
    assert_eq!(output.status.code(), Some(i32::from(has_failed)), "{found:?}");
    let of_check = found.iter().filter(|finding| finding["check"] == check);
    of_check
        .map(|finding| {
            (
                string(&finding["status"]),
                string(&finding["detail"]),
                finding["way_out"].as_str().unwrap_or_default().to_owned(),
            )
        })
        .collect()
}

fn only(place: &Place, now: &str, check: &str) -> (String, String, String) {
    let mut found = findings(place, now, check);
    assert_eq!(found.len(), 1, "{check}: {found:?}");
    found.remove(0)
}

/// Returns what a person reads, on one line.
fn read(place: &Place, args: &[&str], columns: u16) -> String {
    let ended = Terminal::start(place, args, columns, &[]).end();
    ended.screen.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_job_that_is_overdue_without_a_worker_is_found() {
    let place = Place::with_interactions(3);
    let daily = place.job_at(NOON, &DAILY);
    let jobs = |now: &str| only(&place, now, "jobs");
    let well = jobs("2020-01-01T13:00:00Z");
    assert!(well.0 == "ok" && well.1.contains("due at 2020-01-02T02:00:00Z"), "{well:?}");
    // Whoever runs it by a timer has a while.
    let soon = jobs("2020-01-02T02:30:00Z");
    assert!(
        soon.0 == "warning" && soon.1.contains("1 job is overdue: \"T\" since 2020-01-02T02:00:00Z"),
        "{soon:?}"
    );
    let late = jobs("2020-01-02T09:00:00Z");
    assert!(
        late.0 == "failed" && late.1.contains("no worker is alive") && late.2.contains("`cdds run`"),
        "{late:?}"
    );

    let now = "2020-01-02T09:00:00Z";
    let standing = place.at(now, &["status"]);
    assert_eq!((&standing["overdue"], &standing["next"]["overdue"]), (&json!(1), &json!(true)));
    assert_eq!(place.at(NOON, &["status"])["next"]["overdue"], false);
    let told = read(&place, &["status", "--now", now], 120);
    assert!(told.contains("T overdue since 2020-01-02T02:00:00Z (7 h ago): no worker is alive"), "{told}");
    for args in [&["job", "list", "--now", now][..], &["job", "show", &string(&daily["id"]), "--now", now]] {
        assert!(read(&place, args, 120).contains("overdue by 7 h"), "{args:?}");
    }
    place.run_at(now);
    assert_eq!(jobs("2020-01-02T09:00:01Z").0, "ok");
}

#[test]
fn something_that_waits_without_a_worker_is_found() {
    let place = Place::with_interactions(3);
    place.job_at(NOON, &["--run", "once"]);
    let waits = only(&place, "2020-01-01T14:00:00Z", "jobs");
    assert!(waits.0 == "failed" && waits.1.contains("queued since 2020-01-01T12:00:0"), "{waits:?}");
    let standing = place.at(NOON, &["status"]);
    assert_eq!(standing["awaiting_start"], 1);
    let told = read(&place, &["status", "--now", NOON], 120);
    assert!(told.contains("0 active, 1 suspended (of these 1 waits to start), 0 completed"), "{told}");
}

#[test]
fn e5_a_job_that_failures_paused_is_found_and_named() {
    let place = Place::with_interactions(3);
    let options = [&DAILY[..], &["--retries", "0", "--pause-after-failures", "1"]].concat();
    let id = string(&place.job_at(NOON, &options)["id"]);
    place.fail_at("2020-01-02T02:00:00Z");
    let now = "2020-01-02T03:00:00Z";
    let failed = string(&place.at(now, &["history", "list"])[0]["id"]);
    let paused = only(&place, now, "jobs");
    assert!(paused.0 == "warning" && paused.1.contains("paused since 2020-01-02T02:00:0"), "{paused:?}");
    assert!(paused.1.contains("started_at"), "why: {paused:?}");
    let commands = [format!("`cdds history show {failed}`"), format!("`cdds job resume {id}`")];
    assert!(commands.iter().all(|command| paused.2.contains(command)), "{paused:?}");
    let standing = place.at(now, &["status"]);
    assert_eq!((&standing["paused_count"], &standing["paused"][0]["job_id"]), (&json!(1), &json!(id)));
    assert_eq!(standing["paused"][0]["execution_id"], failed);
    let told = read(&place, &["status", "--now", now], 120);
    assert!(
        told.contains("1 suspended (of these 1 paused by failures)")
            && told.contains("after 1 failure in a row"),
        "{told}"
    );
    place.at(now, &["job", "resume", &id]);
    assert_eq!(only(&place, now, "jobs").0, "ok");
    assert_eq!(place.at(now, &["status"])["paused"], json!([]));
}

#[test]
fn w5_a_failure_that_a_rerun_made_good_counts_no_more() {
    let place = Place::with_interactions(3);
    place.job_at(NOON, &[&DAILY[..], &["--retries", "0"]].concat());
    place.fail_at("2020-01-02T02:00:00Z");
    let now = "2020-01-02T03:00:00Z";
    assert_eq!(place.at(now, &["status"])["failure_count"], 1);
    let failed = string(&place.at(now, &["history", "list"])[0]["id"]);
    place.at(now, &["history", "rerun", &failed]);
    assert_eq!(place.at(now, &["status"])["failure_count"], 1, "it has not succeeded yet");
    place.run_at(now);
    let standing = place.at("2020-01-02T04:00:00Z", &["status"]);
    assert_eq!((&standing["failure_count"], &standing["failures"]), (&json!(0), &json!([])));
    assert_eq!(standing["failures_made_good"], 1);
    let told = read(&place, &["status", "--now", "2020-01-02T04:00:00Z"], 120);
    assert!(told.contains("failed since yesterday none; 1 was made good by a later success"), "{told}");
    // What fails at the next slot is another failure.
    place.fail_at("2020-01-03T02:00:00Z");
    let standing = place.at("2020-01-03T02:30:00Z", &["status"]);
    assert_eq!((&standing["failure_count"], &standing["failures_made_good"]), (&json!(1), &json!(1)));
    let told = read(&place, &["status", "--now", "2020-01-03T02:30:00Z"], 200);
    assert!(
        told.contains("1 (`cdds history list --status failed --from yesterday`); 1 more was made good"),
        "{told}"
    );
}

/// A place whose configuration names a file of keys that is not there yet.
fn without_keys() -> Place {
    let place = Place::with_interactions(3);
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    std::fs::write(place.path("cdds.toml"), format!("[subjects]\nkey_file = \"subjects.keys\"\n{config}"))
        .unwrap();
    place
}

const ERASURE: [&str; 6] =
    ["subject", "create", "--identifier", "email=ada@example.org", "--kind", "erasure"];

#[test]
fn d6_a_file_of_keys_is_made_before_the_first_request_and_brought_back_afterwards() {
    let place = without_keys();
    let check = || {
        let output = place.cdds(&["config", "check"]).output().unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, right, note) = check();
    assert!(code == Some(0) && right.contains("is right") && note.contains("note: line 2"), "{right}{note}");
    assert!(note.contains("`cdds subject key` makes it"), "{note}");
    assert_eq!(place.json(&["config", "check"])["notes"].as_array().unwrap().len(), 1);
    let told = text(&place.cdds(&ERASURE).output().unwrap().stderr);
    assert!(told.contains("make one with `cdds subject key`"), "{told}");

    place.done(&["subject", "key", "k1"]);
    assert!(findings(&place, NOON, "keys of data subjects").is_empty());
    let id = string(&place.json(&ERASURE)["id"]);
    assert_eq!(only(&place, NOON, "keys of data subjects").0, "ok");
    assert_eq!(check().0, Some(0));

    let away = |present: bool| {
        let [from, to] =
            if present { ["away.keys", "subjects.keys"] } else { ["subjects.keys", "away.keys"] };
        std::fs::rename(place.path(from), place.path(to)).unwrap();
    };
    away(false);
    let (code, right, told) = check();
    assert_eq!((code, right.as_str()), (Some(2), ""), "it is not right: {told}");
    assert!(told.contains("1 open request") || told.contains("an open request needs it"), "{told}");
    let second = ["subject", "create", "--identifier", "email=bob@example.org", "--kind", "erasure"];
    let verify = ["subject", "verify", &id, "--by", "the desk", "--how", "a passport"];
    for args in [&["config", "check"][..], &second, &verify, &["subject", "key", "k2"]] {
        let output = place.cdds(args).output().unwrap();
        let told = text(&output.stderr);
        assert!(!output.status.success() && told.contains("back from its backup"), "{args:?}: {told}");
        assert!(!told.contains("make one") && !told.contains("makes it"), "{args:?}: {told}");
    }
    assert!(!place.path("subjects.keys").exists(), "no new file hides that the former one is missing");
    let lost = only(&place, NOON, "keys of data subjects");
    assert!(lost.0 == "failed" && lost.1.contains("1 open request needs the key k1"), "{lost:?}");
    assert!(lost.2.contains("from its backup"), "{lost:?}");

    // Another file, whose key has the name of the one that was lost.
    place.done(&["subject", "key", "k1", "--lost"]);
    let other = only(&place, NOON, "keys of data subjects");
    assert!(other.0 == "failed" && other.1.contains("or is another one there"), "{other:?}");
    std::fs::remove_file(place.path("subjects.keys")).unwrap();
    away(true);
    assert_eq!(only(&place, NOON, "keys of data subjects").0, "ok");
}

#[test]
fn e10_records_that_are_bad_are_looked_at_where_they_come_from() {
    let place = Place::with_interactions(3);
    std::fs::write(place.path("events-1.jsonl"), "{\"a\":1}\n{\"a\":\n").unwrap();
    let bad = only(&place, NOON, "source events");
    assert!(bad.0 == "failed" && bad.1.contains("1 of 2 records cannot be read"), "{bad:?}");
    assert!(bad.2.contains("--bad-records") && bad.2.contains("cdds history show"), "{bad:?}");
    assert!(!bad.2.contains("[[source]]"), "its declaration is right: {bad:?}");
    std::fs::remove_file(place.path("contacts.db")).unwrap();
    let away = only(&place, NOON, "source contact-history");
    assert!(away.2.contains("[[source]]") && !away.2.contains("--bad-records"), "{away:?}");
}

#[test]
fn findings_are_broken_between_words_and_go_on_below_the_check() {
    let place = Place::with_interactions(3);
    place.job_at(NOON, &DAILY);
    for columns in [60, 80, 120, 200] {
        let args = ["doctor", "--now", "2020-01-02T09:00:00Z"];
        let ended = Terminal::start(&place, &args, columns, &[]).end();
        let lines: Vec<&str> = ended.screen.lines().map(|line| line.trim_end_matches('\r')).collect();
        let begin = lines
            .iter()
            .position(|line| line.starts_with("failed   jobs: "))
            .unwrap_or_else(|| panic!("{}", ended.screen));
        let end = lines[begin + 1..].iter().position(|line| !line.starts_with(' ')).unwrap();
        let finding = &lines[begin..=begin + end];
        assert!(finding.iter().all(|line| line.len() <= usize::from(columns)), "{columns}: {finding:?}");
        assert!(
            finding[1..].iter().all(|line| line.starts_with("         ") && !line.starts_with("          ")),
            "{finding:?}"
        );
        assert!(columns > 60 || finding.len() > 3, "{finding:?}");
    }
    let table = place.cdds(&["doctor", "--now", "2020-01-02T09:00:00Z"]).output().unwrap();
    assert!(text(&table.stdout).lines().all(|line| !line.starts_with(' ')), "a program gets a line each");
}

#[test]
fn a_run_that_waits_for_another_attempt_says_so() {
    let place = Place::with_interactions(3);
    // What cannot be read now may be readable later.
    std::os::unix::fs::symlink("nowhere", place.path("events-1.jsonl")).unwrap();
    let job = [
        "job",
        "create",
        "--title",
        "T",
        "--source",
        "events",
        "--type",
        "event",
        "--run",
        "once",
        "--plaintext",
    ];
    place.done(&job);
    let mut terminal = Terminal::start(&place, &["run", "--until-idle"], 120, &[]);
    terminal.wait_for(&["waiting to try T again in "]);
    place.program("kill", &["-INT"], &[&terminal.id()]);
    terminal.end();
    // In a log, too, also of what another run began.
    let mut log = place.cdds(&["run", "--until-idle"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(log.stderr.take().unwrap()));
    let idle = lines.find(|line| line.as_ref().unwrap().contains("event=idle")).unwrap().unwrap();
    assert!(idle.contains("begins_at=") && idle.contains("title=\"T\"") && idle.contains("error="), "{idle}");
    log.kill().unwrap();
    log.wait().unwrap();
}

#[test]
fn n9_a_notice_that_was_given_up_is_found() {
    let place = Place::with_interactions(3);
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let webhook = "\n[[webhook]]\nid = \"ops\"\nurl = \"http://127.0.0.1:9/hook\"\nallow_private = true\nallow_http = true\n\
                   secret_file = \"hook.secret\"\n";
    std::fs::write(place.path("cdds.toml"), format!("{config}{webhook}")).unwrap();
    std::fs::write(place.path("hook.secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    place.job_at(NOON, &["--run", "once", "--timeframe", "all", "--notify", "webhook:ops"]);
    place.at(NOON, &["run", "--until-idle"]);
    assert!(findings(&place, NOON, "notices").is_empty(), "it is tried again");
    // Long after, the last attempt is made.
    let mut now = String::from(NOON);
    for day in 2..30 {
        now = format!("2020-01-{day:02}T12:00:00Z");
        let output =
            place.cdds(&["run", "--until-idle", "--now", &now, "--output", "json"]).output().unwrap();
        assert!(output.status.code().is_some_and(|code| code <= 1), "{output:?}");
        if place.at(&now, &["notice", "list"])[0]["state"] == "failed" {
            break;
        }
    }
    let id = string(&place.at(&now, &["notice", "list"])[0]["id"]);
    let found = findings(&place, NOON, "notices");
    assert!(
        found.len() == 1 && found[0].0 == "warning" && found[0].1.contains("published to webhook:ops"),
        "{found:?}"
    );
    assert!(found[0].2.contains(&format!("`cdds notice replay {id}`")), "{found:?}");
}

#[test]
fn j4_a_field_that_a_source_lost_after_the_job_was_submitted_is_found() {
    let place = Place::with_interactions(3);
    let id = string(&place.job_at(NOON, &[&DAILY[..], &["--field", "contact_id,seconds"]].concat())["id"]);
    assert_eq!(only(&place, NOON, "jobs").0, "ok");
    place.sqlite("alter table interactions rename column seconds to second");
    let lost = only(&place, NOON, "jobs");
    assert!(
        lost.0 == "failed" && lost.1.contains("no field \"seconds\", did you mean \"second\"?"),
        "{lost:?}"
    );
    assert!(lost.2.contains("`cdds source fields contact-history interaction`"), "{lost:?}");
    assert!(lost.2.contains(&format!("`cdds job edit {id} ")), "{lost:?}");
    // A suspended job starts nothing that could fail.
    place.at(NOON, &["job", "suspend", &id]);
    assert_eq!(only(&place, NOON, "jobs").0, "ok");
    place.at(NOON, &["job", "resume", &id]);
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    std::fs::write(place.path("cdds.toml"), config.replace("id = \"interaction\"", "id = \"contact\""))
        .unwrap();
    let gone = only(&place, NOON, "jobs");
    assert!(
        gone.0 == "failed" && gone.1.contains("source contact-history has no type interaction"),
        "{gone:?}"
    );
}
