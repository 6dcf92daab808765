//! Sets that the store holds and the catalog does not list, as after a restore from a backup (rules E17, E18).

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use futures::TryStreamExt;
use sha2::{Digest, Sha256};

use super::access::{check, entry};
use super::{ServiceError, until_settled};
use crate::domain::access::audit::Object;
use crate::domain::access::{Action, Principal};
use crate::domain::archive::adoption::{FoundSet, Unadoptable, WatermarkAfter, adopt};
use crate::domain::archive::artifact::{
    Artifact, ArtifactSet, Sha256Digest, StoredManifest, StoredSignature, artifact_id,
};
use crate::domain::archive::manifest as names;
use crate::domain::archive::retention::RetentionDays;
use crate::domain::execution::Execution;
use crate::domain::execution::progress::Progress;
use crate::domain::id::{ExecutionId, Owner};
use crate::domain::job::{Job, TypeList};
use crate::keys;
use crate::ports::Ports;
use crate::ports::catalog::{Standing, Writer};
use crate::ports::sealer::ManifestVerifier;
use crate::ports::sink::{Key, Prefix, SinkError, SinkErrorKind};
use crate::stored::manifest::{Manifest, ManifestSettings};

/// The size limit of a manifest. That of a set with a hundred thousand parts is shorter.
const MANIFEST_BYTES_MAX: usize = 64 << 20;

/// A set in the store that the catalog does not list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnlistedSet {
    writer: Writer,
    /// When it was made. `None` if its manifest cannot be read.
    pub made_at: Option<DateTime<Utc>>,
}

impl UnlistedSet {
    /// Returns the execution that made it.
    pub fn execution(&self) -> ExecutionId {
        self.writer.fence.id
    }

    /// Returns the folder of its files in the store.
    pub fn folder(&self) -> Prefix {
        keys::claim(self.writer)
    }
}

/// An adopted set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// The execution, succeeded.
    pub execution: Execution,
    /// The set.
    pub set: ArtifactSet,
    /// What happened to the job's watermark.
    pub watermark: WatermarkAfter,
}

/// Finds sets that the catalog does not list, and takes them back.
#[derive(Debug, Clone)]
pub struct Adoptions {
    ports: Ports,
    retention: RetentionDays,
    verifier: Option<Arc<dyn ManifestVerifier>>,
}

impl Adoptions {
    /// Creates the service over these ports. `retention` is the service's.
    pub fn new(ports: &Ports, retention: RetentionDays) -> Self {
        Self { ports: ports.clone(), retention, verifier: None }
    }

    /// Adopts only sets whose manifest is signed, as a service that signs does.
    #[must_use]
    pub fn verified_by(self, verifier: Arc<dyn ManifestVerifier>) -> Self {
        Self { verifier: Some(verifier), ..self }
    }

    /// Returns the sets of all owners that the store holds and the catalog does not list, oldest first, those
    /// with an unreadable manifest before all others. A worker that died between its last file and its commit
    /// leaves such a set; it is returned unless another claim of its execution runs or has published since.
    ///
    /// Lists the whole store and reads the manifest of each set. Only the host may call this, since the answer
    /// shows all owners.
    ///
    /// # Errors
    /// If the catalog or the store cannot be read.
    pub async fn unlisted(&self) -> Result<Vec<UnlistedSet>, ServiceError> {
        let mut unlisted = Vec::new();
        for key in self.ports.sink.list(&Prefix::new("")).await? {
            let Some(writer) = keys::writer(&key).filter(|writer| keys::manifest(*writer) == key) else {
                continue;
            };
            let standing = self.ports.catalog.standing(writer).await?;
            if matches!(standing, Standing::Unknown | Standing::GivenUp { replaced: false, .. }) {
                let manifest = Manifest::from_json(&small_file(&self.ports, &key).await?).ok();
                unlisted.push(UnlistedSet { writer, made_at: manifest.map(|manifest| manifest.created_at) });
            }
        }
        unlisted.sort_by_key(|set| (set.made_at, set.writer));
        Ok(unlisted)
    }

    /// Takes a set back into the catalog: its execution has then succeeded, and its files can be listed,
    /// downloaded and expire as before. Reads all files of the set first, and compares them with the manifest.
    ///
    /// # Errors
    /// [`ServiceError::Unadoptable`] if the set does not verify, is past its retention, belongs to a job that
    /// this owner does not have, or if its execution runs or has published another set. Otherwise if the
    /// catalog or the store fails. Nothing is changed then.
    pub async fn adopt(&self, by: &Principal, unlisted: &UnlistedSet) -> Result<Adopted, ServiceError> {
        let writer = unlisted.writer;
        let object = Object::ArtifactSet(writer.fence.id);
        check(&self.ports, by, Action::AdoptSet, Some(object.clone())).await?;
        let owner = &by.owner;
        let (manifest, stored) = self.manifest(writer).await?;
        let signature = self.signature(writer, &stored.json).await?;
        // Who may adopt it is known before hours of reading.
        let job = self.job(owner, &manifest).await?;
        let types = manifest.settings.type_list();
        let types = types.map_err(|no| unverified(writer, &keys::manifest(writer), &no))?;
        let parts = self.parts(writer, &manifest).await?;
        let settled = until_settled(|| async {
            let job = self.job(owner, &manifest).await?;
            let (found, artifacts) = self.found(&job, writer, &manifest, &types, &parts);
            let now = self.ports.catalog.now().await?;
            let known = self.ports.catalog.execution(owner, writer.fence.id, now).await?;
            let known = known.map(|known| known.execution);
            let adoption = adopt(&job, known.as_ref(), &found, now)
                .map_err(|reason| ServiceError::Unadoptable { execution: writer.fence.id, reason })?;
            let set = ArtifactSet { manifest: stored.file.clone(), signature: signature.clone(), artifacts };
            let entry = entry(&self.ports, by, Action::AdoptSet, now).with_object(object.clone());
            self.ports.catalog.adopt(&adoption, job.revision, &set, &[entry]).await?;
            Ok(Adopted { execution: adoption.execution, set, watermark: adoption.watermark })
        });
        let adopted = settled.await?;
        tracing::info!(execution_id = %writer.fence.id, job_id = %job.id, "set adopted");
        Ok(adopted)
    }

    async fn job(&self, owner: &Owner, manifest: &Manifest) -> Result<Job, ServiceError> {
        let job = self.ports.catalog.job(owner, manifest.job_id).await?;
        job.map(|overview| overview.job).ok_or_else(|| ServiceError::Unadoptable {
            execution: manifest.execution_id,
            reason: Unadoptable::UnknownJob { job: manifest.job_id.to_string() },
        })
    }

    /// Reads the manifest and checks that it describes this execution.
    async fn manifest(&self, writer: Writer) -> Result<(Manifest, Stored), ServiceError> {
        let key = keys::manifest(writer);
        let json = small_file(&self.ports, &key).await?;
        let manifest = Manifest::from_json(&json).map_err(|error| unverified(writer, &key, &error))?;
        if manifest.execution_id != writer.fence.id {
            let reason = format!("it describes the set of execution {}", manifest.execution_id);
            return Err(unverified(writer, &key, &reason));
        }
        let (bytes, sha256) = (json.len() as u64, Sha256Digest(Sha256::digest(&json).into()));
        let file = StoredManifest { name: names::file_name(writer.fence.id), key, bytes, sha256 };
        Ok((manifest, Stored { file, json }))
    }

    /// Reads the signature of the manifest, and checks it if this service signs.
    async fn signature(&self, writer: Writer, json: &[u8]) -> Result<Option<StoredSignature>, ServiceError> {
        let key = keys::signature(writer);
        let signature = match small_file(&self.ports, &key).await {
            Err(ServiceError::Sink(error)) if error.kind() == SinkErrorKind::NotFound => None,
            read => Some(read?),
        };
        match (&self.verifier, &signature) {
            (Some(_), None) => return Err(unverified(writer, &key, &"the manifest is not signed")),
            (Some(verifier), Some(signature)) => {
                verifier
                    .verify(json, signature)
                    .map_err(|error| unverified(writer, &key, &error.report()))?;
            }
            (None, _) => {}
        }
        Ok(signature.map(|signature| StoredSignature {
            name: names::signature_name(writer.fence.id),
            key,
            bytes: signature.len() as u64,
            sha256: Sha256Digest(Sha256::digest(&signature).into()),
        }))
    }

    /// Finds the files of the parts by reading every file of the claim: a manifest names parts by their place
    /// in the archive, a key by the order of writing.
    async fn parts(&self, writer: Writer, manifest: &Manifest) -> Result<Vec<Part>, ServiceError> {
        let mut stored: BTreeMap<(u64, String), Vec<Key>> = BTreeMap::new();
        let (of_manifest, of_signature) = (keys::manifest(writer), keys::signature(writer));
        let mut keys = self.ports.sink.list(&keys::claim(writer)).await?;
        keys.retain(|key| *key != of_manifest && *key != of_signature);
        keys.sort_unstable();
        for key in keys.into_iter().rev() {
            if let Some((bytes, sha256)) = self.digest(&key).await? {
                stored.entry((bytes, sha256.to_string())).or_default().push(key);
            }
        }
        let find = |part: &crate::stored::manifest::ManifestPart| {
            let sha256 = Sha256Digest::from_hex(&part.sha256);
            let key = stored.get_mut(&(part.bytes, part.sha256.to_lowercase())).and_then(Vec::pop);
            match sha256.zip(key) {
                Some((sha256, key)) => Ok(Part { name: part.name.clone(), key, bytes: part.bytes, sha256 }),
                None => Err(unverified(writer, &part.name, &"it is missing from the store, or was changed")),
            }
        };
        manifest.parts.iter().map(find).collect()
    }

    /// Returns the size and the digest of a file; `None` for an unfinished upload.
    async fn digest(&self, key: &Key) -> Result<Option<(u64, Sha256Digest)>, SinkError> {
        let mut chunks = match self.ports.sink.read(key, 0).await {
            Err(error) if error.kind() == SinkErrorKind::NotFound => return Ok(None),
            chunks => chunks?,
        };
        let (mut bytes, mut hasher) = (0, Sha256::new());
        while let Some(chunk) = chunks.try_next().await? {
            bytes += chunk.len() as u64;
            hasher.update(&chunk);
        }
        Ok(Some((bytes, Sha256Digest(hasher.finalize().into()))))
    }

    fn found(
        &self,
        job: &Job,
        writer: Writer,
        manifest: &Manifest,
        types: &TypeList,
        parts: &[Part],
    ) -> (FoundSet, Vec<Artifact>) {
        let made_at = manifest.created_at.trunc_subsecs(6);
        // Rule A7: a job may shorten the service's retention but not exceed it.
        let retention = job.settings.retention.map_or(self.retention, |own| own.min(self.retention));
        let expires_at = retention.expires_at(made_at);
        let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let artifacts = parts.iter().zip(1..).map(|(part, number)| Artifact {
            id: artifact_id(writer.fence.id, number),
            owner: job.owner.clone(),
            execution_id: writer.fence.id,
            job_id: job.id,
            types: types.clone(),
            name: part.name.clone(),
            part: number,
            parts: count,
            key: part.key.clone(),
            bytes: part.bytes,
            sha256: part.sha256,
            created_at: made_at,
            expires_at,
            hold: false,
        });
        let progress = Progress {
            records: manifest.records,
            rejected: manifest.bad_records,
            bytes_written: parts.iter().map(|part| part.bytes).sum(),
            parts: count,
            ..Progress::default()
        };
        let (slot, window) = (manifest.slot, manifest.window);
        let same_selection = manifest.settings.selects_the_same(&ManifestSettings::from(&job.settings));
        (
            FoundSet {
                writer,
                slot,
                window,
                incomplete_from: manifest.incomplete_from,
                made_at,
                expires_at,
                progress,
                same_selection,
            },
            artifacts.collect(),
        )
    }
}

/// Reads a file that has to be small.
pub(super) async fn small_file(ports: &Ports, key: &Key) -> Result<Vec<u8>, ServiceError> {
    let mut chunks = ports.sink.read(key, 0).await?;
    let mut contents = Vec::new();
    while let Some(chunk) = chunks.try_next().await? {
        contents.extend_from_slice(&chunk);
        if contents.len() > MANIFEST_BYTES_MAX {
            let what = format!("{key} is too long for a manifest or a signature");
            return Err(SinkError::new(SinkErrorKind::Corrupt, what).into());
        }
    }
    Ok(contents)
}

/// A manifest, as the catalog and as the store have it.
struct Stored {
    file: StoredManifest,
    json: Vec<u8>,
}

/// A part in the store that agrees with the manifest.
struct Part {
    name: String,
    key: Key,
    bytes: u64,
    sha256: Sha256Digest,
}

fn unverified(writer: Writer, file: &impl ToString, reason: &impl ToString) -> ServiceError {
    let reason = Unadoptable::Unverified { file: file.to_string(), reason: reason.to_string() };
    ServiceError::Unadoptable { execution: writer.fence.id, reason }
}
