//! X.690 (BER) as far as CMS messages need it: single-byte tags, definite and indefinite lengths.
//!
//! The `der` crate refuses indefinite lengths and wants whole messages in memory, so the outer layers of a
//! sealed file are written and read here, piece by piece.

mod reader;

pub(crate) use reader::{BerReader, Element};

use bytes::BufMut;

/// INTEGER.
pub(crate) const INTEGER: u8 = 0x02;
/// BIT STRING in one piece.
pub(crate) const BIT_STRING: u8 = 0x03;
/// OCTET STRING in one piece.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// OCTET STRING in pieces (X.690 section 8.7.3).
pub(crate) const OCTET_STRINGS: u8 = 0x24;
/// NULL, complete with its length.
pub(crate) const NULL: [u8; 2] = [0x05, 0x00];
/// OBJECT IDENTIFIER.
pub(crate) const OID: u8 = 0x06;
/// SEQUENCE and SEQUENCE OF.
pub(crate) const SEQUENCE: u8 = 0x30;
/// SET and SET OF.
pub(crate) const SET: u8 = 0x31;
/// `[0]`, primitive: an IMPLICIT string in one piece.
pub(crate) const CONTEXT_0: u8 = 0x80;
/// `[0]`, constructed.
pub(crate) const CONTEXT_0_CONSTRUCTED: u8 = 0xA0;
/// `[1]`, constructed.
pub(crate) const CONTEXT_1_CONSTRUCTED: u8 = 0xA1;
/// `[2]`, constructed.
pub(crate) const CONTEXT_2_CONSTRUCTED: u8 = 0xA2;
/// Marks the tags of constructed elements (X.690 section 8.1.2.5).
pub(crate) const CONSTRUCTED: u8 = 0x20;
/// The length octet of elements that end with [`END_OF_CONTENTS`] (X.690 section 8.1.3.6).
pub(crate) const INDEFINITE: u8 = 0x80;
/// Ends the innermost element of indefinite length (X.690 section 8.1.5).
pub(crate) const END_OF_CONTENTS: [u8; 2] = [0, 0];

/// Writes the tag and the definite length, in the shortest form.
pub(crate) fn put_header(out: &mut impl BufMut, tag: u8, len: usize) {
    out.put_u8(tag);
    match u8::try_from(len) {
        Ok(short) if short < 0x80 => out.put_u8(short),
        _ => {
            let bytes = len.to_be_bytes();
            let significant = bytes.iter().skip_while(|byte| **byte == 0);
            let count = u8::try_from(significant.clone().count()).unwrap_or(u8::MAX);
            out.put_u8(0x80 | count);
            significant.for_each(|byte| out.put_u8(*byte));
        }
    }
}

/// Returns the contents of the element that `der` begins with, and everything after it. Use this only to tell
/// kinds of files apart: lengths are not checked.
pub(crate) fn contents(der: &[u8]) -> Option<&[u8]> {
    let octets = match *der.get(1)? {
        0..=INDEFINITE => 0,
        long => usize::from(long & 0x7F),
    };
    der.get(2_usize.checked_add(octets)?..)
}

/// Whether `der` begins like an EncryptedPrivateKeyInfo (RFC 5208 section 6): with the object identifier of
/// an encryption from PKCS#5 (1.2.840.113549.1.5) or PKCS#12 (1.2.840.113549.1.12).
pub(crate) fn is_encrypted_private_key(der: &[u8]) -> bool {
    let oid = contents(der).and_then(contents);
    matches!(oid, Some([OID, _, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05 | 0x0C, ..]))
}

/// Returns the size of the header that [`put_header`] writes for a value of `len` bytes.
pub(crate) fn header_bytes(len: u64) -> u64 {
    if len < 0x80 { 2 } else { 2 + u64::from((u64::BITS - len.leading_zeros()).div_ceil(8)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_shortest_and_as_long_as_computed() {
        for (len, expected) in [
            (0, &[4, 0][..]),
            (127, &[4, 127]),
            (128, &[4, 0x81, 128]),
            (255, &[4, 0x81, 255]),
            (256, &[4, 0x82, 1, 0]),
            (65_536, &[4, 0x83, 1, 0, 0]),
        ] {
            let mut out = Vec::new();
            put_header(&mut out, OCTET_STRING, len);
            assert_eq!(out, expected);
            assert_eq!(header_bytes(u64::try_from(len).unwrap()), u64::try_from(out.len()).unwrap());
        }
    }
}
