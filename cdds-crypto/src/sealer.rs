//! The ports of the core, implemented with CMS.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::BytesMut;
use cdds_core::domain::recipient::{CertificateFacts, Recipient};
use cdds_core::ports::sealer::{Certificates, Sealer, SealerError, SealerErrorKind, Sealing};
use chrono::{DateTime, Utc};

use crate::certificate;
use crate::envelope::{self, Envelope};
use crate::profile::Profile;
use crate::recipient::{RECIPIENTS_MAX, RecipientKey};
use crate::transport::Transport;

/// Checks certificates and seals for them, by default in the profile that every S/MIME program in use
/// reads: EnvelopedData, AES-256 in CBC mode, keys by RSA PKCS #1 v1.5.
///
/// At most 1,000 recipients per sealer; certificates with RSA keys of 2048 to 8192 bits.
///
/// CBC hides the contents but does not protect them from changes: keep a digest of each stored part
/// (rule A5 puts it into the manifest).
#[derive(Debug, Clone, Copy, Default)]
pub struct SmimeCertificates {
    profile: Profile,
}

impl SmimeCertificates {
    /// With [`Profile::Compat`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Seals with other algorithms. What was sealed before stays as it is.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }
}

impl Certificates for SmimeCertificates {
    fn inspect(&self, encoded: &[u8], now: DateTime<Utc>) -> Result<CertificateFacts, SealerError> {
        certificate::check(encoded, now).map(|checked| checked.facts).map_err(refused)
    }

    fn sealer(&self, recipients: &[Recipient], now: DateTime<Utc>) -> Result<Arc<dyn Sealer>, SealerError> {
        if recipients.is_empty() {
            return Err(refused("there is nobody to seal for: name at least one recipient"));
        }
        if recipients.len() > RECIPIENTS_MAX {
            let count = recipients.len();
            return Err(refused(format!("{count} recipients are too many: name at most {RECIPIENTS_MAX}")));
        }
        let mut names = BTreeMap::new();
        let mut keys = Vec::with_capacity(recipients.len());
        for recipient in recipients {
            let name = recipient.name.as_str();
            let key = certificate::check(&recipient.certificate.der, now)
                .map_err(|why| refused(format!("recipient {name:?} cannot be used: {why}")))?
                .key;
            // Programs look their key up by issuer and serial number; two alike would shadow each other.
            if let Some(other) = names.insert(key.id().to_string(), name) {
                return Err(refused(format!(
                    "recipients {other:?} and {name:?} have the same certificate (issuer and serial number): \
                     name only one of them"
                )));
            }
            keys.push(key);
        }
        Ok(Arc::new(SmimeSealer::new(self.profile, keys)?))
    }
}

fn refused(why: impl Into<String>) -> SealerError {
    SealerError::new(SealerErrorKind::Certificate, why)
}

/// Seals for recipients whose certificates were checked.
#[derive(Debug)]
struct SmimeSealer {
    profile: Profile,
    recipients: Vec<RecipientKey>,
    /// Size of all RecipientInfos: the same for every part.
    recipient_infos_bytes: u64,
}

impl SmimeSealer {
    fn new(profile: Profile, recipients: Vec<RecipientKey>) -> Result<Self, SealerError> {
        let transport = Transport::of(profile);
        let infos = recipients.iter().map(|recipient| recipient.wrapped_bytes(transport));
        let infos = infos.sum::<der::Result<usize>>().map_err(|error| {
            SealerError::with_source(SealerErrorKind::Crypto, "the recipients cannot be encoded", error)
        })?;
        Ok(Self { profile, recipients, recipient_infos_bytes: u64::try_from(infos).unwrap_or(u64::MAX) })
    }
}

impl Sealer for SmimeSealer {
    /// Exact.
    fn sealed_bytes(&self, plain: u64) -> u64 {
        envelope::sealed_bytes(self.profile, plain, self.recipient_infos_bytes)
    }

    fn begin(&self, out: &mut BytesMut) -> Result<Box<dyn Sealing>, SealerError> {
        Ok(Box::new(Envelope::begin(self.profile, &self.recipients, out)?))
    }
}
