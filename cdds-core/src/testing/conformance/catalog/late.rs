//! Claims that are late, or are to be stopped: how their files stand, and what their workers may still do.

use super::case::{Case, Found, both, done, refused, require};
use super::scene::{HOUR, LEASE, failed, owner, publication, worker};
use crate::domain::access::Action;
use crate::domain::execution::Execution;
use crate::domain::execution::progress::Progress;
use crate::domain::id::ExecutionId;
use crate::domain::work::{Fence, Nonce, Writer};
use crate::ports::catalog::{Beat, Directive, Settlement, Standing};

/// Reads how the files of a claim stand, which must be so.
async fn stands(case: &Case, told: &str, writer: Writer, should: fn(&Standing) -> bool) -> Found {
    let standing = both!(case, told, standing(writer))?;
    let standing = standing.map_err(|kind| format!("standing, {told}: failed with {kind:?}"))?;
    require(should(&standing), || format!("standing, {told}: is {standing:?}"))
}

/// Tries writers that are not on record.
async fn unknown(case: &Case, of: &Execution) -> Found {
    let Writer { fence, nonce } = of.writer();
    let is_unknown = |standing: &Standing| *standing == Standing::Unknown;
    let later = Fence { epoch: fence.epoch + 1, ..fence };
    let other = Fence { id: ExecutionId(uuid::Uuid::from_u128(1)), ..fence };
    stands(case, "with another nonce", Writer { fence, nonce: Some(Nonce(u64::MAX)) }, is_unknown).await?;
    stands(case, "without a nonce", Writer { fence, nonce: None }, is_unknown).await?;
    stands(case, "of a later epoch", Writer { fence: later, nonce }, is_unknown).await?;
    stands(case, "of an unknown execution", Writer { fence: other, nonce }, is_unknown).await
}

pub(super) async fn standing(case: &Case) -> Found {
    let owner = owner("ada")?;
    let is_wanted = |standing: &Standing| *standing == Standing::Wanted;
    let is_unwanted = |standing: &Standing| *standing == Standing::Unwanted;
    let is_given_up = |standing: &Standing| matches!(standing, Standing::GivenUp { .. });
    case.queued(&owner, "overtaken").await?;
    let late = case.claimed("w").await?;
    stands(case, "of a running claim", late.writer(), is_wanted).await?;
    unknown(case, &late).await?;
    let present = case.taken_over("v").await?;
    stands(case, "of a claim that was taken over", late.writer(), is_given_up).await?;
    stands(case, "of the claim that took over", present.writer(), is_wanted).await?;
    let mixed = Writer { nonce: present.writer().nonce, ..late.writer() };
    let is_unknown = |standing: &Standing| *standing == Standing::Unknown;
    stands(case, "of an earlier epoch with the present nonce", mixed, is_unknown).await?;
    case.publishes(&present, 2).await?;
    stands(case, "of a published set", present.writer(), is_wanted).await?;
    stands(case, "of a claim that was taken over, after the end", late.writer(), is_given_up).await?;
    unknown(case, &present).await?;
    let audit = [case.entry(&owner, Action::DeleteExecution)];
    done!(case, "that was published", delete_execution(&owner, present.id, case.now(), &audit));
    stands(case, "of a deleted execution", present.writer(), is_unwanted).await?;
    stands(case, "of an earlier claim of a deleted execution", late.writer(), is_unwanted).await?;
    unknown(case, &present).await?;

    case.queued(&owner, "failed").await?;
    let claimed = case.claimed("w").await?;
    case.settles(claimed.fence(), &failed(false)).await?;
    stands(case, "of a failed claim", claimed.writer(), is_unwanted).await?;
    let published = case.published(&owner, "expired", 1).await?;
    case.pass(31 * 24 * HOUR);
    done!(case, "after the retention", expire(case.now(), 9));
    stands(case, "of a set that has expired", published.writer(), is_unwanted).await
}

pub(super) async fn lease_over(case: &Case) -> Found {
    let owner = owner("ada")?;
    let late_by = |case: &Case| case.pass(LEASE.as_secs() * 5);
    case.queued(&owner, "published late").await?;
    let claimed = case.claimed("w").await?;
    late_by(case);
    let beat = Beat { fence: claimed.fence(), progress: Progress { records: 3, ..Progress::default() } };
    let directives = done!(case, "after the lease", beat(&worker("w")?, LEASE, &[beat]));
    require(directives == [Directive::Continue], || {
        format!("beat, of a claim that nobody took over: was answered {directives:?}")
    })?;
    late_by(case);
    done!(case, "after the lease", begin(claimed.fence(), None));
    late_by(case);
    let publication = publication(&claimed, 1, case.now());
    done!(case, "after the lease", publish(claimed.fence(), &publication));
    case.queued(&owner, "settled late").await?;
    let claimed = case.claimed("w").await?;
    late_by(case);
    done!(case, "after the lease", settle(claimed.fence(), &Settlement::Released));
    Ok(())
}

pub(super) async fn cancelled(case: &Case) -> Found {
    let owner = owner("ada")?;
    for told in ["its set comes late", "its worker hears of it"] {
        case.queued(&owner, told).await?;
        let claimed = case.claimed("w").await?;
        let asked = claimed.clone().cancel(case.now()).map_err(|error| error.to_string())?;
        let audit = [case.entry(&owner, Action::CancelExecution)];
        done!(case, "that asks a running execution to stop", change_execution(&claimed, &asked, &audit));
        let publication = publication(&claimed, 1, case.now());
        refused!(
            case,
            Cancelled,
            "after its cancellation was promised",
            publish(claimed.fence(), &publication)
        );
        let beat = Beat { fence: claimed.fence(), progress: Progress::default() };
        let directives = done!(case, "of a claim to stop", beat(&worker("w")?, LEASE, &[beat]));
        require(directives == [Directive::Cancel], || format!("beat: was answered {directives:?}"))?;
        refused!(case, Cancelled, "after its worker has heard of it", publish(claimed.fence(), &publication));
        case.settles(claimed.fence(), &Settlement::Cancelled).await?;
    }
    Ok(())
}
