//! Bugs that do not compare the owner.

use chrono::{DateTime, Utc};

use super::Planted;
use super::layer::Layer;
use crate::domain::access::audit::AuditRecord;
use crate::domain::id::{ArtifactId, NoticeId, Owner, RecipientName};
use crate::domain::job::Job;
use crate::domain::notice::Notice;
use crate::domain::recipient::Recipient;
use crate::ports::catalog::query::{Page, Total};
use crate::ports::catalog::{ArtifactStore, CatalogError, Outbox, RecipientRemoval, RecipientStore};

/// Puts the pages of several owners together.
pub(super) fn joined<T>(pages: Vec<Page<T>>) -> Page<T> {
    let count = |page: &Page<T>| page.total.and_then(Total::exact);
    let total = pages.iter().map(count).sum::<Option<u64>>().map(Total::Exactly);
    let next = pages.first().and_then(|page| page.next.clone());
    Page { items: pages.into_iter().flat_map(|page| page.items).collect(), total, next }
}

impl Layer {
    /// Returns the owner who asks, and with this bug everybody else who has a job.
    pub(super) fn owners(&self, bug: Planted, asking: &Owner) -> Vec<Owner> {
        let mut owners = vec![asking.clone()];
        if self.has(bug) {
            owners.extend(self.catalog.all_jobs().into_iter().map(|job| job.owner));
            owners[1..].sort();
            owners.dedup();
            let others = owners.split_off(1);
            owners.extend(others.into_iter().filter(|other| other != asking));
        }
        owners
    }

    /// Returns the recipients of everybody.
    async fn everybodys(&self) -> Result<Vec<Recipient>, CatalogError> {
        let mut all = Vec::new();
        let mut owners: Vec<Owner> = self.catalog.all_jobs().into_iter().map(|job| job.owner).collect();
        owners.push(Owner::new("ada").unwrap_or_default());
        owners.sort();
        owners.dedup();
        for owner in owners {
            all.extend(self.catalog.recipients(&owner).await?);
        }
        Ok(all)
    }

    /// With the bug, gives the owner of a job every recipient that the job names and another owner has.
    pub(super) async fn shares_recipients(&self, job: &Job) -> Result<(), CatalogError> {
        if !self.has(Planted::RecipientsShared) {
            return Ok(());
        }
        let own = self.catalog.recipients(&job.owner).await?;
        for name in job.settings.protection.recipients() {
            if own.iter().any(|one| one.name == *name) {
                continue;
            }
            if let Some(foreign) = self.everybodys().await?.into_iter().find(|one| one.name == *name) {
                let shared = Recipient { owner: job.owner.clone(), ..foreign };
                self.catalog.insert_recipient(&shared, &[]).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn removes_recipient(
        &self,
        owner: &Owner,
        name: &RecipientName,
        audit: &[AuditRecord],
    ) -> Result<RecipientRemoval, CatalogError> {
        let whose = self.whose(Planted::RemovesRecipientOfAnyone, owner, name).await?;
        self.catalog.remove_recipient(&whose, name, audit).await
    }

    pub(super) async fn replaces_recipient(
        &self,
        recipient: &Recipient,
        expected: &str,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let bug = Planted::ReplacesRecipientOfAnyone;
        let whose = self.whose(bug, &recipient.owner, &recipient.name).await?;
        let recipient = Recipient { owner: whose, ..recipient.clone() };
        self.catalog.replace_recipient(&recipient, expected, audit).await
    }

    /// Returns the owner who asks, or with this bug another one who has a recipient of this name.
    async fn whose(&self, bug: Planted, asking: &Owner, name: &RecipientName) -> Result<Owner, CatalogError> {
        if !self.has(bug) {
            return Ok(asking.clone());
        }
        let all = self.everybodys().await?;
        let foreign = all.into_iter().find(|one| one.name == *name && one.owner != *asking);
        Ok(foreign.map_or_else(|| asking.clone(), |foreign| foreign.owner))
    }

    pub(super) async fn deletes(
        &self,
        owner: &Owner,
        artifacts: &[ArtifactId],
        now: DateTime<Utc>,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        if !self.has(Planted::DeletesArtifactOfAnyone) {
            return self.catalog.delete_artifacts(owner, artifacts, now, audit).await;
        }
        for id in artifacts {
            for owner in self.owners(self.bug, owner) {
                if self.catalog.artifact(&owner, *id).await?.is_some() {
                    self.catalog.delete_artifacts(&owner, &[*id], now, &[]).await?;
                }
            }
        }
        self.catalog.delete_artifacts(owner, &[], now, audit).await
    }

    pub(super) async fn asks_again(
        &self,
        owner: &Owner,
        id: NoticeId,
        audit: &[AuditRecord],
    ) -> Result<Notice, CatalogError> {
        let mut asked = self.catalog.ask_notice_again(owner, id, audit).await;
        for other in self.owners(Planted::AsksNoticeOfAnyone, owner).iter().skip(1) {
            asked = match asked {
                Err(_) => self.catalog.ask_notice_again(other, id, audit).await,
                done => done,
            };
        }
        asked
    }
}
