//! `cdds artifact …`

use std::path::PathBuf;

use cdds_core::ports::catalog::query::{ArtifactColumn, Sort};
use clap::{Args, Subcommand};

use super::{Listing, Moment, moment, value};

#[derive(Debug, Subcommand)]
pub(crate) enum ArtifactCommand {
    /// List artifacts
    #[command(visible_alias = "ls")]
    List(Box<ListArtifactsArgs>),
    /// Download artifacts, verified against their published digests
    Download(DownloadArgs),
    /// Delete artifacts, all that are named or none
    #[command(visible_alias = "rm")]
    Delete(DeleteArtifactsArgs),
    /// Take sets of the store back into the catalog, after it was restored from a backup
    Adopt(AdoptArgs),
    /// Put a whole set on legal hold: it outlives its retention and cannot be deleted
    Hold(SetArgs),
    /// Release a set from its legal hold; if it has expired by then, it is deleted at once
    Release(SetArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArtifactsArgs {
    /// Of this job, even if it was deleted
    #[arg(long, value_name = "ID")]
    pub(crate) job: Option<String>,

    /// Of this execution
    #[arg(long, value_name = "ID")]
    pub(crate) execution: Option<String>,

    /// Part of the file's name, in upper or lower case
    #[arg(long, value_name = "TEXT")]
    pub(crate) search: Option<String>,

    /// Of this data type
    #[arg(long = "type", value_name = "ID")]
    pub(crate) data_type: Option<String>,

    /// Published at this instant or later
    #[arg(long, value_name = "WHEN", value_parser = moment::past)]
    pub(crate) created_from: Option<Moment>,

    /// Published before this instant
    #[arg(long, value_name = "WHEN", value_parser = moment::past)]
    pub(crate) created_to: Option<Moment>,

    /// Expiring at this instant or later
    #[arg(long, value_name = "WHEN", value_parser = moment::coming)]
    pub(crate) expires_from: Option<Moment>,

    /// Expiring before this instant
    #[arg(long, value_name = "WHEN", value_parser = moment::coming)]
    pub(crate) expires_to: Option<Moment>,

    /// Of this size or larger: bytes, or with a unit like 64KiB
    #[arg(long, value_name = "SIZE", value_parser = value::bytes)]
    pub(crate) size_min: Option<u64>,

    /// Of this size or smaller
    #[arg(long, value_name = "SIZE", value_parser = value::bytes)]
    pub(crate) size_max: Option<u64>,

    /// On legal hold, or with =false not on hold
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) on_hold: Option<bool>,

    /// Sort by: name, type, created_at, size, part, remaining_days, downloads
    #[arg(long, value_name = "COL[:desc]", value_parser = value::artifact_sort)]
    pub(crate) sort: Option<Sort<ArtifactColumn>>,

    #[command(flatten)]
    pub(crate) listing: Listing,
}

#[derive(Debug, Args)]
pub(crate) struct DownloadArgs {
    /// The artifacts, at most 100
    #[arg(value_name = "ID", required_unless_present = "execution", conflicts_with = "execution")]
    pub(crate) ids: Vec<String>,

    /// The whole set of an execution, with its manifest
    #[arg(long, value_name = "ID")]
    pub(crate) execution: Option<String>,

    /// The folder to write to; created if necessary
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,

    /// Replace files that exist
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AdoptArgs {
    /// The executions that made the sets
    #[arg(value_name = "EXECUTION", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) executions: Vec<String>,

    /// Every set of this owner's jobs
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArtifactsArgs {
    /// The artifacts, at most 100
    #[arg(value_name = "ID", required_unless_present = "execution", conflicts_with = "execution")]
    pub(crate) ids: Vec<String>,

    /// The whole set of an execution, however many parts it has
    #[arg(long, value_name = "ID")]
    pub(crate) execution: Option<String>,

    /// Show what would be deleted, and delete nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// Any artifact of the set, or its execution
    #[arg(value_name = "ID", required_unless_present = "execution", conflicts_with = "execution")]
    pub(crate) id: Option<String>,

    /// The set of an execution
    #[arg(long, value_name = "ID")]
    pub(crate) execution: Option<String>,
}
