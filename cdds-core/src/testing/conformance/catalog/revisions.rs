//! Decisions are stored only while what they were made for is still the present state.

use chrono::TimeDelta;

use super::case::{Case, Found, done, refused, require};
use super::scene::{HOUR, LEASE, failed, once, owner, publication, sealed, settings, worker};
use crate::domain::access::Action;
use crate::domain::archive::adoption::{Adoption, FoundSet, adopt};
use crate::domain::archive::artifact::ArtifactSet;
use crate::domain::calendar::window::Window;
use crate::domain::execution::Execution;
use crate::domain::execution::progress::Progress;
use crate::domain::id::{ExecutionId, RecipientName, StoreId};
use crate::domain::job::{Job, JobChange, Title};
use crate::domain::pairing::StoreLink;
use crate::domain::recipient::{CertificateFacts, Recipient};
use crate::domain::work::{Fence, Nonce, Writer};
use crate::ports::catalog::{Beat, CatalogErrorKind, RecipientRemoval, Settlement};

/// Returns the change of a job's title, made for the job as it was read.
fn titled(job: &Job, title: &str) -> Found<JobChange> {
    let mut job = Job { version: job.version + 1, ..job.clone() };
    job.settings.title = Title::new(title).map_err(|error| error.to_string())?;
    Ok(JobChange::of(job))
}

/// Returns the adoption of a set that the record has lost, decided for the job as it was read.
pub(super) fn lost_set(case: &Case, job: &Job) -> Found<(Adoption, ArtifactSet)> {
    let made_at = case.now();
    let slot = made_at - TimeDelta::days(1);
    let fence = Fence { id: ExecutionId(case.id()), epoch: 1 };
    let found = FoundSet {
        writer: Writer { fence, nonce: Some(Nonce(case.count())) },
        slot,
        window: Window::since(None, slot).ok_or("the script itself is wrong: no window")?,
        incomplete_from: None,
        made_at,
        expires_at: made_at + TimeDelta::days(30),
        progress: Progress { records: 7, ..Progress::default() },
        same_selection: true,
    };
    let adoption = adopt(job, None, &found, made_at).map_err(|error| error.to_string())?;
    let set = publication(&adoption.execution, 2, made_at).set;
    Ok((adoption, set))
}

/// Requires that the revision of a job has moved since it was read, and that nothing is decided by the old one.
async fn stale(case: &Case, told: &str, before: &Job) -> Found {
    let present = case.job_of(before).await?;
    require(present.revision > before.revision, || format!("the revision of a job does not move, {told}"))?;
    let change = titled(before, "decided by what was")?;
    for expected in [before.revision, 0, present.revision + 1] {
        let audit = [case.entry(&before.owner, Action::EditJob)];
        refused!(case, Conflict, told, change_job(&change, expected, &audit));
    }
    let (adoption, set) = lost_set(case, before)?;
    let audit = [case.entry(&before.owner, Action::EditJob)];
    refused!(case, Conflict, told, adopt(&adoption, before.revision, &set, &audit));
    Ok(())
}

pub(super) async fn job(case: &Case) -> Found {
    let ada = owner("ada")?;
    let before = case.queued(&ada, "edited").await?;
    case.changes(&titled(&before, "edited once")?, before.revision).await?;
    stale(case, "after another edit", &before).await?;
    let before = case.job_of(&before).await?;
    let claimed = case.claimed("w").await?;
    stale(case, "after a claim", &before).await?;
    let before = case.job_of(&before).await?;
    let asked = claimed.clone().cancel(case.now()).map_err(|error| error.to_string())?;
    let audit = [case.entry(&ada, Action::CancelExecution)];
    done!(case, "that asks a running execution to stop", change_execution(&claimed, &asked, &audit));
    stale(case, "after a change of an execution", &before).await?;
    let before = case.job_of(&before).await?;
    case.settles(claimed.fence(), &Settlement::Cancelled).await?;
    stale(case, "after the end of an execution", &before).await?;
    let before = case.queued(&ada, "published").await?;
    let claimed = case.claimed("w").await?;
    let running = case.job_of(&before).await?;
    case.publishes(&claimed, 1).await?;
    stale(case, "after a publication", &running).await?;
    let before = case.job_of(&before).await?;
    // Which of two sets of the same instant is the last one is not determined.
    case.pass(1);
    let (adoption, set) = lost_set(case, &before)?;
    let audit = [case.entry(&ada, Action::EditJob)];
    done!(case, "by the present revision", adopt(&adoption, before.revision, &set, &audit));
    stale(case, "after an adoption", &before).await?;
    let before = case.job_of(&before).await?;
    case.changes(&titled(&before, "edited again")?, before.revision).await
}

pub(super) async fn execution(case: &Case) -> Found {
    let ada = owner("ada")?;
    let job = case.queued(&ada, "cancelled").await?;
    let open = case.ours().open_executions(&ada, job.id, None, 1).await.map_err(|error| error.to_string())?;
    let waiting = open.executions.into_iter().next().ok_or("the first execution of a job is missing")?;
    let cancel = |one: &Execution| one.clone().cancel(case.now()).map_err(|error| error.to_string());
    let audit = || [case.entry(&ada, Action::CancelExecution)];
    let claimed = case.claimed("w").await?;
    refused!(case, Conflict, "that runs by now", change_execution(&waiting, &cancel(&waiting)?, &audit()));
    let released = case.settles(claimed.fence(), &Settlement::Released).await?;
    let told = "that waits again, after a claim";
    refused!(case, Conflict, told, change_execution(&waiting, &cancel(&waiting)?, &audit()));
    let again = case.claimed("v").await?;
    let told = "that another worker runs";
    refused!(case, Conflict, told, change_execution(&claimed, &cancel(&claimed)?, &audit()));
    refused!(case, Conflict, "that runs by now", change_execution(&released, &cancel(&released)?, &audit()));
    case.publishes(&again, 1).await?;
    for one in [&waiting, &claimed, &released, &again] {
        refused!(case, Conflict, "that is published", change_execution(one, &cancel(one)?, &audit()));
    }
    case.queued(&ada, "failed").await?;
    let claimed = case.claimed("w").await?;
    case.settles(claimed.fence(), &failed(false)).await?;
    refused!(case, Conflict, "that has failed", change_execution(&claimed, &cancel(&claimed)?, &audit()));
    let unknown = Execution { id: ExecutionId(case.id()), ..claimed.clone() };
    refused!(case, Conflict, "that is unknown", change_execution(&unknown, &cancel(&unknown)?, &audit()));
    Ok(())
}

pub(super) async fn keeps_work(case: &Case) -> Found {
    let ada = owner("ada")?;
    case.queued(&ada, "running").await?;
    let read = case.claimed("w").await?;
    let until = read.window.end() - TimeDelta::hours(1);
    done!(case, "for the first time", begin(read.fence(), Some(until)));
    let progress = Progress { records: 17, bytes_read: 170, ..Progress::default() };
    let beat = Beat { fence: read.fence(), progress };
    case.pass(LEASE.as_secs() - 1);
    done!(case, "of a running execution", beat(&worker("w")?, LEASE, &[beat]));
    let asked = read.clone().cancel(case.now()).map_err(|error| error.to_string())?;
    let audit = [case.entry(&ada, Action::CancelExecution)];
    done!(case, "that was read before its worker went on", change_execution(&read, &asked, &audit));
    let shown = case.ours().execution(&ada, read.id, case.now()).await.map_err(|error| error.to_string())?;
    let shown = shown.ok_or("an execution is gone")?.execution;
    require(shown.progress == progress, || "change_execution: the progress goes back".to_owned())?;
    require(shown.window.end() == until, || "change_execution: the frozen window is lost".to_owned())?;
    case.pass(LEASE.as_secs() - 1);
    let taken = case.claims("v", 9).await?;
    require(taken.is_empty(), || "change_execution: the lease of the worker ends".to_owned())?;
    case.pass(HOUR);
    case.settles(read.fence(), &Settlement::Cancelled).await?;
    Ok(())
}

pub(super) async fn store(case: &Case) -> Found {
    let ada = owner("ada")?;
    case.queued(&ada, "of the owner").await?;
    let link = |confirmed| StoreLink { id: StoreId(case.id()), confirmed };
    let (first, second) = (link(false), link(true));
    let audit = || [case.entry(&ada, Action::EditJob)];
    refused!(case, Conflict, "of which none is known", set_store(Some(first), second, &audit()));
    let entries = audit();
    done!(case, "for the first time", set_store(None, first, &entries));
    refused!(case, Conflict, "that is known by now", set_store(None, second, &audit()));
    refused!(case, Conflict, "that is another one", set_store(Some(second), second, &audit()));
    let confirmed = StoreLink { confirmed: true, ..first };
    refused!(case, Conflict, "that is not confirmed yet", set_store(Some(confirmed), second, &audit()));
    let entries = audit();
    done!(case, "that is the present one", set_store(Some(first), confirmed, &entries));
    refused!(case, Conflict, "that was confirmed since", set_store(Some(first), second, &audit()));
    let entries = audit();
    done!(case, "that is replaced", set_store(Some(confirmed), second, &entries));
    let shown = case.reopened().store().await.map_err(|error| error.to_string())?;
    require(shown == Some(second), || format!("store: should be {second:?}, and is {shown:?}"))
}

pub(super) async fn recipient(case: &Case) -> Found {
    let ada = owner("ada")?;
    let audit = || [case.entry(&ada, Action::RenewRecipient)];
    let first = case.recipient(&ada, "archive").await?;
    let user = case.submit(&ada, sealed(settings("sealed", once())?, &first)?).await?;
    let (second, third) = (renewed(case, &first, 2), renewed(case, &first, 3));
    let (one, two) = (&first.certificate.fingerprint, &second.certificate.fingerprint);
    let missing = Recipient {
        name: RecipientName::new("missing").map_err(|error| error.to_string())?,
        ..second.clone()
    };
    refused!(case, Conflict, "that is missing", replace_recipient(&missing, one, &audit()));
    refused!(case, Conflict, "that has another certificate", replace_recipient(&second, two, &audit()));
    let entries = audit();
    done!(case, "that has the expected certificate", replace_recipient(&second, one, &entries));
    refused!(case, Conflict, "that was replaced since", replace_recipient(&third, one, &audit()));
    let entries = audit();
    done!(case, "that is replaced again", replace_recipient(&third, two, &entries));
    let entries = audit();
    let in_use = done!(case, "that a job still names", remove_recipient(&ada, &first.name, &entries));
    require(in_use == RecipientRemoval::InUse(vec![user.id]), || {
        format!("remove_recipient, of one that was replaced: was {in_use:?}")
    })
}

/// Returns a recipient with another certificate that was stored later.
fn renewed(case: &Case, recipient: &Recipient, number: u8) -> Recipient {
    case.pass(1);
    let mut renewed = Recipient { added_at: case.now(), ..recipient.clone() };
    renewed.certificate = CertificateFacts {
        der: vec![number],
        fingerprint: format!("{}:{number}", recipient.certificate.fingerprint),
        subject: format!("CN={number}"),
        not_before: case.now(),
        not_after: case.now() + TimeDelta::days(90),
        warnings: Vec::new(),
    };
    renewed
}

/// Two people change the same job at the same time, each through a handle of its own.
pub(super) async fn race(case: &Case) -> Found {
    let ada = owner("ada")?;
    let mut job = case.queued(&ada, "contested").await?;
    for round in 0..6 {
        let one = titled(&job, &format!("first {round}"))?;
        let other = titled(&job, &format!("second {round}"))?;
        let (mine, theirs) = ([case.entry(&ada, Action::EditJob)], [case.entry(&ada, Action::EditJob)]);
        let (first, second) = futures::join!(
            case.ours().change_job(&one, job.revision, &mine),
            case.other().change_job(&other, job.revision, &theirs),
        );
        let winner = match (&first, &second) {
            (Ok(()), Err(error)) if error.kind() == CatalogErrorKind::Conflict => Some(&one),
            (Err(error), Ok(())) if error.kind() == CatalogErrorKind::Conflict => Some(&other),
            (Err(one), Err(other)) if one.is_retryable() || other.is_retryable() => None,
            (Ok(()), Err(error)) if error.is_retryable() => Some(&one),
            (Err(error), Ok(())) if error.is_retryable() => Some(&other),
            _ => return Err(format!("change_job, twice at the same time: {first:?} and {second:?}")),
        };
        let shown = case.reopened().job(&ada, job.id).await.map_err(|error| error.to_string())?;
        let shown = shown.ok_or("a job is gone")?.job;
        if let Some(winner) = winner {
            require(shown.settings.title == winner.job.settings.title, || {
                "change_job, twice at the same time: the one that was refused is stored".to_owned()
            })?;
            require(shown.revision == job.revision + 1, || {
                format!("change_job: revision {} follows {}", shown.revision, job.revision)
            })?;
        }
        job = shown;
    }
    Ok(())
}
