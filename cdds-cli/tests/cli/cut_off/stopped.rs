//! Workers that stand still past their leases while others deliver what they had, and then go on.

use std::process::{Child, Command};

use super::place::{Waiting, after};
use super::remote::{Ftps, Sftp, Telling};
use super::steps::{
    FTPS, IN_PLACE, S3, SFTP, Wanted, at_all, at_each, five_parts, large_file, paused, retry, start,
};
use super::store::{Make, Store};
use crate::delivering::steps::Step;

fn signal(worker: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), worker.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

/// Stops a worker, but not in the middle of a transaction: the catalog would wait for it as well.
fn halt(worker: &Child) {
    // The lock of writers in files of SQLite: byte 120 of what they share (walformat.html, section 2.3.1).
    let writes = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.contains(&worker.id().to_string().as_str()) && words.ends_with(&["120", "120"])
    };
    loop {
        signal(worker, "STOP");
        let locks = std::fs::read_to_string("/proc/locks").unwrap();
        if !locks.lines().any(writes) {
            return;
        }
        signal(worker, "CONT");
        std::thread::yield_now();
    }
}

/// Stops the worker at a step, has others deliver, and lets it go on. Returns which step it was; `None` if there is
/// none.
fn stop(remote: &dyn Telling, waiting: &mut Waiting, at: Wanted) -> Option<Step> {
    let copy = waiting.copy(remote);
    // Else the daily check would run beside the delivery, and its steps be taken for those of files: the delivery would
    // then be stopped anywhere, even between its question for the claim and the call that follows. No clock of this
    // test goes on meanwhile, so the worker would not notice.
    copy.place.done(&["destination", "check", "partner", "--now", &after(0)]);
    remote.steps().wait_until_quiet();
    let pauses = remote.steps().pause_at(at);
    let mut worker = start(&copy, 0);
    let paused = paused(&pauses, &mut worker);
    remote.steps().pause_nowhere();
    let step = paused.as_ref().map(|paused| paused.step.clone());
    let case = format!("stopped at {step:?}");
    if paused.is_some() {
        halt(&worker);
        drop(paused);
        retry(&copy);
        waiting.is_whole(&copy, remote, &case);
        signal(&worker, "CONT");
    }
    worker.wait().unwrap();
    remote.steps().wait_until_quiet();
    waiting.is_delivered(&copy, remote, &case);
    step
}

#[test]
fn n1_a_worker_that_goes_on_too_late_changes_nothing_at_sftp() {
    let remote = Sftp::start();
    let mut waiting = five_parts(&remote);
    at_each(SFTP.iter().step_by(2), |step| stop(&remote, &mut waiting, step));
}

#[test]
fn n1_a_worker_that_goes_on_too_late_changes_nothing_at_ftps() {
    let remote = Ftps::start();
    let mut waiting = five_parts(&remote);
    at_each(FTPS.iter().step_by(2), |step| stop(&remote, &mut waiting, step));
}

#[test]
fn n1_a_worker_that_goes_on_too_late_changes_nothing_where_nothing_is_renamed() {
    let remote = Ftps::start_without_renames();
    let mut waiting = five_parts(&remote);
    at_each(&IN_PLACE, |step| stop(&remote, &mut waiting, step));
}

#[test]
fn n1_a_worker_that_goes_on_too_late_changes_nothing_at_s3() {
    let remote = Store::start(Make::S3rver);
    let mut waiting = large_file(&remote);
    at_each(S3.iter().step_by(2), |step| stop(&remote, &mut waiting, step));
}

#[test]
#[ignore = "takes minutes: all steps"]
fn n1_a_worker_that_goes_on_too_late_changes_nothing_whatever_the_step() {
    let (sftp, ftps, s3) = (Sftp::start(), Ftps::start(), Store::start(Make::S3rver));
    for (remote, mut waiting) in
        [(&sftp as &dyn Telling, five_parts(&sftp)), (&ftps, five_parts(&ftps)), (&s3, large_file(&s3))]
    {
        at_all(|step| stop(remote, &mut waiting, step));
    }
}
