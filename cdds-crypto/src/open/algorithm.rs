//! The algorithm that encrypts a sealed file's content, and its decryption.

use std::io::Read;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use der::asn1::{AnyRef, OctetStringRef};
use der::{Decode, Reader};
use x509_cert::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::OpenError;
use crate::ber::{BerReader, SEQUENCE};
use crate::cipher::{BLOCK_BYTES, ContentCipher, Decryptor};
use crate::gcm::{GcmDecryptor, NONCE_BYTES, TAGS_BYTES};

/// Largest object identifier or algorithm that is read, bytes.
pub(super) const ALGORITHM_BYTES_MAX: usize = 1024;
/// Size of the tag if the file does not specify it (RFC 5084 section 3.2).
const TAG_BYTES_DEFAULT: u8 = 12;

/// The contentEncryptionAlgorithm with its parameters.
#[derive(Debug, Clone, Copy)]
pub(super) enum ContentAlgorithm {
    /// In EnvelopedData (RFC 3565 section 4.1).
    Cbc { cipher: ContentCipher, iv: [u8; BLOCK_BYTES] },
    /// In AuthEnvelopedData (RFC 5084 section 3.2).
    Gcm { cipher: ContentCipher, nonce: [u8; NONCE_BYTES], tag_bytes: usize },
}

impl ContentAlgorithm {
    /// Reads the AlgorithmIdentifier, which must come next, from EnvelopedData or AuthEnvelopedData.
    pub(super) fn read<R: Read>(ber: &mut BerReader<R>, authenticated: bool) -> Result<Self, OpenError> {
        let element = ber.expect(SEQUENCE, "the encryption algorithm is missing")?;
        let der = ber.der(element, ALGORITHM_BYTES_MAX)?;
        let algorithm = AlgorithmIdentifierRef::from_der(&der)
            .map_err(|_| OpenError::malformed(element.at, "the encryption algorithm is not valid"))?;
        let of = if authenticated { ContentCipher::of_gcm } else { ContentCipher::of_cbc };
        let cipher = of(&algorithm.oid)
            .ok_or_else(|| OpenError::Unsupported { what: format!("the cipher {}", algorithm.oid) })?;
        let parameters = algorithm.parameters.unwrap_or(AnyRef::NULL);
        if authenticated {
            return Self::gcm(cipher, parameters, element.at);
        }
        let iv = parameters.decode_as::<OctetStringRef<'_>>().ok().map(|iv| iv.as_bytes());
        match iv.map(TryInto::try_into) {
            Some(Ok(iv)) => Ok(Self::Cbc { cipher, iv }),
            _ => Err(OpenError::malformed(element.at, "the initialisation vector is not valid")),
        }
    }

    /// `GCMParameters ::= SEQUENCE { aes-nonce OCTET STRING, aes-ICVlen INTEGER (12..16) DEFAULT 12 }`
    ///
    /// Nothing protects the size of the tag: whoever changes it and truncates the tag accordingly has a file
    /// that is still valid, whose tag can be guessed once in 2^96 tries instead of 2^128. Other programs
    /// write such short tags, and they still authenticate the content.
    fn gcm(cipher: ContentCipher, parameters: AnyRef<'_>, at: u64) -> Result<Self, OpenError> {
        let read = parameters.sequence(|reader| {
            let nonce = OctetStringRef::decode(reader)?.as_bytes();
            let tag_bytes = if reader.is_finished() { TAG_BYTES_DEFAULT } else { u8::decode(reader)? };
            Ok((nonce, usize::from(tag_bytes)))
        });
        let (nonce, tag_bytes) = read
            .ok()
            .filter(|(_, tag_bytes)| TAGS_BYTES.contains(tag_bytes))
            .ok_or_else(|| OpenError::malformed(at, "the parameters of AES-GCM are not valid"))?;
        let nonce = nonce.try_into().map_err(|_| OpenError::Unsupported {
            what: format!("AES-GCM with a nonce of {} bytes", nonce.len()),
        })?;
        Ok(Self::Gcm { cipher, nonce, tag_bytes })
    }

    /// Whether a tag follows the content.
    pub(super) fn is_authenticated(self) -> bool {
        matches!(self, Self::Gcm { .. })
    }

    /// Returns a decryption with a random key, which fails at the end like that of any wrong key.
    pub(super) fn random_decryption(self) -> Result<Decryption, Unspecified> {
        let (Self::Cbc { cipher, .. } | Self::Gcm { cipher, .. }) = self;
        let mut key = Zeroizing::new(vec![0; cipher.key_bytes()]);
        rand::fill(&mut key)?;
        self.decryption(&key)
    }

    /// Starts decrypting. Fails if the key length does not match the cipher.
    pub(super) fn decryption(self, key: &[u8]) -> Result<Decryption, Unspecified> {
        match self {
            Self::Cbc { cipher, iv } => Decryptor::new(cipher, key, iv).map(Decryption::Cbc),
            Self::Gcm { cipher, nonce, .. } => {
                GcmDecryptor::new(cipher, key, nonce).map(|gcm| Decryption::Gcm(Box::new(gcm)))
            }
        }
    }
}

/// The content being decrypted.
#[derive(Debug)]
pub(super) enum Decryption {
    Cbc(Decryptor),
    Gcm(Box<GcmDecryptor>),
}

impl Decryption {
    /// Decrypts and returns the size of the output. `out` must be a block longer than `sealed`.
    pub(super) fn update(&mut self, sealed: &[u8], out: &mut [u8]) -> Result<usize, Unspecified> {
        match self {
            Self::Cbc(cbc) => cbc.update(sealed, out),
            Self::Gcm(gcm) => gcm.update(sealed, out),
        }
    }

    /// Checks the padding, or the tag that follows the content, and writes the rest, which is less than a
    /// block.
    pub(super) fn finish(self, tag: &[u8], out: &mut [u8]) -> Result<usize, Unspecified> {
        match self {
            Self::Cbc(cbc) => cbc.finish(out),
            Self::Gcm(gcm) => gcm.finish(tag).map(|()| 0),
        }
    }
}
