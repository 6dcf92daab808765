//! Choices of the command line that other modules act on: how results and events are printed, and in colour
//! or not.

mod colour;

use clap::ValueEnum;

pub(crate) use self::colour::ColourChoice;

/// How results and errors are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people: tables on stdout, sentences on stderr
    Table,
    /// For scripts: one JSON value on stdout, errors as JSON on stderr
    Json,
    /// A job file for `cdds job create --file`; errors are sentences on stderr
    Toml,
}

impl Format {
    /// Returns the format requested by a command line that could not be parsed.
    pub(crate) fn asked_for() -> Self {
        let environment = || std::env::var("CDDS_OUTPUT").ok();
        match typed("--output").or_else(environment) {
            Some(format) if format == "json" => Self::Json,
            _ => Self::Table,
        }
    }
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EventForm {
    /// An instant, then name=value
    Logfmt,
    /// A JSON object a line
    Json,
}

/// Returns the last value of an option in a command line that clap could not parse, or did not need to.
pub(crate) fn typed(option: &str) -> Option<String> {
    let typed: Vec<String> =
        std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let next = |at: usize| typed.get(at + 1).cloned();
    typed.iter().enumerate().rev().find_map(|(at, argument)| match argument.strip_prefix(option)? {
        "" => next(at),
        joined => joined.strip_prefix('=').map(str::to_owned),
    })
}
