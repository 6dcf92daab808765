//! Servers that are killed and start again over what is on their disks, or stand still until nobody waits for them.

use super::place::Waiting;
use super::remote::{FtpMake, Ftps, RealFtps, Remote, Sftp, Telling};
use super::steps::{
    Chosen, FTPS, S3, SFTP, Wanted, at_all, at_each, five_parts, large_file, paused, retry, start,
};
use super::store::{Make, Store};
use crate::delivering::steps::Step;

/// Kills the server at a step. Returns which one it was; `None` if there is none.
fn kill(remote: &mut dyn Telling, waiting: &mut Waiting, at: Wanted) -> Option<Step> {
    let copy = waiting.copy(&*remote);
    let pauses = remote.steps().pause_at(at);
    let mut worker = start(&copy, 0);
    let paused = paused(&pauses, &mut worker);
    remote.steps().pause_nowhere();
    if paused.is_some() {
        remote.fall_and_rise();
    }
    let step = paused.as_ref().map(|paused| paused.step.clone());
    drop(paused);
    worker.wait().unwrap();
    remote.steps().wait_until_quiet();
    let case = format!("the server was killed at {step:?}");
    waiting.nothing_is_half_made(&copy, &*remote, &case);
    retry(&copy);
    waiting.is_delivered(&copy, &*remote, &case);
    step
}

#[test]
fn n1_an_ssh_server_is_killed_in_the_middle_of_a_delivery() {
    let mut remote = Sftp::start();
    let mut waiting = five_parts(&remote);
    at_each(SFTP.iter().step_by(2), |step| kill(&mut remote, &mut waiting, step));
}

#[test]
fn n1_an_ftp_server_is_killed_in_the_middle_of_a_delivery() {
    let mut remote = Ftps::start();
    let mut waiting = five_parts(&remote);
    at_each(FTPS.iter().step_by(2), |step| kill(&mut remote, &mut waiting, step));
}

#[test]
fn n1_vsftpd_and_proftpd_are_killed_in_the_middle_of_a_delivery() {
    for (make, first) in [(FtpMake::Vsftpd, 0), (FtpMake::Proftpd, 1)] {
        let mut remote = RealFtps::start(make);
        let mut waiting = five_parts(&remote);
        at_each(FTPS.iter().skip(first).step_by(2), |step| kill(&mut remote, &mut waiting, step));
    }
}

#[test]
fn n1_an_object_store_is_killed_in_the_middle_of_a_delivery() {
    let mut remote = Store::start(Make::S3rver);
    let mut waiting = large_file(&remote);
    at_each(S3.iter().step_by(2), |step| kill(&mut remote, &mut waiting, step));
}

#[test]
#[ignore = "takes minutes: all steps"]
fn n1_an_ssh_server_is_killed_at_every_step() {
    let mut remote = Sftp::start();
    let mut waiting = five_parts(&remote);
    at_all(|step| kill(&mut remote, &mut waiting, step));
}

#[test]
#[ignore = "takes minutes: all steps"]
fn n1_an_ftp_server_is_killed_at_every_step() {
    let mut remote = Ftps::start();
    let mut waiting = five_parts(&remote);
    at_all(|step| kill(&mut remote, &mut waiting, step));
}

#[test]
#[ignore = "takes minutes: all steps"]
fn n1_vsftpd_and_proftpd_are_killed_at_every_step() {
    for make in [FtpMake::Vsftpd, FtpMake::Proftpd] {
        let mut remote = RealFtps::start(make);
        let mut waiting = five_parts(&remote);
        at_all(|step| kill(&mut remote, &mut waiting, step));
    }
}

#[test]
#[ignore = "takes minutes: all steps"]
fn n1_an_object_store_is_killed_at_every_step() {
    let mut remote = Store::start(Make::S3rver);
    let mut waiting = large_file(&remote);
    at_all(|step| kill(&mut remote, &mut waiting, step));
}

/// Stops the server at a step until the worker has given the attempt up, and lets it go on.
fn stop(remote: &dyn Telling, waiting: &mut Waiting, at: Wanted) -> Option<Step> {
    let copy = waiting.copy(remote);
    let pauses = remote.steps().pause_at(at);
    let mut worker = start(&copy, 0);
    let paused = paused(&pauses, &mut worker);
    remote.steps().pause_nowhere();
    let step = paused.as_ref().map(|paused| paused.step.clone());
    let case = format!("the server was stopped at {step:?}");
    remote.server().signal("STOP", true);
    drop(paused);
    worker.wait().unwrap();
    // A store says what it has only once it goes on.
    remote.server().signal("CONT", true);
    remote.steps().wait_until_quiet();
    waiting.nothing_is_half_made(&copy, remote, &case);
    retry(&copy);
    waiting.is_delivered(&copy, remote, &case);
    step
}

/// Each step has a server of its own, since all of them wait for minutes.
#[test]
#[ignore = "takes minutes: the engine's limits of time"]
fn n1_servers_that_stand_still_are_given_up_and_written_to_again() {
    fn at<T: Telling>(start: impl FnOnce() -> T, publish: fn(&dyn Remote) -> Waiting, step: Chosen) {
        let remote = start();
        let mut waiting = publish(&remote);
        at_each([&step], |step| stop(&remote, &mut waiting, step));
    }
    std::thread::scope(|scope| {
        for step in SFTP {
            scope.spawn(move || at(Sftp::start, five_parts, step));
        }
        for step in FTPS {
            scope.spawn(move || at(Ftps::start, five_parts, step));
            for make in [FtpMake::Vsftpd, FtpMake::Proftpd] {
                scope.spawn(move || at(|| RealFtps::start(make), five_parts, step));
            }
        }
        for step in S3 {
            scope.spawn(move || at(|| Store::start(Make::S3rver), large_file, step));
        }
    });
}
