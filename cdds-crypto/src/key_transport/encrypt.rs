//! Encrypts content keys, with one of two paddings.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, Pkcs1PublicEncryptingKey, PublicEncryptingKey,
};
use der::asn1::{Any, ContextSpecific};
use der::{Encode, Tag, TagMode, TagNumber};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::cipher::ContentKey;
use crate::oids;
use crate::profile::Profile;

/// The padding of the encrypted key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Padding {
    /// RSAES-PKCS1-v1_5, RFC 3370 section 4.2.1.
    Pkcs1,
    /// RSAES-OAEP with SHA-256 and MGF1 over SHA-256, RFC 3560.
    Oaep,
}

impl Padding {
    pub(crate) fn of(profile: Profile) -> Self {
        match profile {
            Profile::Compat | Profile::AuthGcm => Self::Pkcs1,
            Profile::Oaep => Self::Oaep,
        }
    }

    /// Returns the part's key, encrypted; it is as long as the RSA key.
    pub(crate) fn encrypt(
        self,
        recipient: &PublicEncryptingKey,
        key: &ContentKey,
    ) -> Result<Vec<u8>, Unspecified> {
        let recipient = recipient.clone();
        let mut encrypted = vec![0; recipient.key_size_bytes()];
        let written = match self {
            Self::Pkcs1 => {
                Pkcs1PublicEncryptingKey::new(recipient)?.encrypt(key.as_bytes(), &mut encrypted)?
            }
            Self::Oaep => OaepPublicEncryptingKey::new(recipient)?.encrypt(
                &OAEP_SHA256_MGF1SHA256,
                key.as_bytes(),
                &mut encrypted,
                None,
            )?,
        };
        let len = written.len();
        encrypted.truncate(len);
        Ok(encrypted)
    }

    /// Returns the keyEncryptionAlgorithm.
    pub(crate) fn algorithm(self) -> der::Result<AlgorithmIdentifierOwned> {
        Ok(match self {
            Self::Pkcs1 => AlgorithmIdentifierOwned {
                oid: oids::RSA_ENCRYPTION,
                // RFC 3370 section 4.2.1: the parameters are NULL; older readers insist on it.
                parameters: Some(Any::new(Tag::Null, Vec::new())?),
            },
            Self::Oaep => {
                AlgorithmIdentifierOwned { oid: oids::RSAES_OAEP, parameters: Some(oaep_parameters()?) }
            }
        })
    }
}

/// RFC 4055 section 4.1. The label is empty, which is the default, so it is not written.
///
/// ```text
/// RSAES-OAEP-params ::= SEQUENCE { hashFunc [0], maskGenFunc [1], pSourceFunc [2] }
/// ```
fn oaep_parameters() -> der::Result<Any> {
    // RFC 4055 section 2.1: the parameters of SHA-256 may be absent or NULL. OpenSSL omits them.
    let hash = AlgorithmIdentifierOwned { oid: oids::SHA_256, parameters: None };
    let mask = AlgorithmIdentifierOwned { oid: oids::MGF1, parameters: Some(Any::encode_from(&hash)?) };
    let mut fields = Vec::new();
    for (tag_number, value) in [(TagNumber::N0, hash), (TagNumber::N1, mask)] {
        ContextSpecific { tag_number, tag_mode: TagMode::Explicit, value }.encode_to_vec(&mut fields)?;
    }
    Any::new(Tag::Sequence, fields)
}
