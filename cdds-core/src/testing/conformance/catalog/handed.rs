//! Copies that are handed over to data subjects (rule D9).

use super::case::{Case, Found, done, refused, require};
use super::scene::{once, owner, publication, settings, terms};
use super::subjects::{asks, changes, evidence, is_stored, name, wrong};
use crate::domain::access::Action;
use crate::domain::id::{Owner, SourceId, TypeId};
use crate::domain::job::lifecycle::{Submission, submit};
use crate::domain::job::{Read, Reads};
use crate::domain::subject::SubjectTask;
use crate::domain::subject::request::{RequestKind, SubjectRequest};
use crate::ports::catalog::Publication;
use crate::ports::catalog::query::AuditQuery;

/// A request whose copy may be made, as it was before that step, and the job that makes it.
struct Ready {
    before: SubjectRequest,
    after: SubjectRequest,
    job: Submission,
    tasks: Vec<SubjectTask>,
}

/// Takes a request as far as the step before its copy may be made.
async fn ready(case: &Case, owner: &Owner, kind: RequestKind, person: u8) -> Found<Ready> {
    let by = name("eve")?;
    let received = asks(case, owner, kind, &[person]).await?;
    let verified = received.clone().verify(evidence()?, &by, case.now()).map_err(wrong)?;
    let (before, after) = match kind {
        RequestKind::Access => (received, verified),
        _ => {
            let verified = changes(case, &received, Ok(verified)).await?;
            (verified.clone(), verified.approve(&by, case.now()).map_err(wrong)?)
        }
    };
    let (source, data_type) = (SourceId::new("calls").map_err(wrong)?, TypeId::new("call").map_err(wrong)?);
    let tasks = match kind {
        RequestKind::Access => Vec::new(),
        _ => vec![SubjectTask::new(&after, source.clone(), data_type.clone(), case.now())],
    };
    let reads = Reads::across([Read::of(data_type).with_source(source)]).map_err(wrong)?;
    let settings = settings("A copy", once())?.with_reads(reads).with_request(after.id);
    let job = submit(after.job_id(), owner.clone(), settings, terms().source, case.now());
    Ok(Ready { before, after, job, tasks })
}

/// Stores the step with the job.
async fn hands_over(case: &Case, ready: &Ready) -> Found {
    let Ready { before, after, job, tasks } = ready;
    let entries = [case.entry(&before.owner, Action::VerifySubjectRequest)];
    let told = "of the version that was read";
    done!(case, told, hand_over_subject_request(after, before.version, job, tasks, &entries));
    is_stored(case, "once its copy is queued", after).await?;
    case.agree("hand_over_subject_request", told).await?;
    let found = case.job_of(&job.job).await?;
    require(found.settings == job.job.settings, || format!("its job is stored as {found:?}"))?;
    let page =
        case.ours().audit(&before.owner, &AuditQuery::default()).await.map_err(|error| error.to_string())?;
    let is_there = page.items.iter().any(|entry| entries.contains(entry));
    require(is_there, || "hand_over_subject_request: its audit is lost".to_owned())
}

pub(super) async fn queued(case: &Case) -> Found {
    let (ada, bob) = (owner("ada")?, owner("bob")?);
    let one = ready(case, &ada, RequestKind::Access, 1).await?;
    let entries = |owner: &Owner| [case.entry(owner, Action::VerifySubjectRequest)];
    let Ready { before, after, job, tasks } = &one;
    let stale = before.version + 1;
    refused!(
        case,
        Conflict,
        "of another version",
        hand_over_subject_request(after, stale, job, tasks, &entries(&ada))
    );
    let foreign = SubjectRequest { owner: bob.clone(), ..after.clone() };
    let told = "of another owner";
    refused!(
        case,
        Conflict,
        told,
        hand_over_subject_request(&foreign, before.version, job, tasks, &entries(&bob))
    );
    hands_over(case, &one).await?;
    let again = SubjectRequest { version: after.version + 1, ..after.clone() };
    let told = "whose job is stored";
    refused!(
        case,
        Conflict,
        told,
        hand_over_subject_request(&again, after.version, job, tasks, &entries(&ada))
    );
    hands_over(case, &ready(case, &ada, RequestKind::Both, 2).await?).await
}

pub(super) async fn answered(case: &Case) -> Found {
    let ada = owner("ada")?;
    for (person, kind) in [(1, RequestKind::Access), (2, RequestKind::Both)] {
        let one = ready(case, &ada, kind, person).await?;
        hands_over(case, &one).await?;
        case.pass(1);
        let claimed = case.claimed("w").await?;
        let publication = publication(&claimed, 1, case.now());
        let other = Publication { request: None, ..publication.clone() };
        refused!(case, Conflict, "that answers no request", publish(claimed.fence(), &other));
        done!(case, "that answers a request", publish(claimed.fence(), &publication));
        let answered = one.after.handed_over(claimed.id, publication.published_at).map_err(wrong)?;
        is_stored(case, "once its copy is published", &answered).await?;
        case.agree("publish", "that answers a request").await?;
    }
    let one = ready(case, &ada, RequestKind::Access, 3).await?;
    hands_over(case, &one).await?;
    let claimed = case.claimed("w").await?;
    let withdrawn = one.after.clone().withdraw(&name("eve")?, case.now());
    changes(case, &one.after, withdrawn).await?;
    let late = publication(&claimed, 1, case.now());
    refused!(case, Conflict, "of a request that has ended", publish(claimed.fence(), &late));
    Ok(())
}
