//! `cdds job …`

mod many;
mod options;

use std::path::PathBuf;

use cdds_core::domain::job::JobState;
use cdds_core::domain::job::edit::WatermarkChoice;
use cdds_core::ports::catalog::query::{FrequencyKind, JobColumn, LatestStatus, Sort};
use clap::{Arg, Args, Subcommand, ValueEnum};

pub(crate) use self::many::ManyJobs;
pub(crate) use self::options::{
    ArchiveOptions, ContentOptions, DeliveryOptions, JobOptions, PolicyOptions, ScheduleOptions,
};
use super::{Columns, Listing, Moment, moment, value};

#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Submit a job
    Create(Box<CreateArgs>),
    /// Change a job, from its next execution on; options left out stay as they are
    Edit(Box<EditArgs>),
    /// Submit a job like another one, except for the options given
    Clone(Box<CloneArgs>),
    /// List jobs
    #[command(visible_alias = "ls")]
    List(Box<ListJobsArgs>),
    /// Show a job
    Show {
        /// The job
        id: String,
    },
    /// Show the next occurrences of a job, and what each would export
    Preview {
        /// The job
        id: String,
        /// How many to show
        #[arg(short = 'n', long, value_name = "N", default_value_t = 5, allow_negative_numbers = true, value_parser = value::between(1, 1_000))]
        count: u32,
        #[command(flatten)]
        shown: Columns,
    },
    /// Start nothing new for jobs
    Suspend(Box<ManyJobs>),
    /// Resume suspended jobs, each from its next occurrence on
    Resume(Box<ManyJobs>),
    /// Bring back a job that was left in the future by a clock that was ahead
    #[command(
        after_help = "Its schedule continues after the last slot that was recorded while the clock was \
                      right, and a since-last job exports from where its last export up to that time ended. \
                      Nothing is lost; records that were already exported while the clock was ahead are \
                      exported once more. A job that does not lie ahead stays as it is."
    )]
    BringBack {
        /// The job
        id: String,
    },
    /// Run recurring jobs once more, now
    Run(Box<ManyJobs>),
    /// Run every occurrence of a range again, oldest first; moves no watermark
    Backfill {
        /// The job
        id: String,
        /// The first instant of the range
        #[arg(long, value_name = "WHEN", value_parser = moment::past)]
        from: Moment,
        /// The first instant after the range
        #[arg(long, value_name = "WHEN", value_parser = moment::past)]
        to: Moment,
    },
    /// Delete jobs; their history and artifacts stay until they expire
    #[command(visible_alias = "rm")]
    Delete(Box<ManyJobs>),
}

#[derive(Debug, Args)]
#[command(
    mut_args(required),
    override_usage = "cdds job create --title <TITLE> --source <ID> --type <ID> --run <FREQUENCY> [OPTIONS]\n       \
                      cdds job create --file <FILE|-> [OPTIONS]"
)]
pub(crate) struct CreateArgs {
    /// Read the options from this file, TOML or JSON, or from stdin (-); options on the command line take
    /// precedence. `cdds job show ID --output toml` prints such a file
    #[arg(long, value_name = "FILE|-")]
    pub(crate) file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) rehearsal: Rehearsal,

    #[command(flatten)]
    pub(crate) options: JobOptions,

    #[command(flatten)]
    pub(crate) creation: Creation,
}

/// What only a new job can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Args)]
#[command(next_help_heading = "Schedule, in UTC or the job's time zone")]
pub(crate) struct Creation {
    /// Also run a recurring job at once; the next occurrence continues from there
    #[arg(long)]
    pub(crate) first_run_now: bool,
}

/// How a job is checked before it is stored.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Rehearsal {
    /// Check everything and show what would be exported when; store nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Store the job even if it names fields that its source does not have
    #[arg(long)]
    pub(crate) allow_unknown_fields: bool,
}

/// What a new job cannot do without, unless a file says it.
fn required(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "title" | "source" | "data_type" | "run" => arg.required_unless_present("file"),
        _ => arg,
    }
}

#[derive(Debug, Args)]
pub(crate) struct EditArgs {
    /// The job
    pub(crate) id: String,

    /// Make the job what this file says, TOML or JSON, or stdin (-), as `job create` would: what the file leaves out gets
    /// its default. Options on the command line take precedence. `cdds job show ID --output toml` prints such a file
    #[arg(long, value_name = "FILE|-")]
    pub(crate) file: Option<PathBuf>,

    /// If the edit changes what a since-last job exports: export everything again, or carry on from the
    /// watermark
    #[arg(long, value_name = "CHOICE")]
    pub(crate) watermark: Option<Watermark>,

    #[command(flatten)]
    pub(crate) rehearsal: Rehearsal,

    /// Only if nobody has changed the job since it had this version
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = value::whole::<u64>("as `job show` shows it"))]
    pub(crate) if_version: Option<u64>,

    #[command(flatten)]
    pub(crate) options: JobOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Watermark {
    /// The next export starts at the origin again
    Reset,
    /// The next export starts where the last one ended
    Continue,
}

impl From<Watermark> for WatermarkChoice {
    fn from(typed: Watermark) -> Self {
        match typed {
            Watermark::Reset => Self::Reset,
            Watermark::Continue => Self::Continue,
        }
    }
}

/// A job, or an execution, and what is to be different.
#[derive(Debug, Args)]
pub(crate) struct CloneArgs {
    /// The one to clone
    pub(crate) id: String,

    #[command(flatten)]
    pub(crate) rehearsal: Rehearsal,

    #[command(flatten)]
    pub(crate) options: JobOptions,

    #[command(flatten)]
    pub(crate) creation: Creation,
}

/// What jobs have in common.
#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
pub(crate) struct JobFilters {
    /// Part of the title, in upper or lower case
    #[arg(long, value_name = "TEXT")]
    pub(crate) search: Option<String>,

    /// Of this source
    #[arg(long, value_name = "ID")]
    pub(crate) source: Option<String>,

    /// Of this data type
    #[arg(long = "type", value_name = "ID")]
    pub(crate) data_type: Option<String>,

    /// Sealed for this recipient
    #[arg(long, value_name = "NAME")]
    pub(crate) recipient: Option<String>,

    /// With this frequency
    #[arg(long, value_parser = value::frequency())]
    pub(crate) frequency: Option<FrequencyKind>,
}

#[derive(Debug, Args)]
pub(crate) struct ListJobsArgs {
    #[command(flatten)]
    pub(crate) filters: JobFilters,

    /// In this state
    #[arg(long)]
    pub(crate) state: Option<StateFilter>,

    /// With this latest status
    #[arg(long, value_name = "STATUS", value_parser = value::latest_status())]
    pub(crate) latest_status: Option<LatestStatus>,

    /// Created at this instant or later
    #[arg(long, value_name = "WHEN", value_parser = moment::past)]
    pub(crate) created_from: Option<Moment>,

    /// Created before this instant
    #[arg(long, value_name = "WHEN", value_parser = moment::past)]
    pub(crate) created_to: Option<Moment>,

    /// Latest started at this instant or later
    #[arg(long, value_name = "WHEN", value_parser = moment::past)]
    pub(crate) latest_started_from: Option<Moment>,

    /// Latest started before this instant
    #[arg(long, value_name = "WHEN", value_parser = moment::past)]
    pub(crate) latest_started_to: Option<Moment>,

    /// Due next at this instant or later
    #[arg(long, value_name = "WHEN", value_parser = moment::coming)]
    pub(crate) next_starts_from: Option<Moment>,

    /// Due next before this instant
    #[arg(long, value_name = "WHEN", value_parser = moment::coming)]
    pub(crate) next_starts_to: Option<Moment>,

    /// Sort by: source, type, title, created_at, latest_status, latest_started_at, next_starts_at
    #[arg(long, value_name = "COL[:desc]", value_parser = value::job_sort)]
    pub(crate) sort: Option<Sort<JobColumn>>,

    #[command(flatten)]
    pub(crate) listing: Listing,
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
