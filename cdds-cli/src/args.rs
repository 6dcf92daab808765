//! The shape of the command line. Nothing is decided here.
//!
//! Values with rules of their own (titles, timeframes, sizes) stay text here and become domain types in
//! `commands`, so that a refusal carries the domain's code and not clap's.

mod artifact;
mod audit;
mod bundle;
#[cfg(feature = "postgres")]
mod catalog;
mod check;
mod config;
mod demo;
mod destination;
mod examples;
mod history;
mod job;
mod listing;
mod moment;
mod notice;
mod offline;
mod recipient;
mod retention;
mod run;
#[cfg(feature = "serve")]
mod serve;
mod short;
mod source;
mod subject;
mod times;
mod value;
mod workers;

use std::ffi::OsString;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::error::ErrorKind;
use clap::{ArgMatches, Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use self::artifact::{
    AdoptArgs, ArtifactCommand, DeleteArtifactsArgs, DownloadArgs, ListArtifactsArgs, SetArgs,
};
pub(crate) use self::audit::AuditArgs;
pub(crate) use self::bundle::BundleArgs;
#[cfg(feature = "postgres")]
pub(crate) use self::catalog::CatalogCommand;
pub(crate) use self::check::CheckArgs;
pub(crate) use self::config::ConfigCommand;
pub(crate) use self::demo::DemoArgs;
pub(crate) use self::destination::DestinationCommand;
pub(crate) use self::examples::command;
pub(crate) use self::history::{HistoryCommand, ListHistoryArgs};
pub(crate) use self::job::{
    ArchiveOptions, CloneArgs, ContentOptions, CreateArgs, Creation, DeliveryOptions, EditArgs, JobCommand,
    JobFilters, JobOptions, ListJobsArgs, ManyJobs, PolicyOptions, Rehearsal, ScheduleOptions, StateFilter,
};
pub(crate) use self::listing::{Columns, Listing};
pub(crate) use self::moment::Moment;
pub(crate) use self::notice::{ListNoticesArgs, NoticeCommand};
pub(crate) use self::offline::{DecryptArgs, ExtractArgs, JoinArgs, PassphraseArgs, VerifyArgs};
pub(crate) use self::recipient::RecipientCommand;
pub(crate) use self::retention::RetentionCommand;
pub(crate) use self::run::RunArgs;
#[cfg(feature = "serve")]
pub(crate) use self::serve::{ServeArgs, TokenCommand, UserCommand};
pub(crate) use self::source::SourceCommand;
pub(crate) use self::subject::{CreateSubjectArgs, ListSubjectsArgs, SubjectCommand};
pub(crate) use self::value::{Setting, item, items};
pub(crate) use self::workers::{WorkersArgs, WorkersCommand};
use crate::choice::{ColourChoice, Format};
use crate::home::without_home;
use crate::text::escaped;

/// Scheduled, encrypted, verifiable downloads of your data.
#[derive(Debug, Parser)]
#[command(name = "cdds", version, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 usage, 3 refused by a rule, 4 not found.\n\
                        Start with `cdds init`; results go to stdout, everything else to stderr.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The configuration; if left out, the cdds.toml of this folder or of the nearest one above
    #[arg(long, global = true, value_name = "PATH", env = "CDDS_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// How results and errors are printed; `job show` also prints job files, as toml
    #[arg(long, global = true, value_name = "FORMAT", env = "CDDS_OUTPUT", default_value = "table")]
    pub(crate) output: Format,

    /// The owner of the jobs, recipients and artifacts
    #[arg(long, global = true, value_name = "NAME", default_value = "default")]
    pub(crate) owner: String,

    /// Run this command as if it began at this instant
    #[arg(long, global = true, value_name = "RFC3339", value_parser = value::instant)]
    pub(crate) now: Option<DateTime<Utc>>,

    /// Colour what is printed for people
    #[arg(long, global = true, value_name = "CHOICE", default_value = "auto")]
    pub(crate) color: ColourChoice,

    /// Show no progress
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,

    /// Answer yes to what is asked on a terminal
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,

    /// Print nothing but results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Log what happens to stderr; twice for details
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// Parses the command line. For `-h` the help has a line for each option, and for `--help` all that there is to say.
pub(crate) fn matches() -> Result<ArgMatches, clap::Error> {
    command().try_get_matches().map_err(|said| match said.kind() {
        ErrorKind::DisplayHelp if asks_for_short_help(std::env::args_os().skip(1)) => {
            short::short(Cli::command()).try_get_matches().err().unwrap_or(said)
        }
        _ => said,
    })
}

/// Returns whether these words ask for help by `-h`, perhaps with other options of one letter, and not by `--help`.
fn asks_for_short_help(words: impl Iterator<Item = OsString>) -> bool {
    let words: Vec<OsString> = words.take_while(|word| word != "--").collect();
    let is_letter = |word: &OsString| {
        let word = word.as_encoded_bytes();
        word.starts_with(b"-") && !word.starts_with(b"--") && word.contains(&b'h')
    };
    words.iter().any(is_letter) && !words.iter().any(|word| word == "--help")
}

/// Refuses paths that begin with `~` because no shell expanded it: after `=`, in quotes, in a variable. Taken
/// literally, it would name a folder called `~`.
pub(crate) fn check_paths(matches: &ArgMatches) -> Result<(), clap::Error> {
    for id in matches.ids() {
        let Ok(Some(paths)) = matches.try_get_many::<PathBuf>(id.as_str()) else { continue };
        for path in paths.filter_map(|path| path.to_str()) {
            without_home(path).map_err(|why| {
                clap::Error::raw(ErrorKind::ValueValidation, format!("{}: {why}\n", escaped(path)))
            })?;
        }
    }
    matches.subcommand().map_or(Ok(()), |(_, matches)| check_paths(matches))
}

impl Command {
    /// Returns whether this command may store something on the record, dated by the clock.
    pub(crate) fn changes_the_record(&self) -> bool {
        match self {
            Self::Run(_) => true,
            #[cfg(feature = "serve")]
            Self::Serve(_) => true,
            Self::Job(command) => match command {
                JobCommand::List(_) | JobCommand::Show { .. } | JobCommand::Preview { .. } => false,
                JobCommand::Create(args) => !args.rehearsal.dry_run,
                JobCommand::Edit(args) => !args.rehearsal.dry_run,
                JobCommand::Clone(args) => !args.rehearsal.dry_run,
                JobCommand::Suspend(args)
                | JobCommand::Resume(args)
                | JobCommand::Run(args)
                | JobCommand::Delete(args) => !args.dry_run,
                _ => true,
            },
            Self::History(command) => match command {
                HistoryCommand::List(_) | HistoryCommand::Show { .. } | HistoryCommand::Watch { .. } => false,
                HistoryCommand::Clone(args) => !args.rehearsal.dry_run,
                HistoryCommand::Delete { dry_run, .. } => !dry_run,
                _ => true,
            },
            Self::Destination(command) => {
                !matches!(command, DestinationCommand::List(_) | DestinationCommand::Show { .. })
            }
            Self::Subject(command) => !matches!(
                command,
                SubjectCommand::Show { .. }
                    | SubjectCommand::List(_)
                    | SubjectCommand::Key { .. }
                    | SubjectCommand::Preview { .. }
                    | SubjectCommand::Reapply { dry_run: true }
            ),
            Self::Notice(command) => !matches!(command, NoticeCommand::List(_)),
            Self::Workers(args) => {
                matches!(args.command, Some(WorkersCommand::Drain { .. } | WorkersCommand::Resume { .. }))
            }
            Self::Artifact(command) => match command {
                ArtifactCommand::List(_) | ArtifactCommand::Download(_) => false,
                ArtifactCommand::Delete(args) => !args.dry_run,
                _ => true,
            },
            _ => false,
        }
    }

    /// Returns whether this command reads the record and changes nothing on it, so that it works for whoever may read.
    pub(crate) fn only_reads(&self) -> bool {
        match self {
            Self::Job(JobCommand::List(_) | JobCommand::Show { .. } | JobCommand::Preview { .. })
            | Self::History(
                HistoryCommand::List(_) | HistoryCommand::Show { .. } | HistoryCommand::Watch { .. },
            )
            | Self::Artifact(ArtifactCommand::List(_))
            | Self::Recipient(RecipientCommand::List(_))
            | Self::Destination(DestinationCommand::List(_) | DestinationCommand::Show { .. })
            | Self::Notice(NoticeCommand::List(_))
            | Self::Audit(_)
            | Self::Check(_)
            | Self::Status
            | Self::Bundle(_)
            | Self::Config(ConfigCommand::Check)
            | Self::Retention(_)
            | Self::Source(_)
            | Self::Subject(SubjectCommand::Key { .. }) => true,
            Self::Doctor(args) => !args.adopt_store,
            Self::Workers(args) => {
                !matches!(args.command, Some(WorkersCommand::Drain { .. } | WorkersCommand::Resume { .. }))
            }
            _ => false,
        }
    }

    /// Returns whether this command runs the engine, perhaps for long.
    pub(crate) fn runs_the_engine(&self) -> bool {
        match self {
            Self::Run(_) => true,
            #[cfg(feature = "serve")]
            Self::Serve(_) => true,
            _ => false,
        }
    }

    /// Returns whether this command asks a question of its own.
    pub(crate) fn asks_before_it_removes(&self) -> bool {
        matches!(
            self,
            Self::Job(JobCommand::Delete(_))
                | Self::History(HistoryCommand::Delete { .. })
                | Self::Artifact(ArtifactCommand::Delete(_))
        )
    }

    /// Returns whether this command can print a job file.
    pub(crate) fn prints_job_files(&self) -> bool {
        matches!(self, Self::Job(JobCommand::Show { .. }))
    }
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Declare that catalog and artifact store belong together, after you have made sure that they do
    #[arg(long)]
    pub(crate) adopt_store: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a configuration and create catalog and artifact folder
    Init {
        /// The folder; created if necessary
        #[arg(default_value = ".")]
        dir: PathBuf,
    },
    /// See the whole story on sample data, in a fresh folder
    Demo(DemoArgs),
    /// See who works, what runs, what comes next, and what went wrong
    Status,
    /// Check what jobs, exports and recipients need, and say how to fix what is wrong
    Doctor(DoctorArgs),
    /// The configuration: what holds, whether it is right, and what could be written
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write what somebody who helps needs to know, without secrets and records
    Bundle(BundleArgs),
    /// Registered sources
    #[command(subcommand)]
    Source(SourceCommand),
    /// Where sets are delivered besides the store, and whether that works
    #[command(subcommand)]
    Destination(DestinationCommand),
    /// Certificates that exports are sealed for
    #[command(subcommand)]
    Recipient(RecipientCommand),
    /// Submit, list, edit, suspend, resume, run and delete jobs
    #[command(subcommand)]
    Job(JobCommand),
    /// Run what is due: jobs, exports, retention
    Run(RunArgs),
    /// Run what is due, and serve the console and its API to browsers and programs
    ///
    /// Listens on this machine alone, unless serve.tls_certificate and serve.tls_key are named in cdds.toml or a proxy
    /// ends TLS (serve.behind_proxy). /healthz, /readyz and /metrics are for monitoring. -v logs every request.
    #[cfg(feature = "serve")]
    Serve(ServeArgs),
    /// Passwords of those who sign in to the console
    #[cfg(feature = "serve")]
    #[command(subcommand)]
    User(UserCommand),
    /// Tokens of programs that call the API
    #[cfg(feature = "serve")]
    #[command(subcommand)]
    Token(TokenCommand),
    /// What ran, what is queued, what was skipped and why; run again, cancel, delete
    ///
    /// An execution is forgotten 400 days after its end (retention.record_days), unless a file of it is in
    /// the store, perhaps on hold. A job keeps its newest execution and its last success. Audit, downloads
    /// and notices are kept as long.
    #[command(subcommand)]
    History(HistoryCommand),
    /// Check whether a job has succeeded lately, for monitoring
    Check(CheckArgs),
    /// Who was told of what, by e-mail and webhook
    #[command(subcommand)]
    Notice(NoticeCommand),
    /// List, download, hold and delete what was exported
    #[command(subcommand)]
    Artifact(ArtifactCommand),
    /// What goes when: which sets expire, and which are kept
    #[command(subcommand)]
    Retention(RetentionCommand),
    /// What people ask for about their own records: access and erasure
    #[command(subcommand)]
    Subject(SubjectCommand),
    /// Who did what: changes, downloads and refused calls
    Audit(AuditArgs),
    /// Who runs the exports: which workers live, since when, and what they run
    ///
    /// A worker is an engine: `cdds run`, `cdds serve`, or a service that embeds one. One that ended in good order is
    /// listed for a day, one that is gone for a week.
    Workers(WorkersArgs),
    /// The catalog itself: move it from one machine's file to PostgreSQL
    #[cfg(feature = "postgres")]
    #[command(subcommand)]
    Catalog(CatalogCommand),
    /// Check that a set is whole and as it was published
    Verify(VerifyArgs),
    /// Open sealed parts with a recipient's private key
    Decrypt(DecryptArgs),
    /// Join the parts of a set into one ZIP file
    Join(JoinArgs),
    /// Extract the record files of a set, sealed or not
    Extract(ExtractArgs),
    /// Print a completion script for a shell; print it anew after an upgrade
    ///
    /// With it, the shell asks the program what may be typed: ids and titles of jobs, ids of executions, files, notices
    /// and workers, names of recipients, sources, types, destinations and columns. Of a catalog in PostgreSQL, names of the
    /// record are left out.
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print a manual page (roff), or write all of them
    Man {
        /// The command, like `job create`; the whole program if left out
        command: Vec<String>,

        /// Write every page into this folder, as cdds-job-create.1 and so on; created if necessary
        #[arg(long, value_name = "DIR", conflicts_with = "command")]
        to: Option<PathBuf>,
    },
}
