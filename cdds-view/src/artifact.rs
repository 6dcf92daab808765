//! An artifact, as lists show it.

use cdds_core::domain::archive::retention;
use cdds_core::domain::id::{ArtifactId, ExecutionId, JobId};
use cdds_core::domain::job::TypeList;
use cdds_core::ports::catalog::query::{ArtifactColumn, ArtifactOverview, Page, Sort};
use cdds_core::{ArtifactQuery, Artifacts, Principal, ServiceError};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::instant::Instant;
use crate::page::PageView;

/// An artifact: one stored file of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ArtifactView {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub id: ArtifactId,
    /// The execution that exported it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub execution_id: ExecutionId,
    /// The job of that execution.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub job_id: JobId,
    /// The file's name (rule A3).
    pub name: String,
    /// The data types, joined like `contact, interaction`.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub types: TypeList,
    /// When its set was published.
    pub created_at: Instant,
    /// Size as stored, in bytes.
    pub size: u64,
    /// SHA-256 of the stored bytes, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Which part of its set it is, from 1.
    pub part: u32,
    /// The number of parts of its set.
    pub parts: u32,
    /// The number of days until it expires, at the time of the answer; without meaning while it is on hold.
    pub remaining_days: i64,
    /// Whether a legal hold keeps it (rule A7).
    pub hold: bool,
    /// Whether its job has since been deleted (rule J12).
    pub job_deleted: bool,
    /// How often it was downloaded (rule A8).
    pub downloads: u64,
    /// When it was last downloaded; null if it never was.
    pub last_downloaded_at: Option<Instant>,
}

impl ArtifactView {
    /// Returns the view of an artifact at `now`.
    pub fn new(overview: ArtifactOverview, now: DateTime<Utc>) -> Self {
        let ArtifactOverview { artifact, job_deleted, downloads, last_downloaded_at } = overview;
        Self {
            id: artifact.id,
            execution_id: artifact.execution_id,
            job_id: artifact.job_id,
            name: artifact.name,
            types: artifact.types,
            created_at: Instant(artifact.created_at),
            size: artifact.bytes,
            sha256: artifact.sha256.to_string(),
            part: artifact.part,
            parts: artifact.parts,
            remaining_days: retention::remaining_days(artifact.expires_at, now),
            hold: artifact.hold,
            job_deleted,
            downloads,
            last_downloaded_at: last_downloaded_at.map(Instant),
        }
    }

    /// Returns the view of a page of artifacts in this order, at `now`.
    pub fn page(
        page: Page<ArtifactOverview>,
        sort: Sort<ArtifactColumn>,
        now: DateTime<Utc>,
    ) -> PageView<Self> {
        PageView::new(page, sort, |overview| Self::new(overview, now))
    }

    /// Returns a page of the owner's artifacts that are still available.
    ///
    /// # Errors
    /// As for [`Artifacts::list`].
    pub async fn list(
        artifacts: &Artifacts,
        by: &Principal,
        query: &ArtifactQuery,
    ) -> Result<PageView<Self>, ServiceError> {
        let page = artifacts.list(by, query).await?;
        Ok(Self::page(page, query.sort, artifacts.now().await?))
    }

    /// `1 of 3`
    pub fn part_words(&self) -> String {
        format!("{} of {}", self.part, self.parts)
    }

    /// Returns the remaining days. An artifact on hold has no end.
    pub fn days_left(&self) -> Option<u64> {
        (!self.hold).then(|| u64::try_from(self.remaining_days).unwrap_or(0))
    }

    /// `on hold`, or `no`
    pub fn hold_words(&self) -> &'static str {
        if self.hold { "on hold" } else { "no" }
    }
}
