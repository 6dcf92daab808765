//! `cdds history …`

use cdds_core::domain::execution::Status;
use cdds_core::ports::catalog::query::{ExecutionColumn, Sort};
use clap::{Args, Subcommand};

use super::job::CloneArgs;
use super::{Listing, Moment, moment, value};

#[derive(Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// List executions
    #[command(visible_alias = "ls")]
    List(Box<ListHistoryArgs>),
    /// Show an execution with its attempts, its deliveries and who was told of it
    Show {
        /// The execution
        id: String,
    },
    /// Follow an execution until it has ended, even one that another process runs
    #[command(
        after_help = "Exit codes: 0 finished or finished_with_errors; 1 failed, cancelled or skipped, with \
                      the reason, or interrupted, while the execution goes on; 4 there is no such execution.\n\
                      On a terminal a bar shows its progress; elsewhere each change is a line on stderr, in \
                      the format of `cdds run`. With --output json the ended execution goes to stdout."
    )]
    Watch {
        /// The execution
        id: String,
    },
    /// Submit a job with the settings that an execution had, except for the options given
    Clone(Box<CloneArgs>),
    /// Try an execution that failed or was cancelled again
    Rerun {
        /// The execution
        id: String,
    },
    /// Deliver the set of an execution again, to every destination of its job
    Redeliver {
        /// The execution
        id: String,
        /// Only to this destination, which may also be one that the job does not name
        #[arg(long, value_name = "ID")]
        destination: Option<String>,
    },
    /// Stop an execution; a running one stops within about a second and leaves nothing behind
    Cancel {
        /// The execution
        id: String,
    },
    /// Remove an execution that has ended from the history
    #[command(visible_alias = "rm")]
    Delete {
        /// The execution
        id: String,
        /// Delete the artifacts that it published too
        #[arg(long)]
        with_artifacts: bool,
        /// Show what would be removed, and remove nothing
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ListHistoryArgs {
    /// Of this job, even if it was deleted
    #[arg(long, value_name = "ID")]
    pub(crate) job: Option<String>,

    /// In this status
    #[arg(long, value_parser = value::status())]
    pub(crate) status: Option<Status>,

    /// Of this source
    #[arg(long, value_name = "ID")]
    pub(crate) source: Option<String>,

    /// Of this data type
    #[arg(long = "type", value_name = "ID")]
    pub(crate) data_type: Option<String>,

    /// Due at this instant or later
    #[arg(long, value_name = "WHEN", value_parser = moment::past)]
    pub(crate) from: Option<Moment>,

    /// Due before this instant
    #[arg(long, value_name = "WHEN", value_parser = moment::past)]
    pub(crate) to: Option<Moment>,

    /// Started at this instant or later
    #[arg(long, value_name = "WHEN", value_parser = moment::past)]
    pub(crate) started_from: Option<Moment>,

    /// Started before this instant
    #[arg(long, value_name = "WHEN", value_parser = moment::past)]
    pub(crate) started_to: Option<Moment>,

    /// Sort by: source, type, job_title, status, slot, started_at, finished_at, duration, records,
    /// files
    #[arg(long, value_name = "COL[:desc]", value_parser = value::history_sort)]
    pub(crate) sort: Option<Sort<ExecutionColumn>>,

    #[command(flatten)]
    pub(crate) listing: Listing,
}
