//! Writes EnvelopedData (RFC 5652 section 6) piece by piece: header, segments, end.
//!
//! ```text
//! 30 80                                    ContentInfo
//!   06 09 …                                  id-envelopedData
//!   A0 80                                    [0] EXPLICIT
//!     30 80                                    EnvelopedData
//!       02 01 00                                 version 0: every recipient by issuer and serial number
//!       31 …                                     RecipientInfos, of definite length
//!       30 80                                    EncryptedContentInfo
//!         06 09 …                                  id-data
//!         30 1D …                                  aes256-CBC, initialisation vector
//!         A0 80                                    [0] IMPLICIT, in pieces:
//!           04 83 01 00 00 …                         OCTET STRING of 64 KiB, any number
//!           04 …                                     the rest
//! 00 00  00 00  00 00  00 00  00 00        end of the five of indefinite length
//! ```
//! This is the layout of `openssl cms -encrypt -stream`, which every reader in use understands; gpgsm
//! does not accept definite lengths elsewhere than here.

use std::fmt;

use aws_lc_rs::error::Unspecified;
use bytes::{BufMut, BytesMut};
use cdds_core::ports::sealer::{SealerError, SealerErrorKind, Sealing};
use cms::enveloped_data::RecipientInfos;
use der::Encode;
use der::asn1::ObjectIdentifier;

use crate::ber::{
    self, CONTEXT_0_CONSTRUCTED, END_OF_CONTENTS, INDEFINITE, INTEGER, OCTET_STRING, OID, SEQUENCE,
};
use crate::cipher::{BLOCK_BYTES, Encryptor, Fresh};
use crate::oids;
use crate::recipient::RecipientKey;

/// Ciphertext per OCTET STRING, except for the last one.
const SEGMENT_BYTES: usize = 64 * 1024;
/// Segments are copied in pieces of this size: whole segments in one copy made sealing in uneven pieces
/// about 25 % slower where it was measured.
const COPY_BYTES: usize = 1024;
/// Elements of indefinite length around the segments.
const OPEN_ELEMENTS: usize = 5;
/// The header apart from the RecipientInfos: five indefinite beginnings (2 each), two object identifiers
/// (11 each), the version (3), and the algorithm (31) of aes256-CBC.
const FIXED_HEADER_BYTES: u64 = 5 * 2 + 2 * 11 + 3 + 31;

/// Exact size of the sealed form of `plain` bytes, where `recipient_infos` is the size of all the
/// RecipientInfos without the SET around them. Saturates.
pub(crate) fn sealed_bytes(plain: u64, recipient_infos: u64) -> u64 {
    let header =
        FIXED_HEADER_BYTES.saturating_add(ber::header_bytes(recipient_infos)).saturating_add(recipient_infos);
    let segment = u64::try_from(SEGMENT_BYTES).unwrap_or(u64::MAX);
    let block = u64::try_from(BLOCK_BYTES).unwrap_or(u64::MAX);
    // RFC 5652 section 6.3: there is always padding, of 1 to 16 bytes.
    let content = (plain / block).saturating_add(1).saturating_mul(block);
    let whole = (content / segment).saturating_mul(segment.saturating_add(ber::header_bytes(segment)));
    let rest = match content % segment {
        0 => 0,
        rest => rest.saturating_add(ber::header_bytes(rest)),
    };
    let end = u64::try_from(OPEN_ELEMENTS * END_OF_CONTENTS.len()).unwrap_or(u64::MAX);
    header.saturating_add(whole).saturating_add(rest).saturating_add(end)
}

/// One part being sealed.
pub(crate) struct Envelope {
    encryptor: Encryptor,
    /// Plaintext taken so far modulo the segment size.
    taken: usize,
    /// Ciphertext of the segment that is not complete yet, in a buffer of a whole segment.
    segment: Box<[u8]>,
    filled: usize,
}

impl Envelope {
    /// Takes a fresh key and writes everything up to the first segment.
    pub(crate) fn begin(recipients: &[RecipientKey], out: &mut BytesMut) -> Result<Self, SealerError> {
        let Fresh { encryptor, key, iv } = Encryptor::fresh().map_err(cipher_failed)?;
        let wrapped = recipients.iter().map(|recipient| recipient.wrap(&key)).collect::<Result<Vec<_>, _>>();
        let infos = wrapped.map_err(cipher_failed).and_then(|infos| {
            RecipientInfos::try_from(infos).and_then(|infos| infos.to_der()).map_err(encoding_failed)
        })?;
        put_header(out, &infos, iv);
        Ok(Self { encryptor, taken: 0, segment: vec![0; SEGMENT_BYTES].into(), filled: 0 })
    }

    /// Encrypts up to the end of the segment under way; gives back what is beyond it.
    fn fill<'a>(&mut self, plain: &'a [u8], out: &mut BytesMut) -> Result<&'a [u8], Unspecified> {
        let room = SEGMENT_BYTES.saturating_sub(self.taken);
        let (now, later) = plain.split_at(room.min(plain.len()));
        let free = self.segment.get_mut(self.filled..).ok_or(Unspecified)?;
        self.filled = self.filled.saturating_add(self.encryptor.update(now, free)?);
        self.taken = self.taken.saturating_add(now.len());
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

    /// Writes the segment under way, which is complete.
    fn flush(&mut self, out: &mut BytesMut) {
        ber::put_header(out, OCTET_STRING, self.segment.len());
        self.segment.chunks(COPY_BYTES).for_each(|piece| out.put_slice(piece));
        self.filled = 0;
    }
}

impl Sealing for Envelope {
    fn update(&mut self, plain: &[u8], out: &mut BytesMut) -> Result<(), SealerError> {
        let segments = plain.len().div_ceil(SEGMENT_BYTES);
        out.reserve(plain.len().saturating_add(segments.saturating_mul(8)));
        let mut rest = plain;
        if self.taken > 0 {
            rest = self.fill(rest, out).map_err(cipher_failed)?;
        }
        let mut whole = rest.chunks_exact(SEGMENT_BYTES);
        for segment in &mut whole {
            self.encrypt_segment(segment, out).map_err(cipher_failed)?;
        }
        // Nothing is left beyond a piece that is shorter than a segment.
        self.fill(whole.remainder(), out).map_err(cipher_failed)?;
        Ok(())
    }

    fn finish(self: Box<Self>, out: &mut BytesMut) -> Result<(), SealerError> {
        let Self { encryptor, segment, filled, .. } = *self;
        let last = encryptor.finish().map_err(cipher_failed)?;
        let sealed = segment.get(..filled).unwrap_or_default();
        ber::put_header(out, OCTET_STRING, sealed.len().saturating_add(last.len()));
        out.put_slice(sealed);
        out.put_slice(&last);
        (0..OPEN_ELEMENTS).for_each(|_| out.put_slice(&END_OF_CONTENTS));
        Ok(())
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Envelope")
    }
}

/// `infos` is the whole SET.
fn put_header(out: &mut BytesMut, infos: &[u8], iv: [u8; BLOCK_BYTES]) {
    put_open(out, SEQUENCE);
    put_oid(out, &oids::ENVELOPED_DATA);
    put_open(out, CONTEXT_0_CONSTRUCTED);
    put_open(out, SEQUENCE);
    ber::put_header(out, INTEGER, 1);
    out.put_u8(0);
    out.put_slice(infos);
    put_open(out, SEQUENCE);
    put_oid(out, &oids::DATA);
    // RFC 3565 section 4.1: the parameters of aes256-CBC are the initialisation vector.
    let oid = oids::AES_256_CBC.as_bytes();
    ber::put_header(out, SEQUENCE, 2 + oid.len() + 2 + iv.len());
    put_oid(out, &oids::AES_256_CBC);
    ber::put_header(out, OCTET_STRING, iv.len());
    out.put_slice(&iv);
    put_open(out, CONTEXT_0_CONSTRUCTED);
}

fn put_open(out: &mut BytesMut, tag: u8) {
    out.put_slice(&[tag, INDEFINITE]);
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

fn encoding_failed(error: der::Error) -> SealerError {
    SealerError::with_source(
        SealerErrorKind::Crypto,
        "the recipients of a sealed part cannot be encoded",
        error,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_saturate_instead_of_wrapping() {
        assert_eq!(sealed_bytes(u64::MAX, 0), u64::MAX);
        assert_eq!(sealed_bytes(0, u64::MAX), u64::MAX);
    }

    #[test]
    fn the_overhead_is_what_the_rules_promise() {
        // Rule A4: about a kilobyte plus 0.01 %.
        for plain in [0, 65_536, 1_000_000, 1_500_000_000] {
            let overhead = sealed_bytes(plain, 350) - plain;
            assert!(overhead < 1024 + plain / 10_000, "{plain}: {overhead}");
        }
    }
}
