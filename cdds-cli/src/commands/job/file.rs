//! Job files: the options of a job in TOML or JSON, read by the same rules as the command line.
//!
//! A key is the name of an option without its dashes. A text is the value that would be typed after the
//! option, an array is a repeated option, and an item of a list is taken literally. A backslash makes a
//! character of a typed name literal, and a filter on a field whose name holds an operator is an object, so
//! that every value has a form.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read};
use std::path::Path;

use clap::{CommandFactory, FromArgMatches, Parser};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::error::Category;
use toml::Value;

use super::shape;
use crate::args::{Creation, JobOptions, item};
use crate::config::{explain, in_plain_words, nearest};
use crate::error::CliError;
use crate::input;

/// The contents of a job file: the options by themselves.
#[derive(Debug, PartialEq, Eq, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
pub(super) struct JobFile {
    #[command(flatten)]
    pub(super) options: JobOptions,

    #[command(flatten)]
    pub(super) creation: Creation,
}

/// Reads a job file, or stdin for `-`.
pub(super) fn read(path: &Path) -> Result<JobFile, CliError> {
    let stdin = path.as_os_str() == "-";
    let bytes = if stdin {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        input::read(path)
    };
    let bytes = bytes.map_err(|error| CliError::file("read", path, &error))?;
    let name = if stdin { "the job file on stdin".to_owned() } else { path.display().to_string() };
    let json = path.extension().is_some_and(|extension| extension == "json");
    let text = input::text(&bytes).ok_or_else(|| CliError::usage(format!("{name} {}", input::NO_TEXT)))?;
    parsed(&text, json).map_err(|why| CliError::usage(format!("{name}: {why}")))
}

/// Parses a job file. One that begins with a brace is JSON, since no TOML file does.
pub(super) fn parsed(text: &str, json: bool) -> Result<JobFile, String> {
    let Words(words) = if json || text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| json_mistake(&error))?
    } else {
        toml::from_str(text).map_err(|error| explain(text, &error))?
    };
    let matches = JobFile::command().try_get_matches_from(words).map_err(|error| brief(&error))?;
    JobFile::from_arg_matches(&matches).map_err(|error| brief(&error))
}

fn json_mistake(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let why = text.strip_suffix(&place).unwrap_or(&text);
    let why = match error.classify() {
        Category::Eof => "the JSON ends before it is complete: add what is missing".to_owned(),
        Category::Syntax => format!("this is not JSON, column {}: {why}", error.column()),
        Category::Data | Category::Io => in_plain_words(why),
    };
    format!("line {}: {why}", error.line())
}

/// The command-line words equivalent to a file.
struct Words(Vec<String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Options)
    }
}

struct Options;

impl<'de> Visitor<'de> for Options {
    type Value = Words;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the options of a job by their names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Words, A::Error> {
        let (mut words, mut seen) = (Vec::new(), BTreeSet::new());
        while let Some(Name(name)) = map.next_key()? {
            if !seen.insert(name.clone()) {
                return Err(A::Error::custom(format!("key {name:?} appears twice: leave one out")));
            }
            words.extend(map.next_value_seed(Typed(&name))?);
        }
        Ok(Words(words))
    }
}

/// The name of an option, checked.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        check_name(&name).map_err(D::Error::custom)?;
        Ok(Self(name))
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let command = JobFile::command();
    let known: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
    if known.contains(&name) {
        return Ok(());
    }
    if ["id", "state", "latest_status"].contains(&name) {
        return Err(format!(
            "unknown key {name:?}: this is the output of a command; `cdds job show ID --output toml` prints \
             a job file"
        ));
    }
    Err(match nearest(name, &known) {
        Some(nearest) => format!("unknown key {name:?}, did you mean {nearest:?}?"),
        None => format!("unknown key {name:?}: the keys here are {}", known.join(", ")),
    })
}

/// The value of the option of this name; the words are checked here, so that an error has its line.
struct Typed<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Typed<'_> {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        // JSON's null means the same as a missing key.
        let Some(value) = Option::<Value>::deserialize(deserializer)? else { return Ok(Vec::new()) };
        let words = spell(self.0, value).map_err(D::Error::custom)?;
        JobFile::command().try_get_matches_from(&words).map_err(|error| D::Error::custom(brief(&error)))?;
        Ok(words)
    }
}

fn spell(name: &str, value: Value) -> Result<Vec<String>, String> {
    let Value::Array(values) = value else { return word(name, value).map(|word| word.into_iter().collect()) };
    let is_list = ["category", "field"].contains(&name);
    if is_list && values.is_empty() {
        // An empty list does not mean everything: a rule refuses it.
        return Ok(vec![format!("--{name}=")]);
    }
    if !is_list && !["filter", "recipient", "type", "destination", "notify"].contains(&name) {
        return Err(format!("{name}: write one value, not several in [ ]"));
    }
    let mut words = Vec::new();
    for (number, value) in (1..).zip(values) {
        let value = match value {
            Value::String(text) if is_list => Value::String(item(&text)),
            value => value,
        };
        words.extend(word(name, value).map_err(|why| numbered(name, number, &why))?);
    }
    Ok(words)
}

/// Says which item of a list is wrong.
fn numbered(name: &str, number: u32, why: &str) -> String {
    why.strip_prefix(name).map_or_else(|| why.to_owned(), |why| format!("{name} {number}{why}"))
}

fn word(name: &str, value: Value) -> Result<Option<String>, String> {
    let flag = ["plaintext", "first-run-now"].contains(&name);
    match value {
        Value::Boolean(given) if flag => Ok(given.then(|| format!("--{name}"))),
        other if flag => Err(format!("{name}: {}", shape::unfit(&other, "true, or leave it out"))),
        Value::String(text) => Ok(Some(format!("--{name}={text}"))),
        Value::Integer(number) => Ok(Some(format!("--{name}={number}"))),
        Value::Datetime(instant) => Ok(Some(format!("--{name}={instant}"))),
        Value::Table(object) if ["filter", "type", "destination"].contains(&name) => {
            shape::check(name, &object).map_err(|why| format!("{name}: {why}"))?;
            let object = serde_json::to_string(&object).map_err(|error| format!("{name}: {error}"))?;
            Ok(Some(format!("--{name}={object}")))
        }
        other @ (Value::Boolean(_) | Value::Float(_) | Value::Table(_) | Value::Array(_)) => {
            Err(format!("{name}: {}", shape::unfit(&other, expected(name))))
        }
    }
}

/// Returns the values that an option takes, in words.
fn expected(name: &str) -> &'static str {
    match name {
        "type" | "destination" | "filter" => "text in quotes, or an object",
        _ => "text in quotes, a whole number or an instant",
    }
}

fn brief(error: &clap::Error) -> String {
    CliError::misuse(error).message().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &[&str]) -> JobFile {
        let typed = JobFile::command().try_get_matches_from(line).unwrap();
        JobFile::from_arg_matches(&typed).unwrap()
    }

    #[test]
    fn a_file_says_what_the_command_line_does() {
        let toml = "title = 'T'\nrun = 'weekly'\nday = 'tue'\nat = '02:00'\nrecipient = ['ops', 'law']\n\
                    category = ['voice', 'a,b', 'all']\nfield = 'x,y'\nevery = 3\n\
                    starts-at = 2030-01-01T00:00:00Z\nfilter = ['a=b', { field = 'a=b', operator = '<', value = '=' }]\n\
                    plaintext = false\ndescription = '--title'";
        let json = r#"{"title": "T", "run": "weekly", "day": "tue", "at": "02:00",
            "recipient": ["ops", "law"], "category": ["voice", "a,b", "all"], "field": "x,y", "every": 3,
            "starts-at": "2030-01-01T00:00:00Z",
            "filter": ["a=b", {"field": "a=b", "operator": "<", "value": "="}],
            "plaintext": false, "description": "--title", "ends-at": null}"#;
        let line = typed(&[
            "--title=T",
            "--run=weekly",
            "--day=tue",
            "--at=02:00",
            "--recipient=ops",
            "--recipient=law",
            "--category=voice",
            "--category=a\\,b",
            "--category=\\all",
            "--field=x,y",
            "--every=3",
            "--starts-at=2030-01-01T00:00:00Z",
            "--filter=a=b",
            r#"--filter={"field":"a=b","operator":"<","value":"="}"#,
            "--description=--title",
        ]);
        assert_eq!(parsed(toml, false).unwrap(), line);
        assert_eq!(parsed(json, false).unwrap(), line);
        assert_eq!(parsed(json, true).unwrap(), line);
        assert_eq!(parsed("category = []", false).unwrap(), typed(&["--category="]));
        assert_eq!(parsed("category = 'all'", false).unwrap(), typed(&["--category=all"]));
    }

    #[test]
    fn mistakes_are_named_with_line_and_way_out() {
        for (text, told) in [
            ("title = 'T'\ntitel = 'T'", "line 2: unknown key \"titel\", did you mean \"title\"?"),
            ("split_size = 1", "did you mean \"split-size\"?"),
            ("colour = 1", "line 1: unknown key \"colour\": the keys here are title"),
            (
                "\nevery = 1.5",
                "line 2: every: a number with a point does not belong here: write text in quotes, a whole",
            ),
            ("[run]\nat = 1", "run: a table does not belong here: write text in quotes"),
            ("title = 'T'\n\nrun = 'sometimes'", "line 3: invalid value 'sometimes' for '--run"),
            (
                "plaintext = 'yes'",
                "line 1: plaintext: text does not belong here: write true, or leave it out",
            ),
            (
                "recipient = ['ops', true]",
                "line 1: recipient 2: true or false does not belong here: write text",
            ),
            (
                "type = ['note', { type = 'call', fields = ['a'] }]",
                "line 1: type 2: unknown key \"fields\", did you mean \"field\"?",
            ),
            (
                "type = [{ type = 'call', filter = ['a=1', { field = 'b', operators = '=', value = '1' }] }]",
                "line 1: type 1: filter 2: unknown key \"operators\", did you mean \"operator\"?",
            ),
            (
                "type = [{ type = 'call', category = 5 }]",
                "line 1: type 1: category: a whole number does not belong here: write a list like [\"a\", \"b\"]",
            ),
            (
                "type = [{ id = 'call' }]",
                "line 1: type 1: unknown key \"id\": the keys here are type, category,",
            ),
            ("type = [{ field = ['a'] }]", "line 1: type 1: the key \"type\" is missing: add it"),
            (
                "filter = [{ field = 'a', operator = '=', value = 1 }]",
                "line 1: filter 1: value: a whole number does not belong here: write text in quotes",
            ),
            (
                "filter = [{ field = 'a', in = 'b' }]",
                "line 1: filter 1: in: text does not belong here: write a list",
            ),
            ("filter = [{ field = 'a', in = ['b', 7] }]", "line 1: filter 1: in 2: a whole number does not"),
            (
                "filter = [{ field = 'a', value = 'b' }]",
                "filter 1: a filter needs \"operator\" and \"value\", or",
            ),
            (
                "filter = [{ field = 'a', operator = '=', value = 'b', in = ['c'] }]",
                "filter 1: a filter has either \"operator\" and \"value\" or \"in\"",
            ),
            (
                "destination = { destination = 'p', pth = 'x' }",
                "line 1: destination: unknown key \"pth\", did you mean \"path\"?",
            ),
            ("title = ['a', 'b']", "line 1: title: write one value"),
            ("title = ", "line 1: "),
            (
                "title = 'a'\ntitle = 'b'",
                "line 2: duplicate key: the key \"title\" appears twice: leave one out",
            ),
            ("plaintext = true\nrecipient = 'ops'", "cannot be used with"),
            ("{\n\"title\": \"T\",\n\"titel\": 1}", "line 3: unknown key \"titel\", did you mean \"title\"?"),
            ("{\n\"every\":\n1.5}", "line 3: every: a number with a point does not belong here"),
            ("{\n\"run\": \"sometimes\"}", "line 2: invalid value 'sometimes'"),
            ("{\"title\": \"a\",\n\"title\": \"b\"}", "line 2: key \"title\" appears twice"),
            ("{\"title\":", "line 1: the JSON ends before it is complete"),
            ("{\"title\": x}", "line 1: this is not JSON, column 11: "),
            ("{\"id\": \"x\"}", "`cdds job show ID --output toml` prints a job file"),
            (
                "{\"filter\": [null]}",
                "line 1: null does not belong here: write text, a number, true or false",
            ),
        ] {
            let error = parsed(text, false).unwrap_err();
            assert!(error.contains(told), "{text:?} gave {error:?}");
            assert!(!error.contains('\n'), "{error:?}");
        }
        let told = parsed("[]", true).unwrap_err();
        assert_eq!(told, "line 1: a list does not belong here: write the options of a job by their names");
    }
}
