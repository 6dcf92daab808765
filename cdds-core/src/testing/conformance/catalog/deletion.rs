//! Deletion: what goes at once, what stays in the history, and what never comes back (rules E9, J12).

use super::case::{Case, Found, done, refused, require};
use super::revisions::lost_set;
use super::scene::{HOUR, failed, given_up, once, owner, publication, sealed, settings, terms};
use crate::domain::access::Action;
use crate::domain::archive::adoption::Adoption;
use crate::domain::archive::artifact::artifact_id;
use crate::domain::calendar::frequency::Frequency;
use crate::domain::calendar::zone::database::Clocks;
use crate::domain::execution::{Execution, ExecutionState};
use crate::domain::job::lifecycle::{delete, submit};
use crate::domain::job::{Job, JobChange};
use crate::ports::catalog::query::{ExecutionQuery, JobQuery};
use crate::ports::catalog::{RecipientRemoval, Removal, Settlement};

/// Deletes a job, whatever its executions do: what a catalog must take care of does not depend on it.
async fn deletes(case: &Case, job: &Job) -> Found<Job> {
    let job = case.job_of(job).await?;
    let change = delete(&job, Vec::new(), case.now()).map_err(|error| error.to_string())?;
    case.changes(&change, job.revision).await?;
    Ok(change.job)
}

pub(super) async fn jobs(case: &Case) -> Found {
    let ada = owner("ada")?;
    let archive = case.recipient(&ada, "archive").await?;
    let job = case.submit(&ada, sealed(settings("exported", once())?, &archive)?).await?;
    let published = case.claimed("w").await?;
    case.publishes(&published, 2).await?;
    deletes(case, &job).await?;
    let catalog = case.other();
    let shown = catalog.job(&ada, job.id).await.map_err(|error| error.to_string())?;
    require(shown.is_none(), || "job: a deleted job is there".to_owned())?;
    let listed = catalog.jobs(&ada, &JobQuery::default()).await.map_err(|error| error.to_string())?;
    require(listed.items.is_empty(), || "jobs: a deleted job is listed".to_owned())?;
    let query = ExecutionQuery::default().with_job(job.id);
    let history = catalog.executions(&ada, &query, case.now()).await.map_err(|error| error.to_string())?;
    require(history.items.iter().any(|one| one.execution.id == published.id), || {
        "executions: the history of a deleted job is gone".to_owned()
    })?;
    let set = catalog.artifact_set(&ada, published.id).await.map_err(|error| error.to_string())?;
    require(set.is_some_and(|set| set.artifacts.len() == 2), || {
        "artifact_set: the files of a deleted job are gone".to_owned()
    })?;
    let audit = [case.entry(&ada, Action::RemoveRecipient)];
    let removed = done!(case, "that a deleted job names", remove_recipient(&ada, &archive.name, &audit));
    require(removed == RecipientRemoval::Removed, || format!("remove_recipient: was {removed:?}"))?;
    let again = submit(job.id, ada.clone(), settings("again", once())?, terms().source, case.now());
    let audit = [case.entry(&ada, Action::CreateJob)];
    let told = "whose id a deleted one has";
    refused!(case, Conflict, told, insert_job(&again.job, again.first.as_ref(), &audit));
    idle_jobs(case).await
}

/// Deleted jobs begin nothing, and what runs of them comes to its end.
async fn idle_jobs(case: &Case) -> Found {
    let ada = owner("ada")?;
    let waiting = case.queued(&ada, "waiting").await?;
    deletes(case, &waiting).await?;
    let claimed = case.claims("w", 9).await?;
    require(claimed.is_empty(), || "claim: an execution of a deleted job is handed out".to_owned())?;
    let daily = "02:00".parse().map(Frequency::Daily).map_err(|_| "the script itself is wrong")?;
    let due = case.submit(&ada, settings("daily", daily)?).await?;
    deletes(case, &due).await?;
    case.pass(48 * HOUR);
    let given = done!(case, "of deleted jobs", due(case.now(), 9, Clocks::default()));
    require(given.iter().all(|due| due.job.id != waiting.id || due.job.unsettled.is_some()), || {
        "due: a deleted job that is settled is due".to_owned()
    })?;
    let running = case.queued(&ada, "running").await?;
    let claimed = case.claimed("w").await?;
    // A person may delete a job in the moment in which a worker claims; the revision decides. Nothing forbids
    // a catalog to be told of both.
    let job = case.job_of(&running).await?;
    let gone = Job { state: crate::domain::job::JobState::Deleted, next_due_at: None, ..job.clone() };
    case.changes(&JobChange::of(gone), job.revision).await?;
    case.settles(claimed.fence(), &failed(false)).await?;
    let claimed = case.claims("w", 9).await?;
    require(claimed.is_empty(), || "claim: a deleted job runs".to_owned())
}

pub(super) async fn executions(case: &Case) -> Found {
    let ada = owner("ada")?;
    let audit = || [case.entry(&ada, Action::DeleteExecution)];
    let job = case.queued(&ada, "published").await?;
    let open = case.ours().open_executions(&ada, job.id, None, 1).await.map_err(|error| error.to_string())?;
    let waiting = open.executions.into_iter().next().ok_or("the first execution of a job is missing")?;
    refused!(case, Conflict, "that waits", delete_execution(&ada, waiting.id, case.now(), &audit()));
    let claimed = case.claimed("w").await?;
    refused!(case, Conflict, "that runs", delete_execution(&ada, claimed.id, case.now(), &audit()));
    case.settles(claimed.fence(), &failed(true)).await?;
    refused!(
        case,
        Conflict,
        "that waits for its retry",
        delete_execution(&ada, claimed.id, case.now(), &audit())
    );
    case.pass(HOUR);
    let claimed = case.claimed("w").await?;
    case.publishes(&claimed, 2).await?;
    let notice = given_up(case, &claimed).await?;
    let entries = audit();
    done!(case, "of a live set", hold(&ada, claimed.id, true, &entries));
    refused!(case, Conflict, "that is on hold", delete_execution(&ada, claimed.id, case.now(), &audit()));
    let entries = audit();
    done!(case, "of a held set", hold(&ada, claimed.id, false, &entries));
    let read =
        case.ours().execution(&ada, claimed.id, case.now()).await.map_err(|error| error.to_string())?;
    let ended = read.ok_or("an execution is gone")?.execution;
    let entries = audit();
    done!(case, "that has ended", delete_execution(&ada, claimed.id, case.now(), &entries));
    let removals = case.other().removals(9).await.map_err(|error| error.to_string())?;
    require(removals == [Removal::Set { execution: claimed.id }], || {
        format!("removals: of a deleted execution are {removals:?}")
    })?;
    let told = "of a deleted execution";
    refused!(case, Conflict, told, ask_notice_again(&ada, notice, &audit()));
    gone(case, &job, &ended).await
}

/// Tries everything that could bring a deleted execution back.
async fn gone(case: &Case, job: &Job, ended: &Execution) -> Found {
    let ada = &ended.owner;
    let audit = || [case.entry(ada, Action::EditJob)];
    let shown = case.other().execution(ada, ended.id, case.now()).await.map_err(|error| error.to_string())?;
    require(shown.is_none(), || "execution: a deleted one is there".to_owned())?;
    let told = "that was deleted";
    refused!(case, Conflict, told, delete_execution(ada, ended.id, case.now(), &audit()));
    refused!(case, Conflict, told, hold(ada, ended.id, true, &audit()));
    refused!(case, Conflict, told, delete_artifacts(ada, &[artifact_id(ended.id, 1)], case.now(), &audit()));
    let again = Execution { state: ExecutionState::Queued, finished_at: None, ..ended.clone() };
    for after in [&again, ended] {
        refused!(case, Conflict, told, change_execution(ended, after, &audit()));
    }
    // The attempts of a deleted execution may be erased, and its status is what decides.
    let bare = Execution { attempts: Vec::new(), ..ended.clone() };
    refused!(case, Conflict, told, change_execution(&bare, &again, &audit()));
    refused!(case, Fenced, told, settle(ended.fence(), &Settlement::Cancelled));
    let late = publication(ended, 1, case.now());
    refused!(case, Fenced, told, publish(ended.fence(), &late));
    let job = case.job_of(job).await?;
    let (lost, _) = lost_set(case, &job)?;
    for before in [None, Some(ended.clone())] {
        let adoption = Adoption { before, execution: ended.clone(), ..lost.clone() };
        let set = publication(ended, 1, case.now()).set;
        refused!(case, Conflict, told, adopt(&adoption, job.revision, &set, &audit()));
    }
    // The schedule may come to its slot once more.
    let change = JobChange { entries: vec![again], ..JobChange::of(job.clone()) };
    case.changes(&change, job.revision).await?;
    let claimed = case.claims("v", 9).await?;
    require(claimed.is_empty(), || "claim: a deleted execution is handed out".to_owned())
}
