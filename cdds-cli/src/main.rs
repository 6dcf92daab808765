//! `cdds`: scheduled, encrypted, verifiable data exports from the command line.
//!
//! ```text
//! args ─ command line            config ─ cdds.toml
//!    └──────────┬────────────────────┘
//!            session ─ compose: ports, services, engine
//!               │
//!           commands ─ one file per command: domain types in, services asked
//!               │
//!             view ─ the stable JSON ─ output: table or JSON          error ─ exit codes
//! ```
//!
//! Nothing here decides: every refusal comes from the library.

mod args;
mod commands;
mod compose;
mod config;
mod consent;
mod console;
mod error;
mod input;
mod output;
mod progress;
mod session;
mod signals;
mod text;
mod view;

use std::process::ExitCode;

use clap::FromArgMatches;

use crate::args::Cli;
use crate::error::CliError;
use crate::output::Format;
use crate::session::Session;

fn main() -> ExitCode {
    // Comes before any file is made: catalog, exports and keys are for this user only.
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    match args::command()
        .try_get_matches()
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
            output::print_clap(&help);
            ExitCode::SUCCESS
        }
        Err(misuse) if let Some(error) = CliError::of_environment(&misuse) => {
            error.report(Format::asked_for())
        }
        Err(misuse) => match Format::asked_for() {
            Format::Json => CliError::misuse(&misuse).report(Format::Json),
            Format::Table | Format::Toml => {
                output::print_clap(&misuse);
                error::Exit::Usage.into()
            }
        },
    }
}

fn carry_out(cli: Cli) -> Result<(), CliError> {
    if cli.global.output == Format::Toml && !cli.command.prints_job_files() {
        return Err(CliError::usage("only `job show` prints toml: use --output table or json"));
    }
    let session = Session::start(cli.global)?;
    futures::executor::block_on(commands::carry_out(cli.command, &session))
}
