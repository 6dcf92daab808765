//! Rewrites objects in which a key comes more than once (rule R7).
//!
//! The last value counts, at the place of the first, as with `JSON.parse` and most readers. A single scan
//! from the front cannot know that a member comes again. Input in which the scanner has found a repeated key,
//! and no other, is therefore taken apart and written again, each object once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::keys::Keys;
use super::scanner::{IsEmpty, Scanner};
use crate::domain::record::template::unescaped;

/// Appends a value that the scanner has found valid, pruned and with each key once. Returns whether it is
/// empty.
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
    let mut found = Vec::new();
    elements(json, |element| found.push(element));
    output.push(b'[');
    for (index, element) in found.iter().enumerate() {
        if index > 0 {
            output.push(b',');
        }
        rewrite(element, output);
    }
    output.push(b']');
    found.is_empty()
}

/// Passes the elements of an array.
pub(super) fn elements<'i>(json: &'i [u8], visit: impl FnMut(&'i [u8])) {
    scan(json, |scanner| scanner.elements(visit));
}

/// Scans a container once more. It is known to be valid, so the result is ignored.
fn scan<'i, T>(json: &'i [u8], look: impl FnOnce(&mut Scanner<'i, '_>) -> T) {
    let (mut ignored, mut keys) = (Vec::new(), Keys::default());
    let _ = look(&mut Scanner::new(json, &mut ignored, &mut keys));
}
