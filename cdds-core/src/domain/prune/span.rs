//! How far plain text reaches, eight bytes at a time.

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
const QUOTES: u64 = u64::from_ne_bytes([b'"'; 8]);
const BACKSLASHES: u64 = u64::from_ne_bytes([b'\\'; 8]);
const SPACES: u64 = u64::from_ne_bytes([b' '; 8]);

/// Strings up to this length are searched by word; `memchr` is faster beyond, slower before.
const SHORT_BYTES: usize = 32;

/// The position of the first `"` or `\` in `bytes`.
#[inline]
pub(super) fn quote_or_backslash(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < SHORT_BYTES {
        let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) else {
            break;
        };
        let word = u64::from_le_bytes(*word);
        let found = zero_bytes(word ^ QUOTES) | zero_bytes(word ^ BACKSLASHES);
        if found != 0 {
            return Some(at + first_byte(found));
        }
        at += 8;
    }
    memchr::memchr2(b'"', b'\\', bytes.get(at..)?).map(|found| at + found)
}

/// How many bytes at the start of `text` may stand in a JSON string as they are (RFC 8259, 7).
#[inline]
pub(in crate::domain) fn escape_free(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(word) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*word);
        let controls = word.wrapping_sub(SPACES) & !word & HIGH;
        let found = zero_bytes(word ^ QUOTES) | zero_bytes(word ^ BACKSLASHES) | controls;
        if found != 0 {
            return at + first_byte(found);
        }
        at += 8;
    }
    let rest = text.get(at..).unwrap_or_default();
    let plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
    at + rest.iter().position(|byte| !plain(byte)).unwrap_or(rest.len())
}

/// Whether any byte is a control character; a loop that compilers turn into vector code.
pub(super) fn has_control(bytes: &[u8]) -> bool {
    bytes.chunks(64).any(|chunk| chunk.iter().fold(false, |found, byte| found | (*byte < b' ')))
}

/// The high bit of each zero byte; bits above the lowest one set may be wrong, since borrows travel up.
#[inline]
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGH
}

/// The index of the lowest byte marked, in little-endian order.
#[inline]
const fn first_byte(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn spans_agree_with_byte_loops(bytes in prop::collection::vec(
            prop_oneof![8 => any::<u8>(), 1 => Just(b'"'), 1 => Just(b'\\'), 1 => Just(0x1f), 1 => Just(b' '),
                20 => Just(b'a')], 0..80)) {
            prop_assert_eq!(
                quote_or_backslash(&bytes),
                bytes.iter().position(|byte| matches!(byte, b'"' | b'\\'))
            );
            let special = bytes.iter().position(|byte| matches!(byte, 0..=0x1f | b'"' | b'\\'));
            prop_assert_eq!(escape_free(&bytes), special.unwrap_or(bytes.len()));
            prop_assert_eq!(has_control(&bytes), bytes.iter().any(|byte| *byte < 0x20));
        }
    }
}
