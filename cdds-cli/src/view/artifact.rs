//! An artifact, as the Artifacts page shows it, and a downloaded file.

use std::path::Path;

use cdds_core::domain::archive::retention;
use cdds_core::ports::catalog::query::ArtifactOverview;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Instant;
use crate::output::{Cell, View};

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
    /// Returns the view of an artifact at `now`.
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

    /// Returns the remaining days. An artifact on hold has no end.
    fn remaining(&self) -> Cell {
        if self.hold { Cell::Unknown } else { Cell::Count(u64::try_from(self.remaining_days).unwrap_or(0)) }
    }

    fn hold_words(&self) -> &'static str {
        if self.hold { "on hold" } else { "no" }
    }
}

impl View for ArtifactView {
    const COLUMNS: &'static [&'static str] =
        &["id", "type", "size", "created", "remaining days", "hold", "name", "part", "downloads"];

    fn row(&self) -> Vec<Cell> {
        vec![
            self.id.as_str().into(),
            self.r#type.as_str().into(),
            Cell::Bytes(self.size),
            self.created_at.into(),
            self.remaining(),
            Cell::Word(self.hold_words()),
            Cell::File(self.name.clone()),
            self.part_words().into(),
            Cell::Count(self.downloads),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        let deleted = if self.job_deleted { " (deleted)" } else { "" };
        vec![
            ("id", self.id.as_str().into()),
            ("execution", self.execution_id.as_str().into()),
            ("job", format!("{}{deleted}", self.job_id).into()),
            ("name", self.name.as_str().into()),
            ("type", self.r#type.as_str().into()),
            ("created", self.created_at.into()),
            ("size", Cell::Bytes(self.size)),
            ("sha256", self.sha256.as_str().into()),
            ("part", self.part_words().into()),
            ("remaining days", self.remaining()),
            ("hold", Cell::Word(self.hold_words())),
            ("downloads", Cell::Count(self.downloads)),
            ("last downloaded", self.last_downloaded_at.into()),
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
    /// Returns the view of a file that is now at `path`.
    pub(crate) fn new(id: Option<String>, name: &str, path: &Path, size: u64, sha256: String) -> Self {
        Self { id, name: name.to_owned(), path: path.display().to_string(), size, sha256 }
    }
}

impl View for DownloadedView {
    const COLUMNS: &'static [&'static str] = &["path", "size", "sha256"];

    fn row(&self) -> Vec<Cell> {
        vec![self.path.as_str().into(), Cell::Bytes(self.size), Cell::Whole(self.sha256.clone())]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("id", self.id.as_deref().into()),
            ("name", self.name.as_str().into()),
            ("path", self.path.as_str().into()),
            ("size", Cell::Bytes(self.size)),
            ("sha256", self.sha256.as_str().into()),
        ]
    }
}
