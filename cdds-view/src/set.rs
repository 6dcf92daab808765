//! Everything that one execution published.

use cdds_core::domain::archive::artifact::ArtifactSet;
use cdds_core::domain::id::{ArtifactId, ExecutionId};
use serde::{Deserialize, Serialize};

use crate::instant::Instant;

/// The artifact set of an execution: its files with their digests (rules A5, A7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct SetView {
    /// The execution that published it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub execution_id: ExecutionId,
    /// Whether a legal hold keeps it.
    pub hold: bool,
    /// When it expires, unless it is on hold; null if no artifact is left.
    pub expires_at: Option<Instant>,
    /// Its files: the artifacts in the order of their parts, the manifest, and its signature.
    pub files: Vec<SetFileView>,
    /// The names of artifacts that were deleted one by one. The others cannot be read without them.
    pub deleted: Vec<String>,
}

/// One file of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct SetFileView {
    /// What it is.
    pub kind: SetFileKind,
    /// The id of an artifact; null for the others.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Uuid))]
    pub id: Option<ArtifactId>,
    /// The file's name (rule A3).
    pub name: String,
    /// Size as stored, in bytes.
    pub size: u64,
    /// SHA-256 of the stored bytes, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// What a file of a set is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SetFileKind {
    /// An artifact: one part of the exported records.
    Artifact,
    /// The list of the artifacts with their digests (rule A5).
    Manifest,
    /// The detached signature of the manifest.
    Signature,
}

impl SetView {
    /// Returns the view of the set that an execution published.
    pub fn new(execution_id: ExecutionId, set: ArtifactSet) -> Self {
        let (deleted, first) = (set.deleted_parts(), set.artifacts.first());
        let (hold, expires_at) =
            (first.is_some_and(|part| part.hold), first.map(|part| Instant(part.expires_at)));
        let file = |kind, id, name, size, sha256| SetFileView { kind, id, name, size, sha256 };
        let artifacts = set.artifacts.into_iter().map(|part| {
            file(SetFileKind::Artifact, Some(part.id), part.name, part.bytes, part.sha256.to_string())
        });
        let manifest = set.manifest;
        let manifest =
            file(SetFileKind::Manifest, None, manifest.name, manifest.bytes, manifest.sha256.to_string());
        let signature = set.signature.map(|signature| {
            file(SetFileKind::Signature, None, signature.name, signature.bytes, signature.sha256.to_string())
        });
        let files = artifacts.chain([manifest]).chain(signature).collect();
        Self { execution_id, hold, expires_at, files, deleted }
    }
}
