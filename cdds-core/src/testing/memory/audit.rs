//! The audit (rules C2, C3).

use super::lists::{at, is_wanted, micros, page, within};
use super::state::{State, conflict};
use crate::domain::access::audit::{AuditRecord, Object, Outcome};
use crate::domain::access::download::{DownloadEnd, DownloadOutcome};
use crate::domain::id::{AuditId, Owner, RecipientName};
use crate::ports::catalog::query::{AuditColumn, AuditQuery, Cursor, Page, SortKey};
use crate::ports::catalog::{CatalogError, RecipientRemoval};

impl State {
    /// Makes a change and stores its entries: both or neither.
    pub(super) fn audited<T>(
        &mut self,
        audit: &[AuditRecord],
        change: impl FnOnce(&mut Self) -> Result<T, CatalogError>,
    ) -> Result<T, CatalogError> {
        let twice = |entry: &&AuditRecord| self.audit.contains_key(&entry.id);
        if let Some(entry) = audit.iter().find(twice) {
            return Err(conflict(format!("audit entry {} is already on record", entry.id)));
        }
        let changed = change(self)?;
        self.audit.extend(audit.iter().map(|entry| (entry.id, entry.clone())));
        Ok(changed)
    }

    /// Removes a recipient. A removal that is refused leaves no entry.
    pub(super) fn remove_recipient(
        &mut self,
        owner: &Owner,
        name: &RecipientName,
        audit: &[AuditRecord],
    ) -> Result<RecipientRemoval, CatalogError> {
        let removal = self.removal_of_recipient(owner, name);
        match removal {
            RecipientRemoval::Removed => self.audited(audit, |state| {
                state.recipients.remove(&(owner.clone(), name.clone()));
                Ok(removal)
            }),
            RecipientRemoval::Missing | RecipientRemoval::InUse(_) => Ok(removal),
        }
    }

    pub(super) fn end_download(&mut self, id: AuditId, end: &DownloadEnd) -> Result<(), CatalogError> {
        let entry = self.audit.get_mut(&id);
        let download = entry.filter(|entry| matches!(entry.outcome, Outcome::Begun | Outcome::Ended(_)));
        let Some(download) = download else {
            return Err(conflict(format!("there is no download {id}")));
        };
        if download.outcome != Outcome::Begun {
            return Ok(());
        }
        download.outcome = Outcome::Ended(*end);
        if let (Some(Object::Artifact(artifact)), DownloadOutcome::Verified) = (&download.object, end.outcome)
        {
            self.downloads.entry(*artifact).or_default().push(end.at);
        }
        Ok(())
    }

    pub(super) fn list_audit(&self, owner: &Owner, query: &AuditQuery) -> Page<AuditRecord> {
        let wanted = |entry: &&AuditRecord| {
            let object = entry.object.as_ref().map(Object::id);
            entry.owner == *owner
                && query.object.as_ref().is_none_or(|wanted| object.as_ref() == Some(wanted))
                && is_wanted(query.principal.as_ref(), &entry.principal)
                && is_wanted(query.action.as_ref(), &entry.action)
                && within(query.at, Some(entry.at))
        };
        let rows = self.audit.values().filter(wanted).cloned().collect();
        page(rows, &query.slice, query.sort.descending, |entry| {
            let key = match query.sort.column {
                AuditColumn::At => at(entry.at),
                AuditColumn::Principal => SortKey::Text(entry.principal.to_string()),
                AuditColumn::Action => SortKey::Text(entry.action.to_string()),
            };
            Cursor { key, at: micros(entry.at), id: entry.id.to_string(), part: 0 }
        })
    }
}
