//! Ids are given once: what is stored twice is refused, or has no second effect.

use super::case::{Case, Found, done, refused, require};
use super::scene::{once, owner, settings, terms};
use crate::domain::access::Action;
use crate::domain::execution::{Execution, Trigger};
use crate::domain::id::{ExecutionId, JobId};
use crate::domain::job::JobChange;
use crate::domain::job::lifecycle::submit;

pub(super) async fn ids(case: &Case) -> Found {
    let ada = owner("ada")?;
    let audit = || [case.entry(&ada, Action::CreateJob)];
    let source = terms().source;
    let new = submit(JobId(case.id()), ada.clone(), settings("new", once())?, source, case.now());
    let first = new.first.as_ref();
    let entries = audit();
    done!(case, "a new job", insert_job(&new.job, first, &entries));
    case.pass(1);
    let other = submit(new.job.id, ada.clone(), settings("other", once())?, source, case.now());
    refused!(case, Conflict, "that is stored", insert_job(&new.job, first, &audit()));
    refused!(case, Conflict, "whose id is used", insert_job(&other.job, None, &audit()));
    let waiting = first.ok_or("the first execution of a job is missing")?;

    // The same request again: nothing of the change is stored.
    let asked = Execution {
        id: ExecutionId(case.id()),
        trigger: Trigger::Manual,
        queue_at: case.now(),
        created_at: case.now(),
        ..waiting.clone()
    };
    let job = case.job_of(&new.job).await?;
    let change = JobChange { entries: vec![asked.clone()], ..JobChange::of(job.clone()) };
    case.changes(&change, job.revision).await?;
    let job = case.job_of(&job).await?;
    let more = Execution { id: ExecutionId(case.id()), ..asked.clone() };
    for entries in [vec![asked.clone()], vec![more, asked.clone()]] {
        let change = JobChange { entries, ..JobChange::of(job.clone()) };
        let told = "with an entry of a person that is on record";
        refused!(case, Conflict, told, change_job(&change, job.revision, &audit()));
    }

    // A slot that is on record stays as it is.
    let mut again = waiting.clone();
    again.settings = settings("another title", once())?;
    let change = JobChange { entries: vec![again], ..JobChange::of(job.clone()) };
    case.changes(&change, job.revision).await?;
    let shown = case.other().execution(&ada, waiting.id, case.now()).await;
    let shown = shown.map_err(|error| error.to_string())?.ok_or("an execution is gone")?.execution;
    require(shown.settings == waiting.settings, || {
        "change_job: a slot that is on record is written over".to_owned()
    })
}
