//! Claims that have ended: what their workers still try changes nothing (invariant I6).

use super::case::{Case, Found, done, idle, refused, require};
use super::scene::{HOUR, LEASE, failed, owner, publication, worker};
use crate::domain::access::Action;
use crate::domain::execution::Execution;
use crate::domain::execution::progress::Progress;
use crate::domain::id::ExecutionId;
use crate::domain::work::Fence;
use crate::ports::catalog::{Beat, Directive, Publication, Settlement};

/// A way in which a claim has ended, and what is left of it.
struct Ended {
    told: &'static str,
    late: Execution,
}

/// Makes claims that have ended in every way. The last of them belongs to an execution that runs under another.
async fn ended(case: &Case) -> Found<Vec<Ended>> {
    let owner = owner("ada")?;
    let mut ends = Vec::new();
    for (told, settlement) in [
        ("after it has failed for good", failed(false)),
        ("after it was cancelled", Settlement::Cancelled),
        ("after it was released", Settlement::Released),
        ("after it has failed and waits for its next attempt", failed(true)),
    ] {
        case.queued(&owner, told).await?;
        let late = case.claimed("w").await?;
        case.settles(late.fence(), &settlement).await?;
        ends.push(Ended { told, late });
        // Whatever waits is claimed and ended, so that the next claim is that of the next job.
        case.pass(HOUR);
        for claimed in case.claims("w", 9).await? {
            case.settles(claimed.fence(), &Settlement::Cancelled).await?;
        }
    }
    let late = case.published(&owner, "published", 2).await?;
    ends.push(Ended { told: "after it has published", late });
    let late = case.published(&owner, "deleted", 1).await?;
    let audit = [case.entry(&owner, Action::DeleteExecution)];
    done!(case, "that has ended", delete_execution(&owner, late.id, case.now(), &audit));
    ends.push(Ended { told: "after its execution was deleted", late });
    case.queued(&owner, "taken over").await?;
    let late = case.claimed("w").await?;
    case.pass(HOUR);
    case.claims("v", 9).await?;
    ends.push(Ended { told: "after it was taken back", late: late.clone() });
    case.pass(HOUR);
    case.claimed("v").await?;
    ends.push(Ended { told: "after another worker has claimed it", late });
    Ok(ends)
}

/// Returns fences of no claim there is: of the next one, of none, and of an unknown execution.
fn never(running: &Execution) -> [(&'static str, Fence); 3] {
    let Fence { id, epoch } = running.fence();
    [
        ("under the epoch of a later claim", Fence { id, epoch: epoch + 1 }),
        ("under the epoch of no claim", Fence { id, epoch: 0 }),
        ("of an unknown execution", Fence { id: ExecutionId(uuid::Uuid::from_u128(1)), epoch: 1 }),
    ]
}

/// Lets a new job's execution be taken over. Returns the claim that has ended and the present one.
async fn overtaken(case: &Case) -> Found<(Execution, Execution)> {
    case.queued(&owner("ada")?, "overtaken").await?;
    let late = case.claimed("w").await?;
    let present = case.taken_over("v").await?;
    require(
        present.id == late.id && present.epoch > late.epoch && present.writer().nonce != late.writer().nonce,
        || format!("claim: the next claim of an execution has epoch {} after {}", present.epoch, late.epoch),
    )?;
    Ok((late, present))
}

pub(super) async fn publish(case: &Case) -> Found {
    let (late, present) = overtaken(case).await?;
    let of_late = publication(&late, 1, case.now());
    let of_present = publication(&present, 2, case.now());
    refused!(case, Fenced, "under an epoch that has ended", publish(late.fence(), &of_late));
    let mixed = Publication { nonce: of_late.nonce, ..of_present.clone() };
    refused!(case, Fenced, "with the nonce of an earlier claim", publish(present.fence(), &mixed));
    let mixed = Publication { nonce: None, ..of_present.clone() };
    refused!(case, Fenced, "without a nonce", publish(present.fence(), &mixed));
    let mixed = Publication { nonce: of_present.nonce, ..of_late.clone() };
    refused!(case, Fenced, "with the nonce of a later claim", publish(late.fence(), &mixed));
    for (told, fence) in never(&present) {
        refused!(case, Fenced, told, publish(fence, &of_present));
    }
    done!(case, "under the present claim", publish(present.fence(), &of_present));
    refused!(case, Fenced, "late, after another claim has published", publish(late.fence(), &of_late));
    idle!(case, "a second time", publish(present.fence(), &of_present));
    for Ended { told, late } in ended(case).await? {
        let publication = publication(&late, 3, case.now());
        refused!(case, Fenced, told, publish(late.fence(), &publication));
    }
    Ok(())
}

pub(super) async fn settle(case: &Case) -> Found {
    let (late, present) = overtaken(case).await?;
    let ways = [failed(true), failed(false), Settlement::Cancelled, Settlement::Released];
    for way in &ways {
        refused!(case, Fenced, "under an epoch that has ended", settle(late.fence(), way));
        for (told, fence) in never(&present) {
            refused!(case, Fenced, told, settle(fence, way));
        }
    }
    case.settles(present.fence(), &Settlement::Cancelled).await?;
    for Ended { told, late } in ended(case).await? {
        for way in &ways {
            refused!(case, Fenced, told, settle(late.fence(), way));
        }
    }
    Ok(())
}

pub(super) async fn begin(case: &Case) -> Found {
    let (late, present) = overtaken(case).await?;
    for until in [None, Some(case.now())] {
        refused!(case, Fenced, "under an epoch that has ended", begin(late.fence(), until));
        for (told, fence) in never(&present) {
            refused!(case, Fenced, told, begin(fence, until));
        }
    }
    done!(case, "under the present claim", begin(present.fence(), None));
    case.settles(present.fence(), &Settlement::Cancelled).await?;
    for Ended { told, late } in ended(case).await? {
        refused!(case, Fenced, told, begin(late.fence(), Some(case.now())));
    }
    Ok(())
}

pub(super) async fn beat(case: &Case) -> Found {
    let (late, present) = overtaken(case).await?;
    let other = worker("u")?;
    let (before, holder) = (worker("w")?, worker("v")?);
    let progress = Progress { records: 17, bytes_read: 170, ..Progress::default() };
    let beat_of = |fence| Beat { fence, progress };
    for (told, name, fence) in [
        ("under an epoch that has ended", &before, late.fence()),
        ("under an epoch that has ended, by the worker that holds it now", &holder, late.fence()),
        ("by another worker", &other, present.fence()),
        ("by the worker that held it before", &before, present.fence()),
    ] {
        fenced(case, told, name, &[beat_of(fence)]).await?;
    }
    for (told, fence) in never(&present) {
        fenced(case, told, &holder, &[beat_of(fence)]).await?;
    }
    // A foreign beat must not renew the lease, and the holder's must.
    case.pass(LEASE.as_secs() - 1);
    fenced(case, "by another worker, late in the lease", &other, &[beat_of(present.fence())]).await?;
    let beats = [beat_of(late.fence()), beat_of(late.fence()), beat_of(present.fence())];
    let directives = done!(case, "of several claims", beat(&holder, LEASE, &beats));
    let expected = [Directive::Fenced, Directive::Fenced, Directive::Continue];
    require(directives == expected, || format!("beat: should be answered {expected:?}, was {directives:?}"))?;
    case.pass(LEASE.as_secs() - 1);
    let claimed = case.claims("u", 9).await?;
    require(claimed.is_empty(), || "beat: the lease of the worker's claim was not renewed".to_owned())?;
    case.pass(2);
    fenced(case, "by another worker, after the lease", &other, &[beat_of(present.fence())]).await?;
    case.claims("u", 9).await?;
    fenced(case, "after it was taken back", &holder, &[beat_of(present.fence())]).await?;
    for Ended { told, late } in ended(case).await? {
        fenced(case, told, &before, &[beat_of(late.fence())]).await?;
    }
    Ok(())
}

/// Lets a worker beat for claims that it does not hold.
async fn fenced(case: &Case, told: &str, name: &crate::domain::id::WorkerId, beats: &[Beat]) -> Found {
    let before = case.seen().await?;
    let directives = done!(case, told, beat(name, LEASE, beats));
    require(directives.iter().all(|one| *one == Directive::Fenced), || {
        format!("beat, {told}: should be answered Fenced, and was {directives:?}")
    })?;
    case.unchanged("beat", told, &before).await
}
