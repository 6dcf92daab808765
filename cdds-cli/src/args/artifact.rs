//! `cdds artifact …`

use std::path::PathBuf;

use cdds_core::ports::catalog::query::{ArtifactColumn, Sort};
use clap::{Args, Subcommand};

use super::value;

#[derive(Debug, Subcommand)]
pub(crate) enum ArtifactCommand {
    /// List artifacts
    List(ListArtifactsArgs),
    /// Download artifacts, verified against their published digests
    Download(DownloadArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArtifactsArgs {
    /// Of which job
    #[arg(long, value_name = "ID")]
    pub(crate) job: Option<String>,

    /// Of which execution
    #[arg(long, value_name = "ID")]
    pub(crate) execution: Option<String>,

    /// In which order: name, type, created_at, size, remaining_days
    #[arg(long, value_name = "COL[:desc]", value_parser = value::artifact_sort)]
    pub(crate) sort: Option<Sort<ArtifactColumn>>,
}

#[derive(Debug, Args)]
pub(crate) struct DownloadArgs {
    /// Which artifacts, at most 100
    #[arg(value_name = "ID", required_unless_present = "execution", conflicts_with = "execution")]
    pub(crate) ids: Vec<String>,

    /// The whole set of an execution, with its manifest
    #[arg(long, value_name = "ID")]
    pub(crate) execution: Option<String>,

    /// Into which folder; created if need be
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,

    /// Replace files that exist
    #[arg(long)]
    pub(crate) force: bool,
}
