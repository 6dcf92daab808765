//! Housekeeping: what the record forgets, and who sees to it (rules E14, E15).

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use super::case::{Case, Found, done, require};
use super::scene::{HOUR, LEASE, failed, once, owner, settings, worker};
use crate::domain::access::Action;
use crate::domain::access::audit::Object;
use crate::domain::job::lifecycle::delete;
use crate::domain::keeping::Cutoffs;
use crate::domain::keeping::sweep::Place;
use crate::ports::catalog::{Forget, Removal};

pub(super) async fn lease(case: &Case) -> Found {
    let (one, other) = (worker("one")?, worker("other")?);
    let keeps = async |told: &str, worker, should: bool| -> Found {
        let is = done!(case, told, keep_house(worker, LEASE));
        require(is == should, || format!("keep_house, {told}: was answered {is}"))
    };
    keeps("of the first", &one, true).await?;
    keeps("of another worker", &other, false).await?;
    case.pass(LEASE.as_secs() - 1);
    keeps("within the lease", &other, false).await?;
    keeps("that renews its lease", &one, true).await?;
    case.pass(LEASE.as_secs() - 1);
    keeps("within the renewed lease", &other, false).await?;
    case.pass(1);
    keeps("after the lease", &other, true).await?;
    keeps("of the one before", &one, false).await?;
    done!(case, "of who does not keep house", leave_house(&one));
    keeps("after another one has left", &one, false).await?;
    for told in ["of who keeps house", "a second time"] {
        done!(case, told, leave_house(&other));
    }
    keeps("after the other one has left", &one, true).await?;
    // Of two that ask at the same time.
    done!(case, "of who keeps house", leave_house(&one));
    let third = worker("third")?;
    let (first, second) =
        futures::join!(case.ours().keep_house(&one, LEASE), case.other().keep_house(&third, LEASE));
    require(!matches!((first, second), (Ok(true), Ok(true))), || {
        "keep_house, of two at the same time: both keep house".to_owned()
    })
}

/// Forgets a page, and compares what was forgotten.
pub(super) async fn forgets(case: &Case, cutoffs: Cutoffs, limit: usize) -> Found<usize> {
    let (mut rows, mut behind) = (0, None::<Place>);
    for _ in 0..200 {
        let page = Forget { behind, ..Forget::new(cutoffs) }.with_limit(limit);
        let swept = done!(case, format!("in pages of {limit}"), forget(&page));
        rows += swept.rows;
        match swept.next {
            Some(next) if behind.is_some_and(|behind| next <= behind) => {
                return Err("forget: a page ends before it begins".to_owned());
            }
            Some(next) => behind = Some(next),
            None => return Ok(rows),
        }
    }
    Err("forget: the pages do not end".to_owned())
}

pub(super) async fn forgotten(case: &Case) -> Found {
    let ada = owner("ada")?;
    // One is on hold, one is live, one has expired, one was deleted, one has failed; and all of deleted jobs.
    let mut ran = Vec::new();
    for title in ["held", "live", "expired", "deleted"] {
        let job = case.submit(&ada, settings(title, once())?).await?;
        let claimed = case.claimed("w").await?;
        case.publishes(&claimed, 2).await?;
        ran.push((job, claimed));
        case.pass(1);
    }
    let job = case.queued(&ada, "failed").await?;
    let claimed = case.claimed("w").await?;
    case.settles(claimed.fence(), &failed(false)).await?;
    ran.push((job, claimed));
    let [(_, held), (_, live), (_, expired), (_, deleted), (_, over)] = ran.as_slice() else {
        return Err("the script itself is wrong".to_owned());
    };
    let audit = [case.entry(&ada, Action::HoldSet).with_object(Object::ArtifactSet(held.id))];
    done!(case, "of a live set", hold(&ada, held.id, true, &audit));
    let audit = [case.entry(&ada, Action::HoldSet).with_object(Object::ArtifactSet(live.id))];
    done!(case, "of a live set", hold(&ada, live.id, true, &audit));
    let told = [super::scene::given_up(case, held).await?];
    require(!told.is_empty(), || "no notice was given up".to_owned())?;
    let audit = [case.entry(&ada, Action::DeleteExecution)];
    done!(case, "that has ended", delete_execution(&ada, deleted.id, case.now(), &audit));
    for (job, _) in ran.iter().skip(1) {
        let job = case.job_of(job).await?;
        let change = delete(&job, Vec::new(), case.now()).map_err(|error| error.to_string())?;
        case.changes(&change, job.revision).await?;
    }
    case.pass(31 * 24 * HOUR);
    done!(case, "of which two are on hold", expire(case.now(), 9));
    let audit = [case.entry(&ada, Action::ReleaseSet)];
    done!(case, "of a held set", hold(&ada, live.id, false, &audit));
    let confirmed_at = case.now();
    for one in [expired, deleted] {
        let removal = Removal::Set { execution: one.id };
        done!(case, "of a set", confirm_removed(&removal, confirmed_at));
    }
    case.pass(400 * 24 * HOUR);
    let now = case.now();
    let cut = |ended: DateTime<Utc>, gone: DateTime<Utc>| Cutoffs { ended, gone };
    let long_ago = now - TimeDelta::days(1_000);
    let none = forgets(case, cut(long_ago, long_ago), 3).await?;
    require(none == 0, || format!("forget: {none} rows went that are young"))?;
    let just_before = confirmed_at - TimeDelta::microseconds(1);
    forgets(case, cut(long_ago, just_before), 2).await?;
    forgets(case, cut(now, just_before), 1).await?;
    forgets(case, cut(now, now), 2).await?;
    forgets(case, cut(now, now), 1_000).await?;
    let catalog = case.reopened();
    for (one, should) in [(held, true), (live, true), (expired, false), (deleted, false), (over, false)] {
        let is = catalog.execution(&ada, one.id, now).await.map_err(|error| error.to_string())?.is_some();
        let title = one.settings.title.as_str();
        require(is == should, || format!("forget: the execution that is {title} is there: {is}"))?;
    }
    Ok(())
}

pub(super) async fn present(case: &Case) -> Found {
    let mut last = DateTime::<Utc>::MIN_UTC;
    for step in [0, 1, 999, 1_000, 1_500, 7_000_000_500] {
        case.clock.advance(std::time::Duration::from_nanos(step));
        let should = case.now().trunc_subsecs(6);
        for catalog in [case.ours(), case.other()] {
            let now = catalog.now().await.map_err(|error| error.to_string())?;
            require(now == should, || format!("now: is {now}, by a clock that shows {should}"))?;
            require(now >= last, || "now: goes back".to_owned())?;
            last = now;
        }
    }
    // The clock may be set back, and the catalog goes by it.
    case.clock.set(case.now() - TimeDelta::hours(1));
    let now = case.ours().now().await.map_err(|error| error.to_string())?;
    require(now == case.now().trunc_subsecs(6), || {
        "now: does not go by the clock that was set back".to_owned()
    })
}
