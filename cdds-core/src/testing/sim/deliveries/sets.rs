//! Sets that are published without an export, and the people who take files away and ask again.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::super::report::{Invariant, Who};
use super::super::time::{HOUR, Micros};
use super::super::watch::step;
use super::board::{Board, delivery_to};
use super::models::{Expected, SetAt};
use super::record::Record;
use super::spots::Place;
use crate::domain::archive::artifact::{
    Artifact, ArtifactSet, Key, Sha256Digest, StoredManifest, artifact_id,
};
use crate::domain::archive::retention::RetentionDays;
use crate::domain::calendar::frequency::{Frequency, Start};
use crate::domain::delivery::{Delivery, JobDestination, JobDestinations, Receipt};
use crate::domain::execution::Execution;
use crate::domain::execution::progress::Progress;
use crate::domain::id::{JobId, Owner, SourceId, TypeId, WorkerId};
use crate::domain::job::lifecycle::submit;
use crate::domain::job::{JobSettings, Protection, Title};
use crate::domain::notice::subscription::{Subscription, Subscriptions};
use crate::domain::source::SourceTerms;
use crate::domain::work::Nonce;
use crate::domain::work::row::WorkStatus;
use crate::keys;
use crate::ports::catalog::query::DeliveryQuery;
use crate::ports::catalog::{Claim, DeliveryStore, JobStore, Publication, WorkQueue};
use crate::ports::ids::Ids;
use crate::ports::packager::PartOrdinal;
use crate::ports::sink::Sink;
use crate::testing::{MemorySink, SeededIds};

/// The owners of a world.
pub(super) fn owners() -> Vec<Owner> {
    ["ada", "bob"].into_iter().filter_map(|name| Owner::new(name).ok()).collect()
}

/// Whoever publishes sets, and all people around them.
pub(super) struct People {
    pub(super) board: Arc<Board>,
    pub(super) catalog: Arc<dyn crate::ports::catalog::Catalog>,
    pub(super) store: MemorySink,
    pub(super) ids: Arc<SeededIds>,
    pub(super) places: Vec<Arc<Place>>,
    /// Between two sets.
    pub(super) distance: Micros,
    /// Whether each set goes to one place, and to each in turn.
    pub(super) one_by_one: bool,
    /// Who is told of each set.
    pub(super) subscribed: Vec<String>,
}

pub(super) fn told(error: impl std::fmt::Display) -> String {
    format!("the world itself is wrong: {error}")
}

impl People {
    /// Publishes a set now and then, takes files away, and asks again, until `over`.
    pub(super) async fn live(self, over: Micros) {
        if !self.one_by_one
            && let Err(error) = self.seals()
        {
            self.board.violate(Invariant::Ends, error);
        }
        while self.board.timeline.elapsed() < over {
            let places = self.chosen();
            for to in places {
                if let Err(error) = self.publishes(&to) {
                    self.board.violate(Invariant::Ends, error);
                }
            }
            let wait =
                if self.one_by_one { self.distance } else { self.board.below(self.distance) + HOUR / 4 };
            self.board.timeline.sleep(wait).await;
            if !self.one_by_one {
                self.takes_away();
                self.asks_again();
                self.renews();
            }
        }
    }

    /// Returns the places of each set that is published now.
    fn chosen(&self) -> Vec<Vec<Arc<Place>>> {
        if self.one_by_one {
            return self.places.iter().map(|place| vec![Arc::clone(place)]).collect();
        }
        let some = self.places.iter().filter(|_| self.board.below(2) == 0).cloned().collect::<Vec<_>>();
        if some.is_empty() { vec![self.places.clone()] } else { vec![some] }
    }

    pub(super) fn settings(&self, to: &[Arc<Place>]) -> Result<JobSettings, String> {
        let to = to.iter().map(|place| {
            let digest = self.board.below(3) == 0;
            let receipt = if digest { Receipt::Digest } else { Receipt::Size };
            JobDestination::new(place.id.clone()).with_receipt(receipt)
        });
        let subscriptions: Vec<Subscription> =
            self.subscribed.iter().map(|text| text.parse().map_err(told)).collect::<Result<_, _>>()?;
        let settings = JobSettings::new(
            Title::new("delivered").map_err(told)?,
            SourceId::new("calls").map_err(told)?,
            TypeId::new("call").map_err(told)?,
            Frequency::Once(Start::Immediately),
            Protection::Plaintext,
        );
        Ok(settings
            .with_destinations(JobDestinations::new(to).map_err(told)?)
            .with_subscriptions(Subscriptions::new(subscriptions).map_err(told)?))
    }

    /// Publishes a set, as one step of the world.
    fn publishes(&self, to: &[Arc<Place>]) -> Result<(), String> {
        let owners = owners();
        let owner =
            owners.get(usize::try_from(self.board.below(2)).unwrap_or(0)).cloned().unwrap_or_default();
        let now = self.board.timeline.now();
        let source = SourceTerms { settle_lag: Default::default(), granularity: Default::default() };
        let job = submit(JobId(self.ids.next()), owner, self.settings(to)?, source, now);
        step(self.catalog.insert_job(&job.job, job.first.as_ref(), &[])).map_err(told)?;
        let worker = WorkerId::of(uuid::Uuid::nil());
        let lease = std::time::Duration::from_secs(60);
        let claim = Claim::new(worker, Nonce::of(self.ids.next()), lease, 1);
        let claimed = step(self.catalog.claim(&claim)).map_err(told)?.executions;
        let execution = claimed.into_iter().next().ok_or("the world itself is wrong: nothing to publish")?;
        let files = self.files(&execution)?;
        let publication = publication(&execution, &files, now);
        // What should arrive is known before anybody can send it.
        self.expects(&execution, to, &files);
        step(self.catalog.publish(execution.fence(), &publication)).map_err(told)?;
        self.board.state().figures.sets += 1;
        let places: Vec<&str> = to.iter().map(|place| place.id.as_str()).collect();
        self.board.note(Who::World, format!("publishes {} to {places:?}", execution.id));
        for place in to {
            let id = delivery_to(execution.id, place);
            if self.board.delivery(&execution.owner, id).is_none() {
                let told = format!(
                    "{} is published, but its delivery to {} is not on record",
                    execution.id, place.id
                );
                self.board.violate(Invariant::Arrives, told);
            }
        }
        Ok(())
    }

    /// Stores the files of a set: some parts, and the manifest, which is the last one.
    fn files(&self, execution: &Execution) -> Result<Vec<(String, Key, Bytes)>, String> {
        let parts = 1 + self.board.below(3);
        let mut files = Vec::new();
        for part in 1..=parts + 1 {
            let bytes = 10 + self.board.below(2_000);
            let content = (0..bytes).map(|at| u8::try_from((at * 7 + part * 31) % 251).unwrap_or(0));
            let content: Bytes = content.collect();
            let (name, key) = if part > parts {
                (format!("export-{}.manifest.json", execution.id), keys::manifest(execution.writer()))
            } else {
                let ordinal = PartOrdinal(u32::try_from(part).unwrap_or(1));
                let extension = if part == parts { "zip".to_owned() } else { format!("z{part:02}") };
                (format!("export-{}.{extension}", execution.id), keys::part(execution.writer(), ordinal))
            };
            let store = async {
                let mut upload = self.store.begin(&key).await?;
                upload.write(content.clone()).await?;
                upload.finish().await
            };
            step(store).map_err(told)?;
            files.push((name, key, content));
        }
        Ok(files)
    }

    fn expects(&self, execution: &Execution, to: &[Arc<Place>], files: &[(String, Key, Bytes)]) {
        let mut state = self.board.state();
        for place in to {
            let id = delivery_to(execution.id, place);
            let Some(to) = execution.settings.destinations.iter().find(|to| to.destination == place.id)
            else {
                continue;
            };
            let folder = to.path.folder(execution);
            let mut paths = Vec::new();
            for (index, (name, _, bytes)) in files.iter().enumerate() {
                let path = folder.join(name);
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                let expected = Expected { delivery: id, index, bytes: bytes.clone() };
                state.expected.insert((place.id.clone(), path.clone()), expected);
                paths.push(path);
            }
            let set = SetAt {
                execution: execution.id,
                owner: execution.owner.clone(),
                destination: place.id.clone(),
                files: paths,
                confirmed: 0,
            };
            state.sets.insert(id, set);
        }
    }

    /// Takes away a set that has arrived, or a file that is whole, as partners do.
    fn takes_away(&self) {
        for place in &self.places {
            let chance = self.board.below(4);
            let sets: Vec<SetAt> = {
                let state = self.board.state();
                state.sets.values().filter(|set| set.destination == place.id).cloned().collect()
            };
            for set in sets {
                let manifest = set.files.last().and_then(|path| place.memory.file(path));
                let complete = manifest.is_some() && self.board.state().missing(&set).is_none();
                if complete && chance < 2 {
                    let gone = set.files.iter().filter(|path| place.memory.take(path)).count();
                    self.board.state().figures.taken += gone as u64;
                } else if chance == 3
                    && let Some(first) = set.files.first()
                {
                    let arrived = self.board.state().arrived.contains(&(place.id.clone(), first.clone()));
                    let is_renamed = place.naming != crate::domain::delivery::destination::Naming::Direct;
                    if arrived && is_renamed && place.memory.take(first) {
                        self.board.state().figures.taken += 1;
                    }
                }
            }
        }
    }

    /// Asks for a delivery again that was given up or is done, as people do.
    fn asks_again(&self) {
        if self.board.below(4) != 0 {
            return;
        }
        let set = {
            let mut state = self.board.state();
            let all: Vec<SetAt> = state.sets.values().cloned().collect();
            state.dice.pick(&all)
        };
        if let Some(set) = set {
            let result = redeliver(&self.board, &*self.catalog, &set);
            self.board.note(Who::World, format!("asks for {} again: {result:?}", set.execution));
        }
    }
}

/// Asks for a delivery again. Returns whether it starts over.
fn redeliver(board: &Board, catalog: &dyn crate::ports::catalog::Catalog, set: &SetAt) -> bool {
    let query =
        DeliveryQuery::default().with_execution(set.execution).with_destination(set.destination.clone());
    let rows = step(catalog.deliveries(&set.owner, &query)).map(|page| page.items).unwrap_or_default();
    let Some(Delivery { to, work, .. }) = rows.into_iter().next() else { return false };
    let again = step(catalog.redeliver(&set.owner, set.execution, &to, &[])).is_ok();
    if again {
        let mut state = board.state();
        state.figures.asked_again += 1;
        if let Some(set) = state.sets.get_mut(&work.id) {
            set.confirmed = 0;
        }
    }
    again
}

/// Enables what was disabled, pins anew and asks again for what was given up, as people do once everything is mended.
pub(super) fn mend(board: &Board) {
    let catalog = &*board.catalog;
    for (target, health) in step(catalog.health()).unwrap_or_default() {
        board.state().figures.disabled += u64::from(!health.is_enabled());
        // Somebody has compared the identity that is shown now.
        let mended = health.clone().enabled().pinning(None);
        if let Err(error) = step(catalog.set_health(&target, &health, &mended, &[])) {
            board.violate(Invariant::Ends, told(error));
        }
    }
    let sets: Vec<SetAt> = board.state().sets.values().cloned().collect();
    for set in sets {
        let query =
            DeliveryQuery::default().with_execution(set.execution).with_destination(set.destination.clone());
        let rows = step(catalog.deliveries(&set.owner, &query)).map(|page| page.items).unwrap_or_default();
        if rows.iter().any(|row| row.work.status() == WorkStatus::GivenUp) {
            redeliver(board, catalog, &set);
        } else if let Some(row) = rows.first()
            && let Some(known) = board.state().sets.get_mut(&row.work.id)
        {
            // Enabling its place may have started it over.
            known.confirmed = known.confirmed.min(row.progress.files);
        }
    }
}

fn publication(
    execution: &Execution,
    files: &[(String, Key, Bytes)],
    now: chrono::DateTime<chrono::Utc>,
) -> Publication {
    let digest = |bytes: &Bytes| Sha256Digest(Sha256::digest(bytes).into());
    let parts = u32::try_from(files.len().saturating_sub(1)).unwrap_or(1);
    let artifacts =
        files.iter().take(files.len().saturating_sub(1)).zip(1..).map(|((name, key, bytes), part)| {
            Artifact {
                id: artifact_id(execution.id, part),
                owner: execution.owner.clone(),
                execution_id: execution.id,
                job_id: execution.job_id,
                types: execution.settings.reads.types(),
                name: name.clone(),
                part,
                parts,
                key: key.clone(),
                bytes: bytes.len() as u64,
                sha256: digest(bytes),
                created_at: now,
                expires_at: RetentionDays::default().expires_at(now),
                hold: false,
            }
        });
    let manifest = files.last().map(|(name, key, bytes)| StoredManifest {
        name: name.clone(),
        key: key.clone(),
        bytes: bytes.len() as u64,
        sha256: digest(bytes),
    });
    let empty =
        StoredManifest { name: String::new(), key: Key::new(""), bytes: 0, sha256: Sha256Digest([0; 32]) };
    Publication {
        nonce: execution.writer().nonce,
        set: ArtifactSet {
            artifacts: artifacts.collect(),
            manifest: manifest.unwrap_or(empty),
            signature: None,
        },
        filter: None,
        progress: Progress { parts, ..Progress::default() },
        published_at: now,
        request: execution.settings.request,
    }
}

/// Keeps the types of this module's record in one place.
pub(super) fn publisher(board: &Arc<Board>) -> Record {
    Record { board: Arc::clone(board), engine: None, places: Arc::default() }
}
