//! Notices: one for each end, told by one worker at a time, until it is told or given up (rules N2, N4, N5).

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use chrono::TimeDelta;

use super::case::{Case, Found, done, refused, require};
use super::scene::{HOUR, LEASE, failed, once, owner, settings, worker};
use crate::domain::access::Action;
use crate::domain::calendar::frequency::Frequency;
use crate::domain::id::{ExecutionId, NoticeId, Owner, Subscriber};
use crate::domain::job::policy::Policies;
use crate::domain::notice::subscription::{Subscription, Subscriptions};
use crate::domain::notice::{Channel, Notice, NoticeKind};
use crate::domain::work::Fence;
use crate::domain::work::row::{WorkFailure, WorkOutcome, WorkStatus};
use crate::ports::catalog::query::NoticeQuery;
use crate::ports::catalog::{Audience, NoticeClaim, Settlement};

/// Lets a worker take notices.
async fn takes(case: &Case, told: &str, claim: &NoticeClaim) -> Found<Vec<Notice>> {
    Ok(done!(case, told, claim_notices(claim)))
}

fn claim_of(name: &str, limit: usize) -> Found<NoticeClaim> {
    Ok(NoticeClaim::new(Channel::Host, worker(name)?, LEASE, limit))
}

/// Requires that notices are about these executions, in this order.
fn about(told: &str, notices: &[Notice], should: &[ExecutionId]) -> Found {
    let is: Vec<ExecutionId> = notices.iter().filter_map(Notice::execution_id).collect();
    require(is == should, || format!("claim_notices, {told}: should be about {should:?}, and was {is:?}"))
}

async fn listed(case: &Case, owner: &Owner) -> Found<Vec<Notice>> {
    let page =
        case.other().notices(owner, &NoticeQuery::default()).await.map_err(|error| error.to_string())?;
    Ok(page.items)
}

pub(super) async fn of_ends(case: &Case) -> Found {
    let ada = owner("ada")?;
    for (title, settlement, told) in
        [("failed", failed(false), 1), ("cancelled", Settlement::Cancelled, 0), ("retried", failed(true), 0)]
    {
        let before = listed(case, &ada).await?.len();
        case.queued(&ada, title).await?;
        let claimed = case.claimed("w").await?;
        case.settles(claimed.fence(), &settlement).await?;
        let after = listed(case, &ada).await?.len();
        require(after == before + told, || {
            format!("notices: an execution that {title} has {}", after - before)
        })?;
    }
    case.pass(HOUR);
    let claimed = case.claimed("w").await?;
    case.publishes(&claimed, 2).await?;
    let own =
        |notices: &[Notice]| notices.iter().filter(|one| one.execution_id() == Some(claimed.id)).count();
    let count = own(&listed(case, &ada).await?);
    require(count == 1, || format!("notices: a published set has {count}"))?;
    let late = super::scene::publication(&claimed, 2, case.now());
    super::case::idle!(case, "a second time", publish(claimed.fence(), &late));
    let foreign = claim_of("teller", 9)?.with_channel(Channel::Webhook);
    about("of another channel", &takes(case, "of another channel", &foreign).await?, &[])?;
    paused(case, &ada).await
}

/// A job that a failure pauses is told of, too (rule E5).
async fn paused(case: &Case, owner: &Owner) -> Found {
    let policies = Policies::default().with_pause_after_failures(NonZeroU32::new(1));
    let daily = "02:00".parse().map(Frequency::Daily).map_err(|_| "the script itself is wrong")?;
    case.submit(owner, settings("paused", daily)?.with_policies(policies)).await?;
    case.pass(25 * HOUR);
    case.materialises().await?;
    let claimed = case.claimed("w").await?;
    case.settles(claimed.fence(), &failed(false)).await?;
    let notices = listed(case, owner).await?;
    let own = notices.iter().filter(|one| one.execution_id() == Some(claimed.id));
    let kinds: BTreeSet<NoticeKind> = own.map(|one| one.kind).collect();
    require(kinds == BTreeSet::from([NoticeKind::Failed, NoticeKind::Paused]), || {
        format!("notices: a failure that pauses its job is told as {kinds:?}")
    })
}

pub(super) async fn turns(case: &Case) -> Found {
    let (ada, bob) = (owner("ada")?, owner("bob")?);
    let mut of = Vec::new();
    for owner in [&ada, &ada, &ada, &bob, &bob] {
        of.push(case.published(owner, "published", 1).await?.id);
        case.pass(1);
    }
    let [a1, a2, a3, b1, b2] = of.as_slice() else { return Err("the script itself is wrong".to_owned()) };
    for (name, should) in [("t", a1), ("u", b1), ("t", a2)] {
        about("of one", &takes(case, "of one", &claim_of(name, 1)?).await?, &[*should])?;
    }
    // Three are held, all of one subscriber.
    let limited = claim_of("u", 9)?.with_per_subscriber(NonZeroU32::new(3));
    about("of a subscriber without room", &takes(case, "of a full subscriber", &limited).await?, &[])?;
    let wider = claim_of("u", 9)?.with_per_subscriber(NonZeroU32::new(4));
    about("of a subscriber with room for one", &takes(case, "of a subscriber", &wider).await?, &[*b2])?;
    about("of the rest", &takes(case, "of the rest", &claim_of("t", 9)?).await?, &[*a3])
}

/// Publishes a set whose two endpoints are told.
async fn published_to_endpoints(case: &Case, title: &str) -> Found {
    let endpoints = ["webhook:a", "webhook:b"].map(str::parse::<Subscription>);
    let endpoints: Vec<_> = endpoints.into_iter().collect::<Result<_, _>>().map_err(|why| why.to_string())?;
    let endpoints = Subscriptions::new(endpoints).map_err(|why| why.to_string())?;
    case.submit(&owner("ada")?, settings(title, once())?.with_subscriptions(endpoints)).await?;
    let claimed = case.claimed("w").await?;
    case.publishes(&claimed, 1).await?;
    case.pass(1);
    Ok(())
}

/// Requires that notices are to these subscribers, in this order.
fn to(told: &str, notices: &[Notice], should: &[&str]) -> Found {
    let is: Vec<&str> = notices.iter().map(|notice| notice.subscriber.as_str()).collect();
    require(is == should, || format!("claim_notices, {told}: should be to {should:?}, and was to {is:?}"))
}

pub(super) async fn audience(case: &Case) -> Found {
    let of = |audience: fn(BTreeSet<Subscriber>) -> Audience| -> Found<NoticeClaim> {
        let a = Subscriber::new("a").map_err(|why| why.to_string())?;
        Ok(claim_of("t", 9)?.with_channel(Channel::Webhook).with_audience(audience(BTreeSet::from([a]))))
    };
    published_to_endpoints(case, "first").await?;
    to("to nobody", &takes(case, "to nobody", &of(|_| Audience::Only(BTreeSet::new()))?).await?, &[])?;
    to("to all but one", &takes(case, "to all but one", &of(Audience::Except)?).await?, &["b"])?;
    to("to one", &takes(case, "to one", &of(Audience::Only)?).await?, &["a"])?;
    // What is held of one subscriber leaves the other alone.
    for title in ["second", "third"] {
        published_to_endpoints(case, title).await?;
    }
    let all = of(|_| Audience::All)?.with_per_subscriber(NonZeroU32::new(2));
    let mut taken = takes(case, "with room for one each", &all).await?;
    taken.sort_by(|one, other| one.subscriber.cmp(&other.subscriber));
    to("with room for one each", &taken, &["a", "b"])?;
    let Some(of_b) = taken.pop() else { return Err("the script itself is wrong".to_owned()) };
    done!(case, "that is told", settle_notice(of_b.work.fence(), &WorkOutcome::Done));
    to("beside a full subscriber", &takes(case, "beside a full subscriber", &all).await?, &["b"])
}

pub(super) async fn settled(case: &Case) -> Found {
    let ada = owner("ada")?;
    case.published(&ada, "told", 1).await?;
    let claim = claim_of("t", 9)?;
    let first = one(&takes(case, "of one", &claim).await?)?;
    let failure = || WorkFailure::temporary("nobody answers");
    let fails = WorkOutcome::Failed { failure: failure(), retry: claim.retry };
    let fence = first.work.fence();
    for wrong in [
        Fence { epoch: fence.epoch + 1, ..fence },
        Fence { epoch: 0, ..fence },
        Fence { id: NoticeId(case.id()), ..fence },
    ] {
        for outcome in [&WorkOutcome::Done, &fails] {
            refused!(case, Fenced, "under no claim", settle_notice(wrong, outcome));
        }
    }
    let waits = done!(case, "that failed", settle_notice(fence, &fails));
    require(waits.work.status() == WorkStatus::Waiting, || "settle_notice: gives up at once".to_owned())?;
    refused!(case, Fenced, "that waits again", settle_notice(fence, &WorkOutcome::Done));
    about("that waits", &takes(case, "too early", &claim).await?, &[])?;
    // Its worker hangs, and another one takes it over after the lease.
    case.pass(HOUR);
    let second = one(&takes(case, "after the wait", &claim).await?)?;
    case.pass(LEASE.as_secs() - 1);
    about("within the lease", &takes(case, "within the lease", &claim_of("u", 9)?).await?, &[])?;
    case.pass(1);
    takes(case, "at the end of the lease", &claim_of("u", 9)?).await?;
    case.pass(2 * HOUR);
    let third = one(&takes(case, "after the lease", &claim_of("u", 9)?).await?)?;
    require(third.work.epoch > second.work.epoch, || "claim_notices: an epoch is given twice".to_owned())?;
    refused!(case, Fenced, "that was taken over", settle_notice(second.work.fence(), &WorkOutcome::Done));
    for told in ["for the first time", "a second time"] {
        let told_of = done!(case, told, settle_notice(third.work.fence(), &WorkOutcome::Done));
        require(told_of.work.status() == WorkStatus::Done, || "settle_notice: is not done".to_owned())?;
    }
    refused!(case, Fenced, "that is done", settle_notice(third.work.fence(), &fails));
    about("with nothing left", &takes(case, "with nothing left", &claim).await?, &[])
}

fn one(notices: &[Notice]) -> Found<Notice> {
    match notices {
        [one] => Ok(one.clone()),
        others => Err(format!("claim_notices: gave {} notices instead of one", others.len())),
    }
}

pub(super) async fn again(case: &Case) -> Found {
    let ada = owner("ada")?;
    let audit = || [case.entry(&ada, Action::SendAgain)];
    let published = case.published(&ada, "told", 1).await?;
    let claim = claim_of("t", 9)?;
    let waiting = one(&listed(case, &ada).await?)?.work.id;
    refused!(case, Conflict, "that waits", ask_notice_again(&ada, waiting, &audit()));
    refused!(case, Conflict, "that is unknown", ask_notice_again(&ada, NoticeId(case.id()), &audit()));
    let held = one(&takes(case, "of one", &claim).await?)?;
    refused!(case, Conflict, "that is held", ask_notice_again(&ada, waiting, &audit()));
    let refusal = WorkOutcome::Failed { failure: WorkFailure::permanent("no"), retry: claim.retry };
    done!(case, "that is refused", settle_notice(held.work.fence(), &refusal));
    about("that was given up", &takes(case, "of none", &claim).await?, &[])?;
    let entries = audit();
    let again = done!(case, "that was given up", ask_notice_again(&ada, waiting, &entries));
    require(again.work.attempts.count == 0, || "ask_notice_again: old attempts count".to_owned())?;
    let held = one(&takes(case, "that was asked for again", &claim).await?)?;
    require(held.work.epoch == again.work.epoch + 1, || "claim_notices: an epoch is given twice".to_owned())?;
    // Tried for as long as it may be.
    case.pass(72 * HOUR);
    let fails = WorkOutcome::Failed { failure: WorkFailure::temporary("away"), retry: claim.retry };
    let over = done!(case, "after three days", settle_notice(held.work.fence(), &fails));
    require(over.work.status() == WorkStatus::GivenUp, || "settle_notice: goes on for ever".to_owned())?;
    let entries = audit();
    done!(case, "that was given up", ask_notice_again(&ada, waiting, &entries));
    let held = one(&takes(case, "that was asked for again", &claim).await?)?;
    done!(case, "that is told", settle_notice(held.work.fence(), &WorkOutcome::Done));
    let entries = audit();
    let again = done!(case, "that was told", ask_notice_again(&ada, waiting, &entries));
    require(again.work.status() == WorkStatus::Waiting, || "ask_notice_again: does not wait".to_owned())?;
    let held = one(&takes(case, "that was told and asked for again", &claim).await?)?;
    require(held.work.id == waiting, || "ask_notice_again: the id has changed".to_owned())?;
    // Nothing is left to tell.
    let other = case.published(&ada, "overtaken", 1).await?;
    let taken = one(&takes(case, "of one", &claim).await?)?;
    let gone =
        done!(case, "that is not true any more", settle_notice(taken.work.fence(), &WorkOutcome::Gone));
    require(gone.execution_id() == Some(other.id) && gone.work.status() == WorkStatus::GivenUp, || {
        "settle_notice: goes on with what is not true any more".to_owned()
    })?;
    let notice = gone.work.id;
    refused!(case, Conflict, "that is not true any more", ask_notice_again(&ada, notice, &audit()));
    // What it is about goes while a worker tells of it.
    let entries = [case.entry(&ada, Action::DeleteExecution)];
    done!(case, "that is told of", delete_execution(&ada, published.id, case.now(), &entries));
    refused!(case, Fenced, "of a deleted execution", settle_notice(held.work.fence(), &WorkOutcome::Done));
    refused!(case, Conflict, "of a deleted execution", ask_notice_again(&ada, waiting, &audit()));
    case.clock.advance(TimeDelta::days(1).to_std().unwrap_or_default());
    about("of a deleted execution", &takes(case, "of a deleted execution", &claim).await?, &[])?;
    told_of_deleted(case, &ada, &claim).await
}

/// A notice that was told stays so when its execution goes, and is not told again.
async fn told_of_deleted(case: &Case, owner: &Owner, claim: &NoticeClaim) -> Found {
    let published = case.published(owner, "told and deleted", 1).await?;
    let told = one(&takes(case, "of another", claim).await?)?.work;
    done!(case, "that is told", settle_notice(told.fence(), &WorkOutcome::Done));
    let entries = [case.entry(owner, Action::DeleteExecution)];
    done!(case, "that was told of", delete_execution(owner, published.id, case.now(), &entries));
    let entries = [case.entry(owner, Action::SendAgain)];
    refused!(case, Conflict, "told of a deleted execution", ask_notice_again(owner, told.id, &entries));
    Ok(())
}
