//! A stand-in for tests without sealing.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::recipient::{CertificateFacts, Recipient};
use crate::ports::sealer::{Certificates, Sealer, SealerError, SealerErrorKind};

/// [`Certificates`] that rejects every certificate, so nothing can be sealed.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCertificates;

impl Certificates for NoCertificates {
    fn inspect(&self, _encoded: &[u8], _now: DateTime<Utc>) -> Result<CertificateFacts, SealerError> {
        Err(none())
    }

    fn sealer(&self, _recipients: &[Recipient], _now: DateTime<Utc>) -> Result<Arc<dyn Sealer>, SealerError> {
        Err(none())
    }
}

fn none() -> SealerError {
    SealerError::new(SealerErrorKind::Certificate, "nothing can be sealed here: use plaintext")
}
