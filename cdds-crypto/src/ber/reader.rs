//! A pull reader for BER: one element at a time, in constant memory.

use std::fmt;
use std::io::{BufRead, BufReader, ErrorKind, Read};

use super::{CONSTRUCTED, OCTET_STRING, OCTET_STRINGS, put_header};
use crate::mime::MimeReader;
use crate::open::OpenError;

/// Maximum nesting depth. EnvelopedData with names and attributes needs about ten. The bound also limits the
/// recursion of `skip` and `der`.
const DEPTH_MAX: usize = 24;
/// Size of the read-ahead buffer, and so of the largest piece of content handed out at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// The tag and length of an element whose value has not been read yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element {
    /// The identifier octet.
    pub(crate) tag: u8,
    /// Offset of the identifier octet.
    pub(crate) at: u64,
    /// Size of the value; `None` if it ends with end-of-contents.
    pub(crate) len: Option<u64>,
}

/// A constructed element that was entered and has not ended yet.
struct Frame {
    /// Offset at which the element ends. For an indefinite length, the end of the enclosing element, as the
    /// latest possible end.
    limit: u64,
    indefinite: bool,
}

/// Reads elements of definite and indefinite length, also from within an S/MIME message. Offsets refer to the
/// binary form.
///
/// Every element is checked against the end of its parent as soon as its length is known, so that a forged
/// length is refused before anything of it is read or allocated.
pub(crate) struct BerReader<R> {
    inner: BufReader<MimeReader<R>>,
    position: u64,
    open: Vec<Frame>,
}

impl<R: Read> BerReader<R> {
    pub(crate) fn new(inner: R) -> Self {
        let inner = BufReader::with_capacity(BUFFER_BYTES, MimeReader::new(inner));
        Self { inner, position: 0, open: Vec::new() }
    }

    /// Offset of the next byte.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Number of open elements.
    pub(crate) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Returns the next bytes without consuming them, at most one buffer; empty at the end of the file.
    pub(crate) fn peek(&mut self) -> Result<&[u8], OpenError> {
        while let Err(error) = self.inner.fill_buf() {
            if error.kind() != ErrorKind::Interrupted {
                // The MIME layer below can only return `io::Error`, and has put an `OpenError` into it.
                return Err(error.downcast().unwrap_or_else(OpenError::Io));
            }
        }
        Ok(self.inner.buffer())
    }

    /// Returns the next child of the innermost open element; `None` at the end of that element, which closes
    /// it.
    pub(crate) fn next(&mut self) -> Result<Option<Element>, OpenError> {
        let at = self.position;
        // An indefinite length ends with its two zero bytes alone (X.690 section 8.1.5). Where the element
        // around it ends first, reading them fails.
        if self.open.last().is_some_and(|frame| !frame.indefinite && frame.limit == at) {
            self.open.pop();
            return Ok(None);
        }
        let tag = self.byte()?;
        if tag == 0 {
            if self.open.last().is_some_and(|frame| frame.indefinite) && self.byte()? == 0 {
                self.open.pop();
                return Ok(None);
            }
            return Err(OpenError::malformed(at, "an end-of-contents is out of place"));
        }
        // X.690 section 8.1.2.4: numbers above 30. CMS has none, so the reader need not carry long tags.
        if tag & 0x1F == 0x1F {
            return Err(OpenError::malformed(at, "a tag has more than one byte"));
        }
        let len = self.length()?;
        match len {
            // X.690 section 8.1.3.2: only constructed elements can contain the end-of-contents.
            None if tag & CONSTRUCTED == 0 => {
                Err(OpenError::malformed(at, "a primitive element has no definite length"))
            }
            Some(len) if self.position.checked_add(len).is_none_or(|end| end > self.limit()) => {
                Err(OpenError::malformed(at, "an element is longer than the one around it"))
            }
            _ => Ok(Some(Element { tag, at, len })),
        }
    }

    /// Returns the next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8, otherwise: &'static str) -> Result<Element, OpenError> {
        let at = self.position;
        match self.next()? {
            Some(element) if element.tag == tag => Ok(element),
            _ => Err(OpenError::malformed(at, otherwise)),
        }
    }

    /// Enters the next element, which must be constructed and have this tag.
    pub(crate) fn expect_enter(&mut self, tag: u8, otherwise: &'static str) -> Result<(), OpenError> {
        let element = self.expect(tag, otherwise)?;
        self.enter(element)
    }

    /// Checks that the innermost open element ends here, and closes it.
    pub(crate) fn expect_end(&mut self, otherwise: &'static str) -> Result<(), OpenError> {
        let at = self.position;
        match self.next()? {
            None => Ok(()),
            Some(_) => Err(OpenError::malformed(at, otherwise)),
        }
    }

    /// Checks that the file ends here.
    pub(crate) fn expect_end_of_file(&mut self) -> Result<(), OpenError> {
        let at = self.position;
        if self.peek()?.is_empty() { Ok(()) } else { Err(OpenError::TrailingData { at }) }
    }

    /// Opens a constructed element: [`next`](Self::next) then returns its children.
    pub(crate) fn enter(&mut self, element: Element) -> Result<(), OpenError> {
        if element.tag & CONSTRUCTED == 0 {
            return Err(OpenError::malformed(element.at, "a constructed element is marked as primitive"));
        }
        if self.open.len() == DEPTH_MAX {
            return Err(OpenError::malformed(element.at, "elements are nested too deeply"));
        }
        let limit = element.len.map_or(self.limit(), |len| self.position.saturating_add(len));
        self.open.push(Frame { limit, indefinite: element.len.is_none() });
        Ok(())
    }

    /// Skips an element of any form. Only an indefinite length has to be walked child by child: its end is
    /// not known beforehand.
    pub(crate) fn skip(&mut self, element: Element) -> Result<(), OpenError> {
        let Some(mut left) = element.len else {
            self.enter(element)?;
            while let Some(child) = self.next()? {
                self.skip(child)?;
            }
            return Ok(());
        };
        while left > 0 {
            let passed = self.piece(left)?.len();
            left = left.saturating_sub(self.consume(passed));
        }
        Ok(())
    }

    /// Returns the element in the form that the `der` crate needs: all lengths definite, and each OCTET
    /// STRING in one piece. Reads at most `bytes_max`.
    pub(crate) fn der(&mut self, element: Element, bytes_max: usize) -> Result<Vec<u8>, OpenError> {
        let mut budget = bytes_max;
        let mut out = Vec::new();
        self.append_der(element, &mut budget, &mut out)?;
        Ok(out)
    }

    fn append_der(
        &mut self,
        element: Element,
        budget: &mut usize,
        out: &mut Vec<u8>,
    ) -> Result<(), OpenError> {
        let too_long = || OpenError::malformed(element.at, "an element of the header is too long");
        // Charge the tag and length of each element too, so that empty elements cannot grow without bound.
        *budget = budget.checked_sub(2).ok_or_else(too_long)?;
        let mut value = Vec::new();
        let mut tag = element.tag;
        if tag == OCTET_STRINGS {
            tag = OCTET_STRING;
            self.append_octets(element, budget, &mut value)?;
        } else if tag & CONSTRUCTED == 0 {
            self.append_value(element, budget, &mut value)?;
        } else {
            self.enter(element)?;
            while let Some(child) = self.next()? {
                self.append_der(child, budget, &mut value)?;
            }
        }
        put_header(out, tag, value.len());
        out.append(&mut value);
        Ok(())
    }

    /// Appends the bytes of an OCTET STRING in pieces; pieces may themselves be in pieces (X.690 section
    /// 8.7.3).
    fn append_octets(
        &mut self,
        element: Element,
        budget: &mut usize,
        out: &mut Vec<u8>,
    ) -> Result<(), OpenError> {
        self.enter(element)?;
        while let Some(piece) = self.next()? {
            match piece.tag {
                OCTET_STRING => self.append_value(piece, budget, out)?,
                OCTET_STRINGS => self.append_octets(piece, budget, out)?,
                _ => return Err(OpenError::malformed(piece.at, "a string holds something other than bytes")),
            }
        }
        Ok(())
    }

    /// Appends the value of a primitive element.
    fn append_value(
        &mut self,
        element: Element,
        budget: &mut usize,
        out: &mut Vec<u8>,
    ) -> Result<(), OpenError> {
        let mut left = element.len.unwrap_or(0);
        // Charge the stated length before anything is copied: a forged one must not make the buffer grow.
        *budget = usize::try_from(left)
            .ok()
            .and_then(|len| budget.checked_sub(len))
            .ok_or_else(|| OpenError::malformed(element.at, "an element of the header is too long"))?;
        while left > 0 {
            let piece = self.piece(left)?;
            out.extend_from_slice(piece);
            let len = piece.len();
            left = left.saturating_sub(self.consume(len));
        }
        Ok(())
    }

    /// Returns the buffered part of a value with `left` bytes to go; empty only if `left` is zero.
    pub(crate) fn piece(&mut self, left: u64) -> Result<&[u8], OpenError> {
        let at = self.position;
        let buffered = self.peek()?;
        if buffered.is_empty() && left > 0 {
            return Err(OpenError::Truncated { at });
        }
        let len = usize::try_from(left).map_or(buffered.len(), |left| left.min(buffered.len()));
        Ok(buffered.get(..len).unwrap_or_default())
    }

    /// Consumes `len` of the bytes that [`piece`](Self::piece) returned; returns their number.
    pub(crate) fn consume(&mut self, len: usize) -> u64 {
        self.inner.consume(len);
        let len = u64::try_from(len).unwrap_or(u64::MAX);
        self.position = self.position.saturating_add(len);
        len
    }

    /// Returns the offset by which the innermost open element must have ended.
    fn limit(&self) -> u64 {
        self.open.last().map_or(u64::MAX, |frame| frame.limit)
    }

    fn byte(&mut self) -> Result<u8, OpenError> {
        let at = self.position;
        if at >= self.limit() {
            return Err(OpenError::malformed(at, "an element is longer than the one around it"));
        }
        let byte = *self.peek()?.first().ok_or(OpenError::Truncated { at })?;
        self.consume(1);
        Ok(byte)
    }

    /// Reads a length (X.690 section 8.1.3); the shortest form is not required.
    fn length(&mut self) -> Result<Option<u64>, OpenError> {
        let at = self.position;
        match self.byte()? {
            short @ 0..0x80 => Ok(Some(u64::from(short))),
            0x80 => Ok(None),
            // At most eight bytes, which fit in 64 bits. 0xFF is reserved (X.690 section 8.1.3.5).
            long @ 0x81..=0x88 => {
                let mut len = 0_u64;
                for _ in 0x80..long {
                    len = len << 8 | u64::from(self.byte()?);
                }
                Ok(Some(len))
            }
            _ => Err(OpenError::malformed(at, "a length is absurd")),
        }
    }
}

impl<R> fmt::Debug for BerReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BerReader").field("position", &self.position).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ber::{INTEGER, OCTET_STRING, SEQUENCE};

    fn reader(bytes: &[u8]) -> BerReader<&[u8]> {
        BerReader::new(bytes)
    }

    #[test]
    fn indefinite_and_definite_forms_read_alike() {
        let definite = [0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x07];
        let indefinite = [0x30, 0x80, 0x30, 0x80, 0x02, 0x01, 0x07, 0, 0, 0, 0];
        let long = [0x30, 0x82, 0, 7, 0x30, 0x81, 4, 0x02, 0x81, 1, 0x07];
        for bytes in [&definite[..], &indefinite, &long] {
            let mut ber = reader(bytes);
            let outer = ber.expect(SEQUENCE, "a sequence").unwrap();
            assert_eq!(ber.der(outer, 100).unwrap(), definite);
            ber.expect_end_of_file().unwrap();

            let mut ber = reader(bytes);
            ber.expect_enter(SEQUENCE, "a sequence").unwrap();
            ber.expect_enter(SEQUENCE, "a sequence").unwrap();
            let number = ber.expect(INTEGER, "an integer").unwrap();
            ber.skip(number).unwrap();
            ber.expect_end("inner").unwrap();
            ber.expect_end("outer").unwrap();
            ber.expect_end_of_file().unwrap();
        }
    }

    #[test]
    fn what_is_not_ber_is_refused_by_kind() {
        let take = |bytes: &[u8]| {
            let mut ber = reader(bytes);
            let element = ber.next()?.unwrap();
            ber.der(element, 64)
        };
        let malformed: [&[u8]; 9] = [
            &[0x00, 0x00],                                                 // end without a beginning
            &[0x1F, 0x81, 0x00],                                           // multi-byte tag
            &[0x04, 0x80, 0x00, 0x00],                                     // primitive and indefinite
            &[0x04, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1],                      // nine bytes of length
            &[0x04, 0xFF],                                                 // reserved
            &[0x04, 0x88, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], // beyond any file
            &[0x04, 0x84, 0x7F, 0xFF, 0xFF, 0xFF],                         // beyond the budget
            &[0x30, 0x03, 0x04, 0x02, 0x00, 0x00],                         // child beyond its parent
            &[0x30, 0x03, 0x30, 0x80, 0x04, 0x00, 0x00, 0x00],             // end beyond its grandparent
        ];
        for bytes in malformed {
            assert!(matches!(take(bytes), Err(OpenError::Malformed { .. })), "{bytes:02X?}");
        }
        for bytes in [&[][..], &[0x04], &[0x04, 2, 1], &[0x30, 0x80, 0x04], &[0x30, 0x80, 0x04, 0, 0]] {
            assert!(matches!(take(bytes), Err(OpenError::Truncated { .. })), "{bytes:02X?}");
        }
        assert!(matches!(take(&[0x30, 0x80].repeat(30)), Err(OpenError::Malformed { .. })));
        assert!(matches!(
            take(&[vec![0x30, 0x80], [4, 0].repeat(99)].concat()),
            Err(OpenError::Malformed { .. })
        ));
    }

    #[test]
    fn an_element_must_end_within_the_one_around_it() {
        let mut ber = reader(&[0x30, 0x03, 0x04, 0x02, 0x00, 0x00]);
        ber.expect_enter(SEQUENCE, "a sequence").unwrap();
        assert!(matches!(ber.next(), Err(OpenError::Malformed { at: 2, .. })));
    }

    #[test]
    fn a_value_is_handed_out_in_pieces_up_to_its_end() {
        let mut ber = reader(&[0x04, 0x03, 1, 2, 3, 4]);
        let element = ber.expect(OCTET_STRING, "a string").unwrap();
        assert_eq!(ber.piece(element.len.unwrap()).unwrap(), [1, 2, 3]);
        assert_eq!(ber.consume(3), 3);
        assert!(matches!(ber.expect_end_of_file(), Err(OpenError::TrailingData { at: 5 })));
    }
}
