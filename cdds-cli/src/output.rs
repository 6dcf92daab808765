//! Results on stdout: JSON for scripts, tables for people.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
use serde::Serialize;

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
    /// The format asked for by a command line that could not be read.
    pub(crate) fn asked_for() -> Self {
        let typed: Vec<String> =
            std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
        let json = typed.windows(2).any(|pair| pair == ["--output", "json"])
            || typed.iter().any(|argument| argument == "--output=json");
        let other = typed.iter().any(|argument| argument.starts_with("--output"));
        let environment = || std::env::var("CDDS_OUTPUT").is_ok_and(|format| format == "json");
        if json || (!other && environment()) { Self::Json } else { Self::Table }
    }
}

/// Something that is shown: its serialised form is the contract, the table is for reading.
pub(crate) trait View: Serialize {
    /// The headings of a list.
    const COLUMNS: &'static [&'static str];

    /// The cells of a list, in the order of the headings.
    fn row(&self) -> Vec<String>;

    /// Everything, by name, for one alone.
    fn details(&self) -> Vec<(&'static str, String)>;
}

/// Where results go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: Format,
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        Self { format }
    }

    /// A list: a table, or an array.
    pub(crate) fn list<V: View>(&self, views: &[V]) -> Result<(), CliError> {
        match self.format {
            Format::Json => json(&views),
            Format::Table | Format::Toml if views.is_empty() => text("(none)\n"),
            Format::Table | Format::Toml => {
                let mut table = table();
                table.set_header(V::COLUMNS.iter().map(|column| column.to_uppercase()));
                for view in views {
                    table.add_row(view.row().iter().map(|cell| printable(cell)));
                }
                // What names the row stays whole on narrow terminals, to be copied.
                if let Some(name) = table.column_mut(0) {
                    name.set_constraint(ColumnConstraint::ContentWidth);
                }
                text(&lines(&table))
            }
        }
    }

    /// One thing: name and value by line, or an object.
    pub(crate) fn object<V: View>(&self, view: &V) -> Result<(), CliError> {
        match self.format {
            Format::Json => json(view),
            Format::Table | Format::Toml => {
                let mut table = table();
                for (name, value) in view.details() {
                    table.add_row([Cow::Borrowed(name), printable(&value)]);
                }
                text(&lines(&table))
            }
        }
    }

    /// What was done: a text for people, an object for scripts.
    pub(crate) fn outcome(&self, view: &impl Serialize, words: &str) -> Result<(), CliError> {
        match self.format {
            Format::Json => json(view),
            Format::Table | Format::Toml => text(&format!("{words}\n")),
        }
    }

    /// Whether a job file is asked for.
    pub(crate) fn is_toml(&self) -> bool {
        self.format == Format::Toml
    }

    /// Bytes as they are, for other programs.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<(), CliError> {
        write(bytes)
    }
}

/// On a terminal cells wrap to its width; elsewhere a row is a line, for grep and awk.
fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    } else {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    table
}

/// Without the blanks around the outermost columns.
fn lines(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(&line).trim_end())).collect()
}

/// Text without control characters: what others typed must not steer the terminal.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_control) {
        text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
    } else {
        Cow::Borrowed(text)
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

/// A reader that has seen enough (`| head`) is no failure.
fn write(bytes: &[u8]) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::failed("output_failed", format!("cannot write the result: {error}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("Wöchentlich 📞"), "Wöchentlich 📞");
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
    }
}
