//! What follows from deliveries, and what ends them: notices, removed sets, and people who ask again (rules N2, N4, N5).

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::case::{Case, Found, done, refused, require};
use super::deliveries::{NONE, claim_of, delivering, destination, fails, refuses};
use super::house::forgets;
use super::scene::{HOUR, LEASE, once, owner, settings};
use crate::domain::access::Action;
use crate::domain::archive::artifact::artifact_id;
use crate::domain::delivery::path::PathTemplate;
use crate::domain::delivery::{Delivery, DeliveryProgress, JobDestination, Receipt};
use crate::domain::execution::Execution;
use crate::domain::id::{ExecutionId, Owner};
use crate::domain::keeping::Cutoffs;
use crate::domain::notice::NoticeKind;
use crate::domain::notice::subscription::{Subscription, Subscriptions};
use crate::domain::work::row::{GivenUp, WorkAttempts, WorkOutcome, WorkState, WorkStatus};
use crate::ports::catalog::Removal;
use crate::ports::catalog::query::{DeliveryQuery, NoticeQuery};

/// Requires that the notices about an execution, of any channel, are of these kinds.
async fn tells(case: &Case, told: &str, of: &Execution, should: &[NoticeKind]) -> Found {
    let is: BTreeSet<NoticeKind> = case.told_of(of).await?.into_iter().collect();
    let should = should.iter().copied().collect();
    require(is == should, || format!("{told}: should be told of {should:?}, and is of {is:?}"))
}

/// Takes the delivery of a set to a destination.
async fn taken(case: &Case, to: &str) -> Found<Delivery> {
    case.takes_one(to, &claim_of("t", 9, &[to])?).await
}

pub(super) async fn told(case: &Case) -> Found {
    let ada = owner("ada")?;
    let subscription: Subscription = "mailto:ada@example.com?on=delivered,delivery_failed"
        .parse()
        .map_err(|violation| format!("the script itself is wrong: {violation}"))?;
    let subscriptions = Subscriptions::new([subscription]).map_err(|violation| violation.to_string())?;
    let subscribed = delivering(settings("told", once())?, &["a", "b"])?.with_subscriptions(subscriptions);
    case.submit(&ada, subscribed).await?;
    let of = case.claimed("w").await?;
    case.publishes(&of, 2).await?;
    let (a, b) = (taken(case, "a").await?, taken(case, "b").await?);
    case.ends("of the first of two", &a, &WorkOutcome::Done).await?;
    tells(case, "the first of two deliveries is done", &of, &[NoticeKind::Published]).await?;
    case.pass(5);
    case.ends("of the last of two", &b, &WorkOutcome::Done).await?;
    tells(case, "both are done", &of, &[NoticeKind::Published, NoticeKind::Delivered]).await?;
    let query = NoticeQuery::default().with_execution(of.id);
    let notices = case.other().notices(&ada, &query).await.map_err(|error| error.to_string())?.items;
    let arrived: Vec<_> = notices.iter().filter(|one| one.kind == NoticeKind::Delivered).collect();
    require(arrived.len() == 2 && arrived.iter().all(|one| one.at == case.now()), || {
        format!("both are done: the service and one subscriber are told, not {arrived:?}")
    })?;

    let of = case.published_to(&ada, "given up", &["a", "b"]).await?;
    let (a, b) = (taken(case, "a").await?, taken(case, "b").await?);
    let claim = claim_of("t", 9, &["b"])?;
    case.ends("of one that is refused", &b, &refuses(&claim)).await?;
    let failed = [NoticeKind::Published, NoticeKind::DeliveryFailed];
    tells(case, "one was given up", &of, &failed).await?;
    case.ends("of the other one", &a, &WorkOutcome::Done).await?;
    tells(case, "the other one is done", &of, &failed).await?;
    let (to, audit) = (JobDestination::new(destination("b")?), [case.entry(&ada, Action::SendAgain)]);
    done!(case, "of one that was given up", redeliver(&ada, of.id, &to, &audit));
    let b = taken(case, "b").await?;
    case.ends("of one that waits again", &b, &fails(&claim)).await?;
    tells(case, "it failed for now", &of, &failed).await?;
    case.pass(HOUR);
    let b = taken(case, "b").await?;
    case.ends("of the last one", &b, &WorkOutcome::Done).await?;
    let all = [NoticeKind::Published, NoticeKind::DeliveryFailed, NoticeKind::Delivered];
    tells(case, "all are done in the end", &of, &all).await
}

/// Removes a set, in one of several ways.
async fn goes(case: &Case, way: &str, of: &Execution) -> Found {
    let owner = &of.owner;
    match way {
        "a file of it is deleted" => {
            let audit = [case.entry(owner, Action::DeleteArtifacts)];
            let file = [artifact_id(of.id, 1)];
            done!(case, way, delete_artifacts(owner, &file, case.now(), &audit));
        }
        "its execution is deleted" => {
            let audit = [case.entry(owner, Action::DeleteExecution)];
            done!(case, way, delete_execution(owner, of.id, case.now(), &audit));
        }
        _ => {
            done!(case, way, expire(case.now(), 9));
        }
    }
    Ok(())
}

fn by_destination<'a>(all: &'a [Delivery], name: &str) -> Found<&'a Delivery> {
    let found = all.iter().find(|one| one.to.destination.as_str() == name);
    found.ok_or_else(|| format!("deliveries: the one to {name} is gone"))
}

pub(super) async fn removed(case: &Case) -> Found {
    let ada = owner("ada")?;
    for way in ["a file of it is deleted", "its execution is deleted", "it expires"] {
        let of = case.published_to(&ada, way, &["a", "b", "c", "d"]).await?;
        let (a, d) = (taken(case, "a").await?, taken(case, "d").await?);
        case.ends("that arrived", &a, &WorkOutcome::Done).await?;
        case.ends("that was refused", &d, &refuses(&claim_of("t", 9, &["d"])?)).await?;
        if way == "it expires" {
            case.pass(30 * 24 * HOUR);
        }
        let b = taken(case, "b").await?;
        let before = case.told_of(&of).await?.len();
        goes(case, way, &of).await?;
        let after = case.deliveries_of(&of).await?;
        let done = by_destination(&after, "a")?.work.status();
        require(done == WorkStatus::Done, || format!("{way}: a delivery that is done becomes {done:?}"))?;
        for name in ["b", "c", "d"] {
            let state = &by_destination(&after, name)?.work.state;
            let gone = WorkState::GivenUp { reason: GivenUp::Gone, at: case.now() };
            require(*state == gone, || format!("{way}: the delivery to {name} becomes {state:?}"))?;
        }
        let told = case.told_of(&of).await?.len();
        require(told == before, || format!("{way}: {} notices more", told.saturating_sub(before)))?;
        refused!(case, Fenced, way, beat_delivery(b.work.fence(), LEASE, NONE));
        refused!(case, Fenced, way, settle_delivery(b.work.fence(), &WorkOutcome::Done, NONE));
        for name in ["a", "b", "c", "e"] {
            let (to, audit) =
                (JobDestination::new(destination(name)?), [case.entry(&ada, Action::SendAgain)]);
            refused!(case, Conflict, way, redeliver(&ada, of.id, &to, &audit));
        }
        let claim = claim_of("t", 9, &["a", "b", "c", "d"])?;
        let left = case.takes(way, &claim).await?;
        require(left.is_empty(), || format!("claim_deliveries, {way}: gave {}", left.len()))?;
    }
    Ok(())
}

pub(super) async fn forgotten(case: &Case) -> Found {
    let ada = owner("ada")?;
    let mut ran = Vec::new();
    for title in ["kept", "forgotten"] {
        let of = case.published_to(&ada, title, &["a", "b"]).await?;
        let a = taken(case, "a").await?;
        case.ends("that arrived", &a, &WorkOutcome::Done).await?;
        ran.push(of);
    }
    let [kept, goes] = ran.as_slice() else { return Err("the script itself is wrong".to_owned()) };
    let audit = [case.entry(&ada, Action::DeleteExecution)];
    done!(case, "that has ended", delete_execution(&ada, goes.id, case.now(), &audit));
    done!(case, "of its set", confirm_removed(&Removal::Set { execution: goes.id }, case.now()));
    for told in ["while it is young", "once it is old"] {
        let long_ago = case.now() - TimeDelta::days(1_000);
        let old = if told == "once it is old" { case.now() } else { long_ago };
        forgets(case, Cutoffs { ended: old, gone: old }, 1_000).await?;
        let left = case.deliveries_of(goes).await?;
        require(left.is_empty() == (told == "once it is old"), || {
            format!("forget, {told}: {} deliveries are left", left.len())
        })?;
        case.pass(400 * 24 * HOUR);
    }
    let left = case.deliveries_of(kept).await?;
    require(left.len() == 2, || format!("forget: of two deliveries of a live set {} are left", left.len()))
}

/// Requires that a delivery has started over.
fn afresh(told: &str, before: Option<&Delivery>, after: &Delivery, to: &JobDestination) -> Found {
    let epoch = before.map_or(0, |before| before.work.epoch);
    let waits = after.work.status() == WorkStatus::Waiting && after.work.attempts == WorkAttempts::default();
    let is = waits && after.progress == NONE && after.work.epoch == epoch && after.to == *to;
    require(is, || format!("redeliver, {told}: gave {after:?}"))
}

pub(super) async fn again(case: &Case) -> Found {
    let (ada, bob) = (owner("ada")?, owner("bob")?);
    let audit = |owner: &Owner| [case.entry(owner, Action::SendAgain)];
    let to = JobDestination::new(destination("a")?);
    case.submit(&ada, delivering(settings("published", once())?, &["a"])?).await?;
    let of = case.claimed("w").await?;
    let unknown = ExecutionId(case.id());
    refused!(case, Conflict, "of an execution without a set", redeliver(&ada, of.id, &to, &audit(&ada)));
    refused!(case, Conflict, "of an unknown execution", redeliver(&ada, unknown, &to, &audit(&ada)));
    case.publishes(&of, 2).await?;
    refused!(case, Conflict, "of another owner's set", redeliver(&bob, of.id, &to, &audit(&bob)));

    let folder = PathTemplate::new("again/{job}").map_err(|violation| violation.to_string())?;
    let changed = to.clone().with_path(folder).with_receipt(Receipt::Digest);
    let entries = audit(&ada);
    let waiting = done!(case, "that waits", redeliver(&ada, of.id, &changed, &entries));
    afresh("that waits", None, &waiting, &changed)?;
    let claim = claim_of("t", 9, &["a", "b"])?;
    let mut held = case.takes_one("that waits", &claim).await?;
    require(held.to == changed, || format!("claim_deliveries: gave {held:?}"))?;
    let arrived = DeliveryProgress { files: 3, bytes: 2_324 };
    for (told, outcome) in [
        ("that was given up", refuses(&claim)),
        ("that failed", fails(&claim)),
        ("that is done", WorkOutcome::Done),
    ] {
        refused!(case, Conflict, "that is being tried", redeliver(&ada, of.id, &to, &audit(&ada)));
        let ended = Delivery { progress: arrived, ..held.clone() };
        let ended = case.ends("under the present claim", &ended, &outcome).await?;
        case.pass(1);
        let entries = audit(&ada);
        let again = done!(case, told, redeliver(&ada, of.id, &to, &entries));
        afresh(told, Some(&ended), &again, &to)?;
        held = case.takes_one(told, &claim).await?;
        require(held.work.epoch == again.work.epoch + 1, || format!("{told}: an epoch is given twice"))?;
    }
    case.ends("that is done", &held, &WorkOutcome::Done).await?;
    let elsewhere = JobDestination::new(destination("b")?);
    let entries = audit(&ada);
    let new = done!(case, "to a new destination", redeliver(&ada, of.id, &elsewhere, &entries));
    afresh("to a new destination", None, &new, &elsewhere)?;
    let held = case.takes_one("to a new destination", &claim).await?;
    case.ends("to a new destination", &held, &WorkOutcome::Done).await?;
    let query = DeliveryQuery::default().with_execution(of.id);
    let page = case.other().deliveries(&ada, &query).await.map_err(|error| error.to_string())?;
    require(page.items.len() == 2, || format!("deliveries: {} instead of two", page.items.len()))
}
