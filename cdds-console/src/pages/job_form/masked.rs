//! A masked record as rows that people can read: each field with its shape and its kind (rule F8a).

use cdds_view::words;

use crate::texts::job as texts;

/// How deep lists and objects lie in each other that are looked into.
const DEPTH_MAX: usize = 16;

/// A field of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Its name, with those of the objects around it: `customer.name`.
    pub(super) name: String,
    /// Its masked value; empty where the kind says everything.
    pub(super) shape: String,
    pub(super) kind: String,
}

/// Returns the fields of a masked record, which is like JSON; `None` if it is not an object, or too deep to be read here.
pub(super) fn rows(masked: &str) -> Option<Vec<Row>> {
    let (value, rest) = value(masked.trim_start(), 0)?;
    let (Value::Object(_), true) = (&value, rest.trim().is_empty()) else { return None };
    let mut rows = Vec::new();
    fields(&value, "", &mut rows);
    Some(rows)
}

enum Value<'a> {
    Text(&'a str),
    /// A number, a truth value or null.
    Word(&'a str),
    List(Vec<Value<'a>>),
    Object(Vec<(&'a str, Value<'a>)>),
}

/// Reads a value, and returns what follows it.
fn value(text: &str, depth: usize) -> Option<(Value<'_>, &str)> {
    if depth > DEPTH_MAX {
        return None;
    }
    match text.chars().next()? {
        '"' => string(text).map(|(inside, rest)| (Value::Text(inside), rest)),
        '[' => list(&text[1..], depth),
        '{' => object(&text[1..], depth),
        _ => {
            let end = text.find([',', ']', '}']).unwrap_or(text.len());
            let (word, rest) = text.split_at(end);
            (!word.is_empty()).then_some((Value::Word(word.trim()), rest))
        }
    }
}

/// Reads a string. A key keeps its escapes; masked values have none.
fn string(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut is_escaped = false;
    let end = inside.char_indices().find(|(_, c)| {
        let is_end = *c == '"' && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        is_end
    });
    let (end, _) = end?;
    Some((&inside[..end], &inside[end + 1..]))
}

fn list(mut text: &str, depth: usize) -> Option<(Value<'_>, &str)> {
    let mut items = Vec::new();
    loop {
        text = text.trim_start();
        if let Some(rest) = text.strip_prefix(']') {
            return Some((Value::List(items), rest));
        }
        let (item, rest) = value(text, depth + 1)?;
        items.push(item);
        text = rest.trim_start();
        text = text.strip_prefix(',').unwrap_or(text);
    }
}

fn object(mut text: &str, depth: usize) -> Option<(Value<'_>, &str)> {
    let mut fields = Vec::new();
    loop {
        text = text.trim_start();
        if let Some(rest) = text.strip_prefix('}') {
            return Some((Value::Object(fields), rest));
        }
        let (key, rest) = string(text)?;
        let (field, rest) = value(rest.trim_start().strip_prefix(':')?.trim_start(), depth + 1)?;
        fields.push((key, field));
        text = rest.trim_start();
        text = text.strip_prefix(',').unwrap_or(text);
    }
}

/// Appends the fields of an object; of a list the first item stands for all.
fn fields(value: &Value<'_>, name: &str, rows: &mut Vec<Row>) {
    let row = |shape: &str, kind: String| Row { name: name.to_owned(), shape: shape.to_owned(), kind };
    match value {
        Value::Text(shape) => rows.push(row(shape, text_kind(shape).to_owned())),
        Value::Word(word @ ("true" | "null")) => {
            rows.push(row("", if *word == "true" { texts::TRUTH } else { texts::NULL }.to_owned()));
        }
        Value::Word(shape) => rows.push(row(shape, texts::A_NUMBER.to_owned())),
        Value::List(items) => {
            rows.push(row(
                "",
                format!("{} {}", texts::LIST_OF, words::counted(items.len() as u64, texts::ITEM)),
            ));
            if let Some(first) = items.first() {
                fields(first, &format!("{name}[]"), rows);
            }
        }
        Value::Object(inner) => {
            for (key, field) in inner {
                let name = if name.is_empty() { (*key).to_owned() } else { format!("{name}.{key}") };
                fields(field, &name, rows);
            }
        }
    }
}

/// Tells a text from one that is written like an instant or a day, by its shape alone.
fn text_kind(shape: &str) -> &'static str {
    match shape {
        "0000-00-00" => texts::A_DAY,
        shape if shape.starts_with("0000-00-00x00:00") || shape.starts_with("0000-00-00 00:00") => {
            texts::AN_INSTANT
        }
        _ => texts::A_TEXT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(masked: &str) -> Option<Vec<String>> {
        let told = |row: Row| format!("{}|{}|{}", row.name, row.shape, row.kind);
        rows(masked).map(|rows| rows.into_iter().map(told).collect())
    }

    #[test]
    fn f8a_fields_are_told_by_shape_and_kind() {
        let record = r#"{"a b":"xxx, x}.","born":0000,"at":"0000-00-00x00:00:00x","known":true,"none":null,
            "tags":[{"x":"x"},{"x":"x"}],"in":{"n":-00.0e+00,"e":[]},"\"k\"":"0000000000000000000000…"}"#;
        let expected = [
            "a b|xxx, x}.|text",
            "born|0000|number",
            "at|0000-00-00x00:00:00x|time",
            "known||yes or no",
            "none||empty",
            "tags||list of 2 items",
            "tags[].x|x|text",
            "in.n|-00.0e+00|number",
            "in.e||list of 0 items",
            "\\\"k\\\"|0000000000000000000000…|text",
        ];
        assert_eq!(told(record).unwrap(), expected);
    }

    #[test]
    fn what_is_no_object_or_lies_too_deep_is_left_as_it_is() {
        for odd in ["", "[]", "{\"a\":", "{\"a\"", "{} x", "{\"a\":}"] {
            assert_eq!(told(odd), None, "{odd}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(told(&deep), None);
    }
}
