//! Finds the bytes in blocks of input that mean something in JSON.

use wide::u8x16;

/// The positions of `"` and `\` in an input, one after another. They are found 64 bytes at a time and kept as
/// bits, so the many short strings of a record need no search each.
pub(super) struct Specials<'i> {
    input: &'i [u8],
    /// The start of the current block of 64 bytes, and the positions in it that were not returned yet.
    block: usize,
    bits: u64,
    /// Whether any block so far holds such a byte.
    control: bool,
    non_ascii: bool,
}

impl<'i> Specials<'i> {
    pub(super) fn new(input: &'i [u8]) -> Self {
        let mut specials = Self { input, block: 0, bits: 0, control: false, non_ascii: false };
        specials.enter(0);
        specials
    }

    /// Returns the position of the next special byte.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<usize> {
        if self.bits == 0 {
            self.next_block();
        }
        if self.bits == 0 {
            return None;
        }
        let first = self.bits.trailing_zeros();
        self.bits &= self.bits - 1;
        Some(self.block + first as usize)
    }

    /// Moves to the next block that holds a special byte, if there is one.
    #[inline(never)]
    fn next_block(&mut self) {
        while self.bits == 0 && self.block + 64 < self.input.len() {
            self.enter(self.block + 64);
        }
    }

    #[inline(always)]
    fn enter(&mut self, block: usize) {
        let classes = Classes::of_block(self.input, block);
        self.block = block;
        self.bits = classes.specials;
        self.control |= classes.control;
        self.non_ascii |= classes.non_ascii;
    }

    /// Whether there may be a control character before the position that was returned last.
    #[inline(always)]
    pub(super) fn control(&self) -> bool {
        self.control
    }

    /// Whether there may be a byte above 0x7f before the position that was returned last.
    pub(super) fn non_ascii(&self) -> bool {
        self.non_ascii
    }
}

/// The kinds of bytes among 64 bytes.
pub(in crate::domain) struct Classes {
    /// One bit for each `"` and `\`, with that of the first byte lowest.
    pub(in crate::domain) specials: u64,
    /// Whether a byte is below 0x20.
    pub(in crate::domain) control: bool,
    /// Whether a byte is above 0x7f.
    non_ascii: bool,
}

impl Classes {
    /// Classifies the bytes of `input` from `block` on. If fewer than 64 are left, the flags also cover bytes
    /// before `block`.
    #[inline(always)]
    fn of_block(input: &[u8], block: usize) -> Self {
        let rest = input.get(block..).unwrap_or_default();
        if let Some(chunk) = rest.first_chunk() {
            return Self::of(chunk);
        }
        if let Some(chunk) = input.last_chunk::<64>() {
            // The last 64 bytes overlap the previous block. Shift its bits out; its flags were counted there
            // already.
            let before = u32::try_from(chunk.len() - rest.len()).unwrap_or(u64::BITS);
            let classes = Self::of(chunk);
            return Self { specials: classes.specials.unbounded_shr(before), ..classes };
        }
        // The whole input is shorter than a block. Blanks are neither special nor control characters.
        let mut chunk = [b' '; 64];
        chunk.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        Self::of(&chunk)
    }

    #[inline(always)]
    pub(in crate::domain) fn of(chunk: &[u8; 64]) -> Self {
        let [quote, backslash, blank] = [b'"', b'\\', b' '].map(u8x16::splat);
        let (quarters, _) = chunk.as_chunks::<16>();
        let (mut specials, mut least, mut union) = (0, blank, u8x16::ZERO);
        for (quarter, index) in quarters.iter().zip(0..) {
            let bytes = u8x16::new(*quarter);
            let found = (bytes.simd_eq(quote) | bytes.simd_eq(backslash)).to_bitmask();
            specials |= u64::from(found) << (16 * index);
            least = least.min(bytes);
            union |= bytes;
        }
        // `least` falls below a blank if any byte does. The bitmask consists of the highest bits, which only
        // bytes above 0x7f have set.
        Self { specials, control: least != blank, non_ascii: union.to_bitmask() != 0 }
    }
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
            for at in (0..bytes.len()).filter(|at| matches!(bytes[*at], b'"' | b'\\')) {
                prop_assert_eq!(specials.next(), Some(at));
            }
            prop_assert_eq!(specials.next(), None);
            prop_assert_eq!(specials.control(), bytes.iter().any(|byte| *byte < 0x20));
            prop_assert_eq!(specials.non_ascii(), !bytes.is_ascii());
        }
    }
}
