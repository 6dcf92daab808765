//! Rules N1, N7: which files of a set are delivered, under which names and in which order.

use super::path::RemotePath;
use crate::domain::archive::artifact::{ArtifactSet, Key, Sha256Digest};

/// The files of a set in the order in which they are delivered: the parts, the signature of the manifest if there is
/// one, and the manifest. Who finds the manifest finds everything that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPlan {
    /// The files; the last one is the manifest.
    pub files: Vec<PlannedFile>,
}

/// One file to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFile {
    /// The key under which the artifact store keeps it.
    pub key: Key,
    /// Where it appears at the destination.
    pub path: RemotePath,
    /// Its size in bytes.
    pub bytes: u64,
    /// The digest of its bytes.
    pub sha256: Sha256Digest,
}

/// A set of which files were deleted cannot be delivered whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} of the set's files were deleted, among them {}", .names.len(), .names.first().map_or("", String::as_str))]
pub struct IncompleteSet {
    /// The names of the deleted files.
    pub names: Vec<String>,
}

impl DeliveryPlan {
    /// Plans the delivery of a set into a folder.
    ///
    /// # Errors
    /// [`IncompleteSet`] if files of the set were deleted.
    pub fn of(set: &ArtifactSet, folder: &RemotePath) -> Result<Self, IncompleteSet> {
        let names = set.deleted_parts();
        if !names.is_empty() {
            return Err(IncompleteSet { names });
        }
        let file = |name: &str, key: &Key, bytes: u64, sha256: Sha256Digest| PlannedFile {
            key: key.clone(),
            path: folder.join(name),
            bytes,
            sha256,
        };
        let parts = set.artifacts.iter().map(|part| file(&part.name, &part.key, part.bytes, part.sha256));
        let signature = set
            .signature
            .iter()
            .map(|signature| file(&signature.name, &signature.key, signature.bytes, signature.sha256));
        let manifest = &set.manifest;
        let manifest = file(&manifest.name, &manifest.key, manifest.bytes, manifest.sha256);
        Ok(Self { files: parts.chain(signature).chain([manifest]).collect() })
    }

    /// Returns the size of all files in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}
