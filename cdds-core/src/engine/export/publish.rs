//! From stored parts to a set that can be committed: names the parts, stores the last filter, the manifest and its signature. The
//! commit is in `settle`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::attempt::Export;
use super::prepare::catalog_failure;
use super::store::{STORE, check_size};
use super::transfer::Transferred;
use crate::domain::archive::artifact::{
    Artifact, ArtifactSet, Sha256Digest, StoredManifest, StoredSignature, artifact_id,
};
use crate::domain::archive::manifest;
use crate::domain::archive::part_name::part_name;
use crate::domain::execution::Execution;
use crate::domain::execution::failure::{Failure, Step};
use crate::domain::id::{SourceId, TypeId};
use crate::domain::recipient::Recipient;
use crate::engine::calls::{call, call_now};
use crate::keys;
use crate::ports::catalog::Publication;
use crate::ports::sealer::ManifestSigner;
use crate::ports::sink::Key;
use crate::ports::workers::offload;
use crate::stored::manifest::{
    FORMAT_VERSION, Manifest, ManifestClock, ManifestPart, ManifestRecipient, ManifestSettings,
};

impl Export {
    /// Stores the manifest, signed if the service signs, and returns the publication to commit: all of it
    /// becomes visible at once, or none.
    pub(super) async fn complete(
        &self,
        recipients: &[Recipient],
        mut transferred: Transferred,
    ) -> Result<Publication, Failure> {
        let ports = &self.shared.ports;
        let filter = match transferred.named.take() {
            Some(named) => Some(named.store(self).await?),
            None => None,
        };
        // Read once, so that catalog, manifest and signature agree.
        let published_at =
            ports.catalog.now().await.map_err(|error| catalog_failure(Step::Publish, &error))?;
        let artifacts = self.artifacts(recipients, &transferred, published_at)?;
        let json = self.manifest_json(recipients, &transferred, &artifacts, published_at)?;
        let signature = match &self.shared.signer {
            Some(signer) => Some(self.store_signature(signer, json.clone(), published_at).await?),
            None => None,
        };
        let manifest = self.store_manifest(json).await?;
        Ok(Publication {
            nonce: self.writer.nonce,
            set: ArtifactSet { manifest, signature, artifacts },
            filter,
            progress: self.meter.progress(ports.clock.monotonic()),
            published_at,
            request: self.execution.settings.request,
        })
    }

    /// Names the parts, now that their number is known (rule A3).
    fn artifacts(
        &self,
        recipients: &[Recipient],
        transferred: &Transferred,
        published_at: DateTime<Utc>,
    ) -> Result<Vec<Artifact>, Failure> {
        let execution = &self.execution;
        let order = &transferred.index.reading_order;
        let total = order.len();
        let parts = u32::try_from(total)
            .map_err(|_| Failure::internal(Step::Publish, "more parts than can be counted"))?;
        let stem = manifest::stem(execution.id);
        let extension = if recipients.is_empty() { "" } else { ".smime" };
        let service = self.shared.settings.retention;
        // Rule A7: a job may shorten the service's retention but not exceed it.
        let retention = execution.settings.retention.map_or(service, |own| own.min(service));
        let stored =
            in_order(order, transferred.parts.iter().map(|part| (part.ordinal, part))).ok_or_else(|| {
                Failure::internal(Step::Publish, "the archive names a part that was not stored")
            })?;
        let mut artifacts = Vec::with_capacity(order.len());
        for ((index, part), stored) in (0..total).zip(1..=parts).zip(stored) {
            artifacts.push(Artifact {
                id: artifact_id(execution.id, part),
                owner: execution.owner.clone(),
                execution_id: execution.id,
                job_id: execution.job_id,
                types: execution.settings.reads.types(),
                name: format!("{}{extension}", part_name(&stem, index, total)),
                part,
                parts,
                key: stored.key.clone(),
                bytes: stored.bytes,
                sha256: stored.sha256,
                created_at: published_at,
                expires_at: retention.expires_at(published_at),
                hold: false,
            });
        }
        // `in_order` notices a part that is named but not stored. This notices one that is stored but not
        // named.
        if artifacts.len() != transferred.parts.len() {
            return Err(Failure::internal(Step::Publish, "the archive does not name every stored part"));
        }
        Ok(artifacts)
    }

    fn manifest_json(
        &self,
        recipients: &[Recipient],
        transferred: &Transferred,
        artifacts: &[Artifact],
        published_at: DateTime<Utc>,
    ) -> Result<Bytes, Failure> {
        let (execution, packager) = (&self.execution, &self.shared.ports.packager);
        let recipients = recipients
            .iter()
            .map(|recipient| ManifestRecipient { fingerprint: recipient.certificate.fingerprint.clone() });
        let parts = artifacts.iter().map(|artifact| ManifestPart {
            name: artifact.name.clone(),
            bytes: artifact.bytes,
            sha256: artifact.sha256.to_string(),
        });
        let manifest = Manifest {
            format_version: FORMAT_VERSION,
            job_id: execution.job_id,
            execution_id: execution.id,
            settings: ManifestSettings::from(&execution.settings),
            clock: ManifestClock::of(&execution.settings.clock, self.shared.settings.zones.version()),
            slot: execution.slot,
            window: execution.window,
            incomplete_from: execution.incomplete_from(),
            created_at: published_at,
            compressor: call_now(Step::Publish, "packager", || packager.compressor().to_owned())?,
            records: self.meter.records.load(Ordering::Relaxed),
            records_by_type: records_by_type(execution, &transferred.records),
            records_by_source: records_by_source(execution, &transferred.records),
            bad_records: self.meter.rejected.load(Ordering::Relaxed),
            files: transferred.index.entries,
            recipients: recipients.collect(),
            parts: parts.collect(),
        };
        manifest
            .to_json()
            .map(Bytes::from)
            .map_err(|error| Failure::internal(Step::Publish, error.to_string()))
    }

    async fn store_manifest(&self, json: Bytes) -> Result<StoredManifest, Failure> {
        let key = keys::manifest(self.writer);
        let (bytes, sha256) = self.store(&key, json).await?;
        Ok(StoredManifest { name: manifest::file_name(self.execution.id), key, bytes, sha256 })
    }

    /// Signs the bytes of the manifest as they are stored (rule A5).
    async fn store_signature(
        &self,
        signer: &Arc<dyn ManifestSigner>,
        json: Bytes,
        signed_at: DateTime<Utc>,
    ) -> Result<StoredSignature, Failure> {
        let signer = Arc::clone(signer);
        let sign = move || call_now(Step::Publish, "signer", || signer.sign(&json, signed_at));
        let signature = offload(&*self.shared.ports.workers, sign).await??;
        let signature = signature.map_err(|error| Failure::of(Step::Publish, &error))?;
        let key = keys::signature(self.writer);
        let (bytes, sha256) = self.store(&key, Bytes::from(signature)).await?;
        Ok(StoredSignature { name: manifest::signature_name(self.execution.id), key, bytes, sha256 })
    }

    /// Stores a small file whole and returns its size and digest.
    pub(super) async fn store(&self, key: &Key, contents: Bytes) -> Result<(u64, Sha256Digest), Failure> {
        let (bytes, sha256) = (contents.len() as u64, Sha256Digest(Sha256::digest(&contents).into()));
        let store = async {
            let upload = self.underway.begin(&self.shared.ports.sink, key).await?;
            upload.write(contents).await?.finish().await
        };
        let stored = call(Step::Store, STORE, store).await?;
        check_size(key, bytes, stored)?;
        Ok((bytes, sha256))
    }
}

/// Returns the number of records of each type, for a set of several (rule J17).
fn records_by_type(execution: &Execution, records: &[u64]) -> BTreeMap<TypeId, u64> {
    let reads = &execution.settings.reads;
    match reads.only() {
        _ if reads.are_across() => BTreeMap::new(),
        Some(_) => BTreeMap::new(),
        None => reads.iter().map(|read| read.data_type.clone()).zip(records.iter().copied()).collect(),
    }
}

/// Returns the number of records of each type of each source, for a set of several sources (rule D9).
fn records_by_source(execution: &Execution, records: &[u64]) -> BTreeMap<SourceId, BTreeMap<TypeId, u64>> {
    let settings = &execution.settings;
    let mut by_source: BTreeMap<SourceId, BTreeMap<TypeId, u64>> = BTreeMap::new();
    let across = settings.reads.iter().zip(records).filter(|(read, _)| read.source.is_some());
    for (read, records) in across {
        let of_source = by_source.entry(settings.source_of(read).clone()).or_default();
        of_source.insert(read.data_type.clone(), *records);
    }
    by_source
}

/// Returns the items with these keys, in that order; `None` if one of them is missing. Uses a map because a
/// set may have so many parts that a linear search for each of them would take longer than the export.
fn in_order<K: Ord, T: Copy>(order: &[K], items: impl IntoIterator<Item = (K, T)>) -> Option<Vec<T>> {
    let items: BTreeMap<K, T> = items.into_iter().collect();
    order.iter().map(|key| items.get(key).copied()).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::cmp::Ordering;

    use super::in_order;

    /// A key that counts its comparisons.
    #[derive(Clone, Copy)]
    struct Counted<'a>(u32, &'a Cell<u64>);

    impl Ord for Counted<'_> {
        fn cmp(&self, other: &Self) -> Ordering {
            self.1.set(self.1.get() + 1);
            self.0.cmp(&other.0)
        }
    }

    impl PartialOrd for Counted<'_> {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }

    impl PartialEq for Counted<'_> {
        fn eq(&self, other: &Self) -> bool {
            self.cmp(other).is_eq()
        }
    }

    impl Eq for Counted<'_> {}

    /// Returns how many comparisons this many parts cost, if the first part is read last.
    fn comparisons(parts: u32) -> u64 {
        let count = Cell::new(0);
        let order: Vec<Counted<'_>> = (1..parts).chain([0]).map(|part| Counted(part, &count)).collect();
        let stored = (0..parts).map(|part| (Counted(part, &count), part));
        assert_eq!(in_order(&order, stored), Some((1..parts).chain([0]).collect()));
        count.get()
    }

    #[test]
    fn twice_as_many_parts_cost_about_twice_the_work() {
        let (some, twice) = (comparisons(4_000), comparisons(8_000));
        assert!(twice < 3 * some, "{some} comparisons became {twice}");
    }

    #[test]
    fn a_part_that_is_missing_is_noticed() {
        assert_eq!(in_order(&[1, 2], [(1, 'a')]), None);
    }
}
