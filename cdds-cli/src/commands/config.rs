//! `cdds config …`: what holds, whether it is right, and what could be written.

use std::path::Path;

use cdds_view::words;
use serde::Serialize;

use super::subject::{Absence, absence};
use crate::args::ConfigCommand;
use crate::choice::Format;
use crate::compose;
use crate::config::{Given, given, nearest, reference};
use crate::error::{CliError, shown};
use crate::input;
use crate::output::{Cell, View};
use crate::session::Session;
use crate::text::escaped;

/// A key that counts, and why it does.
#[derive(Debug, Serialize)]
pub(super) struct Holding {
    key: String,
    /// As it is written, or its default in words.
    value: String,
    /// Where the file says it; null for a default.
    line: Option<usize>,
}

impl View for Holding {
    const COLUMNS: &'static [&'static str] = &["key", "value", "from"];
    const GIVES_WAY: &'static [&'static str] = &["from"];
    const GOES_ON: Option<&'static str> = Some("value");

    fn row(&self) -> Vec<Cell> {
        let from = self.line.map_or_else(|| "default".to_owned(), |line| format!("line {line}"));
        vec![Cell::Whole(self.key.clone()), Cell::Text(self.value.clone()), Cell::Text(from)]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
    }
}

/// A key that may be written.
#[derive(Debug, Serialize)]
struct Possible {
    key: &'static str,
    r#type: &'static str,
    default: String,
    meaning: String,
}

impl View for Possible {
    const COLUMNS: &'static [&'static str] = &["key", "type", "default", "meaning"];
    const GIVES_WAY: &'static [&'static str] = &["type", "default"];
    const GOES_ON: Option<&'static str> = Some("meaning");

    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::Whole(self.key.to_owned()),
            self.r#type.into(),
            self.default.as_str().into(),
            self.meaning.as_str().into(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
    }
}

/// What a check found.
#[derive(Debug, Serialize)]
struct Checked {
    config: String,
    sources: usize,
    /// Files that it names and that cannot be read.
    unreadable: Vec<String>,
    /// What is not there yet, and what makes it.
    notes: Vec<String>,
}

pub(super) async fn carry_out(command: ConfigCommand, session: &Session) -> Result<(), CliError> {
    match command {
        ConfigCommand::Show => show(session),
        ConfigCommand::Check => check(session).await,
        ConfigCommand::Reference { key } => print_reference(key.as_deref(), session),
    }
}

/// Returns what the configuration gives. It must be right: a key that does not count is not shown as if it did.
fn given_keys(session: &Session) -> Result<Vec<Given>, CliError> {
    session.config()?;
    let path = session.config_path();
    let bytes = input::read(path).map_err(|error| CliError::file("read", path, &error))?;
    Ok(given(&input::text(&bytes).unwrap_or_default()))
}

fn show(session: &Session) -> Result<(), CliError> {
    let holding = holding(session)?;
    session.console.note(&format!("{}:", session.config_path().display()));
    Ok(session.output.list(&holding)?)
}

/// Returns what is written, in its order, and the defaults of what is left out.
pub(super) fn holding(session: &Session) -> Result<Vec<Holding>, CliError> {
    let given = given_keys(session)?;
    let tables = ["source", "destination", "webhook", "user", "email", "signing"];
    let is_left_out = |key: &reference::Key| {
        let table = key.path.split('.').next().unwrap_or_default();
        !tables.contains(&table) && !given.iter().any(|given| given.path == key.path)
    };
    let defaults = reference::keys().filter(is_left_out).map(|key| Holding {
        key: key.path.to_owned(),
        value: key.default,
        line: None,
    });
    let holding = given.iter().map(|given| Holding {
        key: given.key.clone(),
        value: given.value.clone(),
        line: Some(given.line),
    });
    Ok(holding.chain(defaults).collect())
}

async fn check(session: &Session) -> Result<(), CliError> {
    let (config, given) = (session.config()?, given_keys(session)?);
    let sources = compose::register(&config.sources)?;
    let folder = session.config_path().parent().unwrap_or(Path::new(""));
    let mut unreadable: Vec<String> = Vec::new();
    let mut notes = Vec::new();
    for given in &given {
        if given.path == "subjects.key_file"
            && config.subject_keys.as_ref().is_some_and(|file| !file.exists())
        {
            let place = format!("line {}: {}", given.line, given.key);
            match absence(&config, session).await {
                Absence::First(told) => notes.push(format!("{place}: {told}")),
                Absence::Lost(told) => unreadable.push(format!("{place}: {told}")),
            }
        } else {
            unreadable.extend(self::unreadable(given, folder));
        }
    }
    let checked = Checked {
        config: session.config_path().display().to_string(),
        sources: sources.of_all_owners().count(),
        unreadable,
        notes,
    };
    let error = (!checked.unreadable.is_empty())
        .then(|| CliError::config("invalid_config", checked.unreadable.join("; ")));
    for note in &checked.notes {
        session.console.note(&format!("note: {}", escaped(note)));
    }
    // It is not right, so nobody reads that it is; a program gets what was found.
    if error.is_none() || session.output.format() == Format::Json {
        let sources = words::counted(checked.sources as u64, "source");
        session.output.outcome(&checked, &format!("{} is right: {sources}", checked.config))?;
    }
    error.map_or(Ok(()), Err)
}

/// Says which file cannot be read, if the key names one: a secret, or a certificate.
fn unreadable(given: &Given, folder: &Path) -> Option<String> {
    let kind = reference::keys().find(|key| key.path == given.path)?.kind;
    let names_a_file = kind == "path" || given.path.ends_with("_file");
    let named = given.value.trim_matches(['"', '\'']);
    let file = folder.join(named);
    match std::fs::File::open(&file) {
        Err(error) if names_a_file => {
            Some(format!("line {}: {}: {} cannot be read: {error}", given.line, given.key, file.display()))
        }
        _ => None,
    }
}

fn print_reference(begins: Option<&str>, session: &Session) -> Result<(), CliError> {
    let begins = begins.unwrap_or_default();
    let is_asked_for = |key: &reference::Key| {
        let rest = key.path.strip_prefix(begins);
        rest.is_some_and(|rest| begins.is_empty() || rest.is_empty() || rest.starts_with('.'))
    };
    let views: Vec<Possible> = reference::keys()
        .filter(is_asked_for)
        .map(|key| Possible { key: key.path, r#type: key.kind, default: key.default, meaning: key.meaning })
        .collect();
    if views.is_empty() {
        let known: Vec<&str> = reference::keys().map(|key| key.path).collect();
        let hint = nearest(begins, &known).map_or_else(
            || "`cdds config reference` shows all".to_owned(),
            |nearest| format!("did you mean {nearest}?"),
        );
        return Err(CliError::usage(format!("there is no key {}: {hint}", shown(begins))));
    }
    if let [only] = views.as_slice() {
        return Ok(session.output.object(only)?);
    }
    Ok(session.output.list(&views)?)
}
