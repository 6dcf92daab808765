//! Checks signatures over manifests, ours and those of other CMS programs.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use chrono::{DateTime, Utc};
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use der::asn1::{Any, ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode};
use x509_cert::attr::Attributes;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Time;

use crate::certificate::SignerCertificate;
use crate::oids;

/// What a valid signature says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureFacts {
    /// When it was made, by the signer's own clock; `None` if it does not say.
    pub signed_at: Option<DateTime<Utc>>,
}

/// Why a signature does not vouch for a manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The certificate itself cannot be used.
    #[error("{reason}")]
    Certificate {
        /// What is wrong with it, and the way out.
        reason: String,
    },
    /// The file is no detached CMS signature.
    #[error("this is not a CMS signature: {what}; fetch it again")]
    Malformed {
        /// What it is instead.
        what: &'static str,
    },
    /// The file is a CMS signature, but nobody has signed.
    #[error("the manifest is not signed: its signature file names no signer")]
    NotSigned,
    /// It was made with another key than that of the certificate.
    #[error(
        "the manifest is signed with another key than that of this certificate: somebody else made it, or \
         the service has a new certificate"
    )]
    OtherKey,
    /// It was made with the certificate's key, but over other bytes.
    #[error("the manifest was changed after it was signed")]
    Changed,
}

/// Checks that `signature` was made over `manifest` with the key of `certificate` (PEM or DER). Only the key
/// counts: whoever names the certificate trusts it, so neither its issuer nor its validity is looked at.
///
/// # Errors
/// [`SignatureError`], by what is wrong.
pub fn check_signature(
    manifest: &[u8],
    signature: &[u8],
    certificate: &[u8],
) -> Result<SignatureFacts, SignatureError> {
    let certificate =
        SignerCertificate::read(certificate).map_err(|reason| SignatureError::Certificate { reason })?;
    let signed = read(signature)?;
    let signers = signed.signer_infos.0.iter();
    if signers.len() == 0 {
        return Err(SignatureError::NotSigned);
    }
    // Attributes that the key has signed; whose name stands beside them proves nothing.
    let attributes = signers
        .filter(|signer| names(signer, &certificate))
        .find_map(|signer| vouched_for(signer, &certificate))
        .ok_or(SignatureError::OtherKey)?;
    let digest: OctetStringRef<'_> = value(attributes, oids::MESSAGE_DIGEST)
        .and_then(|value| value.decode_as().ok())
        .ok_or(SignatureError::Malformed { what: "the digest of what was signed is missing" })?;
    if digest.as_bytes() != digest::digest(&digest::SHA256, manifest).as_ref() {
        return Err(SignatureError::Changed);
    }
    Ok(SignatureFacts { signed_at: signed_at(attributes) })
}

fn read(signature: &[u8]) -> Result<SignedData, SignatureError> {
    let malformed = |what| SignatureError::Malformed { what };
    let info = ContentInfo::from_der(signature).map_err(|_| malformed("it is not CMS in DER"))?;
    if info.content_type != oids::SIGNED_DATA {
        return Err(malformed("it is CMS, but not signed (SignedData)"));
    }
    let signed: SignedData =
        info.content.decode_as().map_err(|_| malformed("its signed data cannot be read"))?;
    if signed.encap_content_info.econtent.is_some() {
        return Err(malformed("it holds the content that was signed, instead of standing beside it"));
    }
    Ok(signed)
}

fn names(signer: &SignerInfo, certificate: &SignerCertificate) -> bool {
    let tbs = &certificate.certificate.tbs_certificate;
    match &signer.sid {
        SignerIdentifier::IssuerAndSerialNumber(id) => {
            id.issuer == tbs.issuer && id.serial_number == tbs.serial_number
        }
        // By the key's identifier: the signature itself tells.
        SignerIdentifier::SubjectKeyIdentifier(_) => true,
    }
}

/// The signed attributes, if the certificate's key has signed them, for content of the type id-data.
fn vouched_for<'a>(signer: &'a SignerInfo, certificate: &SignerCertificate) -> Option<&'a Attributes> {
    let attributes = signer.signed_attrs.as_ref()?;
    let is = |algorithm: &AlgorithmIdentifierOwned, oids: &[ObjectIdentifier]| {
        let bare = algorithm.parameters.as_ref().is_none_or(Any::is_null);
        bare && oids.contains(&algorithm.oid)
    };
    if !is(&signer.digest_alg, &[oids::SHA_256])
        || !is(&signer.signature_algorithm, &[oids::RSA_ENCRYPTION, oids::SHA_256_WITH_RSA])
    {
        return None;
    }
    // RFC 5652 section 5.4: under the tag of SET, not under that of the field.
    let signed = attributes.to_der().ok()?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &certificate.public_key)
        .verify(&signed, signer.signature.as_bytes())
        .ok()?;
    let content_type: ObjectIdentifier = value(attributes, oids::CONTENT_TYPE)?.decode_as().ok()?;
    (content_type == oids::DATA).then_some(attributes)
}

/// The only value of an attribute.
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
