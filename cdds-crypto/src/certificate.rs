//! Rule S2: decides which certificates can be sealed for, and warns about unusual ones.
//!
//! OpenSSL seals for expired and for 1024-bit certificates without a word, so the checks are our own. Chains
//! are not validated: whoever stores a certificate vouches for it by its fingerprint.

mod readable;
mod signer;
mod supplied;

pub(crate) use signer::SignerCertificate;

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::rsa::PublicEncryptingKey;
use cdds_core::domain::recipient::{
    CertificateDetails, CertificateFacts, EXPIRES_SOON, KeyType, SELF_SIGNED,
};
use chrono::{DateTime, TimeDelta, Utc};
use der::asn1::UintRef;
use der::{Decode, Encode, Reader, SliceReader};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use x509_cert::time::Time;

use crate::oids;
use crate::recipient::{ISSUER_BYTES_MAX, RecipientKey, printable};

/// Sizes of the RSA keys that can be sealed for, in bits.
const KEY_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Warn this long before a certificate expires (rule S3).
const EXPIRY_WARNING: TimeDelta = TimeDelta::days(30);

/// A certificate that passed every check.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) facts: CertificateFacts,
    pub(crate) key: RecipientKey,
}

/// Explains why a certificate cannot be used and what to do about it: a sentence without its full stop.
pub(crate) type Refusal = String;

/// Reads and checks one certificate, PEM or DER.
pub(crate) fn check(encoded: &[u8], now: DateTime<Utc>) -> Result<Checked, Refusal> {
    let der = supplied::certificate(encoded)?;
    let id = readable::issuer_and_serial(&der)?;
    let (certificate, public_key) = parse(&der)?;
    let validity = &certificate.tbs_certificate.validity;
    let (not_before, not_after) = (instant(validity.not_before)?, instant(validity.not_after)?);
    refuse_outside_validity(not_before, not_after, now)?;
    refuse_other_usage(&certificate)?;
    refuse_long_issuer(&certificate)?;
    let warnings = warnings(&certificate, not_after, now)?;
    let key = RecipientKey::new(&certificate, id, public_key);
    let subject = printable(&certificate.tbs_certificate.subject.to_string());
    let fingerprint = fingerprint(&der);
    Ok(Checked {
        facts: CertificateFacts { der, fingerprint, subject, not_before, not_after, warnings },
        key,
    })
}

/// Returns what people tell a certificate by, given its DER; `None` if it cannot be read.
pub(crate) fn details(der: &[u8]) -> Option<CertificateDetails> {
    let tbs = Certificate::from_der(der).ok()?.tbs_certificate;
    let key = tbs.subject_public_key_info.subject_public_key.as_bytes()?;
    let serial: String = tbs.serial_number.as_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
    // A first byte of zero is the sign of the number.
    let serial = serial.strip_prefix("00").filter(|rest| !rest.is_empty()).unwrap_or(&serial);
    let key_bits = u32::try_from(modulus_bits(key)?).ok()?;
    Some(CertificateDetails::new(printable(&tbs.issuer.to_string()), serial, KeyType::Rsa, key_bits))
}

/// Reads one certificate, PEM or DER, with an RSA key of 2048 to 8192 bits. Its validity is not checked.
pub(crate) fn read(encoded: &[u8]) -> Result<(Certificate, PublicEncryptingKey), Refusal> {
    parse(&supplied::certificate(encoded)?)
}

fn parse(der: &[u8]) -> Result<(Certificate, PublicEncryptingKey), Refusal> {
    let certificate = Certificate::from_der(der).map_err(|error| unreadable(&error))?;
    let public_key = public_key(&certificate)?;
    Ok((certificate, public_key))
}

fn unreadable(error: &impl fmt::Display) -> Refusal {
    format!("the certificate cannot be read ({error}): export it again as X.509, PEM or DER")
}

/// Returns the SHA-256 fingerprint as `openssl x509 -fingerprint -sha256` prints it, but without the colons.
fn fingerprint(der: &[u8]) -> String {
    digest::digest(&digest::SHA256, der).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn instant(time: Time) -> Result<DateTime<Utc>, Refusal> {
    i64::try_from(time.to_unix_duration().as_secs())
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .ok_or_else(|| "the certificate's dates are out of bounds: have it issued again".to_owned())
}

fn public_key(certificate: &Certificate) -> Result<PublicEncryptingKey, Refusal> {
    let info = &certificate.tbs_certificate.subject_public_key_info;
    if info.algorithm.oid != oids::RSA_ENCRYPTION {
        let kind = match info.algorithm.oid {
            oids::EC_PUBLIC_KEY => "an elliptic curve (EC) key".to_owned(),
            oids::ED25519 => "an Ed25519 key".to_owned(),
            oids::RSASSA_PSS => "an RSA key for signatures only (RSASSA-PSS)".to_owned(),
            other => format!("a key of the algorithm {other}"),
        };
        return Err(format!("the certificate has {kind}: use one with an RSA key of 2048 to 8192 bits"));
    }
    let bits = info.subject_public_key.as_bytes().and_then(modulus_bits).ok_or_else(unusable_key)?;
    if !KEY_BITS.contains(&bits) {
        return Err(format!("the certificate's RSA key has {bits} bits: use one of 2048 to 8192 bits"));
    }
    let der = info.to_der().map_err(|error| unreadable(&error))?;
    PublicEncryptingKey::from_der(&der).map_err(|_| unusable_key())
}

/// RFC 8017 appendix A.1.1: `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }`.
fn modulus_bits(key: &[u8]) -> Option<usize> {
    let modulus_and_exponent = |reader: &mut der::NestedReader<'_, SliceReader<'_>>| {
        let modulus = UintRef::decode(reader)?;
        UintRef::decode(reader)?;
        Ok(bits(modulus.as_bytes()))
    };
    SliceReader::new(key).ok()?.sequence(modulus_and_exponent).ok()
}

fn bits(number: &[u8]) -> usize {
    let leading = number.first().map_or(0, |byte| byte.leading_zeros());
    number.len().saturating_mul(8).saturating_sub(usize::try_from(leading).unwrap_or(0))
}

fn unusable_key() -> Refusal {
    "the certificate's RSA key is not valid: have a certificate issued for a new key".to_owned()
}

fn refuse_outside_validity(
    not_before: DateTime<Utc>,
    not_after: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    if now < not_before {
        return Err(format!(
            "the certificate is valid only from {}: use it then, or another one now",
            day(not_before)
        ));
    }
    if now > not_after {
        return Err(format!("the certificate expired on {}: store a renewed one", day(not_after)));
    }
    Ok(())
}

pub(crate) fn day(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// RFC 5280 section 4.2.1.3: where the extension is present, key transport needs keyEncipherment.
fn refuse_other_usage(certificate: &Certificate) -> Result<(), Refusal> {
    let usage = certificate.tbs_certificate.get::<KeyUsage>().map_err(|error| unreadable(&error))?;
    match usage {
        Some((_, usage)) if !usage.key_encipherment() => {
            Err("the certificate is not meant for encryption (its key usage lacks keyEncipherment): \
                 use the recipient's encryption certificate"
                .to_owned())
        }
        _ => Ok(()),
    }
}

fn refuse_long_issuer(certificate: &Certificate) -> Result<(), Refusal> {
    let issuer = certificate.tbs_certificate.issuer.encoded_len().and_then(usize::try_from);
    match issuer {
        Ok(bytes) if bytes <= ISSUER_BYTES_MAX => Ok(()),
        _ => {
            Err(format!("the issuer's name is longer than {ISSUER_BYTES_MAX} bytes: use another certificate"))
        }
    }
}

/// Returns a sentence for each unusual but permitted property.
fn warnings(
    certificate: &Certificate,
    not_after: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<String>, Refusal> {
    let tbs = &certificate.tbs_certificate;
    let constraints = tbs.get::<BasicConstraints>().map_err(|error| unreadable(&error))?;
    let purposes = tbs.get::<ExtendedKeyUsage>().map_err(|error| unreadable(&error))?;
    let mut warnings = Vec::new();
    if not_after.signed_duration_since(now) <= EXPIRY_WARNING {
        warnings.push(format!("{EXPIRES_SOON}, on {}: have it renewed.", day(not_after)));
    }
    // This is the default of `openssl req -x509`, so it is no reason to refuse.
    if constraints.is_some_and(|(_, constraints)| constraints.ca) {
        warnings.push(
            "The certificate is that of a certificate authority (CA:TRUE), not of a person.".to_owned(),
        );
    }
    let for_mail = |(_, ExtendedKeyUsage(purposes)): (bool, ExtendedKeyUsage)| {
        purposes.contains(&oids::EMAIL_PROTECTION) || purposes.contains(&oids::ANY_EXTENDED_KEY_USAGE)
    };
    if !purposes.is_none_or(for_mail) {
        warnings.push(
            "The certificate's extended key usage names purposes other than S/MIME (emailProtection), so \
             some programs may refuse to decrypt with it."
                .to_owned(),
        );
    }
    if tbs.issuer == tbs.subject {
        warnings.push(format!("{SELF_SIGNED}: compare its fingerprint with the recipient's."));
    }
    if oids::SHA1_SIGNATURES.contains(&certificate.signature_algorithm.oid) {
        warnings.push(
            "The certificate is signed with SHA-1, which can be forged: have it issued again.".to_owned(),
        );
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_those_of_the_number() {
        assert_eq!((bits(&[0x80; 256]), bits(&[0x01, 0xFF]), bits(&[])), (2048, 9, 0));
    }
}
