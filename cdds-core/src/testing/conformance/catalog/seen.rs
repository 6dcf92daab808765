//! Everything that a record shows.

use std::collections::BTreeSet;
use std::fmt::Debug;

use super::case::Found;
use crate::domain::calendar::zone::database::Clocks;
use crate::domain::id::Owner;
use crate::domain::work::{Fence, Writer};
use crate::ports::catalog::query::{
    ArtifactQuery, AuditQuery, DeliveryQuery, ExecutionQuery, JobQuery, NoticeQuery, Page,
    SubjectRequestQuery,
};
use crate::ports::catalog::{Catalog, CatalogError, WorkQueue};
use crate::testing::MemoryCatalog;

/// The answers to every question that can be asked about what is on record.
#[derive(Debug)]
pub(super) struct Seen(Vec<(String, String)>);

/// Returns a value as text to compare. One catalog sees the process of a worker, another only its lease.
pub(super) fn text(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    let text =
        text.replace("worker: Some(Alive)", "worker: None").replace("worker: Some(Gone)", "worker: None");
    text.replace("state: Gone", "state: Alive")
}

/// Returns a page as text. Every catalog chooses its own cursors.
pub(super) fn page_text<T: Debug>(page: &Page<T>) -> String {
    let Page { items, total, next } = page;
    format!("{} total {total:?} more {}", text(items), next.is_some())
}

/// Returns where two texts differ, in few words.
pub(super) fn difference(ours: &str, should: &str) -> Option<String> {
    if ours == should {
        return None;
    }
    let same = ours.chars().zip(should.chars()).take_while(|(one, other)| one == other).count();
    let part = |text: &str| text.chars().skip(same.saturating_sub(60)).take(160).collect::<String>();
    Some(format!("should be …{}…, is …{}…", part(should), part(ours)))
}

impl Seen {
    /// Asks a catalog about everything that the twin knows.
    pub(super) async fn of(catalog: &dyn Catalog, twin: &MemoryCatalog) -> Found<Self> {
        let mut seen = Self(Vec::new());
        match seen.look(catalog, twin).await {
            Ok(()) => Ok(seen),
            Err(error) => Err(format!("a read failed after {} others: {error}", seen.0.len())),
        }
    }

    /// Returns the first difference from what should be seen.
    pub(super) fn differs_from(&self, should: &Self) -> Option<String> {
        let pairs = self.0.iter().zip(&should.0);
        let mut differences = pairs.filter_map(|((what, ours), (_, should))| {
            difference(ours, should).map(|differs| format!("{what} {differs}"))
        });
        differences.next().or_else(|| {
            let (ours, should) = (self.0.len(), should.0.len());
            (ours != should).then(|| format!("{ours} answers instead of {should}"))
        })
    }

    fn add(&mut self, what: impl Into<String>, answer: &impl Debug) {
        self.0.push((what.into(), text(answer)));
    }

    fn page<T: Debug>(&mut self, what: String, page: &Page<T>) {
        self.0.push((what, page_text(page)));
    }

    async fn look(&mut self, catalog: &dyn Catalog, twin: &MemoryCatalog) -> Result<(), CatalogError> {
        let now = twin.now().await?;
        let (jobs, executions) = (twin.all_jobs(), twin.record());
        let owners: BTreeSet<Owner> = jobs.iter().map(|job| job.owner.clone()).collect();
        for owner in &owners {
            self.lists(catalog, owner, now).await?;
        }
        for job in &jobs {
            let (owner, id) = (&job.owner, job.id);
            self.add(format!("job {id}"), &catalog.job(owner, id).await?);
            self.add(
                format!("the open executions of {id}"),
                &catalog.open_executions(owner, id, None, 9).await?,
            );
            self.add(format!("the last records of {id}"), &catalog.last_records(id).await?);
        }
        for one in &executions {
            let (owner, id) = (&one.owner, one.id);
            self.add(format!("execution {id}"), &catalog.execution(owner, id, now).await?);
            self.add(format!("the set of {id}"), &catalog.artifact_set(owner, id).await?);
            self.add(format!("the filters of {id}"), &catalog.subject_filter(id).await?);
            self.add(format!("the downloads of {id}"), &catalog.downloads_of(owner, id, 9).await?);
            for attempt in &one.attempts {
                let fence = Fence { id, epoch: attempt.epoch };
                let standing = catalog.standing(Writer { fence, nonce: attempt.nonce }).await?;
                self.add(format!("the standing of claim {} of {id}", attempt.epoch), &standing);
            }
        }
        self.add("the due jobs", &catalog.due(now, 1_000, Clocks::default()).await?);
        self.add("the agenda", &catalog.agenda(Clocks::default()).await?);
        let mut removals = catalog.removals(1_000).await?;
        removals.sort_by_key(|removal| format!("{removal:?}"));
        self.add("the removals", &removals);
        let mut manifests = catalog.newest_manifests(1_000).await?;
        manifests.sort();
        self.add("the manifests", &manifests);
        self.add("the store", &catalog.store().await?);
        self.add("the health of destinations", &catalog.health().await?);
        self.add("the requests that run", &catalog.running_subject_requests().await?);
        Ok(())
    }

    async fn lists(
        &mut self,
        catalog: &dyn Catalog,
        owner: &Owner,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<(), CatalogError> {
        self.page(format!("the jobs of {owner}"), &catalog.jobs(owner, &JobQuery::default()).await?);
        let executions = catalog.executions(owner, &ExecutionQuery::default(), now).await?;
        self.page(format!("the executions of {owner}"), &executions);
        let artifacts = catalog.artifacts(owner, &ArtifactQuery::default()).await?;
        self.page(format!("the artifacts of {owner}"), &artifacts);
        for overview in &artifacts.items {
            let id = overview.artifact.id;
            self.add(format!("artifact {id}"), &catalog.artifact(owner, id).await?);
        }
        self.page(format!("the notices of {owner}"), &catalog.notices(owner, &NoticeQuery::default()).await?);
        let deliveries = catalog.deliveries(owner, &DeliveryQuery::default()).await?;
        self.page(format!("the deliveries of {owner}"), &deliveries);
        self.page(format!("the audit of {owner}"), &catalog.audit(owner, &AuditQuery::default()).await?);
        let requests = catalog.subject_requests(owner, &SubjectRequestQuery::default()).await?;
        self.page(format!("the subject requests of {owner}"), &requests);
        for request in &requests.items {
            self.add(
                format!("the tasks of {}", request.id),
                &catalog.subject_tasks(owner, request.id).await?,
            );
        }
        let sets = catalog.published_sets(owner, None, 1_000).await?;
        self.add(format!("the sets of {owner}"), &sets);
        self.add(format!("the recipients of {owner}"), &catalog.recipients(owner).await?);
        self.add(format!("the workers as {owner} sees them"), &catalog.workers(owner, now, 99).await?);
        Ok(())
    }
}
