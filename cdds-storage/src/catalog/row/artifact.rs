//! Artifact sets.

use cdds_core::domain::archive::artifact::{Artifact, StoredManifest, StoredSignature};
use cdds_core::ports::catalog::CatalogError;
use cdds_core::ports::catalog::query::ArtifactOverview;
use cdds_core::ports::sink::Key;

use super::Reading;

/// A file of a set.
#[derive(Debug)]
pub(in crate::catalog) struct ArtifactRow {
    pub(in crate::catalog) id: String,
    pub(in crate::catalog) owner: String,
    pub(in crate::catalog) execution_id: String,
    pub(in crate::catalog) job_id: String,
    pub(in crate::catalog) data_type: String,
    pub(in crate::catalog) name: String,
    pub(in crate::catalog) part: i64,
    pub(in crate::catalog) parts: i64,
    pub(in crate::catalog) key: String,
    pub(in crate::catalog) bytes: i64,
    pub(in crate::catalog) sha256: String,
    pub(in crate::catalog) created_at: i64,
    pub(in crate::catalog) expires_at: i64,
    pub(in crate::catalog) hold: bool,
}

impl ArtifactRow {
    pub(in crate::catalog) fn into_artifact(self) -> Result<Artifact, CatalogError> {
        let row = Reading { table: "artifact", id: &self.id };
        Ok(Artifact {
            id: row.parse(&self.id)?,
            owner: row.parse(&self.owner)?,
            execution_id: row.parse(&self.execution_id)?,
            job_id: row.parse(&self.job_id)?,
            types: row.parse(&self.data_type)?,
            part: row.number(self.part)?,
            parts: row.number(self.parts)?,
            bytes: row.number(self.bytes)?,
            sha256: row.digest(&self.sha256)?,
            created_at: row.at(self.created_at)?,
            expires_at: row.at(self.expires_at)?,
            hold: self.hold,
            name: self.name,
            key: Key::new(self.key),
        })
    }
}

/// A file, with the additional columns of a list.
#[derive(Debug)]
pub(in crate::catalog) struct ArtifactOverviewRow {
    pub(in crate::catalog) artifact: ArtifactRow,
    pub(in crate::catalog) job_deleted: bool,
    pub(in crate::catalog) downloads: i64,
    pub(in crate::catalog) last_downloaded_at: Option<i64>,
}

impl ArtifactOverviewRow {
    pub(in crate::catalog) fn into_overview(self) -> Result<ArtifactOverview, CatalogError> {
        let id = self.artifact.id.clone();
        let row = Reading { table: "artifact", id: &id };
        Ok(ArtifactOverview {
            artifact: self.artifact.into_artifact()?,
            job_deleted: self.job_deleted,
            downloads: row.number(self.downloads)?,
            last_downloaded_at: row.at_if(self.last_downloaded_at)?,
        })
    }
}

/// The manifest of a set, or its signature.
#[derive(Debug)]
pub(in crate::catalog) struct StoredRow {
    pub(in crate::catalog) execution_id: String,
    pub(in crate::catalog) name: String,
    pub(in crate::catalog) key: String,
    pub(in crate::catalog) bytes: i64,
    pub(in crate::catalog) sha256: String,
}

impl StoredRow {
    pub(in crate::catalog) fn into_signature(self) -> Result<StoredSignature, CatalogError> {
        let StoredManifest { name, key, bytes, sha256 } = self.into_manifest()?;
        Ok(StoredSignature { name, key, bytes, sha256 })
    }

    pub(in crate::catalog) fn into_manifest(self) -> Result<StoredManifest, CatalogError> {
        let row = Reading { table: "artifact set", id: &self.execution_id };
        Ok(StoredManifest {
            bytes: row.number(self.bytes)?,
            sha256: row.digest(&self.sha256)?,
            name: self.name,
            key: Key::new(self.key),
        })
    }
}
