//! Workers that are killed.

use std::process::{Command, Stdio};

use super::place::{Waiting, after};
use super::remote::{Folder, Ftps, Sftp, Telling};
use super::steps::{FTPS, S3, SFTP, Wanted, at_all, at_each, five_parts, large_file, paused, retry, start};
use super::store::{Make, Store};
use crate::delivering::steps::Step;

/// Kills the worker at a step. Returns which one it was; `None` if there is none.
fn kill(remote: &dyn Telling, waiting: &mut Waiting, at: Wanted) -> Option<Step> {
    let copy = waiting.copy(remote);
    let pauses = remote.steps().pause_at(at);
    let mut worker = start(&copy, 0);
    let paused = paused(&pauses, &mut worker);
    let _ = worker.kill();
    worker.wait().unwrap();
    let step = paused.as_ref().map(|paused| paused.step.clone());
    drop(paused);
    remote.steps().pause_nowhere();
    remote.steps().wait_until_quiet();
    let case = format!("killed at {step:?}");
    waiting.nothing_is_half_made(&copy, remote, &case);
    retry(&copy);
    waiting.is_delivered(&copy, remote, &case);
    step
}

#[test]
fn n1_a_worker_is_killed_while_it_delivers_to_sftp() {
    let remote = Sftp::start();
    let mut waiting = five_parts(&remote);
    at_each(&SFTP, |step| kill(&remote, &mut waiting, step));
}

#[test]
fn n1_a_worker_is_killed_while_it_delivers_to_ftps() {
    let remote = Ftps::start();
    let mut waiting = five_parts(&remote);
    at_each(&FTPS, |step| kill(&remote, &mut waiting, step));
}

#[test]
fn n1_a_worker_is_killed_while_it_delivers_to_s3() {
    let remote = Store::start(Make::S3rver);
    let mut waiting = large_file(&remote);
    at_each(&S3, |step| kill(&remote, &mut waiting, step));
}

#[test]
#[ignore = "takes minutes: all steps"]
fn n1_a_worker_is_killed_at_every_step_to_sftp() {
    let remote = Sftp::start();
    let mut waiting = five_parts(&remote);
    at_all(|step| kill(&remote, &mut waiting, step));
}

#[test]
#[ignore = "takes minutes: all steps"]
fn n1_a_worker_is_killed_at_every_step_to_ftps() {
    let remote = Ftps::start();
    let mut waiting = five_parts(&remote);
    at_all(|step| kill(&remote, &mut waiting, step));
}

#[test]
#[ignore = "takes minutes: all steps"]
fn n1_a_worker_is_killed_at_every_step_to_object_stores() {
    for make in [Make::S3rver, Make::Azurite] {
        let remote = Store::start(make);
        let mut waiting = large_file(&remote);
        at_all(|step| kill(&remote, &mut waiting, step));
    }
}

/// Kills the worker as it makes a system call for the so-manieth time, which is not carried out. Returns whether there
/// was such a call.
fn kill_in_folder(waiting: &mut Waiting, call: &str, nth: u32) -> bool {
    let copy = waiting.copy(&Folder);
    let run = copy.place.cdds(&["run", "--until-idle", "--now", &after(0)]);
    let mut strace = Command::new("strace");
    // Without `--seccomp-bpf`, with which strace 6.1 injects nothing after the first call.
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    strace.args(["-e", &format!("inject={call}:signal=KILL:when={nth}")]);
    strace.arg(run.get_program()).args(run.get_args()).current_dir(copy.place.root());
    // What strace counts are the calls of each thread, so one of them makes all that concern files.
    strace.env("BLOCKING_MAX_THREADS", "1");
    let status = strace.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    let case = format!("killed at {call} {nth}");
    waiting.nothing_is_half_made(&copy, &Folder, &case);
    retry(&copy);
    waiting.is_delivered(&copy, &Folder, &case);
    !status.success()
}

#[test]
fn n1_a_worker_is_killed_while_it_delivers_to_a_folder() {
    let mut waiting = five_parts(&Folder);
    for (call, nth) in [("mkdirat", 1), ("renameat", 1), ("renameat", 3)] {
        assert!(kill_in_folder(&mut waiting, call, nth), "{call} {nth}");
    }
}

#[test]
#[ignore = "takes minutes: all steps"]
fn n1_a_worker_is_killed_at_every_step_to_a_folder() {
    let mut waiting = five_parts(&Folder);
    for call in ["mkdirat", "unlinkat", "renameat", "fsync", "write"] {
        let kills = (1..).take_while(|nth| kill_in_folder(&mut waiting, call, *nth)).count();
        println!("killed at {call} {kills} times");
        // Once for each file, but for the folder, which is created once.
        assert!(kills >= if call == "mkdirat" { 1 } else { waiting.parts() }, "{call}: {kills}");
    }
}
