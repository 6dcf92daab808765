//! The steps at which deliveries are cut off, and the workers that make them.

use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::place::{Copy, Waiting, after};
use super::remote::Remote;
use crate::delivering::steps::Phase::{self, After, Before};
use crate::delivering::steps::{Paused, Step};

/// A step that CI takes: the phase, the name, which of these, and whether it is of the manifest.
pub(crate) type Chosen = (Phase, &'static str, usize, bool);

pub(crate) const SFTP: [Chosen; 9] = [
    (Before, "init", 1, false),
    (Before, "open", 1, false),
    (After, "open", 2, false),
    (Before, "write", 2, false),
    (Before, "rename", 1, false),
    (After, "rename", 3, false),
    (Before, "rename", 1, true),
    (After, "rename", 1, true),
    (After, "stat", 3, true),
];

pub(crate) const FTPS: [Chosen; 9] = [
    (Before, "user", 1, false),
    (Before, "stor", 1, false),
    (Before, "write", 2, false),
    (After, "stor", 2, false),
    (Before, "rnto", 1, false),
    (After, "rnto", 3, false),
    (Before, "rnto", 1, true),
    (After, "rnto", 1, true),
    (Before, "quit", 1, false),
];

/// Without renames.
pub(crate) const IN_PLACE: [Chosen; 5] = [
    (Before, "stor", 1, false),
    (Before, "write", 2, false),
    (After, "stor", 2, false),
    (Before, "stor", 1, true),
    (After, "stor", 1, true),
];

pub(crate) const S3: [Chosen; 9] = [
    (Before, "list", 1, false),
    (Before, "begin", 1, false),
    (Before, "half", 1, false),
    (After, "part", 2, false),
    (Before, "complete", 1, false),
    (After, "complete", 1, false),
    (Before, "put", 1, true),
    (After, "put", 1, true),
    (After, "head", 2, true),
];

pub(crate) fn is_chosen((phase, name, nth, of_manifest): Chosen) -> impl FnMut(&Step) -> bool + Send {
    let mut left = nth;
    move |step| {
        let is_one =
            step.phase == phase && step.name == name && step.path.contains("manifest") == of_manifest;
        left -= usize::from(is_one && left > 0);
        is_one && left == 0
    }
}

/// Chooses the step of this number.
pub(crate) fn is_number(number: usize) -> impl FnMut(&Step) -> bool + Send {
    let mut reached = 0;
    move |step| {
        reached += usize::from(step.name != "session");
        step.name != "session" && reached == number
    }
}

/// Publishes five parts and more.
pub(crate) fn five_parts(remote: &dyn Remote) -> Waiting {
    let waiting = Waiting::new(remote, 2_300, 150, "64KiB");
    assert!(waiting.parts() >= 5, "{}", waiting.parts());
    waiting
}

/// Publishes a file that object stores take in parts.
pub(crate) fn large_file(remote: &dyn Remote) -> Waiting {
    Waiting::new(remote, 1_000, 10_000, "20MiB")
}

/// Starts a worker that delivers a copy, so many seconds after the first.
pub(crate) fn start(copy: &Copy, seconds: i64) -> Child {
    let mut run = copy.place.cdds(&["run", "--until-idle", "--now", &after(seconds)]);
    run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Starts workers when the lease of the first one has run out, and after the next wait.
pub(crate) fn retry(copy: &Copy) {
    for seconds in [100, 200] {
        copy.place.done(&["run", "--until-idle", "--now", &after(seconds)]);
    }
}

/// Waits until the server stands still. Returns `None` if the worker ends before.
pub(crate) fn paused(pauses: &Receiver<Paused>, worker: &mut Child) -> Option<Paused> {
    loop {
        match pauses.recv_timeout(Duration::from_millis(10)) {
            Ok(paused) => return Some(paused),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) if worker.try_wait().unwrap().is_some() => {
                return pauses.try_recv().ok();
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Cuts deliveries off at these steps, each of which there must be.
pub(crate) fn at_each<'a>(
    steps: impl IntoIterator<Item = &'a Chosen>,
    mut cut_off: impl FnMut(Wanted) -> Option<Step>,
) {
    for step in steps {
        assert!(cut_off(Box::new(is_chosen(*step))).is_some(), "there is no step {step:?}");
    }
}

/// Cuts deliveries off at every step.
pub(crate) fn at_all(mut cut_off: impl FnMut(Wanted) -> Option<Step>) {
    let mut steps = 0;
    while cut_off(Box::new(is_number(steps + 1))).is_some() {
        steps += 1;
    }
    assert!(steps > 15, "{steps}");
}

pub(crate) type Wanted = Box<dyn FnMut(&Step) -> bool + Send>;
