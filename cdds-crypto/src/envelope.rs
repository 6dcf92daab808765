//! Writes EnvelopedData (RFC 5652 section 6) or AuthEnvelopedData (RFC 5083) piece by piece: header,
//! segments, end. Indefinite lengths make that possible without knowing the size beforehand.
//!
//! ```text
//! 30 80                                    ContentInfo
//!   06 … …                                   id-envelopedData, id-ct-authEnvelopedData
//!   A0 80                                    [0] EXPLICIT
//!     30 80                                    EnvelopedData, AuthEnvelopedData
//!       02 01 00                                 version 0: each recipient by issuer and serial number
//!       31 …                                     RecipientInfos, of definite length
//!       30 80                                    EncryptedContentInfo
//!         06 09 …                                  id-data
//!         30 … …                                   aes256-CBC, initialisation vector; aes256-GCM, nonce, 16
//!         A0 80                                    [0] IMPLICIT, in pieces:
//!           04 83 01 00 00 …                         OCTET STRING of 64 KiB, any number
//!           04 …                                     the rest
//!         00 00                                    end of the content
//!       00 00                                    end of EncryptedContentInfo
//!       04 10 …                                  AuthEnvelopedData only: the tag
//! 00 00  00 00  00 00                        end of the other three of indefinite length
//! ```
//! This is the layout of `openssl cms -encrypt -stream`, which every reader in use understands; gpgsm
//! accepts definite lengths only where this layout has them.

mod content;

use std::fmt;

use aws_lc_rs::error::Unspecified;
use bytes::{BufMut, BytesMut};
use cdds_core::ports::sealer::{SealerError, SealerErrorKind, Sealing};
use der::asn1::ObjectIdentifier;

use self::content::{ContentEncryptor, Ending, FreshContent, Mode};
use crate::ber::{
    self, CONTEXT_0_CONSTRUCTED, END_OF_CONTENTS, INDEFINITE, INTEGER, OCTET_STRING, OID, SEQUENCE, SET,
};
use crate::key_transport::Padding;
use crate::oids;
use crate::profile::Profile;
use crate::recipient::RecipientKey;

/// Ciphertext bytes per OCTET STRING, except for the last one.
const SEGMENT_BYTES: usize = 64 * 1024;
/// Segments are copied in pieces of this size: copying whole segments at once measurably slowed sealing in
/// uneven pieces by about 25 %.
const COPY_BYTES: usize = 1024;
/// Number of indefinite-length elements that end with the content: the content itself and
/// EncryptedContentInfo.
const INNER_ELEMENTS: usize = 2;
/// Number of indefinite-length elements that end with the file: (Auth)EnvelopedData and the elements around
/// it.
const OUTER_ELEMENTS: usize = 3;
/// Size of the header without the RecipientInfos, the algorithm, and the type of the ContentInfo: five
/// indefinite beginnings (2 each), the version (3), and id-data (11).
const FIXED_HEADER_BYTES: u64 = 5 * 2 + 3 + 11;

/// Returns the exact size of the sealed form of `plain` bytes, where `recipient_infos` is the size of all the
/// RecipientInfos without the SET around them. Saturates.
pub(crate) fn sealed_bytes(profile: Profile, plain: u64, recipient_infos: u64) -> u64 {
    let mode = Mode::of(profile);
    let content_type = u64::try_from(2 + mode.content_type().as_bytes().len()).unwrap_or(u64::MAX);
    let header = [content_type, mode.algorithm_bytes(), ber::header_bytes(recipient_infos), recipient_infos]
        .into_iter()
        .fold(FIXED_HEADER_BYTES, u64::saturating_add);
    let segment = u64::try_from(SEGMENT_BYTES).unwrap_or(u64::MAX);
    let content = mode.content_bytes(plain);
    let whole = (content / segment).saturating_mul(segment.saturating_add(ber::header_bytes(segment)));
    let rest = match content % segment {
        0 => 0,
        rest => rest.saturating_add(ber::header_bytes(rest)),
    };
    let ends = (INNER_ELEMENTS + OUTER_ELEMENTS) * END_OF_CONTENTS.len();
    let end = mode.trailer_bytes().saturating_add(u64::try_from(ends).unwrap_or(u64::MAX));
    header.saturating_add(whole).saturating_add(rest).saturating_add(end)
}

/// A part being sealed.
pub(crate) struct Envelope {
    encryptor: ContentEncryptor,
    /// Plaintext bytes taken so far, modulo the segment size.
    taken: usize,
    /// Ciphertext of the incomplete segment, in a buffer of a whole segment.
    segment: Box<[u8]>,
    filled: usize,
}

impl Envelope {
    /// Generates a fresh key and writes everything up to the first segment.
    pub(crate) fn begin(
        profile: Profile,
        recipients: &[RecipientKey],
        out: &mut BytesMut,
    ) -> Result<Self, SealerError> {
        let (mode, padding) = (Mode::of(profile), Padding::of(profile));
        let FreshContent { cipher: encryptor, key, algorithm } = mode.fresh().map_err(cipher_failed)?;
        let wrapped = recipients.iter().map(|recipient| recipient.wrap(&key, padding));
        let mut infos = wrapped.collect::<Result<Vec<_>, _>>().map_err(cipher_failed)?;
        // X.690 section 11.6: DER orders the elements of a SET OF by their bytes.
        infos.sort_unstable();
        put_header(out, mode, &infos.concat(), &algorithm);
        Ok(Self { encryptor, taken: 0, segment: vec![0; SEGMENT_BYTES].into(), filled: 0 })
    }

    /// Encrypts up to the end of the current segment; returns the plaintext beyond it.
    fn fill<'a>(&mut self, plain: &'a [u8], out: &mut BytesMut) -> Result<&'a [u8], Unspecified> {
        let room = SEGMENT_BYTES.saturating_sub(self.taken);
        let (now, later) = plain.split_at(room.min(plain.len()));
        let free = self.segment.get_mut(self.filled..).ok_or(Unspecified)?;
        self.filled = self.filled.saturating_add(self.encryptor.update(now, free)?);
        self.taken = self.taken.saturating_add(now.len());
        // A segment is a whole number of blocks, so here the cipher holds nothing back and the buffer is
        // full.
        if self.taken == SEGMENT_BYTES {
            self.flush(out);
            self.taken = 0;
        }
        Ok(later)
    }

    /// Encrypts a whole segment straight into the output.
    fn encrypt_segment(&mut self, plain: &[u8], out: &mut BytesMut) -> Result<(), Unspecified> {
        ber::put_header(out, OCTET_STRING, plain.len());
        let start = out.len();
        out.resize(start.saturating_add(plain.len()), 0);
        let free = out.get_mut(start..).ok_or(Unspecified)?;
        let written = self.encryptor.update(plain, free)?;
        if written == plain.len() { Ok(()) } else { Err(Unspecified) }
    }

    /// Writes the current segment, which is complete.
    fn flush(&mut self, out: &mut BytesMut) {
        ber::put_header(out, OCTET_STRING, self.segment.len());
        self.segment.chunks(COPY_BYTES).for_each(|piece| out.put_slice(piece));
        self.filled = 0;
    }
}

impl Sealing for Envelope {
    fn update(&mut self, plain: &[u8], out: &mut BytesMut) -> Result<(), SealerError> {
        if !self.encryptor.has_room_for(plain.len()) {
            return Err(too_long());
        }
        let segments = plain.len().div_ceil(SEGMENT_BYTES);
        // More than the five bytes of a segment's header, so that the output is not moved while it grows.
        out.reserve(plain.len().saturating_add(segments.saturating_mul(8)));
        let mut rest = plain;
        if self.taken > 0 {
            rest = self.fill(rest, out).map_err(cipher_failed)?;
        }
        let mut whole = rest.chunks_exact(SEGMENT_BYTES);
        for segment in &mut whole {
            self.encrypt_segment(segment, out).map_err(cipher_failed)?;
        }
        // A piece shorter than a segment leaves no rest.
        self.fill(whole.remainder(), out).map_err(cipher_failed)?;
        Ok(())
    }

    fn finish(self: Box<Self>, out: &mut BytesMut) -> Result<(), SealerError> {
        let Self { encryptor, segment, filled, .. } = *self;
        let ending = encryptor.finish().map_err(cipher_failed)?;
        let sealed = segment.get(..filled).unwrap_or_default();
        // CBC always ends with a block of padding. Empty content in GCM stays empty, and then has no OCTET
        // STRING at all.
        let last = match &ending {
            Ending::Block(block) => &block[..],
            Ending::Tag(_) => &[],
        };
        let len = sealed.len().saturating_add(last.len());
        if len > 0 {
            ber::put_header(out, OCTET_STRING, len);
            out.put_slice(sealed);
            out.put_slice(last);
        }
        put_ends(out, INNER_ELEMENTS);
        // RFC 5083 section 2.1: the tag follows EncryptedContentInfo, in AuthEnvelopedData itself.
        if let Ending::Tag(tag) = ending {
            ber::put_header(out, OCTET_STRING, tag.len());
            out.put_slice(&tag);
        }
        put_ends(out, OUTER_ELEMENTS);
        Ok(())
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Envelope")
    }
}

/// `infos` are the RecipientInfos without the SET around them, `algorithm` is the whole SEQUENCE.
fn put_header(out: &mut BytesMut, mode: Mode, infos: &[u8], algorithm: &[u8]) {
    put_open(out, SEQUENCE);
    put_oid(out, &mode.content_type());
    put_open(out, CONTEXT_0_CONSTRUCTED);
    put_open(out, SEQUENCE);
    ber::put_header(out, INTEGER, 1);
    // Version 0: RFC 5083 section 2.1 allows no other, and RFC 5652 section 6.1 requires it, since every
    // recipient is named by issuer and serial number and there are no attributes.
    out.put_u8(0);
    ber::put_header(out, SET, infos.len());
    out.put_slice(infos);
    put_open(out, SEQUENCE);
    put_oid(out, &oids::DATA);
    out.put_slice(algorithm);
    put_open(out, CONTEXT_0_CONSTRUCTED);
}

fn put_open(out: &mut BytesMut, tag: u8) {
    out.put_slice(&[tag, INDEFINITE]);
}

fn put_ends(out: &mut BytesMut, elements: usize) {
    (0..elements).for_each(|_| out.put_slice(&END_OF_CONTENTS));
}

fn put_oid(out: &mut BytesMut, oid: &ObjectIdentifier) {
    ber::put_header(out, OID, oid.as_bytes().len());
    out.put_slice(oid.as_bytes());
}

fn cipher_failed(_: Unspecified) -> SealerError {
    SealerError::new(
        SealerErrorKind::Crypto,
        "the cryptographic library could not encrypt, or gave no random bytes",
    )
}

fn too_long() -> SealerError {
    SealerError::new(
        SealerErrorKind::Crypto,
        "a part is longer than the 64 GiB that AES-GCM encrypts with one key: split it, or use another profile",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILES: [Profile; 3] = [Profile::Compat, Profile::Oaep, Profile::AuthGcm];

    #[test]
    fn sizes_saturate_instead_of_wrapping() {
        for profile in PROFILES {
            assert_eq!(sealed_bytes(profile, u64::MAX, 0), u64::MAX);
            assert_eq!(sealed_bytes(profile, 0, u64::MAX), u64::MAX);
        }
    }

    #[test]
    fn the_overhead_is_what_the_rules_promise() {
        // Rule A4: about a kilobyte plus 0.01 %.
        for profile in PROFILES {
            for plain in [0, 65_536, 1_000_000, 1_500_000_000] {
                let overhead = sealed_bytes(profile, plain, 400) - plain;
                assert!(overhead < 1024 + plain / 10_000, "{profile:?} {plain}: {overhead}");
            }
        }
    }
}
