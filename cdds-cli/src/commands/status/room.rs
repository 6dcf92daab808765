//! How much room store and catalog take, and have.

use std::path::Path;

use cdds_core::ports::catalog::query::ArtifactQuery;
use cdds_view::words;
use serde::Serialize;

use crate::commands::{disk, every_row};
use crate::compose::App;
use crate::config::Config;
use crate::error::CliError;
use crate::session::Session;

/// The files of the owner that are on record and not removed.
#[derive(Debug, Serialize)]
pub(super) struct StoreRoom {
    place: String,
    files: u64,
    bytes: u64,
    /// Free for this user where a folder is; null for a bucket, and if the folder cannot be asked.
    free_bytes: Option<u64>,
}

impl StoreRoom {
    pub(super) async fn of(app: &App, config: &Config, session: &Session) -> Result<Self, CliError> {
        let files = every_row(async |slice| {
            app.artifacts.list(&session.principal, &ArtifactQuery::default().with_slice(slice)).await
        })
        .await?;
        Ok(Self {
            place: config.store.to_string(),
            files: files.len() as u64,
            bytes: files.iter().map(|file| file.artifact.bytes).sum(),
            free_bytes: config.store.folder().and_then(disk::free_bytes),
        })
    }

    pub(super) fn words(&self) -> String {
        let files = words::counted(self.files, "file");
        format!("{files}, {}{}: {}", words::bytes(self.bytes), free(self.free_bytes), self.place)
    }
}

/// What the catalog takes of its disk.
#[derive(Debug, Serialize)]
pub(super) struct CatalogRoom {
    place: String,
    /// Of the file and its log; null on a server.
    bytes: Option<u64>,
    free_bytes: Option<u64>,
}

impl CatalogRoom {
    pub(super) fn of(config: &Config) -> Self {
        let file = config.catalog.file();
        let sized = |file: &Path| std::fs::metadata(file).map_or(0, |found| found.len());
        let bytes = file.map(|file| {
            let beside = |ending: &str| sized(Path::new(&format!("{}{ending}", file.display())));
            sized(file) + beside("-wal")
        });
        let folder = file.map(|file| file.parent().filter(|folder| !folder.as_os_str().is_empty()));
        let free_bytes = folder.and_then(|folder| disk::free_bytes(folder.unwrap_or_else(|| Path::new("."))));
        Self { place: config.catalog.to_string(), bytes, free_bytes }
    }

    pub(super) fn words(&self) -> String {
        match self.bytes {
            Some(bytes) => format!("{}{}: {}", words::bytes(bytes), free(self.free_bytes), self.place),
            None => self.place.clone(),
        }
    }
}

fn free(bytes: Option<u64>) -> String {
    bytes.map_or_else(String::new, |bytes| format!(" ({} free)", words::bytes(bytes)))
}
