//! Probes destinations (rule N3): writes a small file, measures it, renames it, reads it back and removes it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{Either, select};
use sha2::{Digest, Sha256};
use tracing::warn;

use crate::domain::archive::artifact::Sha256Digest;
use crate::domain::delivery::destination::{Naming, ServerIdentity};
use crate::domain::delivery::health::{Health, TargetId};
use crate::domain::delivery::path::RemotePath;
use crate::domain::delivery::probe::{Probe, ProbeStep, ProbedStep};
use crate::domain::work::Nonce;
use crate::ports::Ports;
use crate::ports::catalog::CatalogError;
use crate::ports::clock::Clock;
use crate::ports::destination::{Destination, DestinationError, DestinationErrorKind};
use crate::remote::Remote;

/// What is written.
const CONTENTS: &[u8] = b"This file checks that files can be delivered here. It may be deleted.\n";

/// Probes a destination for at most `limit` and notes on the record how that went. Returns what was found, and the
/// health that follows.
pub(crate) async fn probe(
    ports: &Ports,
    destination: &dyn Destination,
    limit: Duration,
) -> Result<(Probe, Health), CatalogError> {
    let target = TargetId::Destination(destination.describe().id.clone());
    let known = ports.catalog.health().await?;
    let pinned = known.into_iter().find(|(id, _)| *id == target).and_then(|(_, health)| health.pinned);
    let found = Probing::new(ports, limit).run(destination, pinned.as_ref()).await;
    let health = ports.catalog.contacted(&target, &found.contact()).await?;
    Ok((found, health))
}

/// Returns those of some destinations that were neither used nor checked within a day.
pub(crate) async fn unchecked(
    ports: &Ports,
    mut destinations: Vec<Arc<dyn Destination>>,
) -> Result<Vec<Arc<dyn Destination>>, CatalogError> {
    if destinations.is_empty() {
        return Ok(destinations);
    }
    let (known, now) = (ports.catalog.health().await?, ports.catalog.now().await?);
    destinations.retain(|one| {
        let target = TargetId::Destination(one.describe().id.clone());
        let health = known.iter().find(|(id, _)| *id == target).map(|(_, health)| health);
        health.is_none_or(|health| health.is_unchecked(now))
    });
    Ok(destinations)
}

/// Returns the destinations that were used or checked before, but not within a day, and that are not disabled.
pub(crate) async fn due(ports: &Ports) -> Result<Vec<Arc<dyn Destination>>, CatalogError> {
    let (known, now) = (ports.catalog.health().await?, ports.catalog.now().await?);
    let is_due = |one: &&Arc<dyn Destination>| {
        let target = TargetId::Destination(one.describe().id.clone());
        let health = known.iter().find(|(id, _)| *id == target).map(|(_, health)| health);
        health
            .is_some_and(|health| health.latest.is_some() && health.is_enabled() && health.is_unchecked(now))
    };
    Ok(ports.destinations.of_all_owners().filter(is_due).cloned().collect())
}

/// Probes several destinations at the same time, and logs what could not be put on record.
pub(crate) async fn probe_all(ports: &Ports, destinations: Vec<Arc<dyn Destination>>, limit: Duration) {
    let probing = destinations.iter().map(|destination| async {
        if let Err(error) = probe(ports, &**destination, limit).await {
            let id = &destination.describe().id;
            warn!(destination = %id, "a probe was not put on record: {}", error.report());
        }
    });
    futures::future::join_all(probing).await;
}

/// A probe under way.
struct Probing<'a> {
    clock: &'a Arc<dyn Clock>,
    nonce: Nonce,
    /// The end, by the clock's monotonic time.
    until: Duration,
    limit: Duration,
    found: Probe,
}

impl<'a> Probing<'a> {
    fn new(ports: &'a Ports, limit: Duration) -> Self {
        Self {
            clock: &ports.clock,
            nonce: Nonce::of(ports.ids.next()),
            until: ports.clock.monotonic().saturating_add(limit),
            limit,
            found: Probe::default(),
        }
    }

    async fn run(mut self, destination: &dyn Destination, pinned: Option<&ServerIdentity>) -> Probe {
        let clock = Arc::clone(self.clock);
        let connecting = Remote::connect(&clock, destination, pinned);
        let Some((mut remote, identity)) = self.step(ProbeStep::Connect, connecting).await else {
            return self.found;
        };
        self.found.identity = identity;
        let (first, last) = self.names(destination.describe().naming);
        let _ = self.tried(&mut remote, &first, &last).await;
        // Also after a failure: its reply may be all that was lost.
        if self.step(ProbeStep::Remove, removed(&mut remote, &first, &last)).await.is_some() {
            remote.close().await;
        }
        self.found
    }

    /// Returns the name under which the file is written, and the one that it gets.
    fn names(&self, naming: Naming) -> (RemotePath, RemotePath) {
        let folder = RemotePath::root();
        let last = folder.join(&format!(".cdds-probe-{}", self.nonce));
        match naming {
            Naming::Rename => (folder.join(&format!(".cdds-probe-{}.part", self.nonce)), last),
            Naming::Whole | Naming::Direct => (last.clone(), last),
        }
    }

    /// Writes, measures, renames and reads back, up to the first failure.
    async fn tried(&mut self, remote: &mut Remote, first: &RemotePath, last: &RemotePath) -> Option<()> {
        self.step(ProbeStep::Write, written(remote, first)).await?;
        self.step(ProbeStep::Size, sized(remote, first)).await?;
        if first != last {
            self.step(ProbeStep::Rename, remote.rename(first, last)).await?;
        }
        self.step(ProbeStep::ReadBack, read_back(remote, last)).await
    }

    /// Carries out one step in what is left of the time, and notes how it went.
    async fn step<T>(
        &mut self,
        step: ProbeStep,
        work: impl Future<Output = Result<T, DestinationError>>,
    ) -> Option<T> {
        let began = self.clock.monotonic();
        let over = self.clock.sleep(self.until.saturating_sub(began));
        let work = AssertUnwindSafe(work).catch_unwind();
        let result = match select(std::pin::pin!(work), over).await {
            Either::Left((Ok(Ok(done)), _)) => Ok(done),
            Either::Left((Ok(Err(error)), _)) => Err(error.report()),
            Either::Left((Err(_panicked), _)) => {
                Err("the destination panicked, which is a bug in it: see the log of the service".to_owned())
            }
            Either::Right(((), _)) => {
                Err(format!("there was no answer within the {} s of the probe", self.limit.as_secs()))
            }
        };
        let took = self.clock.monotonic().saturating_sub(began);
        match result {
            Ok(done) => {
                self.found.steps.push(ProbedStep::worked(step, took));
                Some(done)
            }
            Err(why) => {
                self.found.steps.push(ProbedStep::failed(step, why, took));
                None
            }
        }
    }
}

async fn written(remote: &mut Remote, path: &RemotePath) -> Result<(), DestinationError> {
    let mut outgoing = remote.create(path).await?;
    outgoing.write(Bytes::from_static(CONTENTS)).await?;
    outgoing.finish().await?;
    Ok(())
}

async fn sized(remote: &mut Remote, path: &RemotePath) -> Result<(), DestinationError> {
    let expected = CONTENTS.len() as u64;
    match remote.size(path).await? {
        Some(bytes) if bytes == expected => Ok(()),
        Some(bytes) => Err(DestinationError::new(
            DestinationErrorKind::Corrupt,
            format!("{expected} bytes were sent, and the destination reports {bytes}"),
        )),
        None => Err(DestinationError::new(
            DestinationErrorKind::NotFound,
            "the file was sent, but the destination does not have it: something removes or hides new files",
        )),
    }
}

/// Removes the file under both of its names.
async fn removed(remote: &mut Remote, first: &RemotePath, last: &RemotePath) -> Result<(), DestinationError> {
    remote.remove(last).await?;
    if first != last {
        remote.remove(first).await?;
    }
    Ok(())
}

async fn read_back(remote: &mut Remote, path: &RemotePath) -> Result<(), DestinationError> {
    let digest = Sha256Digest(Sha256::digest(CONTENTS).into());
    if remote.digest(path).await? == (CONTENTS.len() as u64, digest) {
        return Ok(());
    }
    let told = "what was read back differs from what was sent";
    Err(DestinationError::new(DestinationErrorKind::Corrupt, told))
}
