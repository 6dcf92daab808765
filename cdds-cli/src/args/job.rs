//! `cdds job …`

use cdds_core::domain::job::JobState;
use cdds_core::ports::catalog::query::{FrequencyKind, JobColumn, Sort};
use chrono::{DateTime, Utc};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::value;

#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Submit a job
    Create(CreateArgs),
    /// List jobs
    List(ListJobsArgs),
    /// Show a job
    Show {
        /// Which job
        id: String,
    },
    /// Start nothing new for a job
    Suspend {
        /// Which job
        id: String,
    },
    /// Go on with a suspended job, at its next occurrence
    Resume {
        /// Which job
        id: String,
    },
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("protection").args(["recipient", "plaintext"]))]
pub(crate) struct CreateArgs {
    /// What to call the job
    #[arg(long)]
    pub(crate) title: String,

    /// What it is for
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) description: String,

    /// From which source; see `cdds source list`
    #[arg(long, value_name = "ID")]
    pub(crate) source: String,

    /// Which of the source's data types
    #[arg(long = "type", value_name = "ID")]
    pub(crate) data_type: String,

    /// Which categories; all if left out
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) category: Option<Vec<String>>,

    /// How often
    #[arg(long, value_name = "FREQUENCY")]
    pub(crate) run: Run,

    /// With `--run once`: when; immediately if left out
    #[arg(long, value_name = "RFC3339", value_parser = value::instant)]
    pub(crate) start: Option<DateTime<Utc>>,

    /// With `--run daily`: the time of day, UTC
    #[arg(long, value_name = "HH:MM")]
    pub(crate) at: Option<String>,

    /// Which records, by their instant: all, rolling:1w (h, d, w, mo) or fixed:START..END
    #[arg(long, value_name = "TIMEFRAME", default_value = "all")]
    pub(crate) timeframe: String,

    /// Split the archive into parts of this size: MB (2^20 bytes), or with a unit like 64KiB
    #[arg(long, value_name = "SIZE", value_parser = value::split_bytes)]
    pub(crate) split_size: Option<u64>,

    /// Seal the export for this recipient; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) recipient: Vec<String>,

    /// Do not seal the export: anybody who has the files can read them
    #[arg(long)]
    pub(crate) plaintext: bool,

    /// Keep the artifacts for this many days; as long as the service allows if left out
    #[arg(long, value_name = "N")]
    pub(crate) retention_days: Option<u16>,
}

/// The frequencies by name; `--start` and `--at` say the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Run {
    /// One time only
    Once,
    /// Every day
    Daily,
}

#[derive(Debug, Args)]
pub(crate) struct ListJobsArgs {
    /// Part of the title, whatever its case
    #[arg(long, value_name = "TEXT")]
    pub(crate) search: Option<String>,

    /// How often
    #[arg(long, value_name = "FREQUENCY")]
    pub(crate) frequency: Option<FrequencyFilter>,

    /// In which state
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Option<StateFilter>,

    /// In which order: source, type, title, created_at, latest_status, latest_started_at, next_starts_at
    #[arg(long, value_name = "COL[:desc]", value_parser = value::job_sort)]
    pub(crate) sort: Option<Sort<JobColumn>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FrequencyFilter {
    Once,
    Daily,
}

impl From<FrequencyFilter> for FrequencyKind {
    fn from(filter: FrequencyFilter) -> Self {
        match filter {
            FrequencyFilter::Once => Self::Once,
            FrequencyFilter::Daily => Self::Daily,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateFilter {
    All,
    Active,
    Suspended,
    Completed,
}

impl StateFilter {
    /// The state to filter by; `None` for all.
    pub(crate) fn state(self) -> Option<JobState> {
        match self {
            Self::All => None,
            Self::Active => Some(JobState::Active),
            Self::Suspended => Some(JobState::Suspended),
            Self::Completed => Some(JobState::Completed),
        }
    }
}
