//! The Artifacts page: files to download, to keep or to delete.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::access::{check, entry};
use super::adoption::small_file;
pub use super::download::Download;
use super::download::{Published, Verified};
pub use super::link::DownloadLink;
use super::{Entity, ServiceError, until_settled};
use crate::cleanup::remove_marked;
use crate::domain::access::audit::Object;
use crate::domain::access::link::LinkLifetime;
use crate::domain::access::{Action, Principal};
use crate::domain::archive::artifact::{Artifact, ArtifactSet, StoredManifest, StoredSignature};
use crate::domain::archive::removal::{self, TornSet};
use crate::domain::id::{ArtifactId, ExecutionId, Owner};
use crate::ports::Ports;
use crate::ports::catalog::query::{ArtifactOverview, ArtifactQuery, Page};
use crate::ports::sink::{Prefix, SinkError, SinkErrorKind};
use crate::stored::manifest::Manifest;

/// The artifacts of all owners; each call names one, by its principal. Every method returns
/// [`ServiceError::Forbidden`] for a principal that is not allowed its action (rule C1).
///
/// Keep one, or clones of it: they share what they know of files that were [read and right](Download#resuming), up to
/// 1,024 of them.
#[derive(Debug, Clone)]
pub struct Artifacts {
    ports: Ports,
    verified: Arc<Verified>,
}

impl Artifacts {
    /// Creates the service over these ports.
    pub fn new(ports: &Ports) -> Self {
        Self { ports: ports.clone(), verified: Arc::default() }
    }

    /// Returns a page of the owner's artifacts that are still available (rule A7).
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub async fn list(
        &self,
        by: &Principal,
        query: &ArtifactQuery,
    ) -> Result<Page<ArtifactOverview>, ServiceError> {
        check(&self.ports, by, Action::See, None).await?;
        let available = ArtifactQuery { available_at: Some(self.now().await?), ..query.clone() };
        Ok(self.ports.catalog.artifacts(&by.owner, &available).await?)
    }

    /// Returns one artifact that is still available.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for another owner's artifact and for one that has expired (rules A7, J15).
    pub async fn show(&self, by: &Principal, id: ArtifactId) -> Result<ArtifactOverview, ServiceError> {
        check(&self.ports, by, Action::See, Some(Object::Artifact(id))).await?;
        let (found, now) = (self.ports.catalog.artifact(&by.owner, id).await?, self.now().await?);
        found
            .filter(|overview| overview.artifact.is_available(now))
            .ok_or_else(|| ServiceError::not_found(Entity::Artifact, id))
    }

    /// Returns the artifacts with these ids, all of which must exist (rule A8).
    ///
    /// # Errors
    /// [`ServiceError::Refused`] for more than 100; [`ServiceError::NotFound`] naming the first that
    /// does not exist.
    pub async fn select(&self, by: &Principal, ids: &[ArtifactId]) -> Result<Vec<Artifact>, ServiceError> {
        check(&self.ports, by, Action::See, None).await?;
        self.find_all(&by.owner, ids, self.now().await?).await
    }

    /// Returns everything that an execution published and nobody deleted, with the manifest and its
    /// signature.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] if the execution published nothing or the set has expired.
    pub async fn set(&self, by: &Principal, execution: ExecutionId) -> Result<ArtifactSet, ServiceError> {
        check(&self.ports, by, Action::See, Some(Object::ArtifactSet(execution))).await?;
        self.find_set(&by.owner, execution).await
    }

    /// Returns the fingerprints of the certificates that a set is encrypted for, as its manifest names them: 64
    /// lower-case hexadecimal digits each, none for a set in plaintext. It is no download: nothing else of the manifest is
    /// given.
    ///
    /// # Errors
    /// As for [`set`](Artifacts::set); [`ServiceError::Sink`] if the manifest cannot be read, or is none.
    pub async fn encrypted_for(
        &self,
        by: &Principal,
        execution: ExecutionId,
    ) -> Result<Vec<String>, ServiceError> {
        let key = self.set(by, execution).await?.manifest.key;
        let manifest = Manifest::from_json(&small_file(&self.ports, &key).await?);
        let manifest =
            manifest.map_err(|no| SinkError::new(SinkErrorKind::Corrupt, format!("{key}: {no}")))?;
        Ok(manifest.recipients.into_iter().map(|recipient| recipient.fingerprint).collect())
    }

    /// Like [`set`](Artifacts::set), but requires that the set is complete: that every published file is
    /// still in the store. Reading may still fail, since files can be removed meanwhile.
    ///
    /// # Errors
    /// As for [`set`](Artifacts::set); [`ServiceError::IncompleteSet`] naming the files that are gone;
    /// [`ServiceError::Sink`] if the store cannot be listed.
    pub async fn complete_set(
        &self,
        by: &Principal,
        execution: ExecutionId,
    ) -> Result<ArtifactSet, ServiceError> {
        check(&self.ports, by, Action::See, Some(Object::ArtifactSet(execution))).await?;
        let set = self.find_set(&by.owner, execution).await?;
        let folders: BTreeSet<&str> = set.files().map(|(_, key)| key.folder()).collect();
        let mut stored = BTreeSet::new();
        for folder in folders {
            stored.extend(self.ports.sink.list(&Prefix::new(folder)).await?);
        }
        let lost = set.files().filter(|(_, key)| !stored.contains(*key)).map(|(name, _)| name.to_owned());
        let (deleted, lost) = (set.deleted_parts(), lost.collect::<Vec<_>>());
        if deleted.is_empty() && lost.is_empty() {
            return Ok(set);
        }
        Err(ServiceError::IncompleteSet { execution, deleted, lost })
    }

    /// Returns the sets that deleting these files would leave incomplete (rule A8), for a warning beforehand.
    ///
    /// # Errors
    /// As for [`select`](Artifacts::select).
    pub async fn torn_by(&self, by: &Principal, ids: &[ArtifactId]) -> Result<Vec<TornSet>, ServiceError> {
        check(&self.ports, by, Action::See, None).await?;
        let chosen = self.find_all(&by.owner, ids, self.now().await?).await?;
        let executions: BTreeSet<ExecutionId> = chosen.iter().map(|part| part.execution_id).collect();
        let mut torn = Vec::new();
        for execution in executions {
            torn.extend(removal::torn(&self.find_set(&by.owner, execution).await?, ids));
        }
        Ok(torn)
    }

    /// Begins to download an artifact from its byte `from` on. The whole of it is compared with its published size
    /// and digest. The first byte that is given puts the download on record (rule C3).
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] if the artifact no longer exists; [`ServiceError::BehindEnd`] if it is shorter;
    /// [`ServiceError::Sink`] if the store does not have it. While reading: those of [`Download::next`].
    pub async fn download(
        &self,
        by: &Principal,
        id: ArtifactId,
        from: u64,
    ) -> Result<Download, ServiceError> {
        let object = Object::Artifact(id);
        check(&self.ports, by, Action::Download, Some(object.clone())).await?;
        let artifact = self.artifact(&by.owner, id, self.now().await?).await?;
        self.check_copy(by, artifact.execution_id, &object).await?;
        let Artifact { name, key, bytes, sha256, .. } = artifact;
        self.open(by, object, Published { name, key, bytes, sha256 }, from).await
    }

    /// Returns a link by which the principal fetches an artifact from the store itself, and puts on record that it was
    /// handed out (rule C3). It is valid for `lifetime`, or for the rest of the artifact's retention if that is shorter.
    /// Returns `None`, and records nothing, if the store gives no links or a hold alone keeps the artifact:
    /// [`download`](Artifacts::download) it instead.
    ///
    /// Whether the bytes are fetched, and whether they are the published ones, is not seen here: the link neither
    /// begins nor ends a download, and is not counted as one.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] if the artifact no longer exists; [`ServiceError::Sink`] if the store does not have
    /// it, or has more bytes than were published; [`ServiceError::Catalog`] if it cannot be put on record.
    ///
    /// # Cancel safety
    /// If dropped, the entry may be on record though nobody has the link.
    pub async fn link(
        &self,
        by: &Principal,
        id: ArtifactId,
        lifetime: LinkLifetime,
    ) -> Result<Option<DownloadLink>, ServiceError> {
        let object = Object::Artifact(id);
        check(&self.ports, by, Action::Download, Some(object.clone())).await?;
        let now = self.now().await?;
        let artifact = self.artifact(&by.owner, id, now).await?;
        self.check_copy(by, artifact.execution_id, &object).await?;
        let Artifact { name, key, bytes, sha256, expires_at, .. } = artifact;
        let Some(lifetime) = lifetime.within(expires_at, now) else { return Ok(None) };
        let entry = entry(&self.ports, by, Action::Download, now).with_object(object);
        DownloadLink::hand_out(&self.ports, entry, Published { name, key, bytes, sha256 }, lifetime).await
    }

    /// Begins to download the manifest of an execution's set, with the same checks.
    ///
    /// # Errors
    /// As for [`download`](Artifacts::download).
    pub async fn download_manifest(
        &self,
        by: &Principal,
        execution: ExecutionId,
    ) -> Result<Download, ServiceError> {
        let object = Object::Manifest(execution);
        check(&self.ports, by, Action::Download, Some(object.clone())).await?;
        let manifest = self.find_set(&by.owner, execution).await?.manifest;
        self.check_copy(by, execution, &object).await?;
        let StoredManifest { name, key, bytes, sha256 } = manifest;
        self.open(by, object, Published { name, key, bytes, sha256 }, 0).await
    }

    /// Begins to download the signature of that manifest, with the same checks.
    ///
    /// # Errors
    /// As for [`download`](Artifacts::download); [`ServiceError::NotFound`] also if the manifest was not signed.
    pub async fn download_signature(
        &self,
        by: &Principal,
        execution: ExecutionId,
    ) -> Result<Download, ServiceError> {
        let object = Object::Signature(execution);
        check(&self.ports, by, Action::Download, Some(object.clone())).await?;
        let signature = self.find_set(&by.owner, execution).await?.signature;
        self.check_copy(by, execution, &object).await?;
        let signature = signature.ok_or_else(|| ServiceError::not_found(Entity::Signature, execution))?;
        let StoredSignature { name, key, bytes, sha256, .. } = signature;
        self.open(by, object, Published { name, key, bytes, sha256 }, 0).await
    }

    /// Checks that whoever fetches a copy that was made for a data subject may see requests of data subjects, too (rule
    /// D9).
    async fn check_copy(
        &self,
        by: &Principal,
        execution: ExecutionId,
        object: &Object,
    ) -> Result<(), ServiceError> {
        let found = self.ports.catalog.execution(&by.owner, execution, self.now().await?).await?;
        if found.is_some_and(|overview| overview.execution.settings.request.is_some()) {
            check(&self.ports, by, Action::SeeSubjectRequests, Some(object.clone())).await?;
        }
        Ok(())
    }

    async fn open(
        &self,
        by: &Principal,
        object: Object,
        published: Published,
        from: u64,
    ) -> Result<Download, ServiceError> {
        let entry = entry(&self.ports, by, Action::Download, self.now().await?).with_object(object);
        Download::begin(&self.ports, &self.verified, entry, published, from).await
    }

    /// Deletes up to 100 files, all or none (rule A8). An engine later deletes the files that the store
    /// cannot delete now.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] for more than 100, or if one is on hold; [`ServiceError::NotFound`] naming
    /// the first that does not exist; [`ServiceError::Conflict`]. In each case nothing is deleted.
    pub async fn delete(&self, by: &Principal, ids: &[ArtifactId]) -> Result<(), ServiceError> {
        check(&self.ports, by, Action::DeleteArtifacts, ids.first().copied().map(Object::Artifact)).await?;
        until_settled(|| async {
            let now = self.now().await?;
            removal::check_hold(&self.find_all(&by.owner, ids, now).await?)?;
            let entry = |id: &ArtifactId| {
                entry(&self.ports, by, Action::DeleteArtifacts, now).with_object(Object::Artifact(*id))
            };
            // A file that is named twice is deleted once.
            let entries: Vec<_> = ids.iter().collect::<BTreeSet<_>>().into_iter().map(entry).collect();
            Ok(self.ports.catalog.delete_artifacts(&by.owner, ids, now, &entries).await?)
        })
        .await?;
        remove_marked(&self.ports).await;
        Ok(())
    }

    /// Deletes an execution's whole set, however many parts it has (rule A8), in the same way.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] if the set is on hold; [`ServiceError::NotFound`];
    /// [`ServiceError::Conflict`].
    pub async fn delete_set(&self, by: &Principal, execution: ExecutionId) -> Result<(), ServiceError> {
        check(&self.ports, by, Action::DeleteArtifacts, Some(Object::ArtifactSet(execution))).await?;
        until_settled(|| async {
            let artifacts = self.find_set(&by.owner, execution).await?.artifacts;
            removal::check_hold(&artifacts)?;
            let ids: Vec<ArtifactId> = artifacts.iter().map(|artifact| artifact.id).collect();
            let now = self.now().await?;
            let entry = entry(&self.ports, by, Action::DeleteArtifacts, now);
            let entry = entry.with_object(Object::ArtifactSet(execution));
            Ok(self.ports.catalog.delete_artifacts(&by.owner, &ids, now, &[entry]).await?)
        })
        .await?;
        remove_marked(&self.ports).await;
        Ok(())
    }

    /// Returns the execution to whose set a file belongs.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] if the artifact no longer exists.
    pub async fn execution_of(&self, by: &Principal, id: ArtifactId) -> Result<ExecutionId, ServiceError> {
        check(&self.ports, by, Action::See, Some(Object::Artifact(id))).await?;
        Ok(self.artifact(&by.owner, id, self.now().await?).await?.execution_id)
    }

    /// Puts a whole set on legal hold: it outlives its retention and cannot be deleted until it is released
    /// (rule A7). Idempotent.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] if the set no longer exists.
    pub async fn hold(&self, by: &Principal, execution: ExecutionId) -> Result<ArtifactSet, ServiceError> {
        check(&self.ports, by, Action::HoldSet, Some(Object::ArtifactSet(execution))).await?;
        self.set_hold(by, Action::HoldSet, execution).await
    }

    /// Releases a set. If it has expired meanwhile, it is gone at once (rule A7). Idempotent.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] if the set no longer exists.
    pub async fn release(&self, by: &Principal, execution: ExecutionId) -> Result<ArtifactSet, ServiceError> {
        check(&self.ports, by, Action::ReleaseSet, Some(Object::ArtifactSet(execution))).await?;
        self.set_hold(by, Action::ReleaseSet, execution).await
    }

    async fn set_hold(
        &self,
        by: &Principal,
        action: Action,
        execution: ExecutionId,
    ) -> Result<ArtifactSet, ServiceError> {
        let hold = action == Action::HoldSet;
        until_settled(|| async {
            let mut set = self.find_set(&by.owner, execution).await?;
            let entry = entry(&self.ports, by, action, self.now().await?);
            let entry = entry.with_object(Object::ArtifactSet(execution));
            self.ports.catalog.hold(&by.owner, execution, hold, &[entry]).await?;
            for artifact in &mut set.artifacts {
                artifact.hold = hold;
            }
            Ok(set)
        })
        .await
    }

    /// Looks up artifacts that are available at `now`, all of which must exist.
    async fn find_all(
        &self,
        owner: &Owner,
        ids: &[ArtifactId],
        now: DateTime<Utc>,
    ) -> Result<Vec<Artifact>, ServiceError> {
        removal::check_selection(ids.len())?;
        let mut artifacts = Vec::with_capacity(ids.len());
        for id in ids {
            artifacts.push(self.artifact(owner, *id, now).await?);
        }
        Ok(artifacts)
    }

    /// Looks up a set whose files are available.
    async fn find_set(&self, owner: &Owner, execution: ExecutionId) -> Result<ArtifactSet, ServiceError> {
        let found = self.ports.catalog.artifact_set(owner, execution).await?;
        let now = self.now().await?;
        let available = |set: &ArtifactSet| set.artifacts.iter().all(|artifact| artifact.is_available(now));
        found.filter(available).ok_or_else(|| ServiceError::not_found(Entity::ArtifactSet, execution))
    }

    /// Looks up an available artifact. At 0 remaining days it is gone, whether or not the engine has removed
    /// it yet (rule A7).
    async fn artifact(
        &self,
        owner: &Owner,
        id: ArtifactId,
        now: DateTime<Utc>,
    ) -> Result<Artifact, ServiceError> {
        let found = self.ports.catalog.artifact(owner, id).await?;
        found
            .map(|overview| overview.artifact)
            .filter(|artifact| artifact.is_available(now))
            .ok_or_else(|| ServiceError::not_found(Entity::Artifact, id))
    }

    /// Returns the present by the catalog's clock, for remaining days.
    ///
    /// # Errors
    /// If the catalog cannot be reached.
    pub async fn now(&self) -> Result<DateTime<Utc>, ServiceError> {
        Ok(self.ports.catalog.now().await?)
    }
}
