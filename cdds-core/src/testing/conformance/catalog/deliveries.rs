//! Deliveries: stored with their set, and carried out by one worker at a time (rules N4, N5).

use std::num::NonZeroU32;

use super::case::{Case, Found, done, idle, refused, require};
use super::scene::{HOUR, LEASE, failed, once, owner, publication, settings, worker};
use crate::domain::access::{Action, PrincipalName};
use crate::domain::delivery::health::{Health, TargetId};
use crate::domain::delivery::{Delivery, DeliveryProgress, JobDestination, JobDestinations};
use crate::domain::execution::Execution;
use crate::domain::id::{DeliveryId, DestinationId, ExecutionId, Owner};
use crate::domain::job::JobSettings;
use crate::domain::notice::NoticeKind;
use crate::domain::work::Fence;
use crate::domain::work::row::{WorkFailure, WorkOutcome, WorkState, WorkStatus};
use crate::ports::catalog::DeliveryClaim;
use crate::ports::catalog::query::{DeliveryQuery, NoticeQuery};

pub(super) fn destination(name: &str) -> Found<DestinationId> {
    DestinationId::new(name).map_err(|violation| format!("the script itself is wrong: {violation}"))
}

pub(super) fn target(name: &str) -> Found<TargetId> {
    destination(name).map(TargetId::Destination)
}

/// Settings that deliver to these destinations.
pub(super) fn delivering(settings: JobSettings, names: &[&str]) -> Found<JobSettings> {
    let to: Vec<JobDestination> =
        names.iter().map(|name| destination(name).map(JobDestination::new)).collect::<Found<_>>()?;
    let destinations = JobDestinations::new(to).map_err(|violation| violation.to_string())?;
    Ok(JobSettings { destinations, ..settings })
}

/// A claim of up to `limit` deliveries to these destinations, as many to one as there are.
pub(super) fn claim_of(name: &str, limit: usize, names: &[&str]) -> Found<DeliveryClaim> {
    let known: Vec<DestinationId> = names.iter().map(|name| destination(name)).collect::<Found<_>>()?;
    Ok(DeliveryClaim::new(worker(name)?, LEASE, limit, known).with_per_destination(None))
}

pub(super) const NONE: DeliveryProgress = DeliveryProgress { files: 0, bytes: 0 };

/// A failed attempt that may be repeated.
pub(super) fn fails(claim: &DeliveryClaim) -> WorkOutcome {
    WorkOutcome::Failed { failure: WorkFailure::temporary("nobody answers"), retry: claim.retry }
}

/// A failed attempt that every other one would repeat.
pub(super) fn refuses(claim: &DeliveryClaim) -> WorkOutcome {
    WorkOutcome::Failed { failure: WorkFailure::permanent("no such folder"), retry: claim.retry }
}

impl Case {
    /// Publishes a set of two parts that is delivered to these destinations.
    pub(super) async fn published_to(&self, owner: &Owner, title: &str, to: &[&str]) -> Found<Execution> {
        self.submit(owner, delivering(settings(title, once())?, to)?).await?;
        let claimed = self.claimed("w").await?;
        self.publishes(&claimed, 2).await?;
        Ok(claimed)
    }

    /// Reads the deliveries of a set, ordered by their destinations.
    pub(super) async fn deliveries_of(&self, of: &Execution) -> Found<Vec<Delivery>> {
        let query = DeliveryQuery::default().with_execution(of.id);
        let page = self.other().deliveries(&of.owner, &query).await.map_err(|error| error.to_string())?;
        let mut all = page.items;
        all.sort_by(|one, other| one.to.destination.cmp(&other.to.destination));
        Ok(all)
    }

    /// Reads the kinds of the notices about an execution, in order.
    pub(super) async fn told_of(&self, of: &Execution) -> Found<Vec<NoticeKind>> {
        let query = NoticeQuery::default().with_execution(of.id);
        let page = self.other().notices(&of.owner, &query).await.map_err(|error| error.to_string())?;
        let mut kinds: Vec<NoticeKind> = page.items.iter().map(|notice| notice.kind).collect();
        kinds.sort();
        Ok(kinds)
    }

    /// Lets a worker take deliveries.
    pub(super) async fn takes(&self, told: &str, claim: &DeliveryClaim) -> Found<Vec<Delivery>> {
        Ok(done!(self, told, claim_deliveries(claim)))
    }

    /// Lets a worker take one delivery, which there must be.
    pub(super) async fn takes_one(&self, told: &str, claim: &DeliveryClaim) -> Found<Delivery> {
        match self.takes(told, claim).await?.as_slice() {
            [one] => Ok(one.clone()),
            others => {
                Err(format!("claim_deliveries, {told}: gave {} deliveries instead of one", others.len()))
            }
        }
    }

    /// Ends an attempt at a delivery.
    pub(super) async fn ends(&self, told: &str, taken: &Delivery, outcome: &WorkOutcome) -> Found<Delivery> {
        let (fence, progress) = (taken.work.fence(), taken.progress);
        Ok(done!(self, told, settle_delivery(fence, outcome, progress)))
    }
}

/// Requires that deliveries are those of these sets to these destinations, in this order.
fn are(told: &str, given: &[Delivery], should: &[(&Execution, &str)]) -> Found {
    let is: Vec<(ExecutionId, &str)> =
        given.iter().map(|one| (one.execution_id, one.to.destination.as_str())).collect();
    let should: Vec<(ExecutionId, &str)> = should.iter().map(|(of, to)| (of.id, *to)).collect();
    require(is == should, || format!("claim_deliveries, {told}: should give {should:?}, and gave {is:?}"))
}

pub(super) async fn stored(case: &Case) -> Found {
    let ada = owner("ada")?;
    case.submit(&ada, delivering(settings("failed", once())?, &["a"])?).await?;
    let failing = case.claimed("w").await?;
    case.settles(failing.fence(), &failed(false)).await?;
    let none = case.deliveries_of(&failing).await?;
    require(none.is_empty(), || format!("deliveries: a failed execution has {}", none.len()))?;

    case.submit(&ada, delivering(settings("published", once())?, &["b", "a"])?).await?;
    let late = case.claimed("w").await?;
    let claimed = case.taken_over("v").await?;
    let stale = publication(&late, 2, case.now());
    refused!(case, Fenced, "under an older claim", publish(late.fence(), &stale));
    let none = case.deliveries_of(&claimed).await?;
    require(none.is_empty(), || "publish, refused: deliveries are stored".to_owned())?;
    case.publishes(&claimed, 2).await?;
    let stored = case.deliveries_of(&claimed).await?;
    let are_new = stored.iter().all(|one| {
        let waits = WorkState::Waiting { next_attempt_at: case.now() };
        one.work.epoch == 0 && one.work.state == waits && one.created_at == case.now() && one.progress == NONE
    });
    let names: Vec<&str> = stored.iter().map(|one| one.to.destination.as_str()).collect();
    require(are_new && names == ["a", "b"], || format!("publish: stores the deliveries {stored:?}"))?;
    case.pass(1);
    let again = publication(&claimed, 2, case.now());
    idle!(case, "a second time", publish(claimed.fence(), &again));
    let plain = case.published(&ada, "plain", 1).await?;
    let none = case.deliveries_of(&plain).await?;
    require(none.is_empty(), || "publish: a job without destinations has deliveries".to_owned())
}

pub(super) async fn turns(case: &Case) -> Found {
    let (ada, bob) = (owner("ada")?, owner("bob")?);
    let mut of = Vec::new();
    for owner in [&ada, &ada, &ada, &bob, &bob] {
        of.push(case.published_to(owner, "published", &["a"]).await?);
        case.pass(1);
    }
    let [a1, a2, a3, b1, b2] = of.as_slice() else { return Err("the script itself is wrong".to_owned()) };
    for (name, should) in [("t", a1), ("u", b1), ("t", a2)] {
        are("of one", &case.takes("of one", &claim_of(name, 1, &["a"])?).await?, &[(should, "a")])?;
    }
    let rest = case.takes("of the rest", &claim_of("u", 9, &["a"])?).await?;
    are("of the rest", &rest, &[(b2, "a"), (a3, "a")])?;
    are("with nothing left", &case.takes("of none", &claim_of("t", 9, &["a"])?).await?, &[])
}

pub(super) async fn limits(case: &Case) -> Found {
    let ada = owner("ada")?;
    let first = case.published_to(&ada, "first", &["a"]).await?;
    case.pass(1);
    let second = case.published_to(&ada, "second", &["a"]).await?;
    case.pass(1);
    let third = case.published_to(&ada, "third", &["a", "b"]).await?;
    let two = NonZeroU32::new(2);
    let claim = |name, limit| claim_of(name, limit, &["a", "b"]).map(|claim| claim.with_per_destination(two));
    let held = case.takes_one("of one", &claim("t", 1)?).await?;
    are("of one", std::slice::from_ref(&held), &[(&first, "a")])?;
    let more = case.takes("by another worker", &claim("u", 9)?).await?;
    are("by another worker", &more, &[(&second, "a"), (&third, "b")])?;
    are("of a full destination", &case.takes("of none", &claim("t", 9)?).await?, &[])?;
    case.ends("that arrived", &held, &WorkOutcome::Done).await?;
    let last = case.takes("once there is room", &claim("t", 9)?).await?;
    are("once there is room", &last, &[(&third, "a")])
}

pub(super) async fn known(case: &Case) -> Found {
    let ada = owner("ada")?;
    let of = case.published_to(&ada, "published", &["a", "b", "c"]).await?;
    are("of unknown destinations", &case.takes("of none", &claim_of("t", 9, &["d"])?).await?, &[])?;
    let known = case.takes("of a known destination", &claim_of("t", 9, &["a", "d"])?).await?;
    are("of a known destination", &known, &[(&of, "a")])?;
    let person = PrincipalName::new("ada").map_err(|violation| violation.to_string())?;
    let disabled = Health::default().disabled_by(person, case.now());
    let (b, audit) = (target("b")?, [case.entry(&ada, Action::SendAgain)]);
    done!(case, "that disables", set_health(&b, &Health::default(), &disabled, &audit));
    let enabled = case.takes("of enabled destinations", &claim_of("u", 9, &["b", "c"])?).await?;
    are("of enabled destinations", &enabled, &[(&of, "c")])?;
    let audit = [case.entry(&ada, Action::SendAgain)];
    done!(case, "that enables", set_health(&b, &disabled, &disabled.clone().enabled(), &audit));
    let enabled = case.takes("of what was enabled", &claim_of("u", 9, &["b", "c"])?).await?;
    are("of what was enabled", &enabled, &[(&of, "b")])
}

pub(super) async fn leases(case: &Case) -> Found {
    let ada = owner("ada")?;
    let of = case.published_to(&ada, "published", &["a"]).await?;
    let (ours, others) = (claim_of("t", 9, &["a"])?, claim_of("u", 9, &["a"])?);
    let first = case.takes_one("of one", &ours).await?;
    let progress = DeliveryProgress { files: 1, bytes: 1_001 };
    done!(case, "of the present claim", beat_delivery(first.work.fence(), LEASE, progress));
    case.pass(LEASE.as_secs() - 1);
    are("within the lease", &case.takes("within the lease", &others).await?, &[])?;
    case.pass(1);
    are("at the end of the lease", &case.takes("at the end of the lease", &others).await?, &[])?;
    let back = case.deliveries_of(&of).await?;
    let waits = back.iter().all(|one| one.work.status() == WorkStatus::Waiting && one.progress == progress);
    require(waits, || format!("claim_deliveries: after the lease a delivery is {back:?}"))?;
    // What was known of its destination does not keep a lease.
    case.pass(HOUR);
    let second = case.takes_one("after the wait", &others).await?;
    require(second.work.epoch > first.work.epoch && second.progress == progress, || {
        format!("claim_deliveries: after {first:?} gave {second:?}")
    })?;
    refused!(
        case,
        Fenced,
        "that was taken over",
        settle_delivery(first.work.fence(), &WorkOutcome::Done, progress)
    );
    refused!(case, Fenced, "that was taken over", beat_delivery(first.work.fence(), LEASE, progress));
    // For three days nobody reports, and then it is given up, which is told.
    case.pass(72 * HOUR);
    let stranger = claim_of("u", 9, &["d"])?;
    are("after three days", &case.takes("by who does not know it", &stranger).await?, &[])?;
    let over = case.deliveries_of(&of).await?;
    require(over.iter().all(|one| one.work.status() == WorkStatus::GivenUp), || {
        format!("claim_deliveries: after three days a delivery is {over:?}")
    })?;
    let told = case.told_of(&of).await?;
    require(told.contains(&NoticeKind::DeliveryFailed), || {
        format!("claim_deliveries: a delivery is given up, and told are {told:?}")
    })
}

pub(super) async fn fenced(case: &Case) -> Found {
    let ada = owner("ada")?;
    case.published_to(&ada, "published", &["a"]).await?;
    let claim = claim_of("t", 9, &["a"])?;
    let first = case.takes_one("of one", &claim).await?;
    let fence = first.work.fence();
    let (some, more) = (DeliveryProgress { files: 1, bytes: 9 }, DeliveryProgress { files: 2, bytes: 99 });
    for wrong in [
        Fence { epoch: fence.epoch + 1, ..fence },
        Fence { epoch: 0, ..fence },
        Fence { id: DeliveryId(case.id()), ..fence },
    ] {
        refused!(case, Fenced, "under no claim", beat_delivery(wrong, LEASE, some));
        for outcome in [&WorkOutcome::Done, &fails(&claim)] {
            refused!(case, Fenced, "under no claim", settle_delivery(wrong, outcome, some));
        }
    }
    case.pass(LEASE.as_secs() - 1);
    done!(case, "within the lease", beat_delivery(fence, LEASE, some));
    case.pass(LEASE.as_secs() - 1);
    let others = claim_of("u", 9, &["a"])?;
    are("after a beat", &case.takes("of what was renewed", &others).await?, &[])?;
    let waits = done!(case, "that failed", settle_delivery(fence, &fails(&claim), more));
    require(waits.work.status() == WorkStatus::Waiting && waits.progress == more, || {
        format!("settle_delivery: a delivery that failed is {waits:?}")
    })?;
    refused!(case, Fenced, "that waits again", beat_delivery(fence, LEASE, some));
    refused!(case, Fenced, "that waits again", settle_delivery(fence, &WorkOutcome::Done, more));
    are("that waits", &case.takes("too early", &claim).await?, &[])?;
    case.pass(HOUR);
    let second = case.takes_one("after the wait", &claim).await?;
    require(second.progress == more, || format!("claim_deliveries: forgot the progress of {second:?}"))?;
    let fence = second.work.fence();
    for told in ["for the first time", "a second time"] {
        let arrived = done!(case, told, settle_delivery(fence, &WorkOutcome::Done, more));
        require(arrived.work.status() == WorkStatus::Done, || "settle_delivery: is not done".to_owned())?;
    }
    refused!(case, Fenced, "that is done", settle_delivery(fence, &fails(&claim), more));
    refused!(case, Fenced, "that is done", beat_delivery(fence, LEASE, more));
    are("with nothing left", &case.takes("with nothing left", &claim).await?, &[])
}
