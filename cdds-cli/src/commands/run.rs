//! `cdds run`: the engine.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use cdds_core::engine::{RunReport, Until};
use cdds_view::words;
use serde::Serialize;

use super::clock;
use crate::args::RunArgs;
use crate::error::CliError;
use crate::progress::Follower;
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
}

pub(super) async fn run(args: RunArgs, session: &Session) -> Result<(), CliError> {
    let app = session.open()?;
    app.check_store().await?;
    let console = match args.events {
        Some(form) => session.console.telling_events(form),
        None => session.console.clone(),
    };
    clock::tell(&app.examine_clock().await?, &console);
    let stop = Stop::listen(&console, Some(STOPPING))?;
    let stopped = stop.flag();
    let follower = Follower::new(&console, Arc::clone(&session.clock));
    let engine = app.engine()?.observer(Arc::new(follower)).build();
    let until = if args.until_idle { Until::Idle } else { Until::Stopped };
    let RunReport { finished, failed, retries, other, housekeeping_failures } =
        engine.run(until, stop.asked()).await?;
    let again = if retries == 0 {
        String::new()
    } else {
        format!(", {} tried again", words::counted(retries, "attempt"))
    };
    let words = format!("{finished} finished, {failed} failed, {other} other{again}");
    session.output.outcome(&Report { finished, failed, retries, other, housekeeping_failures }, &words)?;
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
