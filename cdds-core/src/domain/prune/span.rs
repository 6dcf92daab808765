//! How far plain text reaches, eight bytes at a time.

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
const QUOTES: u64 = u64::from_ne_bytes([b'"'; 8]);
const BACKSLASHES: u64 = u64::from_ne_bytes([b'\\'; 8]);
const SPACES: u64 = u64::from_ne_bytes([b' '; 8]);

/// Where `"` and `\` are in an input, found 64 bytes at a time and kept as bits, so that the many short
/// strings of a record need no search each.
pub(super) struct Specials<'i> {
    input: &'i [u8],
    /// The bits of the 64 bytes from here on; `input` is searched forwards.
    block: usize,
    bits: u64,
}

impl<'i> Specials<'i> {
    pub(super) fn new(input: &'i [u8]) -> Self {
        Self { input, block: 0, bits: bits_of_block(input, 0) }
    }

    /// The position of the first one at or after `from`.
    #[inline(always)]
    pub(super) fn next(&mut self, from: usize) -> Option<usize> {
        let bits = self.bits & (u64::MAX << (from & 63));
        if from & !63 == self.block && bits != 0 {
            return Some(self.block + bits.trailing_zeros() as usize);
        }
        self.next_block(from)
    }

    #[inline(never)]
    fn next_block(&mut self, from: usize) -> Option<usize> {
        let mut from = from.max(self.block);
        while from < self.input.len() {
            if from & !63 != self.block {
                self.block = from & !63;
                self.bits = bits_of_block(self.input, self.block);
            }
            let bits = self.bits & (u64::MAX << (from & 63));
            if bits != 0 {
                return Some(self.block + bits.trailing_zeros() as usize);
            }
            from = self.block + 64;
        }
        None
    }
}

fn bits_of_block(input: &[u8], block: usize) -> u64 {
    let rest = input.get(block..).unwrap_or_default();
    match rest.first_chunk::<64>() {
        Some(chunk) => bits_of(chunk),
        None => {
            let mut chunk = [0; 64];
            for (to, from) in chunk.iter_mut().zip(rest) {
                *to = *from;
            }
            bits_of(&chunk)
        }
    }
}

/// One bit for each byte, the first one lowest. Compilers turn the comparison into vector code; the
/// multiplication moves the one bit that is left of each byte of a word into its highest byte.
#[inline]
fn bits_of(chunk: &[u8; 64]) -> u64 {
    const ONE_OF_EACH: u64 = 0x8040_2010_0804_0201;
    let found = chunk.map(|byte| if byte == b'"' || byte == b'\\' { 0xff } else { 0 });
    let (words, _) = found.as_chunks::<8>();
    words.iter().rev().fold(0, |bits, word| {
        let one_of_each = u64::from_le_bytes(*word) & ONE_OF_EACH;
        bits << 8 | one_of_each.wrapping_mul(ONES) >> 56
    })
}

/// How many bytes at the start of `text` may stand in a JSON string as they are (RFC 8259, 7).
#[inline]
pub(in crate::domain) fn escape_free(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(word) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let found = to_be_escaped(*word);
        if found != 0 {
            return at + first_byte(found);
        }
        at += 8;
    }
    // The last word overlaps the one before.
    if text.last_chunk::<8>().is_some_and(|word| to_be_escaped(*word) == 0) {
        return text.len();
    }
    let rest = text.get(at..).unwrap_or_default();
    let plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
    at + rest.iter().position(|byte| !plain(byte)).unwrap_or(rest.len())
}

/// Marks the bytes that cannot stand in a string as they are.
#[inline]
const fn to_be_escaped(word: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(word);
    let controls = word.wrapping_sub(SPACES) & !word & HIGH;
    zero_bytes(word ^ QUOTES) | zero_bytes(word ^ BACKSLASHES) | controls
}

/// What kinds of bytes an input holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kinds {
    pub(super) control: bool,
    pub(super) non_ascii: bool,
}

/// A loop without branches, which compilers turn into vector code.
pub(super) fn kinds(bytes: &[u8]) -> Kinds {
    let (control, union) = bytes.iter().fold((0, 0), |(control, union), byte| {
        (control | if *byte < b' ' { 0xff } else { 0 }, union | *byte)
    });
    Kinds { control: control != 0u8, non_ascii: union >= 0x80u8 }
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
                20 => Just(b'a')], 0..200)) {
            let mut specials = Specials::new(&bytes);
            let mut from = 0;
            for at in (0..bytes.len()).filter(|at| matches!(bytes[*at], b'"' | b'\\')) {
                prop_assert_eq!(specials.next(from), Some(at));
                from = at + 1;
            }
            prop_assert_eq!(specials.next(from), None);
            let special = bytes.iter().position(|byte| matches!(byte, 0..=0x1f | b'"' | b'\\'));
            prop_assert_eq!(escape_free(&bytes), special.unwrap_or(bytes.len()));
            let control = bytes.iter().any(|byte| *byte < 0x20);
            prop_assert_eq!(kinds(&bytes), Kinds { control, non_ascii: !bytes.is_ascii() });
        }
    }
}
