//! `cdds run`: the engine.

mod waiting;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cdds_core::engine::observe::Observer;
use cdds_core::engine::{RunReport, Until};
use cdds_view::words;
use futures::future::{Either, select};
use serde::Serialize;

use super::clock;
use crate::args::RunArgs;
use crate::error::CliError;
use crate::progress::{Follower, Post};
use crate::session::Session;
use crate::signals::Stop;

const STOPPING: &str = "stopping: running exports may finish; interrupt again to stop at once";

/// What the run did.
#[derive(Debug, Serialize)]
struct Report {
    finished: u64,
    failed: u64,
    retries: u64,
    other: u64,
    housekeeping_failures: u64,
    /// Sets that arrived at a destination, and those that were given up.
    delivered: u64,
    deliveries_failed: u64,
    /// Deliveries that are tried again later.
    deliveries_waiting: usize,
    /// Subscribers who were told of something, and who were not.
    told: u64,
    notices_failed: u64,
}

pub(super) async fn run(args: RunArgs, session: &Session) -> Result<(), CliError> {
    let mut app = session.open().await?;
    if args.accept_older_zones {
        app.accept_older_zones();
    }
    app.check_store().await?;
    let console = match args.events {
        Some(form) => session.console.telling_events(form),
        None => session.console.clone(),
    };
    clock::tell(&app.examine_clock().await?, &console);
    let stop = Stop::listen(&console, Some(STOPPING))?;
    let stopped = stop.flag();
    let follower = Arc::new(Follower::new(&console, Arc::clone(&session.clock)));
    let engine = app.engine()?.observer(Arc::clone(&follower) as Arc<dyn Observer>).build();
    let until = if args.until_idle { Until::Idle } else { Until::Stopped };
    let ran = {
        let running = pin!(engine.run(until, stop.asked()));
        // Ends with this block, so that its line is gone before the result is printed.
        let waiting = pin!(waiting::tell(&app, until, &follower, session));
        match select(running, waiting).await {
            Either::Left((ran, _)) => ran?,
            Either::Right((never, _)) => match never {},
        }
    };
    let RunReport { finished, failed, retries, other, housekeeping_failures } = ran;
    let again = if retries == 0 {
        String::new()
    } else {
        format!(", {} tried again", words::counted(retries, "attempt"))
    };
    let post = follower.post();
    let words = format!("{finished} finished, {failed} failed, {other} other{again}{}", posted(&post));
    let report = Report {
        finished,
        failed,
        retries,
        other,
        housekeeping_failures,
        delivered: post.delivered,
        deliveries_failed: post.not_delivered,
        deliveries_waiting: post.waiting.len(),
        told: post.told,
        notices_failed: post.not_told,
    };
    session.output.outcome(&report, &words)?;
    if !args.until_idle {
        return Ok(());
    }
    if failed > 0 {
        return Err(CliError::failed(
            "execution_failed",
            format!(
                "{} failed: `cdds history list --status failed` shows why",
                words::counted(failed, "execution")
            ),
        ));
    }
    if post.not_delivered > 0 {
        let what = given_up(post.not_delivered, "delivery", "deliveries");
        return Err(CliError::failed(
            "delivery_failed",
            format!("{what}: `cdds history show ID` shows why, `cdds history redeliver ID` tries again"),
        ));
    }
    if post.not_told > 0 {
        let what = given_up(post.not_told, "notice", "notices");
        return Err(CliError::failed(
            "notice_failed",
            format!("{what}: `cdds notice list --state failed` shows why"),
        ));
    }
    if housekeeping_failures > 0 {
        return Err(CliError::failed(
            "housekeeping_failed",
            "expired files could not be removed from the store, or the store could not be swept: `-v` shows \
             why; the next run tries again",
        ));
    }
    if stopped.load(Ordering::Acquire) {
        return Err(CliError::failed("interrupted", "stopped before everything was done: run it again"));
    }
    Ok(())
}

/// `; 2 sets delivered, 1 subscriber told`; empty if nothing was sent.
fn posted(post: &Post) -> String {
    let delivered = words::counted(post.delivered, "set");
    let waiting = post.waiting.len() as u64;
    let parts = [
        (post.delivered, format!("{delivered} delivered")),
        (post.not_delivered, format!("{} not delivered", words::count(post.not_delivered))),
        (waiting, format!("{} to be delivered later", words::count(waiting))),
        (post.told, format!("{} sent", words::counted(post.told, "notice"))),
        (post.not_told, format!("{} not sent", words::count(post.not_told))),
    ];
    let told: Vec<String> =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words).collect();
    if told.is_empty() { String::new() } else { format!("; {}", told.join(", ")) }
}

/// `1 delivery was given up`
fn given_up(count: u64, one: &str, several: &str) -> String {
    match count {
        1 => format!("1 {one} was given up"),
        _ => format!("{} {several} were given up", words::count(count)),
    }
}
