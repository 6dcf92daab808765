//! What a run says to a person while it has nothing to do.

use std::convert::Infallible;
use std::time::Duration;

use crate::commands::status;
use crate::compose::App;
use crate::progress::Follower;
use crate::session::Session;

/// How often it looks whether there is nothing to do.
const LOOK: Duration = Duration::from_secs(1);
/// The looks between two questions to the catalog, whose answer changes when somebody changes a job.
const LOOKS_PER_QUESTION: u32 = 10;

/// Tells, on a terminal, what a run that has nothing to do waits for. Never ends.
pub(super) async fn tell(app: &App, follower: &Follower, session: &Session) -> Infallible {
    let (mut line, mut looks) = (None, 0_u32);
    loop {
        session.clock.sleep(LOOK).await;
        if !follower.is_idle() {
            (line, looks) = (None, 0);
            continue;
        }
        if looks.is_multiple_of(LOOKS_PER_QUESTION) {
            let words = words(app, session).await;
            match &line {
                None => line = Some(follower.idles(&words)),
                Some(line) => line.tell(&words),
            }
        }
        looks = looks.wrapping_add(1);
    }
}

async fn words(app: &App, session: &Session) -> String {
    match status::next(app, session).await {
        Ok(Some(job)) => {
            let title = job.job.settings.title.as_str();
            let due = job
                .job
                .next_due_at
                .map_or_else(String::new, |at| format!(" {}", status::at(at, session.clock.now())));
            format!("waiting; next: {title}{due}")
        }
        Ok(None) => "waiting; no job is due: `cdds job create` submits one".to_owned(),
        // The engine meets the same fault, and says so.
        Err(_) => "waiting".to_owned(),
    }
}
