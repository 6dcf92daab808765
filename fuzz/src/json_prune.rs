//! Rule A2 over arbitrary bytes, with an oracle that is built on `serde_json`.

use std::collections::HashMap;
use std::fmt;

use cdds_core::domain::record::prune::{self, JsonFault};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Checks one input.
///
/// # Panics
/// If the scanner and the oracle disagree about whether the input is an object, or about its pruned form, or
/// if the result is not a fixed point on one line.
pub fn check(input: &[u8]) {
    let mut output = b"kept".to_vec();
    let mut members = Vec::new();
    let result = prune::object(input, &mut output, |key, value| members.push((key, value)));
    let legal = std::str::from_utf8(input).ok().filter(|text| is_object(text));
    match result {
        Ok(()) => {
            let text = legal.expect("the scanner accepts what serde_json refuses");
            assert!(output.starts_with(b"kept{"));
            check_pruned(text, &output[4..]);
            check_members(&members);
        }
        Err(error) => {
            assert_eq!(output, b"kept", "a faulty record left something behind");
            assert!(error.offset() <= input.len());
            let too_deep = error.fault() == JsonFault::TooDeep;
            assert!(legal.is_none() || too_deep, "the scanner refuses what serde_json accepts: {error}");
        }
    }
}

/// Whether the text is one JSON object. `IgnoredAny` follows the grammar, and limits neither the depth nor
/// the size of numbers.
fn is_object(text: &str) -> bool {
    let start = text.trim_start_matches([' ', '\t', '\n', '\r']);
    start.starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn check_pruned(text: &str, output: &[u8]) {
    assert!(!output.contains(&b'\n') && !output.contains(&b'\r'), "a record is one line");
    let mut again = Vec::new();
    prune::object(output, &mut again, |_, _| ()).expect("what is left is an object");
    assert_eq!(again, output, "pruning twice leaves the same");
    // `serde_json` refuses text with half a surrogate pair, so there is no tree to compare with.
    if let Ok(tree) = serde_json::from_str::<Tree>(text) {
        let mut expected = String::new();
        tree.write_pruned(&mut expected);
        assert_eq!(String::from_utf8_lossy(output), expected);
    }
}

fn check_members(members: &[(&[u8], &[u8])]) {
    for (key, value) in members {
        let quoted = [b"\"", *key, b"\""].concat();
        assert!(serde_json::from_slice::<IgnoredAny>(&quoted).is_ok());
        assert!(serde_json::from_slice::<IgnoredAny>(value).is_ok());
        assert_eq!(value.trim_ascii(), *value);
    }
}

/// A JSON value with members in order. Of a repeated key it keeps the last value, in the place of the first.
/// Everything that is not a container keeps its spelling.
enum Tree {
    Object(Vec<(String, Tree)>),
    Array(Vec<Tree>),
    Leaf(String),
}

impl Tree {
    fn is_empty(&self) -> bool {
        match self {
            Self::Object(members) => members.iter().all(|(_, value)| value.is_empty()),
            Self::Array(elements) => elements.is_empty(),
            Self::Leaf(text) => text == "null" || text == "\"\"",
        }
    }

    fn write_pruned(&self, output: &mut String) {
        let separate = |output: &mut String, index: usize| {
            if index > 0 {
                output.push(',')
            }
        };
        match self {
            Self::Object(members) => {
                output.push('{');
                let kept = members.iter().filter(|(_, value)| !value.is_empty());
                for (index, (key, value)) in kept.enumerate() {
                    separate(output, index);
                    output.push_str(key);
                    output.push(':');
                    value.write_pruned(output);
                }
                output.push('}');
            }
            Self::Array(elements) => {
                output.push('[');
                for (index, element) in elements.iter().enumerate() {
                    separate(output, index);
                    element.write_pruned(output);
                }
                output.push(']');
            }
            Self::Leaf(text) => output.push_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let parsed = match raw.as_bytes().first() {
            Some(b'{') => serde_json::from_str::<Members>(raw).map(|members| Self::Object(members.0)),
            Some(b'[') => serde_json::from_str::<Vec<Tree>>(raw).map(Self::Array),
            _ => Ok(Self::Leaf(raw.to_owned())),
        };
        parsed.map_err(serde::de::Error::custom)
    }
}

struct Members(Vec<(String, Tree)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members: Vec<(String, Tree)> = Vec::new();
        let mut index: HashMap<String, usize> = HashMap::new();
        while let Some((key, value)) = map.next_entry::<&RawValue, Tree>()? {
            let spelled = key.get().to_owned();
            let means: String = serde_json::from_str(&spelled).map_err(serde::de::Error::custom)?;
            match index.get(&means) {
                Some(at) => members[*at].1 = value,
                None => {
                    index.insert(means, members.len());
                    members.push((spelled, value));
                }
            }
        }
        Ok(Members(members))
    }
}
