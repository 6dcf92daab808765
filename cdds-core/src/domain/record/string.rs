//! Writes text as JSON strings (RFC 8259, 7).

use wide::u8x16;

use crate::domain::record::prune::Classes;

/// Writes text between quotes and escapes only the characters that must be escaped.
pub(in crate::domain) fn string(output: &mut Vec<u8>, text: &str) {
    let text = text.as_bytes();
    output.reserve(text.len() + 2);
    output.push(b'"');
    let rest = if text.len() < WINDOW { text } else { blocks(output, text) };
    short_string(output, rest);
    output.push(b'"');
}

const BLOCK: usize = 64;
/// A block, and as much after it as a copy that starts at its last byte reads.
const WINDOW: usize = 2 * BLOCK;

/// Writes one block after another as long as a whole [`WINDOW`] is left. Returns the rest.
fn blocks<'t>(output: &mut Vec<u8>, mut text: &'t [u8]) -> &'t [u8] {
    let mut escaped = [0; BLOCK + WINDOW];
    while let (Some(window), Some((block, after))) = (text.first_chunk(), text.split_first_chunk()) {
        match Classes::of(block) {
            Classes { control: true, .. } => each_byte(output, block),
            Classes { specials: 0, .. } => output.extend_from_slice(block),
            Classes { specials, .. } => {
                let end = with_backslashes(window, specials, &mut escaped);
                output.extend_from_slice(escaped.get(..end).unwrap_or_default());
            }
        }
        text = after;
    }
    text
}

/// Copies the block at the start of `window` with a backslash before each of its bytes in `specials`. Returns
/// the length of the result.
///
/// Text may be JSON itself, with a quote every few bytes. Every copy therefore has the same size. Most copies
/// are too long and are overwritten by the next, but together they take a fraction of the time of many short
/// copies of different sizes.
#[inline]
fn with_backslashes(window: &[u8; WINDOW], mut specials: u64, escaped: &mut [u8; BLOCK + WINDOW]) -> usize {
    let (mut from, mut end) = (0, 0);
    while specials != 0 {
        let at = specials.trailing_zeros() as usize;
        copy_block(window, from, escaped, end);
        end += at - from;
        if let Some(byte) = escaped.get_mut(end) {
            *byte = b'\\';
        }
        (from, end) = (at, end + 1);
        // Clears the lowest bit.
        specials &= specials - 1;
    }
    copy_block(window, from, escaped, end);
    end + BLOCK - from
}

#[inline(always)]
fn copy_block(window: &[u8; WINDOW], from: usize, escaped: &mut [u8; BLOCK + WINDOW], end: usize) {
    let text = window.get(from..).and_then(<[u8]>::first_chunk::<BLOCK>);
    let room = escaped.get_mut(end..).and_then(<[u8]>::first_chunk_mut::<BLOCK>);
    if let (Some(text), Some(room)) = (text, room) {
        *room = *text;
    }
}

/// Writes text that is shorter than a window, as most is.
#[inline]
fn short_string(output: &mut Vec<u8>, mut text: &[u8]) {
    while let Some((chunk, after)) = text.split_first_chunk() {
        if is_plain(chunk) {
            output.extend_from_slice(chunk);
        } else {
            each_byte(output, chunk);
        }
        text = after;
    }
    // The rest has fewer than 16 bytes. It is checked by its first and last 8, or 4, bytes, which may
    // overlap.
    let plain = match (text.first_chunk(), text.last_chunk(), text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last), ..) => are_plain(*first) && are_plain(*last),
        (.., Some([a, b, c, d]), Some([e, f, g, h])) => are_plain([*a, *b, *c, *d, *e, *f, *g, *h]),
        _ => text.iter().all(|byte| !is_escaped(*byte)),
    };
    if plain {
        output.extend_from_slice(text);
    } else {
        each_byte(output, text);
    }
}

/// Whether sixteen bytes need no escape.
#[inline]
fn is_plain(chunk: &[u8; 16]) -> bool {
    let [quote, backslash, last_control] = [b'"', b'\\', b' ' - 1].map(u8x16::splat);
    let bytes = u8x16::new(*chunk);
    let control = bytes.min(last_control).simd_eq(bytes);
    (bytes.simd_eq(quote) | bytes.simd_eq(backslash) | control).to_bitmask() == 0
}

/// Whether eight bytes need no escape.
#[inline]
fn are_plain(bytes: [u8; 8]) -> bool {
    let bytes = u64::from_le_bytes(bytes);
    let each = |byte: u8| u64::from_le_bytes([byte; 8]);
    // Subtracting `least` sets the highest bit of a byte that is below it, by a borrow; `!bytes` excludes
    // bytes that had this bit already. A borrow can also set the bit of the next byte wrongly, but only if
    // there is a byte below `least` anyway, and only whether there is one matters.
    let below = |bytes: u64, least: u8| bytes.wrapping_sub(each(least)) & !bytes;
    let found = below(bytes, b' ') | below(bytes ^ each(b'"'), 1) | below(bytes ^ each(b'\\'), 1);
    found & each(0x80) == 0
}

fn is_escaped(byte: u8) -> bool {
    matches!(byte, 0..b' ' | b'"' | b'\\')
}

fn each_byte(output: &mut Vec<u8>, text: &[u8]) {
    for byte in text {
        if is_escaped(*byte) {
            escape(output, *byte);
        } else {
            output.push(*byte);
        }
    }
}

fn escape(output: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => &[b'\\', byte],
        b'\n' => b"\\n",
        b'\r' => b"\\r",
        b'\t' => b"\\t",
        0x08 => b"\\b",
        0x0c => b"\\f",
        _ => {
            let hex = |digit: u8| if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
            output.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 15)]);
            return;
        }
    };
    output.extend_from_slice(short);
}
