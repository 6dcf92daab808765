//! The erasures that data subjects ask for, by data type (rules D3, D4).

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use super::case::{Case, Found, both, done, refused, require};
use super::scene::{LEASE, owner, worker};
use super::subjects::{asks, changes, evidence, name, wrong};
use crate::domain::access::Action;
use crate::domain::id::{Owner, SourceId, SubjectKeyId, TypeId};
use crate::domain::subject::request::{RequestKind, SubjectRequest};
use crate::domain::subject::{Erased, ON_HOLD, SubjectTask, TaskReport, TaskStanding};
use crate::domain::work::Fence;
use crate::domain::work::row::{WorkFailure, WorkState};
use crate::ports::catalog::SubjectClaim;
use crate::ports::catalog::query::AuditQuery;

fn source(name: &str) -> Found<SourceId> {
    SourceId::new(name).map_err(wrong)
}

/// Tasks of a request, each `source/type`.
fn tasks(case: &Case, request: &SubjectRequest, of: &[&str]) -> Found<Vec<SubjectTask>> {
    let task = |name: &&str| {
        let (source_name, data_type) = name.split_once('/').unwrap_or((name, "all"));
        let data_type = TypeId::new(data_type).map_err(wrong)?;
        Ok(SubjectTask::new(request, source(source_name)?, data_type, case.now()))
    };
    of.iter().map(task).collect()
}

/// Puts a request on record that is approved, with these tasks.
async fn approved(case: &Case, owner: &Owner, person: u8, of: &[&str]) -> Found<SubjectRequest> {
    let received = asks(case, owner, RequestKind::Both, &[person]).await?;
    let by = name("eve")?;
    let verified = changes(case, &received, received.clone().verify(evidence()?, &by, case.now())).await?;
    let approved = verified.clone().approve(&by, case.now()).map_err(wrong)?;
    lays_out(case, "that is approved", &verified, approved, &tasks(case, &verified, of)?).await
}

async fn lays_out(
    case: &Case,
    told: &str,
    before: &SubjectRequest,
    after: SubjectRequest,
    tasks: &[SubjectTask],
) -> Found<SubjectRequest> {
    let entries = [case.entry(&before.owner, Action::ApproveSubjectRequest)];
    done!(case, told, lay_out_subject_request(&after, before.version, tasks, &entries));
    Ok(after)
}

/// Puts a request on record that runs, with these tasks.
async fn running(case: &Case, owner: &Owner, person: u8, of: &[&str]) -> Found<SubjectRequest> {
    let approved = approved(case, owner, person, of).await?;
    let running = approved.clone().run(true);
    changes(case, &approved, running).await
}

/// A claim of tasks of these sources under the one key, as many of a source as there are.
fn claim_of(name: &str, limit: usize, sources: &[&str]) -> Found<SubjectClaim> {
    let known = sources.iter().map(|name| source(name)).collect::<Found<Vec<_>>>()?;
    let key = SubjectKeyId::new("k1").map_err(wrong)?;
    Ok(SubjectClaim::new(worker(name)?, LEASE, limit, known, [key]).with_per_source(None))
}

/// Lets a worker take tasks, which must be these, in this order.
async fn takes(
    case: &Case,
    told: &str,
    claim: &SubjectClaim,
    should: &[(&SubjectRequest, &str)],
) -> Found<Vec<SubjectTask>> {
    let taken = done!(case, told, claim_subject_tasks(claim));
    let is: BTreeSet<_> =
        taken.iter().map(|task| (task.request, format!("{}/{}", task.source, task.data_type))).collect();
    let expected: BTreeSet<_> = should.iter().map(|(of, name)| (of.id, (*name).to_owned())).collect();
    require(is == expected && taken.len() == should.len(), || {
        format!("claim_subject_tasks, {told}: should give {expected:?}, and gave {is:?}")
    })?;
    Ok(taken)
}

/// Requires how the tasks of a request stand, in the order of source and type.
async fn stand(case: &Case, told: &str, of: &SubjectRequest, should: &[TaskStanding]) -> Found {
    let tasks = both!(case, told, subject_tasks(&of.owner, of.id))?;
    let tasks = tasks.map_err(|kind| format!("subject_tasks, {told}: failed as {kind:?}"))?;
    let is: Vec<TaskStanding> = tasks.iter().map(SubjectTask::standing).collect();
    require(is == should, || format!("subject_tasks, {told}: should stand {should:?}, and stand {is:?}"))
}

fn erased(records: u64) -> TaskReport {
    TaskReport::Erased(Erased { records, kept: Vec::new() })
}

pub(super) async fn stored(case: &Case) -> Found {
    let (ada, bob) = (owner("ada")?, owner("bob")?);
    let request = approved(case, &ada, 1, &["shop/order", "crm/note", "crm/call"]).await?;
    let waiting = [TaskStanding::Waiting; 3];
    stand(case, "once they are laid out", &request, &waiting).await?;
    let none = both!(case, "of another owner", subject_tasks(&bob, request.id))?;
    require(none.is_ok_and(|tasks| tasks.is_empty()), || {
        "subject_tasks: another owner sees them".to_owned()
    })?;

    let run = request.clone().run(true).map_err(wrong)?;
    let more = tasks(case, &request, &["crm/mail"])?;
    let entries = [case.entry(&ada, Action::ApproveSubjectRequest)];
    let told = "of another version";
    refused!(case, Conflict, told, lay_out_subject_request(&run, request.version - 1, &more, &entries));
    let used = case.entry(&ada, Action::CreateSubjectRequest);
    done!(case, "of its own", record(&used));
    let told = "with an entry that is on record";
    let twice = [case.entry(&ada, Action::ApproveSubjectRequest), used.clone()];
    refused!(case, Conflict, told, lay_out_subject_request(&run, request.version, &more, &twice));
    let audit = case.ours().audit(&ada, &AuditQuery::default()).await.map_err(|error| error.to_string())?;
    let approvals = audit.items.iter().filter(|entry| entry.action == Action::ApproveSubjectRequest).count();
    require(approvals == 1, || {
        format!("lay_out_subject_request: {approvals} entries of the audit, not one")
    })?;

    // Those on record stay as they are.
    let running = changes(case, &request, Ok(run)).await?;
    let taken = takes(case, "of one", &claim_of("w", 9, &["shop"])?, &[(&running, "shop/order")]).await?;
    done!(case, "of the one", settle_subject_task(taken[0].work.fence(), &erased(2)));
    let again = running.clone().extend(None, &name("eve")?, case.now()).map_err(wrong)?;
    let anew = tasks(case, &running, &["shop/order", "crm/mail"])?;
    let running = lays_out(case, "that has tasks already", &running, again, &anew).await?;
    let (done, wait) = (TaskStanding::Done, TaskStanding::Waiting);
    stand(case, "once they are laid out again", &running, &[wait, wait, wait, done]).await?;

    // They end with the request, whoever has them.
    let told = "of a request that ends";
    let taken = done!(case, told, claim_subject_tasks(&claim_of("w", 1, &["crm"])?));
    let held =
        taken.first().ok_or_else(|| format!("claim_subject_tasks, {told}: gave nothing"))?.work.fence();
    let withdrawn = running.clone().withdraw(&name("eve")?, case.now());
    let withdrawn = changes(case, &running, withdrawn).await?;
    let gone = TaskStanding::Cancelled;
    stand(case, "of a request that has ended", &withdrawn, &[gone, gone, gone, done]).await?;
    refused!(case, Fenced, "of a request that has ended", settle_subject_task(held, &erased(1)));
    Ok(())
}

pub(super) async fn claimed(case: &Case) -> Found {
    let (ada, bob) = (owner("ada")?, owner("bob")?);
    let waits = approved(case, &ada, 1, &["crm/call", "shop/order"]).await?;
    let told = "of requests that do not run";
    takes(case, told, &claim_of("w", 9, &["crm", "shop"])?, &[]).await?;
    let none = both!(case, told, running_subject_requests())?;
    require(none.is_ok_and(|running| running.is_empty()), || {
        "running_subject_requests: one runs".to_owned()
    })?;
    let first = changes(case, &waits, waits.clone().run(true)).await?;
    case.pass(1);
    let second = running(case, &bob, 2, &["crm/call"]).await?;
    let both_run = both!(case, "that run", running_subject_requests())?;
    let ids: Vec<_> = both_run.iter().flatten().map(|(request, tasks)| (request.id, tasks.len())).collect();
    require(ids == [(first.id, 2), (second.id, 1)], || {
        format!("running_subject_requests: should be the two in order, with their tasks, and is {ids:?}")
    })?;

    takes(case, "of unknown sources", &claim_of("w", 9, &["mart"])?, &[]).await?;
    let no_keys = claim_of("w", 9, &["crm", "shop"])?.with_keys(BTreeSet::new());
    takes(case, "without keys", &no_keys, &[]).await?;
    let other = SubjectKeyId::new("k2").map_err(wrong)?;
    takes(case, "under another key", &no_keys.with_keys(BTreeSet::from([other])), &[]).await?;
    let one_each =
        claim_of("w", 9, &["crm", "shop"])?.with_per_source(NonZeroU32::new(1)).with_turn(ada.clone());
    // It was ada's turn the last time, so it is bob's.
    let should = [(&second, "crm/call"), (&first, "shop/order")];
    let taken = takes(case, "one of each source", &one_each, &should).await?;
    takes(case, "of sources that are in use", &one_each, &[]).await?;
    takes(case, "of one limited", &claim_of("v", 0, &["crm"])?, &[]).await?;
    takes(case, "of the rest", &claim_of("v", 9, &["crm"])?, &[(&first, "crm/call")]).await?;

    // Those whose leases run out are taken over, after a wait.
    case.pass(LEASE.as_secs());
    takes(case, "of silent workers", &claim_of("v", 9, &["crm", "shop"])?, &[]).await?;
    case.pass(60);
    let all = [(&first, "crm/call"), (&second, "crm/call"), (&first, "shop/order")];
    let again = takes(case, "that were taken back", &claim_of("v", 9, &["crm", "shop"])?, &all).await?;
    require(again.iter().all(|task| task.work.epoch == 2), || {
        "claim_subject_tasks: no new epoch".to_owned()
    })?;
    let late = taken[0].work.fence();
    refused!(case, Fenced, "of a claim that was lost", settle_subject_task(late, &erased(1)));
    Ok(())
}

pub(super) async fn settled(case: &Case) -> Found {
    let (ada, bob) = (owner("ada")?, owner("bob")?);
    let request = running(case, &ada, 1, &["a/t", "b/t", "c/t", "d/t", "e/t"]).await?;
    let claim = claim_of("w", 9, &["a", "b", "c", "d", "e"])?;
    let all = ["a/t", "b/t", "c/t", "d/t", "e/t"].map(|name| (&request, name));
    let mut taken = takes(case, "of all", &claim, &all).await?;
    taken.sort_by(|one, other| one.source.cmp(&other.source));
    let fence = |at: usize| taken[at].work.fence();
    let early = |at: usize| Fence { epoch: 0, ..fence(at) };
    let (unknown, none) = (Fence { id: crate::domain::id::SubjectTaskId(case.id()), epoch: 1 }, None::<u64>);
    for lost in [early(0), unknown] {
        refused!(case, Fenced, "of no claim", beat_subject_task(lost, LEASE, Some(3)));
        refused!(case, Fenced, "of no claim", settle_subject_task(lost, &erased(1)));
    }
    case.pass(1);
    done!(case, "that is about to erase", beat_subject_task(fence(0), LEASE, Some(7)));
    done!(case, "that goes on", beat_subject_task(fence(0), LEASE, none));
    case.pass(1);
    let failed = |failure| TaskReport::Failed(failure);
    let on_hold = TaskReport::Erased(Erased { records: 2, kept: Vec::new() }.with_kept(ON_HOLD, 1));
    for (at, report) in [
        (0, erased(7)),
        (1, TaskReport::Erased(Erased { records: 1, kept: Vec::new() }.with_kept("law", 4))),
        (2, TaskReport::Unsupported),
        (3, failed(WorkFailure::permanent("a foreign key needs them"))),
        (4, on_hold),
    ] {
        done!(case, "of each kind", settle_subject_task(fence(at), &report));
    }
    done!(case, "a second time", settle_subject_task(fence(0), &erased(7)));
    use TaskStanding::{Done, Failed, OnHold, Partial, Unsupported, Waiting};
    stand(case, "once they are settled", &request, &[Done, Partial, Unsupported, Failed, OnHold]).await?;

    let entries = || [case.entry(&ada, Action::RunSubjectRequest)];
    let told = "of another owner";
    let foreign = [case.entry(&bob, Action::RunSubjectRequest)];
    let asked = done!(case, told, ask_subject_tasks_again(&bob, request.id, &foreign));
    require(asked == 0, || format!("ask_subject_tasks_again, {told}: {asked} start over"))?;
    let entry = entries();
    let asked = done!(case, "that failed", ask_subject_tasks_again(&ada, request.id, &entry));
    require(asked == 2, || format!("ask_subject_tasks_again: {asked} start over, and not two"))?;
    stand(case, "once asked for again", &request, &[Done, Partial, Unsupported, Waiting, OnHold]).await?;
    let audit = case.ours().audit(&ada, &AuditQuery::default()).await.map_err(|error| error.to_string())?;
    require(audit.items.contains(&entry[0]), || {
        "ask_subject_tasks_again: has no entry of the audit".to_owned()
    })?;
    let entry = entries();
    let asked = done!(case, "a second time", ask_subject_tasks_again(&ada, request.id, &entry));
    let audit = case.ours().audit(&ada, &AuditQuery::default()).await.map_err(|error| error.to_string())?;
    require(asked == 0 && !audit.items.contains(&entry[0]), || {
        format!("ask_subject_tasks_again, a second time: {asked} start over, or it is in the audit")
    })?;
    let due = takes(case, "again", &claim, &[(&request, "d/t"), (&request, "e/t")]).await?;
    let waits =
        |task: &SubjectTask| matches!(task.work.state, WorkState::Held { .. }) && task.work.epoch == 2;
    require(due.iter().all(waits), || "claim_subject_tasks: epochs do not go on".to_owned())
}
