//! Checks whether settings may be saved, with all the facts that the rules of admission need.

use chrono::{DateTime, Utc};

use super::Jobs;
use crate::domain::archive::split_size::SplitSize;
use crate::domain::id::Owner;
use crate::domain::job::admission::{self, Circumstances};
use crate::domain::job::{JobSettings, Protection};
use crate::domain::recipient::Recipient;
use crate::domain::violation::{Code, RuleViolation};
use crate::ports::sealer::{SealerError, SealerErrorKind};
use crate::service::ServiceError;

impl Jobs {
    pub(super) async fn admit(
        &self,
        owner: &Owner,
        settings: &JobSettings,
        previous: Option<&JobSettings>,
        now: DateTime<Utc>,
    ) -> Result<(), ServiceError> {
        let stored = match settings.protection {
            Protection::Plaintext | Protection::Handed { .. } => Vec::new(),
            Protection::Sealed(_) => self.ports.catalog.recipients(owner).await?,
        };
        let sealed_part_bytes = self.sealed_part_bytes(settings, &stored, now)?;
        let offered = self.ports.destinations.for_owner(owner).map(|one| one.describe());
        let destinations: Vec<_> = offered.collect();
        self.check_subscribers(owner, settings)?;
        let circumstances = Circumstances {
            owner,
            destinations: &destinations,
            sources: &self.ports.sources.for_owner(owner),
            recipients: &stored,
            retention: self.rules.retention,
            sealed_part_bytes,
            now,
        };
        Ok(admission::check(settings, previous, &circumstances)?)
    }

    /// Checks that every subscriber can be told (rule N2), as far as that is known without a connection.
    fn check_subscribers(&self, owner: &Owner, settings: &JobSettings) -> Result<(), RuleViolation> {
        for one in &settings.subscriptions {
            let Some(notifier) = self.ports.notifiers.find(one.channel) else {
                let told = format!("{one} cannot be told: this service sends no notices by {}", one.channel);
                return Err(RuleViolation::new(Code::InvalidSubscribers, told));
            };
            notifier.check(&one.subscriber, owner).map_err(|error| {
                let told = format!("{one} cannot be told: {}", error.report());
                RuleViolation::new(Code::InvalidSubscribers, told)
            })?;
        }
        Ok(())
    }

    /// Returns the size of a full part once sealed. This also checks the recipients' certificates at save
    /// time (rules S2, A4). Recipients that are not stored are left to the admission rules.
    fn sealed_part_bytes(
        &self,
        settings: &JobSettings,
        stored: &[Recipient],
        now: DateTime<Utc>,
    ) -> Result<u64, ServiceError> {
        let plain = settings.split_size.map_or(0, SplitSize::bytes);
        let names = settings.protection.recipients();
        let chosen: Vec<Recipient> =
            stored.iter().filter(|recipient| names.contains(&recipient.name)).cloned().collect();
        if chosen.is_empty() || chosen.len() < names.len() {
            return Ok(plain);
        }
        let sealer = self.ports.certificates.sealer(&chosen, now).map_err(refusal)?;
        Ok(sealer.sealed_bytes(plain))
    }
}

/// Maps an unusable certificate to a refusal, and any other error to a failure.
pub(in crate::service) fn refusal(error: SealerError) -> ServiceError {
    match error.kind() {
        SealerErrorKind::Certificate => RuleViolation::new(Code::InvalidCertificate, error.report()).into(),
        SealerErrorKind::Crypto => ServiceError::Sealer(error),
    }
}
