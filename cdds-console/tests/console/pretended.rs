//! Certificates and a sealer that need no cryptography.

use std::sync::Arc;

use bytes::BytesMut;
use cdds_core::domain::recipient::{CertificateDetails, CertificateFacts, KeyType, Recipient};
use cdds_core::ports::sealer::{Certificates, Sealer, SealerError, SealerErrorKind, Sealing};
use chrono::{DateTime, TimeDelta, Utc};

/// Certificates that begin with `CERTIFICATE`, whose subject is the rest.
#[derive(Debug)]
pub(crate) struct Pretended;

impl Certificates for Pretended {
    fn inspect(&self, encoded: &[u8], now: DateTime<Utc>) -> Result<CertificateFacts, SealerError> {
        let text = String::from_utf8_lossy(encoded).into_owned();
        let refusal = || SealerError::new(SealerErrorKind::Certificate, "this is no certificate");
        let subject = text.strip_prefix("CERTIFICATE ").ok_or_else(refusal)?;
        Ok(CertificateFacts {
            der: encoded.to_vec(),
            fingerprint: if subject.starts_with("CN=new") { "cd" } else { "ab" }.repeat(32),
            subject: subject.to_owned(),
            not_before: now - TimeDelta::days(1),
            not_after: now + TimeDelta::days(10),
            warnings: Vec::new(),
        })
    }

    fn details(&self, _: &[u8]) -> Option<CertificateDetails> {
        Some(CertificateDetails::new("CN=ca", "0A5F", KeyType::Rsa, 3072))
    }

    fn sealer(&self, _: &[Recipient], _: DateTime<Utc>) -> Result<Arc<dyn Sealer>, SealerError> {
        Ok(Arc::new(Self))
    }
}

/// Seals by writing `sealed` before the content.
impl Sealer for Pretended {
    fn sealed_bytes(&self, plain: u64) -> u64 {
        plain + 6
    }

    fn begin(&self, out: &mut BytesMut) -> Result<Box<dyn Sealing>, SealerError> {
        out.extend_from_slice(b"sealed");
        Ok(Box::new(Self))
    }
}

impl Sealing for Pretended {
    fn update(&mut self, plain: &[u8], out: &mut BytesMut) -> Result<(), SealerError> {
        out.extend_from_slice(plain);
        Ok(())
    }

    fn finish(self: Box<Self>, _: &mut BytesMut) -> Result<(), SealerError> {
        Ok(())
    }
}
