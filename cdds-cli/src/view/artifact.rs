//! An artifact, as the Artifacts page shows it, and a downloaded file.

use std::path::Path;

use cdds_core::domain::retention;
use cdds_core::ports::catalog::query::ArtifactOverview;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Instant, bytes, or_unknown};
use crate::output::View;

#[derive(Debug, Serialize)]
pub(crate) struct ArtifactView {
    id: String,
    execution_id: String,
    job_id: String,
    name: String,
    r#type: String,
    created_at: Instant,
    size: u64,
    sha256: String,
    part: u32,
    parts: u32,
    remaining_days: i64,
    hold: bool,
    job_deleted: bool,
    downloads: u64,
    last_downloaded_at: Option<Instant>,
}

impl ArtifactView {
    /// An artifact as it stands at `now`.
    pub(crate) fn new(overview: ArtifactOverview, now: DateTime<Utc>) -> Self {
        let ArtifactOverview { artifact, job_deleted, downloads, last_downloaded_at } = overview;
        Self {
            id: artifact.id.to_string(),
            execution_id: artifact.execution_id.to_string(),
            job_id: artifact.job_id.to_string(),
            name: artifact.name,
            r#type: artifact.data_type.to_string(),
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

    fn part_words(&self) -> String {
        format!("{} of {}", self.part, self.parts)
    }

    fn remaining_words(&self) -> String {
        if self.hold { "on hold".to_owned() } else { self.remaining_days.to_string() }
    }
}

impl View for ArtifactView {
    const COLUMNS: &'static [&'static str] =
        &["id", "name", "type", "created", "size", "part", "remaining days", "downloads"];

    fn row(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.name.clone(),
            self.r#type.clone(),
            self.created_at.short(),
            bytes(self.size),
            self.part_words(),
            self.remaining_words(),
            self.downloads.to_string(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, String)> {
        vec![
            ("id", self.id.clone()),
            ("execution", self.execution_id.clone()),
            (
                "job",
                if self.job_deleted { format!("{} (deleted)", self.job_id) } else { self.job_id.clone() },
            ),
            ("name", self.name.clone()),
            ("type", self.r#type.clone()),
            ("created", self.created_at.to_string()),
            ("size", format!("{} ({} bytes)", bytes(self.size), self.size)),
            ("sha256", self.sha256.clone()),
            ("part", self.part_words()),
            ("remaining days", self.remaining_words()),
            ("downloads", self.downloads.to_string()),
            ("last downloaded", or_unknown(self.last_downloaded_at)),
        ]
    }
}

/// A file that was downloaded; a manifest has no id of its own.
#[derive(Debug, Serialize)]
pub(crate) struct DownloadedView {
    id: Option<String>,
    name: String,
    path: String,
    size: u64,
    sha256: String,
}

impl DownloadedView {
    /// A file that now lies at `path`.
    pub(crate) fn new(id: Option<String>, name: &str, path: &Path, size: u64, sha256: String) -> Self {
        Self { id, name: name.to_owned(), path: path.display().to_string(), size, sha256 }
    }
}

impl View for DownloadedView {
    const COLUMNS: &'static [&'static str] = &["path", "size", "sha256"];

    fn row(&self) -> Vec<String> {
        vec![self.path.clone(), bytes(self.size), self.sha256.clone()]
    }

    fn details(&self) -> Vec<(&'static str, String)> {
        vec![
            ("id", or_unknown(self.id.as_deref())),
            ("name", self.name.clone()),
            ("path", self.path.clone()),
            ("size", bytes(self.size)),
            ("sha256", self.sha256.clone()),
        ]
    }
}
