//! Certificates and seals that show for whom something is sealed, and nothing more.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use crate::domain::recipient::{CertificateFacts, Recipient};
use crate::ports::sealer::{Certificates, Sealer, SealerError, Sealing};

/// Takes every text for a certificate.
#[derive(Debug)]
pub(super) struct Stamps;

/// Writes the fingerprints of those for whom a part is sealed before it.
#[derive(Debug, Clone)]
struct Stamp(String);

/// Returns the fingerprint of a certificate.
pub(super) fn fingerprint(certificate: &[u8]) -> String {
    Sha256::digest(certificate).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the contents of a part that was sealed for these, and for nobody else.
pub(super) fn opened(part: &Bytes, fingerprint: &str) -> Option<Bytes> {
    let head = format!("sealed for {fingerprint}\n");
    part.starts_with(head.as_bytes()).then(|| part.slice(head.len()..))
}

impl Certificates for Stamps {
    fn inspect(&self, encoded: &[u8], now: DateTime<Utc>) -> Result<CertificateFacts, SealerError> {
        Ok(CertificateFacts {
            der: encoded.to_vec(),
            fingerprint: fingerprint(encoded),
            subject: "somebody".to_owned(),
            not_before: now - TimeDelta::days(1),
            not_after: now + TimeDelta::days(999),
            warnings: Vec::new(),
        })
    }

    fn sealer(&self, recipients: &[Recipient], _now: DateTime<Utc>) -> Result<Arc<dyn Sealer>, SealerError> {
        let prints: Vec<&str> = recipients.iter().map(|one| one.certificate.fingerprint.as_str()).collect();
        Ok(Arc::new(Stamp(format!("sealed for {}\n", prints.join(" ")))))
    }
}

impl Sealer for Stamp {
    fn sealed_bytes(&self, plain: u64) -> u64 {
        plain + self.0.len() as u64
    }

    fn begin(&self, out: &mut BytesMut) -> Result<Box<dyn Sealing>, SealerError> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(Box::new(self.clone()))
    }
}

impl Sealing for Stamp {
    fn update(&mut self, plain: &[u8], out: &mut BytesMut) -> Result<(), SealerError> {
        out.extend_from_slice(plain);
        Ok(())
    }

    fn finish(self: Box<Self>, _out: &mut BytesMut) -> Result<(), SealerError> {
        Ok(())
    }
}
