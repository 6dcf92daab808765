//! Results on stdout: JSON for scripts, tables for people.

mod cell;
mod paint;
mod rows;
mod table;

use std::fmt;
use std::io::{self, IsTerminal, Write};

use chrono::{DateTime, Utc};
use serde::Serialize;

pub(crate) use self::cell::{Cell, Reader};
pub(crate) use self::paint::paint;
pub(crate) use self::rows::{Look, More, Rows};
use self::table::Page;
use crate::choice::{ColourChoice, Format};

/// A result: its serialised form is the contract, the table is for reading.
pub(crate) trait View: Serialize {
    /// The headings of a list; the first column names the row.
    const COLUMNS: &'static [&'static str];

    /// The columns that give way where a terminal is too narrow, the first one first. Where that is not enough, the others
    /// go on in a second line.
    const GIVES_WAY: &'static [&'static str];

    /// The column whose words matter to their end: they go on below the row where they do not fit beside the others.
    const GOES_ON: Option<&'static str> = None;

    /// The columns that a person gets on request alone.
    const ON_REQUEST: &'static [&'static str] = &[];

    /// The cells of a list, in the order of the headings.
    fn row(&self) -> Vec<Cell>;

    /// All values of a single object, by name.
    fn details(&self) -> Vec<(&'static str, Cell)>;
}

/// A result that could not be printed.
#[derive(Debug)]
pub(crate) enum OutputError {
    /// It has no JSON form.
    Form(serde_json::Error),
    /// Stdout cannot be written.
    Write(io::Error),
}

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(error) => write!(f, "cannot print the result: {error}"),
            Self::Write(error) => write!(f, "cannot write the result: {error}"),
        }
    }
}

/// Where results go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: Format,
    page: Page,
    quiet: bool,
}

impl Output {
    /// Prints for a person on a terminal, and for programs elsewhere. With `quiet`, an empty list has no
    /// remark; relative times count from `now`.
    pub(crate) fn new(format: Format, colour: ColourChoice, quiet: bool, now: DateTime<Utc>) -> Self {
        let terminal = io::stdout().is_terminal();
        let columns = if terminal { terminal_size::terminal_size() } else { None };
        let page = Page {
            columns: columns.map(|(width, _)| usize::from(width.0)).filter(|columns| *columns > 0),
            colour: colour.colours(terminal),
            reader: Reader { person: terminal, whole: false, now },
        };
        Self { format, page, quiet }
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Returns whether a person reads tables at a terminal.
    pub(crate) fn is_for_a_person(&self) -> bool {
        self.format != Format::Json && self.page.reader.person
    }

    /// Begins a list whose rows are printed as they come in.
    ///
    /// # Errors
    /// The name of a column that there is not.
    pub(crate) fn rows<V: View>(&self, look: Look<'_>) -> Result<Rows<V>, String> {
        Rows::new(*self, look)
    }

    /// Prints a list as a table or an array. For an empty one, a person gets the line `otherwise` on stderr.
    pub(crate) fn list_or<V: View>(&self, views: &[V], otherwise: &str) -> Result<(), OutputError> {
        // No column is named, so all of them are known.
        let Ok(mut rows) = self.rows(Look::default()) else { return Ok(()) };
        match rows.add(views)? {
            Reading::GoesOn => rows.end(otherwise, None),
            Reading::Over => Ok(()),
        }
    }

    /// Prints a list, without a remark when it is empty.
    pub(crate) fn list<V: View>(&self, views: &[V]) -> Result<(), OutputError> {
        self.list_or(views, "nothing to show")
    }

    /// Prints one thing: a name and a value per line, or an object.
    pub(crate) fn object<V: View>(&self, view: &V) -> Result<(), OutputError> {
        match self.format {
            Format::Json => json(view),
            Format::Table | Format::Toml => text(&table::details(&view.details(), self.page)),
        }
    }

    /// Prints an outcome: a text for people, an object for scripts.
    pub(crate) fn outcome(&self, view: &impl Serialize, words: &str) -> Result<(), OutputError> {
        match self.format {
            Format::Json => json(view),
            Format::Table | Format::Toml => text(&format!("{words}\n")),
        }
    }

    /// Breaks a line between words where a terminal ends; what goes on is indented by so many columns.
    pub(crate) fn hanging(&self, line: &str, indent: usize) -> String {
        table::hanging(line, indent, self.page)
    }

    /// Returns whether nothing but results is wanted, and those as tables.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet && self.format != Format::Json
    }

    /// Returns whether a job file is requested.
    pub(crate) fn is_toml(&self) -> bool {
        self.format == Format::Toml
    }

    /// Writes bytes unchanged, for other programs.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<(), OutputError> {
        write(bytes).map(drop)
    }
}

fn json(value: &impl Serialize) -> Result<(), OutputError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(OutputError::Form)?;
    text.push(b'\n');
    write(&text).map(drop)
}

fn text(text: &str) -> Result<(), OutputError> {
    write(text.as_bytes()).map(drop)
}

/// Whether somebody reads stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Reading {
    /// More may be written.
    GoesOn,
    /// The reader has seen enough (`| head`), which is not an error.
    Over,
}

/// Writes to stdout.
fn write(bytes: &[u8]) -> Result<Reading, OutputError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Reading::GoesOn),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reading::Over),
        Err(error) => Err(OutputError::Write(error)),
    }
}
