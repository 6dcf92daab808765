//! Results on stdout: JSON for scripts, tables for people.

mod cell;
mod colour;
mod table;

use std::io::{self, IsTerminal, Write};

use chrono::{DateTime, Utc};
use clap::ValueEnum;
use serde::Serialize;

pub(crate) use self::cell::{Cell, Reader};
pub(crate) use self::colour::{ColourChoice, paint};
use self::table::Page;
use crate::args::Global;
use crate::error::CliError;

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

/// Prints clap's messages: help to stdout, errors to stderr.
///
/// They are coloured like everything else: clap itself would colour for a dumb terminal if the variable CI is
/// set, and does not know `--color`.
pub(crate) fn print_clap(said: &clap::Error) {
    let rendered = said.render();
    let print = |mut stream: Box<dyn Write>, terminal: bool| {
        let coloured = ColourChoice::asked_for().colours(terminal);
        // A closed pipe is not our failure.
        let _closed =
            if coloured { write!(stream, "{}", rendered.ansi()) } else { write!(stream, "{rendered}") };
    };
    if said.use_stderr() {
        print(Box::new(io::stderr()), io::stderr().is_terminal());
    } else {
        print(Box::new(io::stdout()), io::stdout().is_terminal());
    }
}

/// A result: its serialised form is the contract, the table is for reading.
pub(crate) trait View: Serialize {
    /// The headings of a list; the first column names the row.
    const COLUMNS: &'static [&'static str];

    /// The cells of a list, in the order of the headings.
    fn row(&self) -> Vec<Cell>;

    /// All values of a single object, by name.
    fn details(&self) -> Vec<(&'static str, Cell)>;
}

/// Where results go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: Format,
    page: Page,
    quiet: bool,
}

impl Output {
    /// Prints for a person on a terminal, and for programs elsewhere.
    pub(crate) fn new(global: &Global, now: DateTime<Utc>) -> Self {
        let terminal = io::stdout().is_terminal();
        let columns = if terminal { terminal_size::terminal_size() } else { None };
        let page = Page {
            columns: columns.map(|(width, _)| usize::from(width.0)).filter(|columns| *columns > 0),
            colour: global.color.colours(terminal),
            reader: Reader { person: terminal, now },
        };
        Self { format: global.output, page, quiet: global.quiet }
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Prints a list as a table or an array. For an empty one, a person gets the line `otherwise` on stderr.
    pub(crate) fn list_or<V: View>(&self, views: &[V], otherwise: &str) -> Result<(), CliError> {
        match self.format {
            Format::Json => json(&views),
            Format::Table | Format::Toml if !views.is_empty() => {
                let rows: Vec<Vec<Cell>> = views.iter().map(View::row).collect();
                text(&table::list(V::COLUMNS, &rows, self.page))
            }
            Format::Table | Format::Toml if self.quiet => Ok(()),
            Format::Table | Format::Toml => {
                // A closed stderr is ignored: nobody reads it.
                let _told = writeln!(io::stderr().lock(), "{otherwise}");
                Ok(())
            }
        }
    }

    /// Prints a list, without a remark when it is empty.
    pub(crate) fn list<V: View>(&self, views: &[V]) -> Result<(), CliError> {
        self.list_or(views, "nothing to show")
    }

    /// Prints one thing: a name and a value per line, or an object.
    pub(crate) fn object<V: View>(&self, view: &V) -> Result<(), CliError> {
        match self.format {
            Format::Json => json(view),
            Format::Table | Format::Toml => text(&table::details(&view.details(), self.page)),
        }
    }

    /// Prints an outcome: a text for people, an object for scripts.
    pub(crate) fn outcome(&self, view: &impl Serialize, words: &str) -> Result<(), CliError> {
        match self.format {
            Format::Json => json(view),
            Format::Table | Format::Toml => text(&format!("{words}\n")),
        }
    }

    /// Returns whether a job file is requested.
    pub(crate) fn is_toml(&self) -> bool {
        self.format == Format::Toml
    }

    /// Writes bytes unchanged, for other programs.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<(), CliError> {
        write(bytes)
    }
}

fn json(value: &impl Serialize) -> Result<(), CliError> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| CliError::failed("output_failed", format!("cannot print the result: {error}")))?;
    text.push(b'\n');
    write(&text)
}

fn text(text: &str) -> Result<(), CliError> {
    write(text.as_bytes())
}

/// Writes to stdout. A reader that has seen enough (`| head`) is not an error.
fn write(bytes: &[u8]) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::failed("output_failed", format!("cannot write the result: {error}")))
        }
        _ => Ok(()),
    }
}
