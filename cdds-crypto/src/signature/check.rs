//! Checks signatures over manifests, our own and those of other CMS programs.

use std::ops::RangeInclusive;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaParameters,
    UnparsedPublicKey,
};
use chrono::{DateTime, Utc};
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerInfo};
use der::asn1::{Any, ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode};
use x509_cert::attr::Attributes;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Time;

use crate::ber::{INDEFINITE, SEQUENCE};
use crate::certificate::{SignerCertificate, day};
use crate::oids;

/// The facts that a valid signature states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureFacts {
    /// The time of signing by the signer's own clock; `None` if the signature has none.
    pub signed_at: Option<DateTime<Utc>>,
}

/// The reason why a signature does not vouch for a manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The certificate itself cannot be used.
    #[error("{reason}")]
    Certificate {
        /// The fault, and what to do about it.
        reason: String,
    },
    /// The file is not a detached CMS signature.
    #[error("this is not a CMS signature: {what}; fetch it again")]
    Malformed {
        /// The kind of file it is instead.
        what: &'static str,
    },
    /// The file is a signature in another form.
    #[error(
        "the signature is {form}: convert it with \
         'openssl cms -cmsout -inform {inform} -in FILE -outform DER -out FILE.der'"
    )]
    OtherForm {
        /// The form it is in.
        form: &'static str,
        /// OpenSSL's name for the form.
        inform: &'static str,
    },
    /// The signature uses an algorithm or structure that this version does not check.
    #[error(
        "the manifest is signed with {what}, which is not supported; if the file is whole, check it with \
         'openssl cms -verify'"
    )]
    Unsupported {
        /// The algorithm or structure.
        what: String,
    },
    /// The file is a CMS signature without any signer.
    #[error("the manifest is not signed: its signature file names no signer")]
    NotSigned,
    /// The signature was made with another key than that of the certificate.
    #[error(
        "the manifest is signed with another key than that of this certificate: somebody else made it, or \
         the service has a new certificate"
    )]
    OtherKey,
    /// The signature was made with the certificate's key, but over other bytes.
    #[error("the manifest was changed after it was signed")]
    Changed,
    /// The signature was made with the certificate's key over these bytes, but outside the certificate's
    /// validity.
    #[error(
        "the manifest was signed with the key of this certificate on {}, but the certificate is valid from {} to {}: \
         check it with the one that was valid then",
        day(*.signed_at), day(*.validity.start()), day(*.validity.end())
    )]
    OutsideValidity {
        /// The time of signing, by the signer's own clock.
        signed_at: DateTime<Utc>,
        /// The validity of the certificate.
        validity: RangeInclusive<DateTime<Utc>>,
    },
}

/// Checks that `signature` was made over `manifest` with the key of `certificate` (PEM or DER), at a time at
/// which the certificate was valid. The caller vouches for the certificate: neither its issuer nor the
/// certificate that the signature names is checked, so a renewed certificate of the same key will do. The
/// time is the signer's own word; a signature without one passes.
///
/// Reads RSA PKCS #1 v1.5 with SHA-256, SHA-384 or SHA-512, with signed attributes, in DER.
///
/// # Errors
/// [`SignatureError`] with the reason.
pub fn check_signature(
    manifest: &[u8],
    signature: &[u8],
    certificate: &[u8],
) -> Result<SignatureFacts, SignatureError> {
    let certificate =
        SignerCertificate::read(certificate).map_err(|reason| SignatureError::Certificate { reason })?;
    let signed = read(signature)?;
    let Vouched { attributes, hash } = vouched_by_any(&signed, &certificate)?;
    let malformed = |what| SignatureError::Malformed { what };
    let content_type = value(attributes, oids::CONTENT_TYPE).and_then(|value| value.decode_as().ok());
    if content_type != Some(oids::DATA) {
        return Err(malformed("it signs something other than a file"));
    }
    let digest: OctetStringRef<'_> = value(attributes, oids::MESSAGE_DIGEST)
        .and_then(|value| value.decode_as().ok())
        .ok_or(malformed("the digest of what was signed is missing"))?;
    if digest.as_bytes() != digest::digest(hash.digest(), manifest).as_ref() {
        return Err(SignatureError::Changed);
    }
    let signed_at = signed_at(attributes);
    if let Some(signed_at) = signed_at
        && let Some(validity) = certificate.validity_without(signed_at)
    {
        return Err(SignatureError::OutsideValidity { signed_at, validity });
    }
    Ok(SignatureFacts { signed_at })
}

fn read(signature: &[u8]) -> Result<SignedData, SignatureError> {
    let malformed = |what| SignatureError::Malformed { what };
    let text = signature.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(signature).trim_ascii_start();
    let form = match signature {
        [SEQUENCE, INDEFINITE, ..] => Some(("in BER, not in DER", "DER")),
        _ if text.starts_with(b"-----BEGIN ") => Some(("PEM text", "PEM")),
        _ if text.starts_with(b"MIME-") || text.starts_with(b"Content-") => {
            Some(("an S/MIME message", "SMIME"))
        }
        _ => None,
    };
    if let Some((form, inform)) = form {
        return Err(SignatureError::OtherForm { form, inform });
    }
    let info = ContentInfo::from_der(signature).map_err(|_| malformed("it is not CMS in DER"))?;
    if info.content_type != oids::SIGNED_DATA {
        return Err(malformed("it is CMS, but not signed (SignedData)"));
    }
    let signed: SignedData =
        info.content.decode_as().map_err(|_| malformed("its signed data cannot be read"))?;
    if signed.encap_content_info.econtent.is_some() {
        return Err(malformed("it contains the signed content, instead of being detached from it"));
    }
    Ok(signed)
}

/// The attributes that the certificate's key has signed.
struct Vouched<'a> {
    attributes: &'a Attributes,
    /// The hash with which they hold the content's digest.
    hash: Hash,
}

/// Finds the signer who has the key by trying the key on each: anybody can write a name beside a signature.
fn vouched_by_any<'a>(
    signed: &'a SignedData,
    certificate: &SignerCertificate,
) -> Result<Vouched<'a>, SignatureError> {
    let mut refused = SignatureError::NotSigned;
    for signer in signed.signer_infos.0.iter() {
        match vouched_for(signer, certificate) {
            Ok(vouched) => return Ok(vouched),
            // A signer that cannot be checked may still be the right one, so report that rather than a wrong
            // key.
            Err(_) if matches!(refused, SignatureError::Unsupported { .. }) => {}
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

/// Returns the signed attributes, if the certificate's key has signed them.
fn vouched_for<'a>(
    signer: &'a SignerInfo,
    certificate: &SignerCertificate,
) -> Result<Vouched<'a>, SignatureError> {
    let unsupported = |what: String| SignatureError::Unsupported { what };
    let hash = Hash::of(signer).map_err(unsupported)?;
    // Without this requirement, a signature over attributes would pass for one over a file with the same
    // bytes.
    let attributes = signer
        .signed_attrs
        .as_ref()
        .ok_or_else(|| unsupported("no signed attributes, which say what was signed and when".to_owned()))?;
    // RFC 5652 section 5.4: the signature covers the tag of SET, not that of the field.
    let signed = attributes.to_der().map_err(|_| SignatureError::OtherKey)?;
    UnparsedPublicKey::new(hash.verification(), &certificate.public_key)
        .verify(&signed, signer.signature.as_bytes())
        .map_err(|_| SignatureError::OtherKey)?;
    Ok(Vouched { attributes, hash })
}

/// The hash of an RSA PKCS #1 v1.5 signature, and of the content it covers.
#[derive(Debug, Clone, Copy)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// # Errors
    /// Returns the name of the signer's unsupported algorithm, for people.
    fn of(signer: &SignerInfo) -> Result<Self, String> {
        let (hash, by_name) = match signer.digest_alg.oid {
            oids::SHA_256 => (Self::Sha256, oids::SHA_256_WITH_RSA),
            oids::SHA_384 => (Self::Sha384, oids::SHA_384_WITH_RSA),
            oids::SHA_512 => (Self::Sha512, oids::SHA_512_WITH_RSA),
            other => return Err(format!("the hash {other}")),
        };
        let bare =
            |algorithm: &AlgorithmIdentifierOwned| algorithm.parameters.as_ref().is_none_or(Any::is_null);
        let by = &signer.signature_algorithm;
        if by.oid == oids::RSASSA_PSS {
            return Err("RSASSA-PSS".to_owned());
        }
        if ![oids::RSA_ENCRYPTION, by_name].contains(&by.oid) {
            return Err(format!(
                "the signature algorithm {} over the hash {}",
                by.oid, signer.digest_alg.oid
            ));
        }
        if bare(by) && bare(&signer.digest_alg) { Ok(hash) } else { Err("unknown parameters".to_owned()) }
    }

    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    fn verification(self) -> &'static RsaParameters {
        match self {
            Self::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
            Self::Sha384 => &RSA_PKCS1_2048_8192_SHA384,
            Self::Sha512 => &RSA_PKCS1_2048_8192_SHA512,
        }
    }
}

/// Returns the only value of an attribute.
fn value(attributes: &Attributes, oid: ObjectIdentifier) -> Option<&Any> {
    let attribute = attributes.iter().find(|attribute| attribute.oid == oid)?;
    let mut values = attribute.values.iter();
    values.next().filter(|_| values.next().is_none())
}

fn signed_at(attributes: &Attributes) -> Option<DateTime<Utc>> {
    let time = Time::from_der(&value(attributes, oids::SIGNING_TIME)?.to_der().ok()?).ok()?;
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok()?;
    DateTime::from_timestamp(seconds, 0)
}
