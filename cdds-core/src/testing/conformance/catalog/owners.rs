//! What belongs to another owner is not there (rule J15).

use super::case::{Case, Found, done, refused, require};
use super::deliveries::{delivering, destination};
use super::scene::{failed, once, owner, recipient, sealed, settings, terms};
use super::seen::{difference, page_text, text};
use crate::domain::access::Action;
use crate::domain::archive::adoption::{FoundSet, adopt};
use crate::domain::delivery::JobDestination;
use crate::domain::execution::Execution;
use crate::domain::id::{ArtifactId, JobId, NoticeId, Owner};
use crate::domain::job::lifecycle::submit;
use crate::domain::job::{Job, JobChange};
use crate::domain::recipient::Recipient;
use crate::ports::catalog::query::{
    ArtifactQuery, AuditQuery, DeliveryQuery, ExecutionQuery, JobQuery, NoticeQuery, Page, Total,
};
use crate::ports::catalog::{CatalogError, Publication, RecipientRemoval};

/// One of everything, of one owner.
struct Belongings {
    owner: Owner,
    job: Job,
    /// Waits for its first claim.
    waiting: Execution,
    /// Has published a set.
    published: Execution,
    /// Its set, of two parts.
    publication: Publication,
    /// A notice that was given up.
    notice: NoticeId,
}

impl Belongings {
    async fn of(case: &Case, name: &str) -> Found<Self> {
        let owner = owner(name)?;
        case.recipient(&owner, "archive").await?;
        case.submit(&owner, delivering(settings("published", once())?, &["partner"])?).await?;
        let published = case.claimed("w").await?;
        let publication = case.publishes(&published, 2).await?;
        let job = case.queued(&owner, "waiting").await?;
        let page = case.ours().open_executions(&owner, job.id, None, 1).await;
        let open = page.map_err(|error| error.to_string())?;
        let waiting = open.executions.into_iter().next().ok_or("the first execution of a job is missing")?;
        let notice = super::scene::given_up(case, &published).await?;
        Ok(Self { owner, job, waiting, published, publication, notice })
    }

    fn file(&self, part: usize) -> Found<ArtifactId> {
        self.publication.set.artifacts.get(part).map(|file| file.id).ok_or_else(|| "no such part".to_owned())
    }
}

/// Requires that a read gives nothing.
fn nothing<T: std::fmt::Debug>(what: &str, read: Result<T, CatalogError>, nothing: &str) -> Found {
    let read = read.map_err(|error| format!("{what}, by another owner: failed with {error}"))?;
    match difference(&text(&read), nothing) {
        Some(differs) => Err(format!("{what}, by another owner: {differs}")),
        None => Ok(()),
    }
}

/// Requires that a list has no rows, on a page that is the only one.
fn empty<T: std::fmt::Debug>(what: &str, read: Result<Page<T>, CatalogError>) -> Found {
    let read = read.map_err(|error| format!("{what}, by another owner: failed with {error}"))?;
    let none = Page::<()> { items: Vec::new(), total: Some(Total::Exactly(0)), next: None };
    match difference(&page_text(&read), &page_text(&none)) {
        Some(differs) => Err(format!("{what}, by another owner: {differs}")),
        None => Ok(()),
    }
}

pub(super) async fn reads(case: &Case) -> Found {
    let theirs = Belongings::of(case, "ada").await?;
    // Both an owner who has nothing, and one who has the like.
    foreign_reads(case, &owner("cyd")?, &theirs, true).await?;
    let others = Belongings::of(case, "bob").await?;
    foreign_reads(case, &others.owner, &theirs, false).await?;
    foreign_reads(case, &theirs.owner, &others, false).await
}

async fn foreign_reads(case: &Case, stranger: &Owner, theirs: &Belongings, has_nothing: bool) -> Found {
    let (catalog, now) = (case.ours(), case.now());
    // The answer is read through the owner first: a catalog that remembers answers must tell owners apart.
    case.seen().await?;
    for one in [&theirs.waiting, &theirs.published] {
        let own = catalog.execution(&theirs.owner, one.id, now).await;
        require(own.is_ok_and(|own| own.is_some()), || "an owner does not see an execution".to_owned())?;
        nothing("execution", catalog.execution(stranger, one.id, now).await, "None")?;
        nothing("artifact_set", catalog.artifact_set(stranger, one.id).await, "None")?;
        nothing("set_as_published", catalog.set_as_published(stranger, one.id).await, "None")?;
        let own = catalog.job(&theirs.owner, one.job_id).await;
        require(own.is_ok_and(|own| own.is_some()), || "an owner does not see a job".to_owned())?;
        nothing("job", catalog.job(stranger, one.job_id).await, "None")?;
        let open = catalog.open_executions(stranger, one.job_id, None, 9).await;
        nothing("open_executions", open, &text(&crate::domain::job::settling::Open::default()))?;
        let query = ExecutionQuery::default().with_job(one.job_id);
        empty("executions, of a job", catalog.executions(stranger, &query, now).await)?;
        let query = ExecutionQuery::default().with_ids(vec![one.id]);
        empty("executions, by ids", catalog.executions(stranger, &query, now).await)?;
        let query = JobQuery::default().with_ids(vec![one.job_id]);
        empty("jobs, by ids", catalog.jobs(stranger, &query).await)?;
        let query = ArtifactQuery::default().with_execution(one.id);
        empty("artifacts, of an execution", catalog.artifacts(stranger, &query).await)?;
        let query = ArtifactQuery::default().with_job(one.job_id);
        empty("artifacts, of a job", catalog.artifacts(stranger, &query).await)?;
        let query = NoticeQuery::default().with_execution(one.id);
        empty("notices, of an execution", catalog.notices(stranger, &query).await)?;
        let query = DeliveryQuery::default().with_execution(one.id);
        empty("deliveries, of an execution", catalog.deliveries(stranger, &query).await)?;
        let query = AuditQuery::default().with_object(one.job_id.to_string());
        empty("audit, of a job", catalog.audit(stranger, &query).await)?;
    }
    for part in 0..2 {
        nothing("artifact", catalog.artifact(stranger, theirs.file(part)?).await, "None")?;
    }
    empty("notices, by id", catalog.notices(stranger, &NoticeQuery::default().with_id(theirs.notice)).await)?;
    let own = catalog.recipients(stranger).await.map_err(|error| error.to_string())?;
    require(own.iter().all(|one| one.owner == *stranger), || "recipients: gives those of others".to_owned())?;
    if has_nothing {
        empty("jobs", catalog.jobs(stranger, &JobQuery::default()).await)?;
        empty("executions", catalog.executions(stranger, &ExecutionQuery::default(), now).await)?;
        empty("artifacts", catalog.artifacts(stranger, &ArtifactQuery::default()).await)?;
        empty("notices", catalog.notices(stranger, &NoticeQuery::default()).await)?;
        empty("deliveries", catalog.deliveries(stranger, &DeliveryQuery::default()).await)?;
        empty("audit", catalog.audit(stranger, &AuditQuery::default()).await)?;
    }
    Ok(())
}

pub(super) async fn changes(case: &Case) -> Found {
    let theirs = Belongings::of(case, "ada").await?;
    foreign_changes(case, &owner("cyd")?, &theirs).await?;
    let others = Belongings::of(case, "bob").await?;
    let (own, foreign) = (others.file(0)?, theirs.file(0)?);
    let audit = [case.entry(&others.owner, Action::DeleteArtifacts)];
    for mixed in [[own, foreign], [foreign, own]] {
        let told = "of which one is another owner's";
        refused!(case, Conflict, told, delete_artifacts(&others.owner, &mixed, case.now(), &audit));
    }
    foreign_changes(case, &others.owner, &theirs).await
}

async fn foreign_changes(case: &Case, stranger: &Owner, theirs: &Belongings) -> Found {
    let now = case.now();
    let told = "of another owner";
    let audit = || [case.entry(stranger, Action::EditJob)];
    let job = case.job_of(&theirs.job).await?;
    let taken = JobChange::of(Job { owner: stranger.clone(), ..job.clone() });
    refused!(case, Conflict, told, change_job(&taken, job.revision, &audit()));
    let again = submit(job.id, stranger.clone(), settings("taken", once())?, terms().source, now);
    refused!(case, Conflict, "whose id another owner's has", insert_job(&again.job, None, &audit()));

    let before = Execution { owner: stranger.clone(), ..theirs.waiting.clone() };
    let after = before.clone().cancel(now).map_err(|error| error.to_string())?;
    refused!(case, Conflict, told, change_execution(&before, &after, &audit()));
    for one in [&theirs.published, &theirs.waiting] {
        refused!(case, Conflict, told, delete_execution(stranger, one.id, now, &audit()));
        refused!(case, Conflict, told, hold(stranger, one.id, true, &audit()));
    }
    refused!(case, Conflict, told, delete_artifacts(stranger, &[theirs.file(0)?], now, &audit()));
    refused!(case, Conflict, told, ask_notice_again(stranger, theirs.notice, &audit()));
    let to = JobDestination::new(destination("partner")?);
    refused!(case, Conflict, told, redeliver(stranger, theirs.published.id, &to, &audit()));
    adopts(case, stranger, theirs).await
}

/// Tries to adopt a set into another owner's job.
async fn adopts(case: &Case, stranger: &Owner, theirs: &Belongings) -> Found {
    let job = case.job_of(&theirs.job).await?;
    let mut foreign = Job { owner: stranger.clone(), ..job.clone() };
    foreign.settings = job.settings.clone();
    let made_at = case.now();
    let found = FoundSet {
        writer: Execution { epoch: 1, ..theirs.waiting.clone() }.writer(),
        slot: theirs.waiting.slot,
        window: theirs.waiting.window,
        incomplete_from: None,
        made_at,
        expires_at: made_at + chrono::TimeDelta::days(30),
        progress: theirs.publication.progress,
        same_selection: true,
    };
    let known = Execution { owner: stranger.clone(), ..theirs.waiting.clone() };
    let adoption = adopt(&foreign, Some(&known), &found, made_at).map_err(|error| error.to_string())?;
    let set = super::scene::publication(&adoption.execution, 1, made_at).set;
    let audit = [case.entry(stranger, Action::EditJob)];
    refused!(case, Conflict, "into another owner's job", adopt(&adoption, job.revision, &set, &audit));
    Ok(())
}

pub(super) async fn recipients(case: &Case) -> Found {
    let (ada, bob) = (owner("ada")?, owner("bob")?);
    let of_ada = case.recipient(&ada, "archive").await?;
    let of_bob = case.recipient(&bob, "archive").await?;
    let only_ada = case.recipient(&ada, "only").await?;
    let audit = |owner: &Owner| [case.entry(owner, Action::CreateJob)];
    let again = recipient(&ada, "archive", case.now())?;
    refused!(case, Conflict, "of a name that the owner has used", insert_recipient(&again, &audit(&ada)));

    let secret = sealed(settings("sealed", once())?, &only_ada)?;
    let foreign = submit(JobId(case.id()), bob.clone(), secret, terms().source, case.now());
    let told = "that names another owner's recipient";
    refused!(case, Conflict, told, insert_job(&foreign.job, foreign.first.as_ref(), &audit(&bob)));
    let plain = case.queued(&bob, "plain").await?;
    let mut edited = plain.clone();
    edited.settings = foreign.job.settings.clone();
    let edited = JobChange::of(edited);
    refused!(case, Conflict, told, change_job(&edited, plain.revision, &audit(&bob)));

    // Bob's job uses his own recipient, which keeps nobody else's of the same name in use.
    let used = case.submit(&bob, sealed(settings("own", once())?, &of_bob)?).await?;
    let entries = audit(&bob);
    let in_use = done!(case, "that a job names", remove_recipient(&bob, &of_bob.name, &entries));
    require(in_use == RecipientRemoval::InUse(vec![used.id]), || {
        format!("remove_recipient: was {in_use:?}")
    })?;
    let entries = audit(&bob);
    let missing = done!(case, "of another owner", remove_recipient(&bob, &only_ada.name, &entries));
    require(missing == RecipientRemoval::Missing, || format!("remove_recipient: was {missing:?}"))?;
    let renewed = Recipient { owner: bob.clone(), added_at: case.now(), ..only_ada.clone() };
    let present = &only_ada.certificate.fingerprint;
    refused!(case, Conflict, "of another owner", replace_recipient(&renewed, present, &audit(&bob)));
    let entries = audit(&ada);
    let removed = done!(case, "that no job names", remove_recipient(&ada, &of_ada.name, &entries));
    require(removed == RecipientRemoval::Removed, || format!("remove_recipient: was {removed:?}"))?;
    let entries = audit(&ada);
    let gone = done!(case, "that was removed", remove_recipient(&ada, &of_ada.name, &entries));
    require(gone == RecipientRemoval::Missing, || format!("remove_recipient: was {gone:?}"))?;
    // The execution of a deleted job that has not ended names it still.
    let claimed = case.claims("w", 9).await?;
    for one in claimed {
        case.settles(one.fence(), &failed(false)).await?;
    }
    Ok(())
}
