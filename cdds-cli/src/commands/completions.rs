//! `cdds completions`: scripts by which shells ask the program what may be typed next, and its answers.
//!
//! The scripts run `cdds` with [`VARIABLE`] set. An answer never takes long, changes nothing, and is no error text: where
//! something cannot be known, nothing is offered.

mod fields;
mod kind;
mod values;

use std::ffi::OsStr;
use std::process::ExitCode;

use clap::Command;
use clap_complete::engine::ArgValueCompleter;
use clap_complete::env::Shells;
use clap_complete::{CompleteEnv, Shell};

use self::kind::Kind;
use self::values::Quoting;
use crate::args;
use crate::error::CliError;
use crate::session::Session;

/// Names the shell that asks.
const VARIABLE: &str = "CDDS_COMPLETE";
const PROGRAM: &str = "cdds";

/// Prints the script for a shell.
pub(super) fn completions(shell: Shell, session: &Session) -> Result<(), CliError> {
    let failed = |why: String| CliError::failed("output_failed", format!("cannot write the script: {why}"));
    let name = shell.to_string();
    let shells = Shells::builtins();
    let completer =
        shells.completer(&name).ok_or_else(|| failed(format!("{name} is not a shell that asks")))?;
    let mut script = Vec::new();
    completer
        .write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)
        .map_err(|error| failed(error.to_string()))?;
    Ok(session.output.raw(&script)?)
}

/// Answers a shell, if one asks.
pub(crate) fn answered() -> Option<ExitCode> {
    let shell = std::env::var_os(VARIABLE).filter(|shell| !shell.is_empty())?;
    let quoting = if shell == "bash" { Quoting::Backslashes } else { Quoting::Shells };
    // Whatever goes wrong, nothing appears between what somebody types.
    std::panic::set_hook(Box::new(|_| {}));
    let here = std::env::current_dir().ok();
    let environment = CompleteEnv::with_factory(move || with_values(args::command(), "", quoting));
    let environment = environment.var(VARIABLE).bin(PROGRAM).completer(PROGRAM);
    Some(match environment.try_complete(std::env::args_os(), here.as_deref()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    })
}

/// Returns the command at this path with what may be typed as values.
fn with_values(mut command: Command, path: &str, quoting: Quoting) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        let path = format!("{path} {name}");
        command = command.mut_subcommand(&name, |sub| with_values(sub, path.trim_start(), quoting));
    }
    command.mut_args(|arg| match Kind::of(path, &arg) {
        Some(kind) => arg.add(ArgValueCompleter::new(move |typed: &OsStr| kind.values(typed, quoting))),
        None => arg,
    })
}
