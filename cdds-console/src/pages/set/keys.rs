//! Which certificates a set is encrypted for, where a recipient has another one by now.

use std::collections::BTreeSet;

use cdds_core::domain::execution::Execution;
use cdds_core::domain::recipient::Recipient;
use cdds_core::{Principal, ServiceError};
use maud::{Markup, html};

use crate::Services;
use crate::pages::Refused;
use crate::pages::parts::{day, mark};
use crate::texts::artifacts as said;

/// The certificates of a set, and whose they are.
#[derive(Default)]
pub(super) struct Keys {
    /// The recipients who have another certificate now than the set was encrypted for, or may have.
    renewed: Vec<Recipient>,
    /// Those whose present certificate it was encrypted for, though it was stored after the run began.
    present: Vec<Recipient>,
    /// The fingerprints of certificates that nobody of the job's recipients has any more; `None` if the manifest cannot
    /// be read.
    earlier: Option<Vec<String>>,
}

impl Keys {
    /// Looks up the recipients of an execution whose present certificate was stored after it began, and then what the
    /// manifest says (rules A5, S3).
    pub(super) async fn of(
        services: &Services,
        by: &Principal,
        execution: &Execution,
    ) -> Result<Self, Refused> {
        let (names, Some(began)) = (execution.settings.protection.recipients(), execution.started_at) else {
            return Ok(Self::default());
        };
        if names.is_empty() {
            return Ok(Self::default());
        }
        let mut stored = services.recipients.list(by).await?;
        stored.retain(|one| names.contains(&one.name));
        let later: Vec<Recipient> = stored.iter().filter(|one| one.added_at > began).cloned().collect();
        if later.is_empty() {
            return Ok(Self::default());
        }
        let of_set: BTreeSet<String> = match services.artifacts.encrypted_for(by, execution.id).await {
            Ok(fingerprints) => fingerprints.into_iter().collect(),
            Err(ServiceError::Sink(_)) => return Ok(Self { renewed: later, ..Self::default() }),
            Err(error) => return Err(error.into()),
        };
        let has = |one: &Recipient| of_set.contains(&one.certificate.fingerprint);
        let (present, renewed) = later.into_iter().partition(has);
        let earlier =
            of_set.iter().filter(|one| stored.iter().all(|known| known.certificate.fingerprint != **one));
        Ok(Self { renewed, present, earlier: Some(earlier.cloned().collect()) })
    }

    pub(super) fn told(&self) -> Markup {
        html! {
            @for one in &self.present {
                p {
                    (mark("off", "dot", &said::present_key(one.name.as_str()))) " " code { (one.certificate.fingerprint) }
                }
            }
            @for one in &self.renewed {
                div.rows.tight {
                    p {
                        @match &self.earlier {
                            Some(_) => (mark("warn", "warn", &said::earlier_key(one.name.as_str()))),
                            None => (mark("warn", "warn", &said::perhaps_earlier_key(one.name.as_str()))),
                        }
                    }
                    p.hint {
                        (said::PRESENT_KEY) " " code { (one.certificate.fingerprint) } ", "
                        (said::STORED_ON) " " (day(one.added_at))
                    }
                }
            }
            @if !self.renewed.is_empty() {
                @for fingerprint in self.earlier.iter().flatten() {
                    p { (said::NEEDED_KEY) " " code { (fingerprint) } }
                }
            }
        }
    }
}
