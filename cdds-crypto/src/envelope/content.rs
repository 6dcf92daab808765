//! Encrypts the content of a sealed part. This is the only difference between the two kinds of envelope.

use aws_lc_rs::error::Unspecified;
use bytes::{BufMut, BytesMut};
use der::asn1::ObjectIdentifier;

use super::put_oid;
use crate::ber::{self, INTEGER, OCTET_STRING, SEQUENCE};
use crate::cipher::{BLOCK_BYTES, ContentKey, Encryptor, Fresh};
use crate::gcm::{FreshGcm, GcmEncryptor, NONCE_BYTES, TAG_BYTES};
use crate::oids;
use crate::profile::Profile;

/// The tag size as encoded in GCMParameters.
const ICV_LEN: [u8; 3] = [INTEGER, 1, 16];

/// The two ways to encrypt content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// EnvelopedData with AES-256-CBC.
    Cbc,
    /// AuthEnvelopedData with AES-256-GCM.
    Gcm,
}

impl Mode {
    pub(super) fn of(profile: Profile) -> Self {
        match profile {
            Profile::Compat | Profile::Oaep => Self::Cbc,
            Profile::AuthGcm => Self::Gcm,
        }
    }

    /// Returns the contentType of the ContentInfo.
    pub(super) fn content_type(self) -> ObjectIdentifier {
        match self {
            Self::Cbc => oids::ENVELOPED_DATA,
            Self::Gcm => oids::AUTH_ENVELOPED_DATA,
        }
    }

    /// Size of the contentEncryptionAlgorithm, bytes.
    pub(super) fn algorithm_bytes(self) -> u64 {
        match self {
            Self::Cbc => 2 + 11 + 18,
            Self::Gcm => 2 + 11 + 2 + 14 + 3,
        }
    }

    /// Size of the encrypted content, bytes. Saturates.
    pub(super) fn content_bytes(self, plain: u64) -> u64 {
        let block = u64::try_from(BLOCK_BYTES).unwrap_or(u64::MAX);
        match self {
            // RFC 5652 section 6.3: there is always padding, of 1 to 16 bytes.
            Self::Cbc => (plain / block).saturating_add(1).saturating_mul(block),
            Self::Gcm => plain,
        }
    }

    /// Size of the fields after the encrypted content, without the end-of-contents octets, in bytes.
    pub(super) fn trailer_bytes(self) -> u64 {
        match self {
            Self::Cbc => 0,
            Self::Gcm => u64::try_from(2 + TAG_BYTES).unwrap_or(u64::MAX),
        }
    }

    /// Starts a cipher with a fresh key.
    pub(super) fn fresh(self) -> Result<FreshContent, Unspecified> {
        let mut algorithm = BytesMut::new();
        match self {
            Self::Cbc => {
                let Fresh { encryptor, key, iv } = Encryptor::fresh()?;
                put_cbc(&mut algorithm, iv);
                Ok(FreshContent { cipher: ContentEncryptor::Cbc(encryptor), key, algorithm })
            }
            Self::Gcm => {
                let FreshGcm { encryptor, key, nonce } = GcmEncryptor::fresh()?;
                put_gcm(&mut algorithm, nonce);
                Ok(FreshContent { cipher: ContentEncryptor::Gcm(Box::new(encryptor)), key, algorithm })
            }
        }
    }
}

/// RFC 3565 section 4.1: the parameters of aes256-CBC are the initialisation vector.
fn put_cbc(out: &mut BytesMut, iv: [u8; BLOCK_BYTES]) {
    let oid = oids::AES_256_CBC;
    ber::put_header(out, SEQUENCE, 2 + oid.as_bytes().len() + 2 + iv.len());
    put_oid(out, &oid);
    ber::put_header(out, OCTET_STRING, iv.len());
    out.put_slice(&iv);
}

/// RFC 5084 section 3.2: `GCMParameters ::= SEQUENCE { aes-nonce OCTET STRING, aes-ICVlen INTEGER }`.
fn put_gcm(out: &mut BytesMut, nonce: [u8; NONCE_BYTES]) {
    let oid = oids::AES_256_GCM;
    let parameters = 2 + nonce.len() + ICV_LEN.len();
    ber::put_header(out, SEQUENCE, 2 + oid.as_bytes().len() + 2 + parameters);
    put_oid(out, &oid);
    ber::put_header(out, SEQUENCE, parameters);
    ber::put_header(out, OCTET_STRING, nonce.len());
    out.put_slice(&nonce);
    out.put_slice(&ICV_LEN);
}

/// The result of starting the content of one part.
pub(super) struct FreshContent {
    pub(super) cipher: ContentEncryptor,
    pub(super) key: ContentKey,
    /// The complete contentEncryptionAlgorithm.
    pub(super) algorithm: BytesMut,
}

/// The content of one part being encrypted.
pub(super) enum ContentEncryptor {
    Cbc(Encryptor),
    Gcm(Box<GcmEncryptor>),
}

/// The output of the cipher at the end of the content.
pub(super) enum Ending {
    /// The last block with its padding, which is part of the content.
    Block([u8; BLOCK_BYTES]),
    /// The tag, which follows the content.
    Tag([u8; TAG_BYTES]),
}

impl ContentEncryptor {
    /// Whether `plain` more bytes stay within the limit of one key. CBC's limit is far beyond any file.
    pub(super) fn has_room_for(&self, plain: usize) -> bool {
        match self {
            Self::Cbc(_) => true,
            Self::Gcm(encryptor) => encryptor.has_room_for(plain),
        }
    }

    /// Encrypts and returns the size of the finished output. `out` must have room for `plain` rounded up to
    /// blocks.
    pub(super) fn update(&mut self, plain: &[u8], out: &mut [u8]) -> Result<usize, Unspecified> {
        match self {
            Self::Cbc(encryptor) => encryptor.update(plain, out),
            Self::Gcm(encryptor) => encryptor.update(plain, out),
        }
    }

    pub(super) fn finish(self) -> Result<Ending, Unspecified> {
        match self {
            Self::Cbc(encryptor) => encryptor.finish().map(Ending::Block),
            Self::Gcm(encryptor) => Ok(Ending::Tag(encryptor.finish())),
        }
    }
}
