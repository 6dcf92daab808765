//! Decrypts content keys, with every algorithm that we open.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
    OaepAlgorithm, OaepPrivateDecryptingKey, Pkcs1PrivateDecryptingKey, PrivateDecryptingKey,
};
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Choice, DecodeValue, Reader, Tag, TagMode, TagNumber, Tagged};
use x509_cert::spki::{self, AlgorithmIdentifierOwned, AlgorithmIdentifierRef};
use zeroize::Zeroizing;

use crate::oids;

/// A content key as the file holds it.
#[derive(Debug)]
pub(crate) struct EncryptedKey {
    pub(crate) transport: KeyTransport,
    pub(crate) bytes: Vec<u8>,
}

/// A key transport algorithm with its parameters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum KeyTransport {
    Pkcs1,
    Oaep {
        hash: OaepHash,
        /// Label that both sides must agree on; empty unless one was requested.
        label: Vec<u8>,
    },
}

/// The hash of OAEP, used for both the content and the mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OaepHash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl KeyTransport {
    /// Returns the algorithm that a recipient's keyEncryptionAlgorithm names.
    ///
    /// # Errors
    /// Returns the name of an unsupported algorithm, for people.
    pub(crate) fn of(algorithm: &AlgorithmIdentifierOwned) -> Result<Self, String> {
        let parameters = algorithm.parameters.as_ref();
        match algorithm.oid {
            // RFC 3370 section 4.2.1: the parameters are NULL, which some programs omit.
            oids::RSA_ENCRYPTION if parameters.is_none_or(|any| any.tag() == Tag::Null) => Ok(Self::Pkcs1),
            oids::RSAES_OAEP => {
                let parameters = parameters.and_then(|any| OaepParameters::read(any.into()).ok());
                parameters.ok_or("RSAES-OAEP with parameters that are not valid")?.transport()
            }
            other => Err(format!("the key transport algorithm {other}")),
        }
    }
}

/// RSAES-OAEP-params (RFC 4055 section 4.1), with its defaults filled in.
struct OaepParameters<'a> {
    hash: ObjectIdentifier,
    mask_hash: ObjectIdentifier,
    label: &'a [u8],
}

impl<'a> OaepParameters<'a> {
    fn read(any: AnyRef<'a>) -> spki::Result<Self> {
        let [hash, mask, source] = any.sequence(|reader| {
            let mut parameter = |number| reader.context_specific(number, TagMode::Explicit);
            Ok([parameter(TagNumber::N0)?, parameter(TagNumber::N1)?, parameter(TagNumber::N2)?])
        })?;
        let mask_hash = match mask {
            None => oids::SHA_1,
            Some(mask) => value::<AlgorithmIdentifierRef<'_>>(&mask, oids::MGF1)?.oid,
        };
        let label = match source {
            None => &[],
            Some(source) => value::<OctetStringRef<'_>>(&source, oids::P_SPECIFIED)?.as_bytes(),
        };
        let hash = hash.map_or(oids::SHA_1, |hash: AlgorithmIdentifierRef<'_>| hash.oid);
        Ok(Self { hash, mask_hash, label })
    }

    fn transport(&self) -> Result<KeyTransport, String> {
        let Self { hash, mask_hash, label } = self;
        let known = match *hash {
            // AWS-LC's interface supports no other pairs.
            same if same != *mask_hash => None,
            oids::SHA_1 => Some(OaepHash::Sha1),
            oids::SHA_256 => Some(OaepHash::Sha256),
            oids::SHA_384 => Some(OaepHash::Sha384),
            oids::SHA_512 => Some(OaepHash::Sha512),
            _ => None,
        };
        let hash = known.ok_or_else(|| format!("RSAES-OAEP with hash {hash} and mask hash {mask_hash}"))?;
        Ok(KeyTransport::Oaep { hash, label: label.to_vec() })
    }
}

/// Returns the parameters of this algorithm, which must be the expected one.
fn value<'a, T: Choice<'a> + DecodeValue<'a>>(
    algorithm: &AlgorithmIdentifierRef<'a>,
    expected: ObjectIdentifier,
) -> spki::Result<T> {
    algorithm.assert_algorithm_oid(expected)?;
    Ok(algorithm.parameters_any()?.decode_as()?)
}

impl OaepHash {
    fn algorithm(self) -> &'static OaepAlgorithm {
        match self {
            Self::Sha1 => &OAEP_SHA1_MGF1SHA1,
            Self::Sha256 => &OAEP_SHA256_MGF1SHA256,
            Self::Sha384 => &OAEP_SHA384_MGF1SHA384,
            Self::Sha512 => &OAEP_SHA512_MGF1SHA512,
        }
    }
}

impl EncryptedKey {
    /// Returns the content key if it was encrypted for this private key. Its length is not checked against
    /// the cipher yet.
    pub(crate) fn decrypt(&self, key: &PrivateDecryptingKey) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let mut out = Zeroizing::new(vec![0; key.key_size_bytes()]);
        let len = match &self.transport {
            KeyTransport::Pkcs1 => {
                Pkcs1PrivateDecryptingKey::new(key.clone())?.decrypt(&self.bytes, &mut out)?.len()
            }
            KeyTransport::Oaep { hash, label } => {
                let label = Some(label.as_slice()).filter(|label| !label.is_empty());
                let key = OaepPrivateDecryptingKey::new(key.clone())?;
                key.decrypt(hash.algorithm(), &self.bytes, &mut out, label)?.len()
            }
        };
        out.truncate(len);
        Ok(out)
    }
}
