//! The ports of the core, implemented with CMS.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::BytesMut;
use cdds_core::domain::recipient::{CertificateDetails, CertificateFacts, Recipient};
use cdds_core::ports::sealer::{Certificates, Sealer, SealerError, SealerErrorKind, Sealing};
use chrono::{DateTime, Utc};

use crate::certificate;
use crate::envelope::{self, Envelope};
use crate::form::Form;
use crate::key_transport::Padding;
use crate::mime::{self, Message};
use crate::profile::Profile;
use crate::recipient::{RECIPIENTS_MAX, RecipientKey};

/// Checks certificates and seals for them, by default in the profile that every S/MIME program in use reads:
/// EnvelopedData, AES-256 in CBC mode, keys by RSA PKCS #1 v1.5.
///
/// A sealer has at most 1,000 recipients, whose certificates have RSA keys of 2048 to 8192 bits.
///
/// CBC hides the contents but does not protect them from changes: keep a digest of each stored part (rule A5
/// puts it into the manifest).
#[derive(Debug, Clone, Copy, Default)]
pub struct SmimeCertificates {
    profile: Profile,
    form: Form,
}

impl SmimeCertificates {
    /// Seals with [`Profile::Compat`], as [`Form::Binary`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Seals with other algorithms. Parts that are already sealed stay as they are.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Writes parts in another form. Parts that are already sealed stay as they are.
    #[must_use]
    pub fn with_form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }
}

impl Certificates for SmimeCertificates {
    fn inspect(&self, encoded: &[u8], now: DateTime<Utc>) -> Result<CertificateFacts, SealerError> {
        certificate::check(encoded, now).map(|checked| checked.facts).map_err(refused)
    }

    fn details(&self, der: &[u8]) -> Option<CertificateDetails> {
        certificate::details(der)
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
            // Programs look their key up by issuer and serial number, so two equal ones would shadow each
            // other.
            if let Some(other) = names.insert(key.id().to_string(), name) {
                return Err(refused(format!(
                    "recipients {other:?} and {name:?} have the same certificate (issuer and serial number): \
                     name only one of them"
                )));
            }
            keys.push(key);
        }
        Ok(Arc::new(SmimeSealer::new(*self, keys)?))
    }
}

fn refused(why: impl Into<String>) -> SealerError {
    SealerError::new(SealerErrorKind::Certificate, why)
}

/// Seals for recipients whose certificates have been checked.
#[derive(Debug)]
struct SmimeSealer {
    profile: Profile,
    form: Form,
    recipients: Vec<RecipientKey>,
    /// Size of all RecipientInfos, which is the same for every part.
    recipient_infos_bytes: u64,
}

impl SmimeSealer {
    fn new(settings: SmimeCertificates, recipients: Vec<RecipientKey>) -> Result<Self, SealerError> {
        let SmimeCertificates { profile, form } = settings;
        let padding = Padding::of(profile);
        let infos = recipients.iter().map(|recipient| recipient.wrapped_bytes(padding));
        let infos = infos.sum::<der::Result<usize>>().map_err(|error| {
            SealerError::with_source(SealerErrorKind::Crypto, "the recipients cannot be encoded", error)
        })?;
        let recipient_infos_bytes = u64::try_from(infos).unwrap_or(u64::MAX);
        Ok(Self { profile, form, recipients, recipient_infos_bytes })
    }
}

impl Sealer for SmimeSealer {
    /// Returns the exact size.
    fn sealed_bytes(&self, plain: u64) -> u64 {
        let binary = envelope::sealed_bytes(self.profile, plain, self.recipient_infos_bytes);
        match self.form {
            Form::Binary => binary,
            Form::Mime => mime::message_bytes(self.profile, binary),
        }
    }

    fn begin(&self, out: &mut BytesMut) -> Result<Box<dyn Sealing>, SealerError> {
        match self.form {
            Form::Binary => Ok(Box::new(Envelope::begin(self.profile, &self.recipients, out)?)),
            Form::Mime => {
                let mut begun = BytesMut::new();
                let envelope = Envelope::begin(self.profile, &self.recipients, &mut begun)?;
                Ok(Box::new(Message::begin(self.profile, Box::new(envelope), begun, out)))
            }
        }
    }
}
