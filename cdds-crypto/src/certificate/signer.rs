//! Certificates whose keys sign manifests.

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use der::Encode;
use x509_cert::Certificate;
use x509_cert::ext::pkix::KeyUsage;

use super::{Refusal, instant, readable, refuse_outside_validity, supplied, unreadable};

/// A signer's certificate.
#[derive(Debug)]
pub(crate) struct SignerCertificate {
    pub(crate) certificate: Certificate,
    /// RSAPublicKey, DER.
    pub(crate) public_key: Vec<u8>,
    not_before: DateTime<Utc>,
    not_after: DateTime<Utc>,
}

impl SignerCertificate {
    /// Reads a certificate to sign with. It must be readable by other programs, since signatures name it.
    pub(crate) fn for_signing(encoded: &[u8]) -> Result<Self, Refusal> {
        let der = supplied::certificate(encoded)?;
        readable::issuer_and_serial(&der)?;
        let signer = Self::read(&der)?;
        // A signature includes its certificate; re-encoded differently it would no longer be the issued one.
        if signer.certificate.to_der().ok().as_ref() != Some(&der) {
            return Err(
                "the certificate is not in DER (the parts of a name are not sorted): have it issued again"
                    .to_owned(),
            );
        }
        Ok(signer)
    }

    /// Reads one certificate, PEM or DER, with an RSA key of 2048 to 8192 bits that may sign.
    pub(crate) fn read(encoded: &[u8]) -> Result<Self, Refusal> {
        let (certificate, _) = super::read(encoded)?;
        refuse_other_usage(&certificate)?;
        let tbs = &certificate.tbs_certificate;
        let (not_before, not_after) = (instant(tbs.validity.not_before)?, instant(tbs.validity.not_after)?);
        let public_key = tbs.subject_public_key_info.subject_public_key.raw_bytes().to_vec();
        Ok(Self { certificate, public_key, not_before, not_after })
    }

    /// Returns the certificate's validity if `at` lies outside it.
    pub(crate) fn validity_without(&self, at: DateTime<Utc>) -> Option<RangeInclusive<DateTime<Utc>>> {
        let validity = self.not_before..=self.not_after;
        (!validity.contains(&at)).then_some(validity)
    }

    /// Refuses to sign outside the validity: such a signature would be worthless.
    pub(crate) fn refuse_outside_validity(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        refuse_outside_validity(self.not_before, self.not_after, now)
    }
}

/// RFC 5280 section 4.2.1.3: where the extension is present, signing needs one of two bits.
fn refuse_other_usage(certificate: &Certificate) -> Result<(), Refusal> {
    let usage = certificate.tbs_certificate.get::<KeyUsage>().map_err(|error| unreadable(&error))?;
    match usage {
        Some((_, usage)) if !usage.digital_signature() && !usage.non_repudiation() => {
            Err("the certificate is not meant for signing (its key usage lacks digitalSignature and \
                 nonRepudiation): use a signing certificate"
                .to_owned())
        }
        _ => Ok(()),
    }
}
