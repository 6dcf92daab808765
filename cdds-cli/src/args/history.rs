//! `cdds history …`

use cdds_core::domain::execution::Status;
use cdds_core::ports::catalog::query::{ExecutionColumn, Sort};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use super::job::CloneArgs;
use super::{Consent, value};

#[derive(Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// List executions
    List(Box<ListHistoryArgs>),
    /// Show an execution with its attempts
    Show {
        /// Which execution
        id: String,
    },
    /// Follow an execution until it has ended, also one that another process runs
    #[command(
        after_help = "Exit codes: 0 finished or finished_with_errors; 1 failed, cancelled or skipped, with the reason, or \
        interrupted: the execution goes on; 4 there is no such execution.\n\
        On a terminal a bar shows how far it is; elsewhere each change is a line on stderr, in the form of `cdds run`. With \
        --output json the execution as it ended goes to stdout."
    )]
    Watch {
        /// Which execution
        id: String,
    },
    /// Submit a job with the settings as they were for an execution, except for what is given
    Clone(Box<CloneArgs>),
    /// Try an execution that failed or was cancelled again
    Rerun {
        /// Which execution
        id: String,
    },
    /// Stop an execution; one that runs stops within about a second and leaves nothing
    Cancel {
        /// Which execution
        id: String,
    },
    /// Take an execution that has ended off the history
    Delete {
        /// Which execution
        id: String,
        /// What it published goes too
        #[arg(long)]
        with_artifacts: bool,
        #[command(flatten)]
        consent: Consent,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ListHistoryArgs {
    /// Of which job, also of one that was deleted
    #[arg(long, value_name = "ID")]
    pub(crate) job: Option<String>,

    /// In which status
    #[arg(long, value_parser = value::status())]
    pub(crate) status: Option<Status>,

    /// Of which source
    #[arg(long, value_name = "ID")]
    pub(crate) source: Option<String>,

    /// Of which data type
    #[arg(long = "type", value_name = "ID")]
    pub(crate) data_type: Option<String>,

    /// Due at this instant or later
    #[arg(long, value_name = "RFC3339", value_parser = value::instant)]
    pub(crate) from: Option<DateTime<Utc>>,

    /// Due before this instant
    #[arg(long, value_name = "RFC3339", value_parser = value::instant)]
    pub(crate) to: Option<DateTime<Utc>>,

    /// Started at this instant or later
    #[arg(long, value_name = "RFC3339", value_parser = value::instant)]
    pub(crate) started_from: Option<DateTime<Utc>>,

    /// Started before this instant
    #[arg(long, value_name = "RFC3339", value_parser = value::instant)]
    pub(crate) started_to: Option<DateTime<Utc>>,

    /// In which order: source, type, job_title, status, slot, started_at, finished_at, duration, records,
    /// files
    #[arg(long, value_name = "COL[:desc]", value_parser = value::history_sort)]
    pub(crate) sort: Option<Sort<ExecutionColumn>>,
}
