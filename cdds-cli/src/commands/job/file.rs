//! `cdds job create --file`: the options of a job, read from a file by the same rules as the command line.

use std::path::Path;

use clap::{CommandFactory, FromArgMatches, Parser};
use toml::{Table, Value};

use crate::args::JobOptions;
use crate::config::nearest;
use crate::error::CliError;

/// The options by themselves.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct InFile {
    #[command(flatten)]
    options: JobOptions,
}

/// Reads a file of `option = value` lines, named as on the command line, without the dashes. An array stands
/// for an option that is repeated.
pub(super) fn read(path: &Path) -> Result<JobOptions, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| CliError::file("read", path, &error))?;
    options(&text).map_err(|why| CliError::usage(format!("{}: {why}", path.display())))
}

fn options(text: &str) -> Result<JobOptions, String> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| error.message().to_owned())?;
    let mut typed = Vec::new();
    for (name, value) in table {
        check_name(&name)?;
        push(&mut typed, &name, value)?;
    }
    let matches = InFile::command().try_get_matches_from(typed).map_err(|error| brief(&error))?;
    InFile::from_arg_matches(&matches).map(|file| file.options).map_err(|error| brief(&error))
}

fn check_name(name: &str) -> Result<(), String> {
    let command = InFile::command();
    let known: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
    if known.contains(&name) {
        return Ok(());
    }
    Err(match nearest(name, &known) {
        Some(nearest) => format!("unknown key {name:?}, did you mean {nearest:?}?"),
        None => format!("unknown key {name:?}: the keys here are {}", known.join(", ")),
    })
}

/// The words that somebody would type for `name = value`.
fn push(typed: &mut Vec<String>, name: &str, value: Value) -> Result<(), String> {
    match value {
        Value::Boolean(true) => typed.push(format!("--{name}")),
        Value::Boolean(false) => {}
        Value::String(text) => typed.push(format!("--{name}={text}")),
        Value::Integer(number) => typed.push(format!("--{name}={number}")),
        Value::Datetime(instant) => typed.push(format!("--{name}={instant}")),
        Value::Array(values) => {
            for value in values {
                push(typed, name, value)?;
            }
        }
        Value::Float(_) | Value::Table(_) => {
            return Err(format!("{name}: write a text, a whole number, an instant, true, or several in [ ]"));
        }
    }
    Ok(())
}

fn brief(error: &clap::Error) -> String {
    CliError::misuse(error).message().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_the_command_line_does() {
        let file = "title = 'T'\nrun = 'weekly'\nday = 'tue'\nat = '02:00'\nrecipient = ['ops', 'law']\n\
                    category = ['voice', 'chat']\nevery = 3\nstarts-at = 2030-01-01T00:00:00Z\n\
                    filter = 'a=b'\nplaintext = false\ndescription = '--title'";
        let read = options(file).unwrap();
        let line = [
            "--title=T",
            "--run=weekly",
            "--day=tue",
            "--at=02:00",
            "--recipient=ops",
            "--recipient=law",
            "--category=voice,chat",
            "--every=3",
            "--starts-at=2030-01-01T00:00:00Z",
            "--filter=a=b",
            "--description=--title",
        ];
        let typed = InFile::command().try_get_matches_from(line).unwrap();
        assert_eq!(read, InFile::from_arg_matches(&typed).unwrap().options);
    }

    #[test]
    fn mistakes_are_named_with_the_way_out() {
        for (text, told) in [
            ("titel = 'T'", "unknown key \"titel\", did you mean \"title\"?"),
            ("colour = 1", "the keys here are title"),
            ("every = 1.5", "whole number"),
            ("[run]\nat = 1", "run: write a text"),
            ("run = 'sometimes'", "sometimes"),
            ("title = ", "expected"),
        ] {
            let error = options(text).unwrap_err();
            assert!(error.contains(told), "{text:?} gave {error:?}");
        }
    }
}
