//! Certificates that exports are sealed for.

use bytes::{Bytes, BytesMut};

use super::access::{check, entry};
use super::{Entity, ServiceError, jobs};
use crate::domain::access::audit::Object;
use crate::domain::access::{Action, Principal};
use crate::domain::id::{JobId, RecipientName};
use crate::domain::job::Job;
use crate::domain::recipient::{self, CertificateDetails, CertificateFacts, ExpiringCertificate, Recipient};
use crate::domain::violation::{Code, RuleViolation};
use crate::ports::Ports;
use crate::ports::catalog::{CatalogErrorKind, RecipientRemoval};
use crate::ports::packager::{PartEvent, Plan};

/// The recipients of all owners; each call names one, by its principal. Every method returns
/// [`ServiceError::Forbidden`] for a principal that is not allowed its action (rule C1).
#[derive(Debug, Clone)]
pub struct Recipients {
    ports: Ports,
}

impl Recipients {
    /// Creates the service over these ports.
    pub fn new(ports: &Ports) -> Self {
        Self { ports: ports.clone() }
    }

    /// Stores a certificate, PEM or DER, under a name (rules S1, S2).
    ///
    /// # Errors
    /// [`ServiceError::Refused`] if the certificate cannot be used or the name is taken.
    pub async fn add(
        &self,
        by: &Principal,
        name: RecipientName,
        certificate: &[u8],
    ) -> Result<Recipient, ServiceError> {
        check(&self.ports, by, Action::AddRecipient, Some(Object::Recipient(name.clone()))).await?;
        let now = self.ports.catalog.now().await?;
        let facts = self.ports.certificates.inspect(certificate, now).map_err(jobs::refusal)?;
        let added = Recipient { owner: by.owner.clone(), name, certificate: facts, added_at: now };
        let entry = entry(&self.ports, by, Action::AddRecipient, now);
        let entry = entry.with_object(Object::Recipient(added.name.clone()));
        match self.ports.catalog.insert_recipient(&added, &[entry]).await {
            Err(error) if error.kind() == CatalogErrorKind::Conflict => Err(RuleViolation::new(
                Code::RecipientExists,
                format!("a recipient {} is already stored: choose another name, or renew it", added.name),
            )
            .into()),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(added),
        }
    }

    /// Replaces the certificate of a recipient, PEM or DER, by a renewed one under the same name (rules S2, S3).
    /// Jobs that name the recipient seal for the new certificate from their next attempt on; an attempt that runs
    /// stays with the old one.
    ///
    /// `expected` is the fingerprint of the certificate that the caller means to replace; `None` stands for the
    /// one that is stored when the call begins. Returns the recipient as it is afterwards. If the certificate is
    /// stored for it already, nothing changes and no entry of the audit is made.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Refused`] if the new certificate cannot be used;
    /// [`ServiceError::Conflict`] if another certificate than the expected one is stored, or the recipient was
    /// removed meanwhile.
    pub async fn renew(
        &self,
        by: &Principal,
        name: &RecipientName,
        certificate: &[u8],
        expected: Option<&str>,
    ) -> Result<Renewal, ServiceError> {
        check(&self.ports, by, Action::RenewRecipient, Some(Object::Recipient(name.clone()))).await?;
        let present = self.find(by, name).await?;
        let now = self.ports.catalog.now().await?;
        let facts = self.ports.certificates.inspect(certificate, now).map_err(jobs::refusal)?;
        let replaced = present.certificate.fingerprint.clone();
        if facts.fingerprint == replaced {
            return Ok(Renewal { recipient: present, replaced: None });
        }
        if expected.is_some_and(|expected| expected != replaced) {
            return Err(ServiceError::Conflict { what: format!("recipient {name}") });
        }
        let entry = entry(&self.ports, by, Action::RenewRecipient, now);
        let entry = entry
            .with_object(Object::Recipient(name.clone()))
            .with_certificates(&replaced, &facts.fingerprint);
        let recipient = Recipient { certificate: facts, added_at: now, ..present.clone() };
        self.ports.catalog.replace_recipient(&recipient, &replaced, &[entry]).await?;
        Ok(Renewal { recipient, replaced: Some(present.certificate) })
    }

    /// Removes a certificate that no job uses (rule J15).
    ///
    /// # Errors
    /// [`ServiceError::Refused`] while a job, or an execution that has not ended, uses it;
    /// [`ServiceError::NotFound`].
    pub async fn remove(&self, by: &Principal, name: &RecipientName) -> Result<(), ServiceError> {
        check(&self.ports, by, Action::RemoveRecipient, Some(Object::Recipient(name.clone()))).await?;
        let now = self.ports.catalog.now().await?;
        let entry = entry(&self.ports, by, Action::RemoveRecipient, now);
        let entry = entry.with_object(Object::Recipient(name.clone()));
        match self.ports.catalog.remove_recipient(&by.owner, name, &[entry]).await? {
            RecipientRemoval::Removed => Ok(()),
            RecipientRemoval::Missing => Err(ServiceError::not_found(Entity::Recipient, name)),
            RecipientRemoval::InUse(jobs) => Err(in_use(name, &jobs).into()),
        }
    }

    /// Returns the certificates of a job that need its person's attention (rule S3): those that expire before
    /// its next occurrence or within 30 days. For many jobs at once, call [`list`](Self::list) once and
    /// [`recipient::expiring`] for each.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub async fn expiring(
        &self,
        by: &Principal,
        job: &Job,
    ) -> Result<Vec<ExpiringCertificate>, ServiceError> {
        check(&self.ports, by, Action::See, None).await?;
        if job.settings.protection.recipients().is_empty() {
            return Ok(Vec::new());
        }
        let recipients = self.ports.catalog.recipients(&by.owner).await?;
        Ok(recipient::expiring(job, &recipients, self.ports.catalog.now().await?))
    }

    /// Returns a small archive, sealed for this recipient alone as an export would be, so that its person can
    /// try to open it before the first export depends on it. Stores nothing.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Refused`] if the certificate cannot be used now (rule S2).
    pub async fn sample(&self, by: &Principal, name: &RecipientName) -> Result<Bytes, ServiceError> {
        check(&self.ports, by, Action::See, Some(Object::Recipient(name.clone()))).await?;
        let recipient = self.find(by, name).await?;
        let now = self.ports.catalog.now().await?;
        let sealer = self.ports.certificates.sealer(&[recipient], now).map_err(jobs::refusal)?;

        let line = serde_json::json!({
            "sample": "if you can read this, you can open files sealed for this recipient",
            "recipient": name.as_str(),
        });
        let mut events = Vec::new();
        let mut writer = self.ports.packager.begin(Plan { part_bytes_max: None, modified_at: now })?;
        writer
            .push(self.ports.packager.pack("sample.json", &Bytes::from(format!("{line}\n")))?, &mut events)?;
        writer.finish(&mut events)?;

        let mut sealed = BytesMut::new();
        let mut sealing = sealer.begin(&mut sealed)?;
        for event in events {
            if let PartEvent::Data(plain) = event {
                sealing.update(&plain, &mut sealed)?;
            }
        }
        sealing.finish(&mut sealed)?;
        Ok(sealed.freeze())
    }

    /// Returns the owner's recipients, ordered by name.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub async fn list(&self, by: &Principal) -> Result<Vec<Recipient>, ServiceError> {
        check(&self.ports, by, Action::See, None).await?;
        Ok(self.ports.catalog.recipients(&by.owner).await?)
    }

    /// Returns one of the owner's recipients.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn show(&self, by: &Principal, name: &RecipientName) -> Result<Recipient, ServiceError> {
        check(&self.ports, by, Action::See, Some(Object::Recipient(name.clone()))).await?;
        self.find(by, name).await
    }

    /// Returns what people tell the certificate of a recipient by; `None` if the service's
    /// [`Certificates`](crate::ports::sealer::Certificates) do not say. Reads nothing but the recipient, so it needs no
    /// principal.
    pub fn details(&self, recipient: &Recipient) -> Option<CertificateDetails> {
        self.ports.certificates.details(&recipient.certificate.der)
    }

    async fn find(&self, by: &Principal, name: &RecipientName) -> Result<Recipient, ServiceError> {
        let stored = self.ports.catalog.recipients(&by.owner).await?;
        let found = stored.into_iter().find(|recipient| recipient.name == *name);
        found.ok_or_else(|| ServiceError::not_found(Entity::Recipient, name))
    }
}

/// What a renewal has made of a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Renewal {
    /// The recipient as it is now.
    pub recipient: Recipient,
    /// The certificate that it had before; `None` if it had this one already, and nothing was changed.
    pub replaced: Option<CertificateFacts>,
}

fn in_use(name: &RecipientName, jobs: &[JobId]) -> RuleViolation {
    let some: Vec<String> = jobs.iter().take(3).map(ToString::to_string).collect();
    let more = if jobs.len() > some.len() { ", …" } else { "" };
    RuleViolation::new(
        Code::RecipientInUse,
        format!(
            "recipient {name} is used by job {}{more}: edit or delete the jobs that use it, then remove the \
             recipient",
            some.join(", ")
        ),
    )
}
