//! Converts PKCS#12 files from BER to DER: NSS and Bouncy Castle write indefinite lengths, and strings in
//! pieces.
//!
//! The files may contain an unencrypted key. So, unlike sealed files, they are not read through buffers: the
//! output is measured first and allocated once, because a growing buffer would leave copies of the key
//! behind.

use zeroize::Zeroizing;

use crate::ber::{
    CONSTRUCTED, END_OF_CONTENTS, INDEFINITE, OCTET_STRING, OCTET_STRINGS, header_bytes, put_header,
};

/// Maximum nesting depth; files in use need about ten.
const DEPTH_MAX: usize = 24;
/// Maximum number of elements in a file; one with a hundred certificates has ten thousand.
const ELEMENTS_MAX: usize = 1 << 16;

/// Returns the element that makes up all of `encoded`, with definite lengths and each OCTET STRING in one
/// piece; `None` if it is invalid.
pub(super) fn definite(encoded: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut reader = Reader { rest: encoded, elements_left: ELEMENTS_MAX };
    let element = reader.element(DEPTH_MAX)?.filter(|_| reader.rest.is_empty())?;
    let mut der = Zeroizing::new(Vec::with_capacity(element.bytes()));
    element.put(&mut der);
    Some(der)
}

struct Element<'a> {
    tag: u8,
    /// Size of the value in DER.
    len: usize,
    value: Value<'a>,
}

enum Value<'a> {
    Bytes(&'a [u8]),
    Elements(Vec<Element<'a>>),
}

impl<'a> Element<'a> {
    fn of(tag: u8, children: Vec<Self>) -> Option<Self> {
        // X.690 section 8.7.3: pieces may themselves be in pieces; the inner ones have already been joined.
        let is_string = tag == OCTET_STRINGS;
        let is_piece = |child: &Self| child.tag == OCTET_STRING;
        if is_string && !children.iter().all(is_piece) {
            return None;
        }
        // A string in pieces loses the headers of its pieces; other elements keep those of their children.
        let len = children.iter().map(|child| if is_string { child.len } else { child.bytes() }).sum();
        Some(Self { tag: if is_string { OCTET_STRING } else { tag }, len, value: Value::Elements(children) })
    }

    /// Size in DER.
    fn bytes(&self) -> usize {
        let header = u64::try_from(self.len).map_or(u64::MAX, header_bytes);
        self.len.saturating_add(usize::try_from(header).unwrap_or(usize::MAX))
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_header(out, self.tag, self.len);
        self.put_value(out);
    }

    fn put_value(&self, out: &mut Vec<u8>) {
        match &self.value {
            Value::Bytes(bytes) => out.extend_from_slice(bytes),
            Value::Elements(pieces) if self.tag == OCTET_STRING => {
                pieces.iter().for_each(|piece| piece.put_value(out));
            }
            Value::Elements(children) => children.iter().for_each(|child| child.put(out)),
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    elements_left: usize,
}

impl<'a> Reader<'a> {
    /// Returns the next element; `Some(None)` for end-of-contents, and `None` if the input is invalid.
    fn element(&mut self, depth_left: usize) -> Option<Option<Element<'a>>> {
        if let Some(rest) = self.rest.strip_prefix(&END_OF_CONTENTS) {
            self.rest = rest;
            return Some(None);
        }
        // One bound for the whole file: each level of nesting takes from it and gives the rest back.
        self.elements_left = self.elements_left.checked_sub(1)?;
        let depth_left = depth_left.checked_sub(1)?;
        let tag = *self.take(1)?.first()?;
        if tag & 0x1F == 0x1F || tag == 0 {
            return None;
        }
        let constructed = tag & CONSTRUCTED != 0;
        let Some(len) = self.length()? else {
            let mut children = Vec::new();
            // The filter refuses a primitive element of indefinite length (X.690 section 8.1.3.2).
            while let Some(child) = self.element(depth_left).filter(|_| constructed)? {
                children.push(child);
            }
            return Some(Some(Element::of(tag, children)?));
        };
        let value = self.take(len)?;
        if !constructed {
            return Some(Some(Element { tag, len, value: Value::Bytes(value) }));
        }
        let mut inner = Self { rest: value, elements_left: self.elements_left };
        let mut children = Vec::new();
        while !inner.rest.is_empty() {
            // The second `?` refuses an end-of-contents within a definite length.
            children.push(inner.element(depth_left)??);
        }
        self.elements_left = inner.elements_left;
        Some(Some(Element::of(tag, children)?))
    }

    /// X.690 section 8.1.3; `Some(None)` is the indefinite length.
    fn length(&mut self) -> Option<Option<usize>> {
        match *self.take(1)?.first()? {
            INDEFINITE => Some(None),
            short @ 0..INDEFINITE => Some(Some(usize::from(short))),
            long => {
                let octets = self.take(usize::from(long & 0x7F))?;
                let number =
                    |len: usize, octet: &u8| len.checked_mul(0x100)?.checked_add(usize::from(*octet));
                octets.iter().try_fold(0, number).map(Some)
            }
        }
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ber::BerReader;
    use proptest::prelude::*;

    #[test]
    fn strings_become_whole_and_lengths_definite() {
        let pieces = [0x30, 0x80, 0x24, 0x80, 0x04, 1, 7, 0x24, 4, 0x04, 2, 8, 9, 0, 0, 0, 0];
        let der = definite(&pieces).unwrap();
        assert_eq!(**der, [0x30, 5, 0x04, 3, 7, 8, 9]);
        assert_eq!(der.capacity(), der.len(), "nothing has grown, nothing was copied");
        assert_eq!(**definite(&der).unwrap(), **der);
    }

    #[test]
    fn absurd_files_take_no_memory() {
        assert!(definite(&[0x30, 0x80].repeat(1 << 20)).is_none());
        assert!(definite(&[&[0x30, 0x80][..], &[4, 0].repeat(1 << 20), &[0, 0]].concat()).is_none());
        assert!(definite(&[0x04, 0x88, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]).is_none());
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_reader_of_sealed_files(
            bytes in prop::collection::vec(prop::sample::select(vec![0_u8, 1, 2, 3, 4, 5, 0x24, 0x30, 0x80, 0x81]), 0..24),
        ) {
            let mut ber = BerReader::new(&*bytes);
            let read = ber.next().ok().flatten().and_then(|element| {
                let der = ber.der(element, 1 << 16).ok()?;
                ber.expect_end_of_file().ok().map(|()| der)
            });
            prop_assert_eq!(definite(&bytes).map(|der| der.to_vec()), read);
        }
    }
}
