//! Section A: the files that an execution leaves behind.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::part_name::PartName;
use crate::domain::id::{ArtifactId, ExecutionId, JobId, Owner};
use crate::domain::job::TypeList;

/// One stored file of an artifact set (rule A7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The artifact's identifier, derived from the execution and the place in the set.
    pub id: ArtifactId,
    /// The owner of the artifact.
    pub owner: Owner,
    /// The execution that published it.
    pub execution_id: ExecutionId,
    /// The job of that execution.
    pub job_id: JobId,
    /// The data types of the set, in the order in which they were read.
    pub types: TypeList,
    /// The file's name (rule A3).
    pub name: String,
    /// The place of the file in the set, starting at 1.
    pub part: u32,
    /// The number of files in the set.
    pub parts: u32,
    /// The key under which the store keeps it.
    pub key: Key,
    /// The size as stored, in bytes.
    pub bytes: u64,
    /// The digest of the stored bytes.
    pub sha256: Sha256Digest,
    /// When it was published.
    pub created_at: DateTime<Utc>,
    /// When it expires and may be removed (rule A7).
    pub expires_at: DateTime<Utc>,
    /// Whether a legal hold keeps it beyond its expiry.
    pub hold: bool,
}

impl Artifact {
    /// Whether the file can be listed and read at `now`, because it has not expired or is on hold (rule A7).
    pub fn is_available(&self, now: DateTime<Utc>) -> bool {
        self.hold || now < self.expires_at
    }
}

/// The manifest of a set as it is stored. It does not count as an artifact (rule A5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredManifest {
    /// The file's name.
    pub name: String,
    /// The key under which the store keeps it.
    pub key: Key,
    /// The size as stored, in bytes.
    pub bytes: u64,
    /// The digest of the stored bytes.
    pub sha256: Sha256Digest,
}

/// The detached signature of a set's manifest as it is stored. Like the manifest, it does not count as an
/// artifact (rule A5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSignature {
    /// The file's name.
    pub name: String,
    /// The key under which the store keeps it.
    pub key: Key,
    /// The size as stored, in bytes.
    pub bytes: u64,
    /// The digest of the stored bytes.
    pub sha256: Sha256Digest,
}

/// Everything that one execution published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactSet {
    /// The manifest.
    pub manifest: StoredManifest,
    /// The manifest's signature, if the service signs.
    pub signature: Option<StoredSignature>,
    /// The files, in the order of their parts.
    pub artifacts: Vec<Artifact>,
}

impl ArtifactSet {
    /// Returns the names of the published files that are no longer on the record, in reading order. They were
    /// deleted one by one while the rest of the set stayed (rule A8). Without them the rest cannot be read.
    pub fn deleted_parts(&self) -> Vec<String> {
        let Some(part) = self.artifacts.first() else { return Vec::new() };
        let Some(name) = PartName::parse(&part.name) else { return Vec::new() };
        let names = name.siblings(part.parts as usize);
        names.into_iter().filter(|name| self.artifacts.iter().all(|part| part.name != *name)).collect()
    }

    /// Returns the names and keys of the files that are on the record, including the manifest and its
    /// signature.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Key)> {
        let artifacts = self.artifacts.iter().map(|part| (part.name.as_str(), &part.key));
        let signature = self.signature.iter().map(|signature| (signature.name.as_str(), &signature.key));
        artifacts.chain(signature).chain([(self.manifest.name.as_str(), &self.manifest.key)])
    }
}

/// The most files that one request may name (rule A8).
pub const FILES_PER_REQUEST_MAX: usize = 100;

/// Returns the identifier of a file: always the same for the same part of the same execution.
pub fn artifact_id(execution: ExecutionId, part: u32) -> ArtifactId {
    ArtifactId(Uuid::new_v5(&execution.0, &part.to_be_bytes()))
}

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256Digest(pub [u8; 32]);

impl Sha256Digest {
    /// Parses 64 hexadecimal digits. Returns `None` for any other text.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut digest = [0_u8; 32];
        let bytes = text.as_bytes();
        if bytes.len() != 64 {
            return None;
        }
        for (value, pair) in digest.iter_mut().zip(bytes.chunks_exact(2)) {
            // `from_str_radix` would accept a sign.
            let pair = std::str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'))?;
            *value = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(digest))
    }
}

impl std::fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_round_trip_through_hex() {
        let digest = Sha256Digest(std::array::from_fn(|index| u8::try_from(index * 8).unwrap()));
        assert_eq!(Sha256Digest::from_hex(&digest.to_string()), Some(digest));
        for bad in ["", "00", &"g".repeat(64), &"+1".repeat(32), &"é".repeat(32)] {
            assert_eq!(Sha256Digest::from_hex(bad), None, "{bad:?}");
        }
    }
}

/// The name of an object in a store, `/`-separated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// Creates a key without checking it. The engine builds keys only from ids, epochs and ordinals.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into().into())
    }

    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the part before the last `/`, which is empty if there is none.
    pub fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
