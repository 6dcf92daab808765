//! `cdds`: scheduled, encrypted, verifiable data exports from the command line.
//!
//! The modules in layers; each names only those below it, which `.ci/test` checks:
//!
//! ```text
//! commands            one file per command: domain types in, services asked
//! serve               the server of `cdds serve`: door, connections, health, users and tokens
//! session ─ consent   who asks, when, and where the answer goes; the question before a removal
//! compose ─ signals   ports, services, engine; SIGINT and SIGTERM
//! config ─ progress   cdds.toml; bars and lines on stderr
//! console ─ input     stderr; files that people supply
//! error               exit codes and stable codes
//! args ─ view         the command line; the tables of cdds_view's forms
//! output              results on stdout: tables and JSON
//! choice ─ home       formats and colours; paths with ~
//! text ─ user         foreign text, escaped and measured; the account that runs the program
//! ```
//!
//! Nothing here decides: every refusal comes from the library.

mod args;
mod choice;
mod commands;
mod compose;
mod config;
mod consent;
mod console;
mod error;
mod home;
mod input;
mod output;
mod progress;
#[cfg(feature = "serve")]
mod serve;
mod session;
mod signals;
mod text;
mod user;
mod view;

use std::process::ExitCode;

use clap::FromArgMatches;

use crate::args::Cli;
use crate::choice::Format;
use crate::error::CliError;
use crate::session::Session;

fn main() -> ExitCode {
    // Comes before any file is made: catalog, exports and keys are for this user only.
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    if let Some(answered) = commands::completions::answered() {
        return answered;
    }
    match args::matches()
        .and_then(|typed| args::check_paths(&typed).and_then(|()| Cli::from_arg_matches(&typed)))
        .map_err(error::shortened)
    {
        Ok(cli) => {
            let format = cli.global.output;
            match carry_out(cli) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => error.report(format),
            }
        }
        Err(help) if !help.use_stderr() => {
            // `--help` and `--version` are results rather than errors.
            error::print_clap(&help);
            ExitCode::SUCCESS
        }
        Err(misuse) => match (CliError::of_environment(&misuse), Format::asked_for()) {
            (Some(error), format) => error.report(format),
            (None, Format::Json) => CliError::misuse(&misuse).report(Format::Json),
            (None, Format::Table | Format::Toml) => {
                error::print_clap(&misuse);
                error::Exit::Usage.into()
            }
        },
    }
}

fn carry_out(cli: Cli) -> Result<(), CliError> {
    if cli.global.output == Format::Toml && !cli.command.prints_job_files() {
        return Err(CliError::usage("only `job show` prints toml: use --output table or json"));
    }
    let session = Session::start(cli.global, cli.command.only_reads())?;
    futures::executor::block_on(commands::carry_out(cli.command, &session))
}
