//! Rule D10: everything in a record that may name a person.

use memchr::arch::all::packedpair::HeuristicFrequencyRank;
use memchr::memmem::{Finder, FinderBuilder};
use memchr::{memchr, memchr2, memrchr};
use serde_json::Value;

use super::matcher::{Field, text, whole};
use super::{IdentifierKind, SubjectField};
use crate::domain::record::prune;
use crate::domain::record::template::spells;

/// Finds what records hold in the fields that name people, quickly: an export looks at every record.
///
/// It finds at least what [`SubjectMatcher`](super::SubjectMatcher) compares, and sometimes more: the members of other
/// objects with the same key, and the earlier ones of a key that is repeated. Whoever is named is therefore never missed.
#[derive(Debug)]
pub struct SubjectValues {
    fields: Vec<Wanted>,
}

/// A field to look for.
#[derive(Debug)]
struct Wanted {
    field: Field,
    /// How its members are spelled; `None` if JSON has several ways to spell a key of it.
    spelled: Option<Spelled>,
}

/// The beginnings of members, with quotes and colon: `"caller":`.
#[derive(Debug)]
struct Spelled {
    outermost: Finder<'static>,
    /// The innermost one of a pointer.
    innermost: Option<Finder<'static>>,
}

impl Wanted {
    fn new(field: &SubjectField) -> Self {
        let field = Field::new(field);
        let innermost = field.within.last();
        let is_plain = is_plain(&field.key) && innermost.is_none_or(|key| is_plain(key));
        let spelled = is_plain
            .then(|| Spelled { outermost: member(&field.key), innermost: innermost.map(|key| member(key)) });
        Self { field, spelled }
    }
}

/// Whether a key has no character that an encoder of JSON escapes.
fn is_plain(key: &str) -> bool {
    key.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'/'))
}

fn member(key: &str) -> Finder<'static> {
    FinderBuilder::new().build_forward_with_ranker(BytesOfJson, &format!("\"{key}\":")).into_owned()
}

/// How often bytes come in records, from 0 for never. A search looks for the two rarest bytes of what it seeks; by the
/// ranks of prose these would be the quote and the colon, which every member has.
struct BytesOfJson;

impl HeuristicFrequencyRank for BytesOfJson {
    fn rank(&self, byte: u8) -> u8 {
        match byte {
            b'"' | b':' | b',' => 255,
            // Numbers, instants and identifiers.
            b'0'..=b'9' => 240,
            b'a' | b'e' => 220,
            b'b'..=b'f' | b'i' | b'n' | b'o' | b'r' | b's' | b't' => 200,
            b'_' | b'-' | b' ' | b'{' | b'}' => 180,
            b'g'..=b'z' => 150,
            _ => 80,
        }
    }
}

impl SubjectValues {
    /// Prepares to look for these fields.
    pub fn new(fields: &[SubjectField]) -> Self {
        Self { fields: fields.iter().map(Wanted::new).collect() }
    }

    /// Passes each value of a field in these lines to `see`, with its kind, as it is stored: in UTF-8, as far as the lines
    /// are. Lines are those of [`RecordBatch`](crate::domain::record::RecordBatch): JSON objects without white space
    /// between their tokens, each with its newline.
    pub fn each(&self, lines: &[u8], mut see: impl FnMut(&IdentifierKind, &[u8])) {
        for wanted in &self.fields {
            let mut seen = |value: &[u8]| see(&wanted.field.kind, value);
            match &wanted.spelled {
                Some(Spelled { outermost, innermost: None }) => each_member(outermost, lines, &mut seen),
                Some(Spelled { outermost, innermost: Some(innermost) }) => {
                    each_within(outermost, innermost, lines, &mut seen);
                }
                None => lines.split(|byte| *byte == b'\n').for_each(|line| exactly(wanted, line, &mut seen)),
            }
        }
        self.each_escaped(lines, &mut see);
    }

    /// Passes each value of a field in one JSON object, however it is written. Returns `false` if it is none.
    pub fn each_of_object(&self, object: &[u8], mut see: impl FnMut(&IdentifierKind, &[u8])) -> bool {
        for wanted in &self.fields {
            exactly(wanted, object, &mut |value| see(&wanted.field.kind, value));
        }
        prune::object(object, &mut Vec::new(), |_, _| ()).is_ok()
    }

    /// Reads the lines in which a character of ASCII is escaped by its number: keys may be spelled that way.
    fn each_escaped(&self, lines: &[u8], see: &mut impl FnMut(&IdentifierKind, &[u8])) {
        let mut from = 0;
        while let Some(at) = lines.get(from..).and_then(|rest| memchr(b'\\', rest)) {
            let escape = from + at;
            // Behind the character that is escaped, which may be another backslash.
            from = escape + 2;
            let Some([_, b'u', b'0', b'0', b'2'..=b'7']) = lines.get(escape..escape + 5) else { continue };
            let begin = memrchr(b'\n', &lines[..escape]).map_or(0, |newline| newline + 1);
            let end = memchr(b'\n', &lines[escape..]).map_or(lines.len(), |newline| escape + newline);
            for wanted in self.fields.iter().filter(|wanted| wanted.spelled.is_some()) {
                exactly(wanted, &lines[begin..end], &mut |value| see(&wanted.field.kind, value));
            }
            from = end;
        }
    }
}

/// Passes the values of all members with the innermost key behind the outermost one in their line: nothing before the
/// outermost key is within its member. The innermost is sought first, so that lines without it need no second look.
fn each_within(outermost: &Finder<'_>, innermost: &Finder<'_>, lines: &[u8], see: &mut impl FnMut(&[u8])) {
    let (mut from, mut is_within, mut distance) = (0, false, 0);
    while let Some(at) = lines.get(from..).and_then(|rest| innermost.find(rest)) {
        let key = from + at;
        // Mostly the outermost key is as far away as it was the last time, or was there already in the same line.
        is_within = is_behind(outermost.needle(), &lines[..key], distance)
            || is_within && memrchr(b'\n', &lines[from..key]).is_none()
            || {
                let line = memrchr(b'\n', &lines[..key]).map_or(0, |newline| newline + 1);
                let outer = outermost.find(&lines[line..key]);
                distance = outer.map_or(0, |outer| key - line - outer);
                outer.is_some()
            };
        from = key + innermost.needle().len();
        if is_within {
            from += see_value(&lines[from..], see);
        }
    }
}

/// Whether the last line has the needle at this distance from its end.
fn is_behind(needle: &[u8], lines: &[u8], distance: usize) -> bool {
    let rest = lines.len().checked_sub(distance).and_then(|at| lines.get(at..));
    rest.is_some_and(|rest| rest.starts_with(needle) && memrchr(b'\n', rest).is_none())
}

/// Passes the values of all members that begin so.
fn each_member(beginning: &Finder<'_>, lines: &[u8], see: &mut impl FnMut(&[u8])) {
    let mut from = 0;
    while let Some(at) = lines.get(from..).and_then(|rest| beginning.find(rest)) {
        from += at + beginning.needle().len();
        from += see_value(&lines[from..], see);
    }
}

/// Passes what the value at the beginning holds. Returns how much of it need not be looked at again.
fn see_value(json: &[u8], see: &mut impl FnMut(&[u8])) -> usize {
    match json.first() {
        Some(b'"') => {
            let (end, is_plain) = end_of_string(json);
            if is_plain {
                see(&json[1..end - 1]);
            } else if let Some(value) = text(&json[..end]) {
                see(value.as_bytes());
            }
            end
        }
        Some(b'-' | b'0'..=b'9') => {
            let end = json.iter().position(|byte| matches!(byte, b',' | b'}' | b']' | b'\n'));
            let number = std::str::from_utf8(&json[..end.unwrap_or(json.len())]).ok();
            if let Some(number) = number.and_then(whole) {
                see(number.as_bytes());
            }
            0
        }
        Some(b'[') => {
            let value = serde_json::Deserializer::from_slice(json).into_iter::<Value>().next();
            if let Some(Ok(value)) = value {
                within(&value, &[], see);
            }
            0
        }
        _ => 0,
    }
}

/// Returns the length of the string at the beginning, with its quotes, and whether nothing in it is escaped.
fn end_of_string(json: &[u8]) -> (usize, bool) {
    let (mut at, mut is_plain) = (1, true);
    while let Some(found) = json.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if json.get(at) == Some(&b'"') {
            return (at + 1, is_plain);
        }
        at += 2;
        is_plain = false;
    }
    (json.len(), false)
}

/// Passes the values of a field in one JSON object, whatever the spelling of its keys.
fn exactly(wanted: &Wanted, object: &[u8], see: &mut impl FnMut(&[u8])) {
    let Field { key, within: path, .. } = &wanted.field;
    // What cannot be read as an object ends the walk, and what came before it has been passed on.
    let _unreadable = prune::object(object, &mut Vec::new(), |found, value| {
        if spells(found, key)
            && let Ok(value) = serde_json::from_slice::<Value>(value)
        {
            within(&value, path, see);
        }
    });
}

/// Passes what a value holds behind a path. Elements of arrays do not count as a step.
fn within(value: &Value, path: &[String], see: &mut impl FnMut(&[u8])) {
    match (value, path.split_first()) {
        (Value::Array(elements), _) => elements.iter().for_each(|element| within(element, path, see)),
        (Value::Object(members), Some((key, rest))) => {
            members.get(key).into_iter().for_each(|member| within(member, rest, see));
        }
        (Value::String(text), None) => see(text.as_bytes()),
        (Value::Number(number), None) => {
            if let Some(digits) = whole(&number.to_string()) {
                see(digits.as_bytes());
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(fields: &[&str], lines: &str) -> Vec<String> {
        let kind = "customer-id".parse::<IdentifierKind>().unwrap();
        let fields: Vec<_> = fields.iter().map(|name| SubjectField::new(*name, kind.clone())).collect();
        let mut found = Vec::new();
        SubjectValues::new(&fields)
            .each(lines.as_bytes(), |_, value| found.push(str::from_utf8(value).unwrap().to_owned()));
        found
    }

    #[test]
    fn d10_values_are_found_at_any_depth_and_in_any_spelling() {
        for (fields, lines, expected) in [
            (&["a"][..], "{\"a\":\"1\"}\n{\"b\":\"2\"}\n{\"a\":\"3\",\"c\":0}\n", &["1", "3"][..]),
            (&["a"], "{\"a\":7}\n{\"a\":-7.0,\"b\":1}\n{\"a\":7.5}\n", &["7", "-7"]),
            (&["a"], "{\"a\":[\"1\",2,[\"3\"],{\"a\":\"4\"},null]}\n", &["1", "2", "3", "4"]),
            (&["a"], "{\"a\":\"\\\"x\\\\\"}\n", &["\"x\\"]),
            (&["a"], "{\"a\":null}\n{\"a\":true}\n{\"a\":{\"b\":1}}\n", &[]),
            (&["a"], "{\"\\u0061\":\"1\"}\n{\"a\":\"2\"}\n", &["2", "1"]),
            (&["ä"], "{\"\\u00e4\":\"1\"}\n{\"ä\":\"2\"}\n", &["1", "2"]),
            (&["a/b"], "{\"a\\/b\":\"1\"}\n{\"a/b\":\"2\"}\n", &["1", "2"]),
            (&["/a/b"], "{\"b\":\"0\",\"a\":[{\"b\":\"1\"},{\"b\":[\"2\"]}]}\n{\"b\":\"3\"}\n", &["1", "2"]),
            (&["/a/x/b"], "{\"a\":{\"x\":{\"b\":\"1\"}}}\n", &["1"]),
            (&["a", "c"], "{\"a\":\"1\",\"c\":\"2\"}\n", &["1", "2"]),
            // Lines whose keys are at the same distance from each other, or in the line before.
            (
                &["/a/b"],
                "{\"a\":{\"b\":\"1\"}}\n{\"a\":{\"b\":\"2\"}}\n{\"b\":\"3\"}\n{\"a\":\"\"}\n{\"b\":\"4\"}\n",
                &["1", "2"],
            ),
            (&["/a/b"], "{\"a\":{\"b\":\"1\",\"c\":{\"b\":\"2\"}}}\n{\"c\":{\"b\":\"3\"}}\n", &["1", "2"]),
            // A text that looks like a member is none: its quotes are escaped.
            (&["a"], "{\"t\":\"{\\\"a\\\":\\\"1\\\"}\"}\n", &[]),
        ] {
            assert_eq!(found(fields, lines), expected, "{fields:?} {lines}");
        }
    }

    #[test]
    fn d10_an_object_is_read_however_it_is_written() {
        let fields = [SubjectField::new("a", IdentifierKind::Email)];
        let values = SubjectValues::new(&fields);
        let mut found = Vec::new();
        assert!(values.each_of_object(b"{ \"a\" : \"x@y\",\n \"b\": 1 }", |_, value| {
            found.push(str::from_utf8(value).unwrap().to_owned());
        }));
        assert_eq!(found, ["x@y"]);
        assert!(!values.each_of_object(b"[1]", |_, _| ()));
    }
}
