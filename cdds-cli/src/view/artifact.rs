//! The table of artifacts, and downloaded files.

use std::path::Path;

use cdds_view::ArtifactView;
use serde::Serialize;

use crate::output::{Cell, View};

/// Returns the cell of the remaining days. An artifact on hold has no end.
fn remaining(artifact: &ArtifactView) -> Cell {
    artifact.days_left().map_or(Cell::Unknown, Cell::Count)
}

impl View for ArtifactView {
    const COLUMNS: &'static [&'static str] =
        &["id", "type", "size", "created", "remaining days", "hold", "name", "part", "downloads"];
    const GIVES_WAY: &'static [&'static str] = &["downloads", "part", "type", "hold", "remaining days"];

    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::Id(self.id.to_string()),
            self.types.to_string().into(),
            Cell::Bytes(self.size),
            self.created_at.into(),
            remaining(self),
            Cell::Word(self.hold_words()),
            Cell::File(self.name.clone()),
            self.part_words().into(),
            Cell::Count(self.downloads),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        let deleted = if self.job_deleted { " (deleted)" } else { "" };
        vec![
            ("id", self.id.to_string().into()),
            ("execution", self.execution_id.to_string().into()),
            ("job", format!("{}{deleted}", self.job_id).into()),
            ("name", self.name.as_str().into()),
            ("type", self.types.to_string().into()),
            ("created", self.created_at.into()),
            ("size", Cell::Bytes(self.size)),
            ("sha256", self.sha256.as_str().into()),
            ("part", self.part_words().into()),
            ("remaining days", remaining(self)),
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
    const GIVES_WAY: &'static [&'static str] = &["sha256"];

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
