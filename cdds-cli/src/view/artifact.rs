//! The table of artifacts, and downloaded files.

use std::path::Path;

use cdds_view::ArtifactView;
use serde::Serialize;

use crate::output::{Cell, View};

/// Returns the cell of the remaining days. An artifact on hold has no end.
fn remaining(artifact: &ArtifactView) -> Cell {
    artifact.days_left().map_or(Cell::Unknown, Cell::Count)
}

/// An artifact, and the title of the job that made it.
#[derive(Debug, Serialize)]
pub(crate) struct FileView {
    #[serde(flatten)]
    file: ArtifactView,
    /// As the job was called then; null if the execution has left the history.
    job_title: Option<String>,
}

impl FileView {
    pub(crate) fn new(file: ArtifactView, job_title: Option<String>) -> Self {
        Self { file, job_title }
    }
}

impl View for FileView {
    const COLUMNS: &'static [&'static str] =
        &["id", "type", "size", "created", "remaining days", "hold", "name", "part", "downloads", "job"];
    const GIVES_WAY: &'static [&'static str] =
        &["downloads", "part", "type", "job", "hold", "remaining days"];

    fn row(&self) -> Vec<Cell> {
        let file = &self.file;
        vec![
            Cell::Id(file.id.to_string()),
            file.types.to_string().into(),
            Cell::Bytes(file.size),
            file.created_at.into(),
            remaining(file),
            Cell::Word(file.hold_words()),
            Cell::File(file.name.clone()),
            file.part_words().into(),
            Cell::Count(file.downloads),
            self.job_title.clone().into(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
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
