//! Commands for one job, several, or all that have something in common.

use clap::Args;

use super::JobFilters;

#[derive(Debug, Args)]
#[command(
    after_help = "With several jobs, all are looked up first: if there is not one of them, nothing is changed. Then each is \
                  done by itself: those that cannot be are named, and the exit code is 1."
)]
pub(crate) struct ManyJobs {
    /// The jobs
    #[arg(value_name = "ID", conflicts_with = "all")]
    pub(crate) ids: Vec<String>,

    /// All jobs for which this can be done, or those of them that the options below select
    #[arg(long)]
    pub(crate) all: bool,

    /// Show the jobs, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) filters: JobFilters,
}
