//! Claims: who gets which execution, and when (rules E2, E5).

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::case::{Case, Found, done, require};
use super::scene::{HOUR, LEASE, failed, once, owner, settings, worker};
use crate::domain::access::Action;
use crate::domain::calendar::frequency::{Frequency, Start};
use crate::domain::execution::failure::FailureKind;
use crate::domain::execution::progress::Progress;
use crate::domain::execution::queue::SourceLimits;
use crate::domain::execution::retry::RetryPolicy;
use crate::domain::execution::{Execution, ExecutionState};
use crate::domain::id::{ExecutionId, Owner, SourceId};
use crate::domain::job::policy::Overlap;
use crate::ports::catalog::{Beat, Catalog, Claim, Claimed, Directive, Settlement};

/// Queues a job of each of these titles, a second apart.
async fn backlog(case: &Case, jobs: &[(&Owner, &str)]) -> Found {
    for (owner, title) in jobs {
        case.queued(owner, title).await?;
        case.pass(1);
    }
    Ok(())
}

/// Requires that a claim gives the executions of these jobs, in this order.
fn gives(told: &str, claimed: &[Execution], should: &[&str]) -> Found {
    let is: Vec<&str> = claimed.iter().map(|one| one.settings.title.as_str()).collect();
    require(is == should, || format!("claim, {told}: should give {should:?}, and gave {is:?}"))
}

/// Makes a claim with settings of its own.
async fn claims(case: &Case, told: &str, claim: &Claim) -> Found<Claimed> {
    Ok(done!(case, told, claim(claim)))
}

/// Lets time pass up to an instant.
fn pass_until(case: &Case, at: DateTime<Utc>) {
    case.clock.advance((at - case.now()).to_std().unwrap_or_default());
}

pub(super) async fn turns(case: &Case) -> Found {
    let (ada, bob, cyd) = (owner("ada")?, owner("bob")?, owner("cyd")?);
    backlog(case, &[(&ada, "a1"), (&ada, "a2"), (&ada, "a3"), (&bob, "b1"), (&cyd, "c1"), (&bob, "b2")])
        .await?;
    gives("of none", &case.claims("w", 0).await?, &[])?;
    for (name, should) in [("w", "a1"), ("v", "b1"), ("w", "c1"), ("u", "a2"), ("v", "b2"), ("w", "a3")] {
        gives("of one at a time", &case.claims(name, 1).await?, &[should])?;
    }
    gives("with nothing left", &case.claims("w", 9).await?, &[])?;
    backlog(case, &[(&ada, "a4"), (&ada, "a5"), (&ada, "a6"), (&bob, "b3"), (&cyd, "c2"), (&cyd, "c3")])
        .await?;
    gives("of four", &case.claims("w", 4).await?, &["b3", "c2", "a4", "c3"])?;
    gives("of the rest", &case.claims("v", 9).await?, &["a5", "a6"])
}

pub(super) async fn limits(case: &Case) -> Found {
    let (ada, bob) = (owner("ada")?, owner("bob")?);
    for (owner, title, source) in [
        (&ada, "a calls 1", "calls"),
        (&ada, "a calls 2", "calls"),
        (&ada, "a mails", "mails"),
        (&bob, "b calls", "calls"),
        (&bob, "b mails", "mails"),
    ] {
        let mut settings = settings(title, once())?;
        settings.source = source_of(source)?;
        case.submit(owner, settings).await?;
        case.pass(1);
    }
    let limited = |name: &str, calls: u32| -> Found<Claim> {
        let limits: SourceLimits = NonZeroU32::new(calls)
            .map(|limit| Ok::<_, String>((source_of("calls")?, limit)))
            .into_iter()
            .collect::<Found<BTreeMap<_, _>>>()?;
        Ok(case.claim_of(name, 9)?.with_source_limits(limits))
    };
    let first = claims(case, "of one source's limit", &limited("w", 1)?).await?.executions;
    gives("of one source's limit", &first, &["a calls 1", "b mails", "a mails"])?;
    let none = claims(case, "at the limit", &limited("v", 1)?).await?.executions;
    gives("while another worker reads the source", &none, &[])?;
    let held = first.first().ok_or("a claim is missing")?;
    case.settles(held.fence(), &Settlement::Cancelled).await?;
    let next = claims(case, "below the limit again", &limited("v", 1)?).await?.executions;
    gives("after the source is free", &next, &["b calls"])?;
    let more = claims(case, "of a larger limit", &limited("u", 2)?).await?.executions;
    gives("of a larger limit", &more, &["a calls 2"])
}

fn source_of(name: &str) -> Found<SourceId> {
    SourceId::new(name).map_err(|error| error.to_string())
}

pub(super) async fn one_of_a_job(case: &Case) -> Found {
    let ada = owner("ada")?;
    let daily = "02:00".parse().map(Frequency::Daily).map_err(|_| "the script itself is wrong")?;
    let mut queueing = settings("daily", daily)?;
    queueing.policies.overlap = Some(Overlap::Queue);
    case.submit(&ada, queueing).await?;
    for _ in 0..3 {
        case.pass(24 * HOUR);
        case.materialises().await?;
    }
    let first = case.claims("w", 9).await?;
    gives("of a job with three occurrences", &first, &["daily"])?;
    gives("of a job that runs", &case.claims("v", 9).await?, &[])?;
    let first = first.into_iter().next().ok_or("a claim is missing")?;
    let waits = case.settles(first.fence(), &failed(true)).await?;
    gives("of a job whose first occurrence waits for its retry", &case.claims("v", 9).await?, &[])?;
    pass_until(case, waits.not_before);
    let again = case.claimed("v").await?;
    require(again.id == first.id, || "claim: another occurrence overtakes a retry".to_owned())?;
    case.publishes(&again, 1).await?;
    let next = case.claimed("w").await?;
    require(next.slot > first.slot, || "claim: the next occurrence is not the next one".to_owned())
}

pub(super) async fn waits(case: &Case) -> Found {
    let ada = owner("ada")?;
    case.queued(&ada, "retried").await?;
    let claimed = case.claimed("w").await?;
    let at = case.settles(claimed.fence(), &failed(true)).await?.not_before;
    require(at > case.now(), || "settle: a failed attempt is repeated at once".to_owned())?;
    gives("of a retry, at once", &case.claims("v", 9).await?, &[])?;
    pass_until(case, at - TimeDelta::microseconds(1));
    gives("of a retry, a microsecond too early", &case.claims("v", 9).await?, &[])?;
    pass_until(case, at);
    let again = case.claims("v", 9).await?;
    gives("of a retry at its instant", &again, &["retried"])?;
    for one in again {
        case.settles(one.fence(), &Settlement::Released).await?;
    }
    let again = case.claims("w", 9).await?;
    gives("of an execution that was released", &again, &["retried"])?;
    for one in again {
        case.settles(one.fence(), &Settlement::Cancelled).await?;
    }

    let later = case.now() + TimeDelta::hours(1);
    case.submit(&ada, settings("dated", Frequency::Once(Start::At(later)))?).await?;
    for at in [case.now(), later - TimeDelta::microseconds(1)] {
        pass_until(case, at);
        case.materialises().await?;
        gives("before the start of a job", &case.claims("v", 9).await?, &[])?;
    }
    pass_until(case, later);
    case.materialises().await?;
    gives("at the start of a job", &case.claims("v", 9).await?, &["dated"])
}

pub(super) async fn leases(case: &Case) -> Found {
    case.queued(&owner("ada")?, "held").await?;
    let first = case.claimed("w").await?;
    case.clock.advance(LEASE - Duration::from_micros(1));
    gives("within the lease of another worker", &case.claims("v", 9).await?, &[])?;
    case.clock.advance(Duration::from_micros(1));
    let second = case.claimed("v").await?;
    require(second.id == first.id && second.epoch > first.epoch, || {
        format!("claim, after the lease: has epoch {} after {}", second.epoch, first.epoch)
    })?;
    require(second.writer().nonce != first.writer().nonce, || "claim: a nonce is given twice".to_owned())?;
    let crashed = second.attempts.first().and_then(|attempt| attempt.failure.as_ref());
    require(crashed.is_some_and(|failure| failure.kind == FailureKind::Crashed), || {
        format!("claim, after the lease: the lost attempt has failed with {crashed:?}")
    })?;

    case.pass(HOUR);
    let holding = case.claim_of("v", 9)?.with_holding(vec![second.fence()]);
    let kept = claims(case, "by the worker that holds it, late", &holding).await?;
    gives("by the worker that holds it, late", &kept.executions, &[])?;
    let beat = Beat { fence: second.fence(), progress: Progress::default() };
    let told = done!(case, "of what its worker holds", beat(&worker("v")?, LEASE, &[beat]));
    require(told == [Directive::Continue], || format!("beat: was answered {told:?}"))?;
    case.pass(HOUR);
    let foreign = case.claim_of("u", 9)?.with_holding(vec![second.fence()]);
    let third = claims(case, "by a worker that names what another holds", &foreign).await?.executions;
    gives("by a worker that names what another holds", &third, &["held"])?;
    case.pass(HOUR);
    // Its reply was lost: the worker does not know that it has the claim.
    let fourth = case.claims("u", 9).await?;
    gives("of a worker's own, which it does not know", &fourth, &["held"])?;
    ends(case, &fourth).await
}

/// Takes executions over for the last time.
async fn ends(case: &Case, held: &[Execution]) -> Found {
    let held = held.first().ok_or("a claim is missing")?;
    case.pass(HOUR);
    let policy = RetryPolicy { attempts_max: held.attempt_count(), ..RetryPolicy::default() };
    let last = case.claim_of("v", 9)?.with_retry(policy);
    let claimed = claims(case, "after the last attempt that there may be", &last).await?;
    let is_over = |one: &Execution| one.id == held.id && matches!(one.state, ExecutionState::Failed(_));
    require(claimed.executions.is_empty() && claimed.given_up.iter().any(is_over), || {
        format!("claim, after the last attempt: gave up {} executions", claimed.given_up.len())
    })?;

    let owner = owner("ada")?;
    case.queued(&owner, "to stop").await?;
    let stopping = case.claimed("w").await?;
    let asked = stopping.clone().cancel(case.now()).map_err(|error| error.to_string())?;
    let audit = [case.entry(&owner, Action::CancelExecution)];
    done!(case, "that asks a running execution to stop", change_execution(&stopping, &asked, &audit));
    case.pass(HOUR);
    let claimed = claims(case, "of what was to stop", &case.claim_of("v", 9)?).await?;
    let is_over = |one: &Execution| one.id == stopping.id && one.state == ExecutionState::Cancelled;
    require(claimed.executions.is_empty() && claimed.given_up.iter().any(is_over), || {
        "claim: an execution that was to stop is not cancelled when its worker is gone".to_owned()
    })
}

/// Two workers claim at the same time, each through a handle of its own. The catalog in memory is not asked:
/// who gets what is not determined.
pub(super) async fn race(case: &Case) -> Found {
    let owners = [owner("ada")?, owner("bob")?, owner("cyd")?];
    for number in 0..12 {
        let owner = owners.get(number % 3).ok_or("an owner is missing")?;
        case.queued(owner, &format!("job {number}")).await?;
    }
    let mut given: BTreeSet<ExecutionId> = BTreeSet::new();
    for _ in 0..12 {
        let one = case.claim_of("w", 2)?;
        let other = case.claim_of("v", 2)?;
        let (ours, others) = futures::join!(case.ours().claim(&one), case.other().claim(&other));
        for (handle, claim, claimed) in [(case.ours(), one, ours), (case.other(), other, others)] {
            let claimed = match claimed {
                Ok(claimed) => claimed.executions,
                Err(error) if error.is_retryable() => continue,
                Err(error) => return Err(format!("claim, at the same time as another: failed with {error}")),
            };
            for execution in claimed {
                require(given.insert(execution.id), || {
                    format!("claim: execution {} is given to two workers at the same time", execution.id)
                })?;
                holds(handle, &claim, &execution, case.now()).await?;
            }
        }
    }
    require(given.len() == 12, || format!("claim: {} of 12 executions were handed out", given.len()))
}

/// Requires that the record says of an execution that this claim holds it.
async fn holds(handle: &dyn Catalog, claim: &Claim, given: &Execution, now: DateTime<Utc>) -> Found {
    let read = handle.execution(&given.owner, given.id, now).await;
    let read = read.map_err(|error| error.to_string())?.ok_or("an execution is gone")?.execution;
    let last = read.attempts.last().map(|attempt| (&attempt.worker, attempt.nonce));
    require(last == Some((&claim.worker, Some(claim.nonce))) && read.epoch == given.epoch, || {
        format!("claim: execution {} is held by {last:?}, and was given to {}", given.id, claim.worker)
    })?;
    let beat = Beat { fence: given.fence(), progress: Progress::default() };
    let told = handle.beat(&claim.worker, LEASE, &[beat]).await.map_err(|error| error.to_string())?;
    require(told == [Directive::Continue], || format!("beat, after a race: was answered {told:?}"))
}
