//! Objects with a key that comes more than once.
//!
//! The last value counts, where the key stood first, as with `JSON.parse` and most readers. Scanning once, from the
//! front, cannot know that a member comes again; so what the scanner has found to repeat a key, and nothing else, is
//! taken apart and written anew, each object once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::keys::Keys;
use super::scanner::{IsEmpty, Scanner};
use crate::domain::record::template::unescaped;

/// Appends a value that the scanner has found legal, with each key once and pruned; gives whether it is empty.
pub(super) fn rewrite(json: &[u8], output: &mut Vec<u8>) -> IsEmpty {
    match json.first() {
        Some(b'{') => object(json, output),
        Some(b'[') => array(json, output),
        _ => {
            output.extend_from_slice(json);
            matches!(json, b"null" | b"\"\"")
        }
    }
}

fn object(json: &[u8], output: &mut Vec<u8>) -> IsEmpty {
    let mut members: Vec<(&[u8], &[u8])> = Vec::new();
    let mut index: HashMap<_, usize> = HashMap::new();
    scan(json, |scanner| {
        scanner.members(|key, value| match index.entry(unescaped(key)) {
            Entry::Occupied(earlier) => {
                if let Some(member) = members.get_mut(*earlier.get()) {
                    member.1 = value;
                }
            }
            Entry::Vacant(new) => {
                new.insert(members.len());
                members.push((key, value));
            }
        })
    });
    let mut empty = true;
    output.push(b'{');
    for (key, value) in members {
        let start = output.len();
        if !empty {
            output.push(b',');
        }
        output.push(b'"');
        output.extend_from_slice(key);
        output.extend_from_slice(b"\":");
        if rewrite(value, output) {
            output.truncate(start);
        } else {
            empty = false;
        }
    }
    output.push(b'}');
    empty
}

fn array(json: &[u8], output: &mut Vec<u8>) -> IsEmpty {
    let mut elements = Vec::new();
    scan(json, |scanner| scanner.elements(|element| elements.push(element)));
    output.push(b'[');
    for (index, element) in elements.iter().enumerate() {
        if index > 0 {
            output.push(b',');
        }
        rewrite(element, output);
    }
    output.push(b']');
    elements.is_empty()
}

/// Looks at a container once more. That it is legal is known.
fn scan<'i, T>(json: &'i [u8], look: impl FnOnce(&mut Scanner<'i, '_>) -> T) {
    let (mut ignored, mut keys) = (Vec::new(), Keys::default());
    let _ = look(&mut Scanner::new(json, &mut ignored, &mut keys));
}
