//! The objects in job files, checked before they are read: which key is wrong, what was found, what is expected.
//!
//! Paths count from 1, as people do: `type 2: filter 1: unknown key "operators", did you mean "operator"?`

use toml::Value;
use toml::map::Map;

use crate::config::nearest;

/// What a key of an object takes.
#[derive(Clone, Copy)]
enum Takes {
    Text,
    Texts,
    /// A text or a list of texts.
    Selection,
    Filters,
}

type Keys = &'static [(&'static str, Takes)];

const TYPE: Keys = &[
    ("type", Takes::Text),
    ("category", Takes::Selection),
    ("field", Takes::Selection),
    ("filter", Takes::Filters),
];
const DESTINATION: Keys = &[("destination", Takes::Text), ("path", Takes::Text), ("receipt", Takes::Text)];
const FILTER: Keys =
    &[("field", Takes::Text), ("operator", Takes::Text), ("value", Takes::Text), ("in", Takes::Texts)];

/// The values that a filter does not do without, one of the two.
const OPERANDS: [&[&str]; 2] = [&["operator", "value"], &["in"]];

/// Checks the object that is a value of this option.
pub(super) fn check(option: &str, object: &Map<String, Value>) -> Result<(), String> {
    match option {
        "type" => keys(object, TYPE, &["type"]),
        "destination" => keys(object, DESTINATION, &["destination"]),
        _ => filter(object),
    }
}

fn filter(object: &Map<String, Value>) -> Result<(), String> {
    keys(object, FILTER, &["field"])?;
    let is_whole = |needed: &&[&str]| needed.iter().all(|key| object.contains_key(*key));
    match OPERANDS.iter().filter(|needed| is_whole(needed)).count() {
        1 if object.len() <= 3 => Ok(()),
        0 => Err("a filter needs \"operator\" and \"value\", or \"in\" with a list: add them".to_owned()),
        _ => Err("a filter has either \"operator\" and \"value\" or \"in\": leave one out".to_owned()),
    }
}

/// Checks that an object has these keys alone, the needed ones among them, with values of the right kind.
fn keys(object: &Map<String, Value>, known: Keys, needed: &[&str]) -> Result<(), String> {
    for (key, value) in object {
        let Some((_, takes)) = known.iter().find(|(name, _)| name == key) else {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            return Err(match nearest(key, &names) {
                Some(nearest) => format!("unknown key {key:?}, did you mean {nearest:?}?"),
                None => format!("unknown key {key:?}: the keys here are {}", names.join(", ")),
            });
        };
        taken(*takes, value)
            .map_err(|why| format!("{key}{}{why}", if is_path(&why) { " " } else { ": " }))?;
    }
    match needed.iter().find(|key| !object.contains_key(**key)) {
        Some(key) => Err(format!("the key {key:?} is missing: add it")),
        None => Ok(()),
    }
}

/// Whether a reason begins with the number of an item.
fn is_path(why: &str) -> bool {
    why.starts_with(|c: char| c.is_ascii_digit())
}

fn taken(takes: Takes, value: &Value) -> Result<(), String> {
    match (takes, value) {
        (Takes::Text | Takes::Selection, Value::String(_)) => Ok(()),
        (Takes::Text, other) => Err(unfit(other, "text in quotes")),
        (Takes::Texts | Takes::Selection, Value::Array(items)) => each(items, |item| match item {
            Value::String(_) => Ok(()),
            other => Err(unfit(other, "text in quotes")),
        }),
        (Takes::Texts, other) => Err(unfit(other, "a list like [\"a\", \"b\"]")),
        (Takes::Selection, other) => Err(unfit(other, "a list like [\"a\", \"b\"], or \"all\"")),
        (Takes::Filters, Value::Array(items)) => each(items, |item| match item {
            Value::String(_) => Ok(()),
            Value::Table(object) => filter(object),
            other => Err(unfit(other, "text like \"status=open\", or an object")),
        }),
        (Takes::Filters, other) => Err(unfit(other, "a list like [\"status=open\"]")),
    }
}

fn each(items: &[Value], check: impl Fn(&Value) -> Result<(), String>) -> Result<(), String> {
    let mut numbered = (1..).zip(items);
    numbered.try_for_each(|(number, item)| check(item).map_err(|why| format!("{number}: {why}")))
}

/// Says what is in the wrong place, and what to write instead. The value is left out, since it may be personal data.
pub(super) fn unfit(found: &Value, expected: &str) -> String {
    let found = match found {
        Value::String(_) => "text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number with a point",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "an instant",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    };
    format!("{found} does not belong here: write {expected}")
}
