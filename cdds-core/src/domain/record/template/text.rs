//! The text that JSON strings mean (RFC 8259, 7), as bytes that sort by code point.

use std::borrow::Cow;

/// Whether a key, as it is spelled in JSON between its quotes, means `name`.
#[inline]
pub fn spells(key: &[u8], name: &str) -> bool {
    let name = name.as_bytes();
    // An escaped key is longer than its name.
    if key.len() <= name.len() {
        return key == name;
    }
    let may_begin = key.first() == name.first() || key.first() == Some(&b'\\');
    may_begin && key.contains(&b'\\') && *unescaped(key) == *name
}

/// Returns the text between the quotes of a JSON string, with its escapes resolved. Half a surrogate pair,
/// which UTF-8 cannot hold, becomes the three bytes that UTF-8 would use for its code point. It then equals
/// no valid text and sorts in its place.
pub(in crate::domain) fn unescaped(spelled: &[u8]) -> Cow<'_, [u8]> {
    if !spelled.contains(&b'\\') {
        return Cow::Borrowed(spelled);
    }
    let mut text = Vec::with_capacity(spelled.len());
    let mut rest = spelled;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after.split_first()) {
            (b'\\', Some((escape, after))) => {
                rest = after;
                match escape {
                    b'u' => {
                        let (code, after) = code_point(after);
                        push(code, &mut text);
                        rest = after;
                    }
                    b'b' => text.push(0x08),
                    b'f' => text.push(0x0c),
                    b'n' => text.push(b'\n'),
                    b'r' => text.push(b'\r'),
                    b't' => text.push(b'\t'),
                    itself => text.push(*itself),
                }
            }
            _ => text.push(*byte),
        }
    }
    Cow::Owned(text)
}

/// Reads the code point of one `\u` escape or, for a surrogate pair, of two. The first `\u` was passed
/// already. Returns the rest of the text as well.
fn code_point(spelled: &[u8]) -> (u32, &[u8]) {
    let (first, rest) = four_digits(spelled);
    if (0xd800..0xdc00).contains(&first)
        && let Some(low) = rest.strip_prefix(b"\\u")
    {
        let (second, rest) = four_digits(low);
        if (0xdc00..0xe000).contains(&second) {
            return (0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00), rest);
        }
    }
    (first, rest)
}

fn four_digits(spelled: &[u8]) -> (u32, &[u8]) {
    let (digits, rest) = spelled.split_at(spelled.len().min(4));
    let value = digits
        .iter()
        .fold(0, |value, digit| value * 16 + char::from(*digit).to_digit(16).unwrap_or_default());
    (value, rest)
}

fn push(code: u32, text: &mut Vec<u8>) {
    match char::from_u32(code) {
        Some(c) => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        None => {
            let six_bits = |shift: u32| 0x80 | u8::try_from((code >> shift) & 0x3f).unwrap_or_default();
            // All surrogates begin with the bits 1101, hence with this byte.
            text.extend_from_slice(&[0xed, six_bits(6), six_bits(0)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_however_they_are_spelled() {
        for (key, name, same) in [
            ("caller", "caller", true),
            ("caller", "callee", false),
            (r"c\u0061ller", "caller", true),
            (r"c\u0061llee", "caller", false),
        ] {
            assert_eq!(spells(key.as_bytes(), name), same, "{key}");
        }
    }

    #[test]
    fn pairs_of_surrogates_are_one_character_and_halves_stand_for_themselves() {
        for (spelled, text) in
            [(r"\ud83d\ude00", "😀"), (r"\ud800\udc00", "\u{10000}"), (r"\udbff\udfff", "\u{10ffff}")]
        {
            assert_eq!(*unescaped(spelled.as_bytes()), *text.as_bytes(), "{spelled}");
        }
        assert_eq!(*unescaped(br"\ud83dx"), [0xed, 0xa0, 0xbd, b'x']);
        assert_eq!(*unescaped(br"\ud83d\u0041"), [0xed, 0xa0, 0xbd, b'A']);
        assert_eq!(*unescaped(br"\ude00"), [0xed, 0xb8, 0x80]);
    }
}
