//! Explains a mistake in `cdds.toml` in one line that says where it is and what was probably meant.

use toml::de::{DeTable, DeValue};

/// A readable but wrong value: its table, and the reason. A reason that begins with a key of that table and a
/// colon, like `engine.lease: …`, is about this key.
#[derive(Debug)]
pub(super) struct Mistake {
    /// The arrays of tables from the outermost on, each with the index of the table.
    tables: Vec<(&'static str, usize)>,
    why: String,
}

impl From<String> for Mistake {
    fn from(why: String) -> Self {
        Self { tables: Vec::new(), why }
    }
}

impl Mistake {
    /// Places the mistake in table `index` of an array, which people know by `name`.
    pub(super) fn within(mut self, array: &'static str, index: usize, name: &str) -> Self {
        self.tables.insert(0, (array, index));
        Self { why: format!("{name}: {}", self.why), ..self }
    }

    /// Returns the line and the reason.
    pub(super) fn in_text(&self, text: &str) -> String {
        match self.offset(text) {
            Some(offset) => format!("line {}: {}", line_of(text, offset), self.why),
            None => self.why.clone(),
        }
    }

    fn offset(&self, text: &str) -> Option<usize> {
        let document = DeTable::parse(text).ok()?;
        let mut table = document.get_ref();
        let mut offset = None;
        for (array, index) in &self.tables {
            let item = table.get(*array)?.get_ref().as_array()?.get(*index)?;
            (table, offset) = (item.get_ref().as_table()?, Some(item.span().start));
        }
        // The names of the tables come first, one for each.
        let own = self.why.splitn(self.tables.len() + 1, ": ").last().unwrap_or_default();
        let keys = own.split_once(": ").map_or("", |(keys, _)| keys);
        for key in keys.split('.') {
            let Some((found, value)) = table.get_key_value(key) else { break };
            offset = Some(found.span().start);
            match value.get_ref() {
                DeValue::Table(inner) => table = inner,
                _ => break,
            }
        }
        offset
    }
}

/// How alike two keys must be (0 to 1) for one to be taken for the other.
const LIKENESS_MIN: f64 = 0.6;

/// Returns the line and the reason. The text of the line itself is left out: it may hold a password.
pub(crate) fn explain(text: &str, error: &toml::de::Error) -> String {
    let place = error.span().map_or_else(String::new, |span| format!("line {}: ", line_of(text, span.start)));
    let message = error.message();
    match unknown_key(message) {
        Some((key, known)) if known.contains(&format!("{key}_env").as_str()) => {
            format!(
                "{place}a secret is not written here: instead of {key:?}, name a file with it in \"{key}_file\", or \
                 an environment variable in \"{key}_env\""
            )
        }
        Some((key, known)) => {
            let hint = match nearest(key, &known) {
                Some(nearest) => format!(", did you mean {nearest:?}?"),
                None => format!(": the keys here are {}", known.join(", ")),
            };
            format!("{place}unknown key {key:?}{hint}")
        }
        None if message.starts_with("duplicate key") => {
            let key = error.span().and_then(|span| text.get(span)).and_then(key_in);
            let named = key.map_or_else(|| "a key".to_owned(), |key| format!("the key {key:?}"));
            format!("{place}duplicate key: {named} appears twice: leave one out")
        }
        None => format!("{place}{}", in_plain_words(message.trim_end())),
    }
}

/// Returns the key if the text is nothing but a key: the rest of a line may hold a password.
fn key_in(text: &str) -> Option<&str> {
    let key = text.trim().trim_matches(['[', ']', '"', '\'']);
    let is_key = |c: char| c.is_alphanumeric() || ['_', '-', '.'].contains(&c);
    (!key.is_empty() && key.chars().all(is_key)).then_some(key)
}

/// Replaces serde's terms (variants, fields and types of Rust) with plain words.
pub(crate) fn in_plain_words(message: &str) -> String {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match (message.split_once('`').map(|(kind, _)| kind), quoted.as_slice()) {
        (Some("unknown variant "), [typed, known @ ..]) => {
            let hint = nearest(typed, known)
                .map_or_else(String::new, |nearest| format!(", did you mean {nearest:?}?"));
            format!("{typed:?} is not possible here{hint}: write one of {}", known.join(", "))
        }
        (Some("missing field "), [key]) => format!("the key {key:?} is missing: add it"),
        _ => match message.split_once(", expected ") {
            Some((found, expected)) => format!("{}: write {}", unfit(found), wanted(expected)),
            None => message.to_owned(),
        },
    }
}

/// Says what is in the wrong place. The text itself is left out, since it may be a password.
fn unfit(found: &str) -> String {
    let Some((fault, what)) = found.split_once(": ") else { return found.to_owned() };
    let quoted = what.split('`').nth(1).unwrap_or(what);
    let what = match what.split(' ').next().unwrap_or_default() {
        "string" => "text",
        "integer" | "floating" if fault == "invalid value" => quoted,
        "integer" => "a whole number",
        "floating" => "a number with a point",
        "boolean" => "true or false",
        "map" => "a table",
        "sequence" => "a list",
        _ => what,
    };
    match fault {
        "invalid type" => format!("{what} does not belong here"),
        "invalid value" => format!("{what} is not possible here"),
        _ => found.to_owned(),
    }
}

/// Says what to write instead.
fn wanted(expected: &str) -> String {
    let up_to = |most: &str| format!("a whole number from 0 to {most}");
    match expected {
        "u8" => up_to("255"),
        "u16" => up_to("65535"),
        "u32" => up_to("4294967295"),
        "u64" | "usize" => "a whole number from 0".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" | "a borrowed string" => "text in quotes".to_owned(),
        "a sequence" => "a list like [\"a\", \"b\"]".to_owned(),
        "a map" => "a table with keys of its own".to_owned(),
        "any valid TOML value" => "text, a number, true or false, a list or an object".to_owned(),
        _ if expected.starts_with("struct ") => "a table with keys of its own".to_owned(),
        _ if expected.starts_with("a nonzero ") => "a whole number from 1".to_owned(),
        _ => expected.to_owned(),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}

/// Takes serde's message apart: ``unknown field `key`, expected one of `a`, `b` ``. Serde offers no
/// other way to list the known keys.
fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest = message.strip_prefix("unknown field ")?;
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let key = quoted.next()?;
    Some((key, quoted.collect()))
}

/// Returns the key that was probably meant, if any is similar.
pub(crate) fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let likeness = |known: &str| strsim::normalized_damerau_levenshtein(key, known);
    let best = known.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) >= LIKENESS_MIN).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serdes_message_is_taken_apart() {
        let message = "unknown field `tiem`, expected one of `time`, `table`";
        assert_eq!(unknown_key(message), Some(("tiem", vec!["time", "table"])));
        assert_eq!(unknown_key("unknown field `x`, expected `url`"), Some(("x", vec!["url"])));
        assert_eq!(unknown_key("invalid type"), None);
    }

    #[test]
    fn terms_of_programs_become_plain_words() {
        for (message, told) in [
            (
                "invalid type: string \"hunter2\", expected u16",
                "text does not belong here: write a whole number from 0 to 65535",
            ),
            (
                "invalid value: integer `-1`, expected u32",
                "-1 is not possible here: write a whole number from 0 to 4294967295",
            ),
            (
                "invalid value: integer `0`, expected a nonzero usize",
                "0 is not possible here: write a whole number from 1",
            ),
            (
                "invalid type: integer `5`, expected a string",
                "a whole number does not belong here: write text in quotes",
            ),
            (
                "invalid type: floating point `1.5`, expected u64",
                "a number with a point does not belong here: write a whole number from 0",
            ),
            (
                "invalid type: string \"yes\", expected a boolean",
                "text does not belong here: write true or false",
            ),
            (
                "invalid type: map, expected a sequence",
                "a table does not belong here: write a list like [\"a\", \"b\"]",
            ),
            (
                "invalid type: integer `5`, expected struct Catalog",
                "a whole number does not belong here: write a table with keys of its own",
            ),
        ] {
            assert_eq!(in_plain_words(message), told);
        }
    }

    #[test]
    fn a_key_like_no_other_gets_the_list() {
        assert_eq!(nearest("tiem", &["time", "table"]), Some("time"));
        assert_eq!(nearest("colour", &["url", "options"]), None);
    }
}
