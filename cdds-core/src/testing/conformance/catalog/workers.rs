//! Workers: their signs of life, what they run, and when they are forgotten (rule E19).

use std::num::NonZeroU32;

use chrono::{DateTime, TimeDelta, Utc};

use super::case::{Case, Found, both, done, require};
use super::scene::{HOUR, LEASE, owner, worker};
use crate::domain::id::{Owner, WorkerId};
use crate::domain::work::worker::{FactText, WorkerFacts, WorkerState};
use crate::ports::catalog::query::WorkerOverview;

const DAY: u64 = 24 * HOUR;

fn facts(process: u32) -> WorkerFacts {
    WorkerFacts::default()
        .with_program(FactText::new("program 1.2.3"))
        .with_host(FactText::new("host"))
        .with_process(process)
        .with_concurrency(NonZeroU32::MIN.saturating_add(process))
}

/// Gives a sign of life.
async fn attends(case: &Case, told: &str, worker: &WorkerId, process: u32) -> Found {
    let facts = facts(process);
    done!(case, told, attend(worker, &facts, LEASE));
    Ok(())
}

/// Lists workers as an owner sees them.
async fn listed(case: &Case, told: &str, owner: &Owner, limit: usize) -> Found<Vec<WorkerOverview>> {
    let now = case.now();
    // The twin sees no processes, so its states are compared by the scripts.
    let _both = both!(case, told, workers(owner, now, limit))?;
    case.ours().workers(owner, now, limit).await.map_err(|error| format!("workers, {told}: {error}"))
}

/// Requires that a worker is listed in a state.
async fn stands(case: &Case, told: &str, name: &WorkerId, should: WorkerState) -> Found {
    let list = listed(case, told, &owner("ada")?, 99).await?;
    let is = list.iter().find(|one| one.entry.worker == *name).map(|one| one.state);
    require(is == Some(should), || format!("workers, {told}: {name} should be {should}, and is {is:?}"))
}

/// Requires that exactly these workers are listed, in this order.
async fn lists(case: &Case, told: &str, should: &[&str]) -> Found {
    let list = listed(case, told, &owner("ada")?, 99).await?;
    let is: Vec<&str> = list.iter().map(|one| one.entry.worker.as_str()).collect();
    require(is == should, || format!("workers, {told}: should list {should:?}, and lists {is:?}"))
}

pub(super) async fn attended(case: &Case) -> Found {
    let (one, other) = (worker("one")?, worker("other")?);
    lists(case, "before any sign", &[]).await?;
    attends(case, "of the first", &one, 1).await?;
    case.pass(1);
    attends(case, "of another one", &other, 2).await?;
    lists(case, "by the last sign", &["other", "one"]).await?;
    case.pass(LEASE.as_secs() - 2);
    attends(case, "again, as another process", &one, 3).await?;
    lists(case, "by the last sign", &["one", "other"]).await?;
    case.pass(LEASE.as_secs() - 1);
    stands(case, "within the renewed lease", &one, WorkerState::Alive).await?;
    let list = listed(case, "after two signs", &owner("ada")?, 99).await?;
    let first = list.first().ok_or("workers: nobody is listed")?;
    require(first.entry.facts == facts(3), || format!("workers: should be as said last: {first:?}"))?;
    require(first.entry.started_at < first.entry.seen_at(), || format!("workers: begins anew: {first:?}"))?;
    let limited = listed(case, "of one", &owner("ada")?, 1).await?;
    require(limited.len() == 1, || format!("workers, of one: lists {}", limited.len()))
}

pub(super) async fn left(case: &Case) -> Found {
    let (one, other, never) = (worker("one")?, worker("other")?, worker("never")?);
    attends(case, "of the first", &one, 1).await?;
    attends(case, "of another one", &other, 2).await?;
    case.pass(5);
    done!(case, "of the first", leave(&one));
    stands(case, "after its end", &one, WorkerState::Left).await?;
    stands(case, "after the end of another", &other, WorkerState::Alive).await?;
    lists(case, "with who has left at last", &["other", "one"]).await?;
    case.pass(1);
    for told in ["a second time", "a third time"] {
        done!(case, told, leave(&one));
    }
    done!(case, "of one that never came", leave(&never));
    lists(case, "after who never came has left", &["other", "one"]).await?;
    case.pass(1);
    attends(case, "after its end", &one, 1).await?;
    stands(case, "after it came back", &one, WorkerState::Alive).await?;
    lists(case, "after it came back", &["one", "other"]).await
}

pub(super) async fn drained(case: &Case) -> Found {
    let (one, other) = (worker("one")?, worker("other")?);
    let asks = async |told: &str, name: &WorkerId, draining: bool| -> Found<Option<bool>> {
        let answer = done!(case, told, drain(name, draining, &[]));
        Ok(answer.map(|entry| entry.draining_since.is_some()))
    };
    let drains = async |told: &str, name: &WorkerId, should: bool| -> Found {
        let list = listed(case, told, &owner("ada")?, 99).await?;
        let is =
            list.iter().find(|one| one.entry.worker == *name).map(|one| one.entry.draining_since.is_some());
        require(is == Some(should), || format!("drain, {told}: {name} should say {should}, and says {is:?}"))
    };
    let answers = |told: &str, is: Option<bool>, should: Option<bool>| {
        require(is == should, || format!("drain, {told}: should answer {should:?}, and answers {is:?}"))
    };
    answers("of one that never came", asks("of one that never came", &one, true).await?, None)?;
    lists(case, "after one that never came was asked", &[]).await?;
    attends(case, "of the first", &one, 1).await?;
    attends(case, "of another one", &other, 2).await?;
    case.pass(3);
    answers("asked", asks("asked", &one, true).await?, Some(true))?;
    drains("after it was asked", &one, true).await?;
    drains("after another was asked", &other, false).await?;
    let since = async |told: &str| -> Found<Option<DateTime<Utc>>> {
        let list = listed(case, told, &owner("ada")?, 99).await?;
        Ok(list.iter().find(|found| found.entry.worker == one).and_then(|found| found.entry.draining_since))
    };
    let first = since("at first").await?;
    case.pass(4);
    answers("asked again", asks("asked again", &one, true).await?, Some(true))?;
    require(since("asked again").await? == first, || "drain, asked again: begins anew".to_owned())?;
    attends(case, "while it drains", &one, 1).await?;
    drains("after a sign of life", &one, true).await?;
    answers("no longer", asks("no longer", &one, false).await?, Some(false))?;
    attends(case, "after that", &one, 1).await?;
    drains("after it was told to go on", &one, false).await?;
    asks("before its end", &one, true).await?;
    done!(case, "of one that drains", leave(&one));
    drains("after its end", &one, false).await?;
    answers("after its end", asks("after its end", &one, true).await?, Some(false))?;
    attends(case, "of who came back", &one, 1).await?;
    drains("after it came back", &one, false).await
}

/// Requires that each sign of life answers with the worker as it is on record.
pub(super) async fn told(case: &Case) -> Found {
    let one = worker("one")?;
    for draining in [false, true, false] {
        let facts = facts(1);
        if draining {
            done!(case, "before a sign of life", drain(&one, true, &[]));
        } else {
            done!(case, "before a sign of life", drain(&one, false, &[]));
        }
        let answer = done!(case, "after that", attend(&one, &facts, LEASE));
        let list = listed(case, "after a sign of life", &owner("ada")?, 99).await?;
        let known = list.into_iter().find(|found| found.entry.worker == one).map(|found| found.entry);
        let should =
            draining && answer.draining_since.is_some() || !draining && answer.draining_since.is_none();
        require(should && known.as_ref() == Some(&answer), || {
            format!("attend: answers {answer:?}, and on record is {known:?}")
        })?;
        case.pass(2);
    }
    Ok(())
}

pub(super) async fn of_owners(case: &Case) -> Found {
    let (ada, bob) = (owner("ada")?, owner("bob")?);
    for (owner, title) in [(&ada, "a1"), (&bob, "b1"), (&ada, "a2"), (&bob, "b2"), (&bob, "b3")] {
        case.queued(owner, title).await?;
        case.pass(1);
    }
    for name in ["v", "w"] {
        attends(case, "before its first claim", &worker(name)?, 1).await?;
    }
    case.claims("v", 3).await?;
    let claimed = case.claims("w", 2).await?;
    let sees = async |told: &str, owner: &Owner, should: &[(&str, usize, u64, u64)]| -> Found {
        let list = listed(case, told, owner, 99).await?;
        let mut is: Vec<(&str, usize, u64, u64)> = Vec::new();
        for WorkerOverview { entry, running, .. } in &list {
            is.push((entry.worker.as_str(), running.named.len(), running.own, running.others));
            let foreign = running.named.iter().find(|one| {
                let first = one.title.as_str().chars().next();
                first != owner.as_str().chars().next()
            });
            require(foreign.is_none(), || format!("workers, {told}: {owner} sees {foreign:?}"))?;
        }
        require(is == should, || format!("workers, {told}: should be {should:?}, and is {is:?}"))
    };
    sees("of the first owner", &ada, &[("v", 2, 2, 1), ("w", 0, 0, 2)]).await?;
    sees("of the second owner", &bob, &[("v", 1, 1, 2), ("w", 2, 2, 0)]).await?;
    sees("of who has no job", &owner("cyd")?, &[("v", 0, 0, 3), ("w", 0, 0, 2)]).await?;
    for one in &claimed {
        case.publishes(one, 1).await?;
    }
    sees("after two have ended", &bob, &[("v", 1, 1, 2), ("w", 0, 0, 0)]).await
}

pub(super) async fn forgotten(case: &Case) -> Found {
    let (left, silent) = (worker("left")?, worker("silent")?);
    let forgets = async |told: &str, should: usize, stay: &[&str]| -> Found {
        let is = done!(case, told, forget_workers());
        require(is == should, || format!("forget_workers, {told}: should forget {should}, and forgot {is}"))?;
        lists(case, told, stay).await
    };
    attends(case, "of one that leaves", &left, 1).await?;
    attends(case, "of one that falls silent", &silent, 2).await?;
    done!(case, "in good order", leave(&left));
    let end: DateTime<Utc> = case.now();
    case.pass(DAY - 1);
    forgets("within a day", 0, &["silent", "left"]).await?;
    case.pass(1);
    forgets("a day after an end", 1, &["silent"]).await?;
    case.pass(6 * DAY - 1);
    attends(case, "of a new one", &worker("new")?, 3).await?;
    forgets("within a week", 0, &["new", "silent"]).await?;
    case.pass(1);
    forgets("after a week of silence", 1, &["new"]).await?;
    forgets("a second time", 0, &["new"]).await?;
    case.clock.set(end - TimeDelta::seconds(1));
    forgets("by a clock that was set back by a week", 1, &[]).await
}
