//! Walks over the encrypted content, however it is divided into pieces, to the end of the file.

use std::io::Read;

use super::OpenError;
use super::algorithm::ContentAlgorithm;
use crate::ber::{
    BerReader, CONTEXT_0, CONTEXT_0_CONSTRUCTED, CONTEXT_1_CONSTRUCTED, CONTEXT_2_CONSTRUCTED, OCTET_STRING,
    OCTET_STRINGS,
};
use crate::cipher::BLOCK_BYTES;

/// Largest MAC that is read, in DER bytes; tags have 16 at most.
const MAC_BYTES_MAX: usize = 64;

/// The encrypted content: `[0] IMPLICIT OCTET STRING`, primitive or constructed.
#[derive(Debug)]
pub(super) struct Content {
    algorithm: ContentAlgorithm,
    /// Bytes left of the current OCTET STRING.
    left: u64,
    /// Size so far.
    bytes: u64,
    /// How many elements were open before the content; `None` once the content has ended.
    outer_depth: Option<usize>,
}

impl Content {
    /// Enters the content, which must come next.
    pub(super) fn begin<R: Read>(
        ber: &mut BerReader<R>,
        algorithm: ContentAlgorithm,
    ) -> Result<Self, OpenError> {
        let at = ber.position();
        let outer_depth = Some(ber.depth());
        match ber.next()? {
            Some(element) if element.tag == CONTEXT_0 => {
                Ok(Self { algorithm, left: element.len.unwrap_or(0), bytes: 0, outer_depth })
            }
            Some(element) if element.tag == CONTEXT_0_CONSTRUCTED => {
                ber.enter(element)?;
                Ok(Self { algorithm, left: 0, bytes: 0, outer_depth })
            }
            _ => Err(OpenError::malformed(at, "the encrypted content is missing")),
        }
    }

    /// Whether a tag follows the content.
    pub(super) fn is_authenticated(&self) -> bool {
        self.algorithm.is_authenticated()
    }

    /// Number of content bytes consumed so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the next piece, at most `max` bytes; empty at the end of the content. Only
    /// [`consume`](Self::consume) moves on.
    pub(super) fn piece<'a, R: Read>(
        &mut self,
        ber: &'a mut BerReader<R>,
        max: usize,
    ) -> Result<&'a [u8], OpenError> {
        while self.left == 0 {
            match self.outer_depth {
                // X.690 section 8.1.4: primitive content has no end-of-contents.
                Some(depth) if depth == ber.depth() => {
                    self.outer_depth = None;
                    return Ok(&[]);
                }
                Some(_) => self.next_string(ber)?,
                None => return Ok(&[]),
            }
        }
        ber.piece(self.left.min(u64::try_from(max).unwrap_or(u64::MAX)))
    }

    pub(super) fn consume<R: Read>(&mut self, ber: &mut BerReader<R>, len: usize) {
        let len = ber.consume(len);
        self.left = self.left.saturating_sub(len);
        self.bytes = self.bytes.saturating_add(len);
    }

    /// Moves on to the next OCTET STRING; pieces may themselves be in pieces (X.690 section 8.7.3).
    fn next_string<R: Read>(&mut self, ber: &mut BerReader<R>) -> Result<(), OpenError> {
        match ber.next()? {
            None => Ok(()),
            Some(element) if element.tag == OCTET_STRING => {
                self.left = element.len.unwrap_or(0);
                Ok(())
            }
            Some(element) if element.tag == OCTET_STRINGS => ber.enter(element),
            Some(element) => Err(OpenError::malformed(
                element.at,
                "the encrypted content holds something other than bytes",
            )),
        }
    }

    /// After the content, checks everything that needs no key: its size, the end of every element, and the
    /// end of the file. Returns the authentication tag, if there has to be one.
    pub(super) fn end<R: Read>(&self, ber: &mut BerReader<R>) -> Result<Vec<u8>, OpenError> {
        let at = ber.position();
        let block = u64::try_from(BLOCK_BYTES).unwrap_or(u64::MAX);
        let tag = match self.algorithm {
            // RFC 5652 section 6.3: there is always padding, so even empty content has one block.
            ContentAlgorithm::Cbc { .. } if self.bytes == 0 || !self.bytes.is_multiple_of(block) => {
                return Err(OpenError::malformed(at, "the encrypted content is not made of whole blocks"));
            }
            // RFC 5652 section 6.1: in EnvelopedData the unprotected attributes have tag 1. In
            // AuthEnvelopedData tag 1 marks the authenticated ones, and tag 2 those that are not (RFC 5083
            // section 2.1).
            ContentAlgorithm::Cbc { .. } => {
                ber.expect_end("EncryptedContentInfo has trailing data")?;
                end_of_data(ber, CONTEXT_1_CONSTRUCTED)?;
                Vec::new()
            }
            ContentAlgorithm::Gcm { tag_bytes, .. } => {
                ber.expect_end("EncryptedContentInfo has trailing data")?;
                let tag = read_tag(ber, tag_bytes)?;
                end_of_data(ber, CONTEXT_2_CONSTRUCTED)?;
                tag
            }
        };
        ber.expect_end("the content of ContentInfo has trailing data")?;
        ber.expect_end("ContentInfo has trailing data")?;
        ber.expect_end_of_file()?;
        Ok(tag)
    }
}

/// Reads the MAC of AuthEnvelopedData (RFC 5083 section 2.1), which has `tag_bytes` bytes.
fn read_tag<R: Read>(ber: &mut BerReader<R>, tag_bytes: usize) -> Result<Vec<u8>, OpenError> {
    let at = ber.position();
    match ber.next()? {
        // X.690 section 8.7.1: in one piece or in several.
        Some(mac) if matches!(mac.tag, OCTET_STRING | OCTET_STRINGS) => {
            let der = ber.der(mac, MAC_BYTES_MAX)?;
            // `der` returns a tag and a length in front, of one byte each below 128 bytes.
            let tag = der.get(2..).filter(|tag| tag.len() == tag_bytes).map(<[u8]>::to_vec);
            tag.ok_or(OpenError::malformed(at, "the authentication tag is not as long as the file says"))
        }
        // RFC 5083 section 2.2: authenticated attributes are authenticated before the content, but follow it.
        Some(attributes) if attributes.tag == CONTEXT_1_CONSTRUCTED => {
            Err(OpenError::Unsupported { what: "authenticated attributes".to_owned() })
        }
        _ => Err(OpenError::malformed(at, "the authentication tag is missing")),
    }
}

/// Reads to the end of EnvelopedData or AuthEnvelopedData. Unprotected attributes may come first; they
/// neither protect nor change the content.
fn end_of_data<R: Read>(ber: &mut BerReader<R>, attributes_tag: u8) -> Result<(), OpenError> {
    if let Some(attributes) = ber.next()? {
        if attributes.tag != attributes_tag {
            return Err(OpenError::malformed(attributes.at, "EnvelopedData has trailing data"));
        }
        ber.skip(attributes)?;
        ber.expect_end("EnvelopedData has trailing data")?;
    }
    Ok(())
}
