//! `cdds history …`

use cdds_core::domain::execution::Status;
use cdds_core::ports::catalog::query::{ExecutionColumn, Sort};
use clap::{Args, Subcommand};

use super::value;

#[derive(Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// List executions
    List(ListHistoryArgs),
    /// Show an execution with its attempts
    Show {
        /// Which execution
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ListHistoryArgs {
    /// Of which job
    #[arg(long, value_name = "ID")]
    pub(crate) job: Option<String>,

    /// In which status: queued, in_progress, finished, failed, cancelled, skipped
    #[arg(long, value_parser = value::status)]
    pub(crate) status: Option<Status>,

    /// In which order: source, type, job_title, status, slot, started_at, finished_at, records
    #[arg(long, value_name = "COL[:desc]", value_parser = value::history_sort)]
    pub(crate) sort: Option<Sort<ExecutionColumn>>,
}
