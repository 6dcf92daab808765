//! Windows: frozen once, before anything is read (rule W3b).

use chrono::TimeDelta;

use super::case::{Case, Found, done, require};
use super::scene::{HOUR, once, owner, settings};
use crate::domain::calendar::timeframe::{FixedRange, Timeframe};
use crate::domain::execution::completeness::Frozen;
use crate::ports::catalog::Settlement;

pub(super) async fn once_only(case: &Case) -> Found {
    let owner = owner("ada")?;
    case.queued(&owner, "frozen").await?;
    let claimed = case.claimed("w").await?;
    let end = claimed.window.end();
    let until = end - TimeDelta::hours(1);
    let first = done!(case, "for the first time", begin(claimed.fence(), Some(until)));
    require(first.execution().window.end() == until, || {
        "begin: a window that may end earlier does not end where its source does".to_owned()
    })?;
    case.pass(7);
    for again in [Some(end), Some(until - TimeDelta::hours(1)), None] {
        let repeated = done!(case, "of a window that is frozen", begin(claimed.fence(), again));
        require(repeated == first, || format!("begin: a second call, of {again:?}, is answered otherwise"))?;
    }
    case.settles(claimed.fence(), &Settlement::Released).await?;
    case.pass(HOUR);
    let second = case.claimed("v").await?;
    let kept = done!(case, "under a later claim", begin(second.fence(), Some(end)));
    require(kept.execution().window.end() == until, || "begin: a retry has another window".to_owned())?;
    case.publishes(&second, 1).await?;
    waits(case).await
}

/// A window that has to keep its end waits for its source.
async fn waits(case: &Case) -> Found {
    let owner = owner("ada")?;
    let now = case.now();
    let range = FixedRange::new(now - TimeDelta::days(2), now - TimeDelta::days(1));
    let mut fixed = settings("fixed", once())?;
    fixed.timeframe = Timeframe::Fixed(range.map_err(|error| error.to_string())?);
    case.submit(&owner, fixed).await?;
    let claimed = case.claimed("w").await?;
    let held =
        done!(case, "before the source is complete", begin(claimed.fence(), Some(now - TimeDelta::days(2))));
    require(matches!(held, Frozen::Held(_)), || {
        "begin: a window that keeps its end does not wait".to_owned()
    })?;
    let early = case.claims("v", 9).await?;
    require(early.is_empty(), || "claim: what waits for its source is handed out at once".to_owned())?;
    case.pass(HOUR);
    let claimed = case.claimed("v").await?;
    let frozen = done!(case, "once the source is complete", begin(claimed.fence(), Some(case.now())));
    require(matches!(frozen, Frozen::Running(_)), || "begin: a complete source holds an execution".to_owned())
}
