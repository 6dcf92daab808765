//! Signatures over manifests: detached CMS SignedData (RFC 5652 section 5), RSA with SHA-256.
//!
//! A manifest contains the digest of every part, so a single signature identifies who made the whole set and
//! proves that nothing in it was changed.

mod check;
mod verifier;

pub use check::{SignatureError, SignatureFacts, check_signature};
pub use verifier::CmsVerifier;

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};
use aws_lc_rs::{digest, error};
use cdds_core::ports::sealer::{ManifestSigner, SealerError, SealerErrorKind};
use chrono::{DateTime, Utc};
use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use der::asn1::{Any, GeneralizedTime, ObjectIdentifier, OctetString, SetOfVec, UtcTime};
use der::{Encode, EncodeValue, Tag, Tagged};
use x509_cert::attr::{Attribute, Attributes};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::armor::{self, Block};
use crate::certificate::SignerCertificate;
use crate::oids;
use crate::private_key::other;

/// Signs manifests with the service's own key.
///
/// The signature contains the certificate, the time of signing, and the manifest's SHA-256, but not the
/// manifest itself. Check it with [`check_signature`], or with OpenSSL by `openssl cms -verify -binary
/// -inform DER -in M.p7s -content M -certfile CERT -nointern -noverify`; without `-nointern` OpenSSL would
/// believe any certificate that the signature includes.
pub struct CmsSigner {
    certificate: SignerCertificate,
    key: KeyPair,
}

impl CmsSigner {
    /// Takes `certificate`, one X.509 certificate, PEM or DER, with an RSA key of 2048 to 8192 bits, and
    /// `key`, its private key without a passphrase, PKCS#8 or PKCS#1, PEM or DER.
    ///
    /// # Errors
    /// [`SealerErrorKind::Certificate`] if either cannot be used or they do not belong together; the message
    /// says what to do. The certificate's validity is checked on each signing.
    pub fn new(certificate: &[u8], key: &[u8]) -> Result<Self, SealerError> {
        let certificate = SignerCertificate::for_signing(certificate).map_err(refused)?;
        let key = read_key(key).map_err(refused)?;
        let probe = b"does the key belong to the certificate?";
        let signature = sign(&key, probe).map_err(signing_failed)?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &certificate.public_key)
            .verify(probe, &signature)
            .map_err(|_| {
                refused("the private key does not belong to the certificate: supply a matching pair")
            })?;
        Ok(Self { certificate, key })
    }

    fn signed_data(&self, manifest: &[u8], signed_at: DateTime<Utc>) -> Result<Vec<u8>, SealerError> {
        let attributes = signed_attributes(manifest, signed_at).map_err(encoding_failed)?;
        // RFC 5652 section 5.4: the signature covers the SET of the attributes, under its own tag.
        let signature = sign(&self.key, &attributes.to_der().map_err(encoding_failed)?);
        self.content_info(attributes, signature.map_err(signing_failed)?).map_err(encoding_failed)
    }

    fn content_info(&self, attributes: Attributes, signature: Vec<u8>) -> der::Result<Vec<u8>> {
        let certificate = &self.certificate.certificate;
        let sha_256 = AlgorithmIdentifierOwned { oid: oids::SHA_256, parameters: None };
        let signer = SignerInfo {
            // RFC 5652 section 5.3: version 1 goes with issuer and serial number; SignedData has the same
            // version.
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: certificate.tbs_certificate.issuer.clone(),
                serial_number: certificate.tbs_certificate.serial_number.clone(),
            }),
            digest_alg: sha_256.clone(),
            signed_attrs: Some(attributes),
            signature_algorithm: AlgorithmIdentifierOwned {
                oid: oids::RSA_ENCRYPTION,
                parameters: Some(Any::new(Tag::Null, Vec::new())?),
            },
            signature: OctetString::new(signature)?,
            unsigned_attrs: None,
        };
        let signed = SignedData {
            version: CmsVersion::V1,
            digest_algorithms: SetOfVec::try_from(vec![sha_256])?,
            encap_content_info: EncapsulatedContentInfo { econtent_type: oids::DATA, econtent: None },
            certificates: Some(CertificateSet::try_from(vec![CertificateChoices::Certificate(
                certificate.clone(),
            )])?),
            crls: None,
            signer_infos: SignerInfos::try_from(vec![signer])?,
        };
        ContentInfo { content_type: oids::SIGNED_DATA, content: Any::encode_from(&signed)? }.to_der()
    }
}

impl ManifestSigner for CmsSigner {
    fn sign(&self, manifest: &[u8], signed_at: DateTime<Utc>) -> Result<Vec<u8>, SealerError> {
        self.certificate
            .refuse_outside_validity(signed_at)
            .map_err(|why| refused(format!("manifests cannot be signed: {why}")))?;
        self.signed_data(manifest, signed_at)
    }
}

impl fmt::Debug for CmsSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CmsSigner")
    }
}

fn sign(key: &KeyPair, message: &[u8]) -> Result<Vec<u8>, error::Unspecified> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)?;
    Ok(signature)
}

/// RFC 5652 section 11: content type, digest, and time of signing.
fn signed_attributes(manifest: &[u8], signed_at: DateTime<Utc>) -> der::Result<Attributes> {
    let digest = OctetString::new(digest::digest(&digest::SHA256, manifest).as_ref())?;
    Attributes::try_from(vec![
        attribute(oids::CONTENT_TYPE, &oids::DATA)?,
        attribute(oids::MESSAGE_DIGEST, &digest)?,
        signing_time(signed_at)?,
    ])
}

/// RFC 5652 section 11.3: UTCTime up to 2049.
fn signing_time(at: DateTime<Utc>) -> der::Result<Attribute> {
    let seconds = u64::try_from(at.timestamp()).map_err(|_| Tag::UtcTime.value_error())?;
    let since_epoch = std::time::Duration::from_secs(seconds);
    match UtcTime::from_unix_duration(since_epoch) {
        Ok(time) => attribute(oids::SIGNING_TIME, &time),
        Err(_) => attribute(oids::SIGNING_TIME, &GeneralizedTime::from_unix_duration(since_epoch)?),
    }
}

fn attribute<T: Tagged + EncodeValue>(oid: ObjectIdentifier, value: &T) -> der::Result<Attribute> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![Any::encode_from(value)?])? })
}

/// Returns the one private key in a PEM text or a DER file.
fn read_key(encoded: &[u8]) -> Result<KeyPair, String> {
    let blocks =
        armor::blocks(encoded).map_err(|why| format!("the signing key is not a whole PEM file: {why}"))?;
    let mut keys = blocks.iter().filter(|block| block.is_private_key());
    let der = match (keys.next(), keys.next()) {
        (Some(_), Some(_)) => {
            return Err("there is more than one signing key here: supply only one".to_owned());
        }
        (Some(key), None) if is_encrypted(key) => {
            return Err(
                "the signing key is protected by a passphrase, which nobody can type in while a service \
                 runs: decrypt it with 'openssl pkey -in FILE -out key.pem', and let only the service read it"
                    .to_owned(),
            );
        }
        (Some(key), None) => match other::pem(&key.label) {
            Some(what) => return Err(format!("the signing key cannot be used: {what}")),
            None => &key.der[..],
        },
        (None, _) => encoded,
    };
    KeyPair::from_pkcs8(der)
        .or_else(|_| KeyPair::from_der(der))
        .map_err(|error| format!("the signing key cannot be used ({error}): supply an RSA key of 2048 to 8192 bits, PKCS#8 or PKCS#1, PEM or DER"))
}

fn is_encrypted(key: &Block) -> bool {
    key.encrypted || key.label == "ENCRYPTED PRIVATE KEY"
}

fn refused(why: impl Into<String>) -> SealerError {
    SealerError::new(SealerErrorKind::Certificate, why)
}

fn signing_failed(_: error::Unspecified) -> SealerError {
    SealerError::new(SealerErrorKind::Crypto, "the cryptographic library could not sign the manifest")
}

fn encoding_failed(error: der::Error) -> SealerError {
    SealerError::with_source(
        SealerErrorKind::Crypto,
        "the signature of the manifest cannot be encoded",
        error,
    )
}
