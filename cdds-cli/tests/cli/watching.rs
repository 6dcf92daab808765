//! Following what runs: with bars on a terminal, with lines in a log, and from another process.

use std::process::{Child, Output, Stdio};

use serde_json::{Value, json};

use crate::pty::Terminal;
use crate::support::{NOON, Place, failure, id, string, text};

/// Enough records for some seconds, and for many parts.
const MANY: u32 = 250_000;
const PARTS: [&str; 2] = ["--split-size", "64KiB"];

/// A long export in another process, which is stopped until it is let go.
struct Held {
    engine: Child,
    execution: String,
}

impl Held {
    fn begin(place: &Place) -> Self {
        place.plaintext_job(&PARTS);
        let mut engine = place.cdds(&["run", "--until-idle", "-q"]).stdout(Stdio::null()).spawn().unwrap();
        let execution = loop {
            assert_eq!(engine.try_wait().unwrap(), None, "the engine ended by itself");
            let first = place.json(&["history", "list"])[0].clone();
            let counted = |name: &str| first["progress"][name].as_u64().unwrap_or(0);
            // From here on, everything that a bar shows is known.
            if first["status"] == "in_progress" && counted("percent") > 0 && counted("parts") > 1 {
                break string(&first["id"]);
            }
        };
        place.program("kill", &["-STOP"], &[&engine.id().to_string()]);
        assert_eq!(place.json(&["history", "show", &execution])["status"], "in_progress");
        Self { engine, execution }
    }

    fn let_go(&self, place: &Place) {
        place.program("kill", &["-CONT"], &[&self.engine.id().to_string()]);
    }

    fn end(mut self) {
        assert!(self.engine.wait().unwrap().success());
    }
}

impl Drop for Held {
    /// Ends the stopped process, so that a failed test does not leave it behind.
    fn drop(&mut self) {
        let _ended_already = self.engine.kill();
        let _status = self.engine.wait();
    }
}

#[test]
fn e7_a_run_on_a_terminal_shows_bars_and_then_a_line_each() {
    let place = Place::with_interactions(MANY);
    let job = place.json(
        &[
            &[
                "job",
                "create",
                "--title",
                "日本語 voice",
                "--source",
                "contact-history",
                "--type",
                "interaction",
            ][..],
            &["--run", "once", "--plaintext"],
            &PARTS,
        ]
        .concat(),
    );
    let mut terminal = Terminal::start(&place, &["run", "--until-idle"], 140, &[]);
    let shown = terminal.wait_for(&["日本語 voice", "[", " %", " left", " records/s", " parts", " read"]);
    let bar = shown.lines().find(|line| line.contains(" records/s")).unwrap();
    assert!(bar.starts_with("日本語 voice             ["), "a wide title takes its columns: {bar:?}");
    let ended = terminal.end();
    assert_eq!(ended.code, 0);
    assert!(!ended.screen.contains(" records/s"), "the bar is gone: {}", ended.screen);
    let [line, report] = &ended.screen.lines().collect::<Vec<_>>()[..] else { panic!("{}", ended.screen) };
    let execution = string(&place.json(&["history", "list", "--job", id(&job)])[0]["id"]);
    assert!(line.contains(&format!(" finished 日本語 voice ({execution}): 250,000 records in ")), "{line}");
    assert_eq!(*report, "1 finished, 0 failed, 0 other");
}

#[test]
fn quiet_runs_and_those_without_progress_draw_nothing() {
    let place = Place::with_interactions(3);
    for (option, lines) in [("-q", 1), ("--no-progress", 3)] {
        place.plaintext_job(&[]);
        let ended = Terminal::start(&place, &[option, "run", "--until-idle"], 300, &[]).end();
        assert!(!ended.raw.contains('\u{1b}'), "{option}: {:?}", ended.raw);
        assert_eq!(ended.screen.lines().count(), lines, "{option}: {}", ended.screen);
    }
}

#[test]
fn a_run_in_a_log_tells_each_event_in_a_line() {
    let place = Place::with_interactions(3);
    let job = string(&place.job_at(NOON, &["--run", "once"])["id"]);
    let now = ["--now", "2020-01-01T12:00:05Z"];
    let run = place.cdds(&[&["run", "--until-idle"], &now[..]].concat()).output().unwrap();
    let log = text(&run.stderr);
    let [warning, started, finished] = &log.lines().collect::<Vec<_>>()[..] else { panic!("{log}") };
    assert!(warning.starts_with("warning: --now 2020-01-01T12:00:05Z is "), "{warning}");
    let execution = string(&place.json(&["history", "list"])[0]["id"]);
    let subject = format!("execution={execution} job={job} title=\"T\"");
    assert!(started.starts_with("2020-01-01T12:00:0"), "{started}");
    assert!(started.contains(&format!("Z event=started {subject} slot=2020-01-01T12:00:00.")), "{started}");
    assert!(started.ends_with(" attempt=1"), "{started}");
    assert!(
        finished.contains(&format!("Z event=finished {subject} records=3 rejected=0 bytes_read=")),
        "{finished}"
    );
    assert!(finished.contains(" parts=1 seconds="), "{finished}");
    assert_eq!(text(&run.stdout), "1 finished, 0 failed, 0 other\n");
}

#[test]
fn events_can_be_had_as_json_beside_the_result() {
    let place = Place::with_interactions(3);
    place.plaintext_job(&[]);
    place.sqlite("alter table interactions rename to gone");
    let run = place.cdds(&["run", "--until-idle", "--events", "json", "--output", "json"]).output().unwrap();
    assert_eq!(run.status.code(), Some(1));
    let lines: Vec<Value> =
        text(&run.stderr).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [started, failed, error] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((&started["event"], &failed["event"]), (&json!("started"), &json!("failed")));
    assert_eq!((&started["title"], &started["attempt"]), (&json!("T"), &json!(1)));
    assert!(string(&failed["error"]).contains("interactions"), "{failed}");
    assert!(failed["seconds"].as_f64().unwrap() >= 0.0);
    assert_eq!(error["error"]["code"], "execution_failed");
    assert_eq!(serde_json::from_slice::<Value>(&run.stdout).unwrap()["failed"], 1);
    // With `-q` only the error is printed.
    place.plaintext_job(&[]);
    let run = place.cdds(&["run", "--until-idle", "--events", "logfmt", "-q"]).output().unwrap();
    assert_eq!(text(&run.stderr).lines().count(), 1, "the error alone: {}", text(&run.stderr));
    // A terminal shows lines instead of bars if they are requested.
    place.plaintext_job(&[]);
    let ended = Terminal::start(&place, &["run", "--until-idle", "--events", "logfmt"], 200, &[]).end();
    assert!(
        ended.screen.contains(" event=started ") && ended.screen.contains(" event=failed "),
        "{}",
        ended.screen
    );
}

#[test]
fn e7_lists_show_how_far_what_runs_is() {
    let place = Place::with_interactions(MANY);
    let held = Held::begin(&place);
    for list in ["job", "history"] {
        let shown = Terminal::start(&place, &[list, "list"], 200, &[("NO_COLOR", "1")]).end().screen;
        let row = shown.lines().nth(1).unwrap();
        let bar = &row[row.find("in_progress [").unwrap_or_else(|| panic!("{shown}"))..];
        assert!(bar.contains('>') && bar.contains(" %, ") && bar.contains(" left, "), "{shown}");
        let printed = place.done(&[list, "list"]);
        assert!(printed.contains(" in_progress (") && printed.contains(" left, "), "{printed}");
    }
    held.let_go(&place);
    held.end();
}

#[test]
fn watch_follows_another_process_on_a_terminal() {
    let place = Place::with_interactions(MANY);
    let held = Held::begin(&place);
    let mut terminal = Terminal::start(&place, &["history", "watch", &held.execution], 120, &[]);
    terminal.wait_for(&["T  ", "[", " %", " left", " parts"]);
    held.let_go(&place);
    let ended = terminal.end();
    held.end();
    assert_eq!(ended.code, 0, "{}", ended.screen);
    assert_eq!(ended.screen.lines().count(), 1, "the bar is gone: {}", ended.screen);
    assert!(ended.screen.starts_with("finished T: 250,000 records in "), "{}", ended.screen);
}

#[test]
fn watch_that_is_interrupted_leaves_the_execution_alone() {
    let place = Place::with_interactions(MANY);
    let held = Held::begin(&place);
    let mut terminal = Terminal::start(&place, &["history", "watch", &held.execution], 200, &[]);
    terminal.wait_for(&[" %"]);
    place.program("kill", &["-INT"], &[&terminal.id()]);
    let ended = terminal.end();
    assert_eq!(ended.code, 1);
    assert!(ended.screen.contains("error: no longer watching; the execution goes on"), "{}", ended.screen);
    held.let_go(&place);
    let execution = held.execution.clone();
    held.end();
    assert_eq!(place.json(&["history", "show", &execution])["status"], "finished");
}

#[test]
fn watch_in_a_log_tells_each_change_in_a_line() {
    let place = Place::with_interactions(MANY);
    let held = Held::begin(&place);
    let execution = held.execution.clone();
    let mut watch = place.cdds(&["history", "watch", &execution]);
    let watch = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    held.let_go(&place);
    let Output { status, stdout, stderr } = watch.wait_with_output().unwrap();
    held.end();
    assert_eq!(status.code(), Some(0));
    assert!(text(&stdout).starts_with("finished T: 250,000 records in "), "{}", text(&stdout));
    let log = text(&stderr);
    let events: Vec<&str> = log.lines().map(|line| line.split(' ').nth(1).unwrap()).collect();
    let [first, steps @ .., last] = &events[..] else { panic!("{log}") };
    assert_eq!(*last, "event=finished", "{log}");
    // The execution may have ended before it was seen to run.
    if *first != *last {
        assert_eq!(*first, "event=started", "{log}");
    }
    assert!(steps.iter().all(|step| *step == "event=progress") && steps.len() <= 11, "{log}");
}

/// Watches an execution that has ended. Returns exit code, stdout and error code.
fn watched(place: &Place, execution: &str) -> (i32, Value, Value) {
    let args = ["history", "watch", execution, "--output", "json"];
    let output = place.cdds(&args).output().unwrap();
    let read = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap_or(Value::Null);
    let error: Value = read(&output.stderr);
    (output.status.code().unwrap(), read(&output.stdout), error["error"]["code"].clone())
}

#[test]
fn watch_ends_as_the_execution_did() {
    let place = Place::with_interactions(100);
    let job = place.plaintext_job(&[]);
    let execution = |job: &str| string(&place.json(&["history", "list", "--job", job])[0]["id"]);
    let finished = execution(&job);
    place.json(&["run", "--until-idle"]);
    let (code, object, error) = watched(&place, &finished);
    assert_eq!((code, &error), (0, &Value::Null));
    assert_eq!(object, place.json(&["history", "show", &finished]));

    let failed = execution(&place.plaintext_job(&[]));
    place.sqlite("alter table interactions rename to gone");
    assert_eq!(place.refused(&["run", "--until-idle"]), (1, "execution_failed".to_owned()));
    let (code, object, error) = watched(&place, &failed);
    assert_eq!((code, &object["status"], &error), (1, &json!("failed"), &json!("execution_failed")));
    let table = place.cdds(&["history", "watch", &failed, "-q"]).output().unwrap();
    assert_eq!(text(&table.stdout), "");
    assert!(text(&table.stderr).starts_with("error: failed T: "), "{}", text(&table.stderr));

    let cancelled = execution(&place.plaintext_job(&[]));
    place.json(&["history", "cancel", &cancelled]);
    let (code, object, error) = watched(&place, &cancelled);
    assert_eq!((code, &object["status"], &error), (1, &json!("cancelled"), &json!("execution_cancelled")));

    for unknown in ["00000000-0000-0000-0000-000000000000", "nothing"] {
        let output = place.cdds(&["history", "watch", unknown, "--output", "json"]).output().unwrap();
        assert_eq!(failure(&output), (4, "not_found".to_owned()));
    }
}

#[test]
fn watch_sees_what_waits_begin_and_end() {
    let place = Place::with_interactions(100);
    let job = place.plaintext_job(&[]);
    let waiting = string(&place.json(&["history", "list", "--job", &job])[0]["id"]);
    let mut terminal = Terminal::start(&place, &["history", "watch", &waiting], 100, &[]);
    terminal.wait_for(&["queued: `cdds run` runs it"]);
    place.json(&["run", "--until-idle"]);
    let ended = terminal.end();
    assert_eq!((ended.code, ended.screen.lines().count()), (0, 1), "{}", ended.screen);
    assert!(ended.screen.starts_with("finished T: 100 records in 1 file"), "{}", ended.screen);
}
