//! The real binary on file systems that are full or read-only. They need root, since the tests mount them;
//! see `on_mounted_stores` in `.ci/test`.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::{NOON, Place, SINCE_LAST, failure, id, string, text};

/// A file system in memory, mounted in a folder of a place and unmounted at the end.
struct Mounted(PathBuf);

impl Mounted {
    /// Mounts it over a folder and keeps the files, as when an administrator moves them to a disk of their
    /// own.
    fn at(folder: PathBuf, options: &str) -> Self {
        let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<_> = files.map(|path| (std::fs::read(&path).unwrap(), path)).collect();
        mount(&["-t", "tmpfs", "-o", options, "tmpfs"], &folder);
        files.iter().for_each(|(bytes, path)| std::fs::write(path, bytes).unwrap());
        Self(folder)
    }

    /// Changes its capacity, or whether it may be written.
    fn remount(&self, options: &str) {
        mount(&["-o", &format!("remount,{options}")], &self.0);
    }

    /// Fills all the remaining space.
    fn fill(&self) {
        let mut file = File::create(self.0.join("filler")).unwrap();
        for size in [65_536, 4_096, 1] {
            while file.write_all(&vec![7; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Unmount lazily: a failed test may leave a process that uses it.
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(unmounted.unwrap().success());
    }
}

fn mount(args: &[&str], folder: &Path) {
    assert!(Command::new("mount").args(args).arg(folder).status().unwrap().success());
}

/// A process that is shut down in good order when the test has finished with it.
struct Run<'a>(&'a Place, Child);

impl<'a> Run<'a> {
    fn start(place: &'a Place) -> Self {
        let mut command = place.cdds(&["run", "--output", "json"]);
        Self(place, command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn until(&mut self, holds: impl Fn(&Value) -> bool) -> Value {
        loop {
            assert_eq!(self.1.try_wait().unwrap(), None, "the run ended by itself");
            let execution = only(self.0);
            if holds(&execution) {
                return execution;
            }
        }
    }

    fn stop(mut self) {
        self.0.program("kill", &["-TERM"], &[&self.1.id().to_string()]);
        assert!(self.1.wait().unwrap().success());
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        // A failed test leaves no process behind. One that was shut down has already ended.
        let _ended = self.1.kill();
    }
}

/// Returns the only entry of the history.
fn only(place: &Place) -> Value {
    let history = place.json(&["history", "list"]);
    assert_eq!(history.as_array().unwrap().len(), 1, "{history}");
    history[0].clone()
}

fn told(output: &Output) -> String {
    assert_eq!(failure(output).0, 1);
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    string(&error["error"]["message"])
}

fn assert_says(message: &str, words: &[&str]) {
    words.iter().for_each(|word| assert!(message.contains(word), "{word:?} is not in {message:?}"));
}

/// Asserts that the only set is complete, and that nothing else is stored.
fn published(place: &Place, records: u64) {
    let execution = only(place);
    assert_eq!((&execution["status"], &execution["records"]), (&json!("finished"), &json!(records)));
    place.json(&["artifact", "download", "--execution", id(&execution), "--to", "out"]);
    let artifacts = place.json(&["artifact", "list"]).as_array().unwrap().len();
    assert_eq!(place.files("artifacts").len(), artifacts + 1);
}

#[test]
#[ignore = "mounts a file system, which takes root"]
fn e5_a_full_store_is_told_and_the_export_is_tried_again() {
    let place = Place::with_interactions(100_000);
    let store = Mounted::at(place.path("artifacts"), "size=1m");
    place.plaintext_job(&["--split-size", "64KiB"]);
    let mut run = Run::start(&place);
    let waiting = run.until(|execution| execution["error"] != json!(null));
    assert_eq!((&waiting["status"], &waiting["attempts"]), (&json!("queued"), &json!(1)));
    let error = &waiting["error"];
    assert_eq!(
        (&error["step"], &error["kind"], &error["retryable"]),
        (&json!("store"), &json!("full"), &json!(true))
    );
    assert_says(&string(&error["message"]), &["artifacts", "no space is left there; free some"]);
    assert_eq!(place.json(&["artifact", "list"]), json!([]));
    // Its stored files are removed once its end is on the record.
    while !place.files("artifacts").is_empty() {}
    run.stop();

    store.remount("size=64m");
    assert_eq!(place.run_at("2999-01-01T00:00:00Z")["finished"], 1);
    assert_eq!(only(&place)["attempts"], 2);
    published(&place, 100_000);
}

#[test]
#[ignore = "mounts a file system, which takes root"]
fn a_store_that_may_not_be_written_is_told_and_the_next_run_covers_what_failed() {
    let place = Place::with_interactions(3_000);
    let store = Mounted::at(place.path("artifacts"), "size=64m");
    let job = place.job_at(NOON, &[&SINCE_LAST[..], &["--retention-days", "1"]].concat());
    assert_eq!(place.run_at("2020-01-02T02:00:01Z")["finished"], 1);
    let stored = place.files("artifacts");

    store.remount("ro");
    let run =
        |now: &str| place.cdds(&["run", "--until-idle", "--output", "json", "--now", now]).output().unwrap();
    assert_eq!(failure(&run("2020-01-03T02:00:01Z")), (1, "execution_failed".to_owned()));
    let failed = place.json(&["history", "list", "--job", id(&job), "--status", "failed"]);
    assert_eq!(failed[0]["error"]["kind"], "refused");
    assert_says(&string(&failed[0]["error"]["message"]), &["artifacts", "refused", "check the permissions"]);
    // An expired set is unavailable, although its files are still there.
    assert_eq!(failure(&run("2020-01-03T03:00:00Z")), (1, "housekeeping_failed".to_owned()));
    assert_eq!(place.at("2020-01-03T03:00:00Z", &["artifact", "list"]), json!([]));
    assert_eq!(place.files("artifacts"), stored);

    store.remount("rw");
    assert_eq!(place.run_at("2020-01-04T02:00:01Z")["finished"], 1);
    let finished =
        place.at("2020-01-04T03:00:00Z", &["history", "list", "--status", "finished", "--sort", "slot"]);
    assert_eq!(finished[1]["window"]["start"], "2020-01-02T02:00:00Z", "the failed window, too");
    let files = place.files("artifacts");
    assert!(files.len() == 2 && files.iter().all(|file| !stored.contains(file)), "{files:?}");
}

/// Creates a place whose catalog has a file system of its own.
fn with_mounted_catalog(records: u32) -> (Place, Mounted) {
    let place = Place::with_interactions(records);
    std::fs::create_dir(place.path("state")).unwrap();
    std::fs::rename(place.path("cdds.db"), place.path("state/cdds.db")).unwrap();
    let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
    let config =
        config.replace("sqlite:cdds.db", "sqlite:state/cdds.db").replace("lease = \"60s\"", "lease = \"3s\"");
    std::fs::write(place.path("cdds.toml"), config).unwrap();
    let mounted = Mounted::at(place.path("state"), "size=16m");
    (place, mounted)
}

#[test]
#[ignore = "mounts a file system, which takes root"]
fn a_full_catalog_is_told_and_nothing_of_what_was_stored_is_lost() {
    let (place, catalog) = with_mounted_catalog(10);
    place.plaintext_job(&[]);
    catalog.fill();
    let submit = ["job", "create", "--title", "T", "--source", "contact-history", "--type", "interaction"];
    let submit = [&submit[..], &["--run", "once", "--plaintext"]].concat();
    for args in [&submit[..], &["run", "--until-idle"]] {
        let output = place.cdds(&[args, &["--output", "json"]].concat()).output().unwrap();
        assert_says(
            &told(&output),
            &["state/cdds.db", "there is no space left; free some on its file system"],
        );
    }
    // It can be read all the same, while nobody has it open and while somebody has.
    assert_eq!(only(&place)["status"], "queued");
    assert!(!place.path("state/cdds.db-wal").metadata().is_ok_and(|log| log.len() > 0));
    catalog.make_room();
    let in_use = rusqlite::Connection::open(place.path("state/cdds.db")).unwrap();
    in_use.query_row("SELECT count(*) FROM job", [], |_| Ok(())).unwrap();
    catalog.fill();
    assert_eq!(only(&place)["status"], "queued");
    drop(in_use);
    catalog.make_room();
    assert_eq!(place.json(&["run", "--until-idle"])["finished"], 1);
    published(&place, 10);
}

#[test]
#[ignore = "mounts a file system, which takes root"]
fn i3_a_catalog_that_fills_up_while_an_export_runs_publishes_it_once_there_is_room() {
    let (place, catalog) = with_mounted_catalog(250_000);
    place.plaintext_job(&["--split-size", "64KiB"]);
    let mut run = Run::start(&place);
    run.until(|execution| execution["status"] == "in_progress");
    catalog.fill();
    // The whole set is stored, but cannot be recorded.
    while !place.files("artifacts").iter().any(|file| file.ends_with("/manifest")) {}
    assert_eq!(only(&place)["status"], "in_progress");
    assert_eq!(place.json(&["artifact", "list"]), json!([]));
    catalog.make_room();
    run.until(|execution| execution["status"] == "finished");
    run.stop();
    assert_eq!(place.json(&["run", "--until-idle"])["finished"], 0);
    published(&place, 250_000);
}

#[test]
#[ignore = "mounts a file system, which takes root"]
fn a_catalog_that_may_not_be_written_is_read_and_a_change_is_told() {
    let (place, catalog) = with_mounted_catalog(10);
    let job = place.plaintext_job(&[]);
    catalog.remount("ro");
    for args in [&["run", "--until-idle"][..], &["job", "suspend", &job]] {
        let output = place.cdds(&[args, &["--output", "json"]].concat()).output().unwrap();
        assert_says(
            &told(&output),
            &["state/cdds.db", "check that its folder exists and that it may be written"],
        );
        assert_eq!(text(&output.stdout), "");
    }
    assert_eq!(place.json(&["job", "list"])[0]["id"], job.as_str());
    assert_eq!(only(&place)["status"], "queued");
    catalog.remount("rw");
    assert_eq!(place.json(&["run", "--until-idle"])["finished"], 1);
    published(&place, 10);
}
