//! Checks the audit (rules C1 to C3): every change by a person is on it once, with the change, and by somebody
//! who was allowed it.

use super::answers::{check_refusal, never};
use super::model::{Check, Model, ensure};
use super::planted::Tampered;
use super::report::Invariant;
use super::watch::{Watch, step};
use crate::domain::access::audit::{AuditRecord, Outcome};
use crate::domain::access::download::DownloadEnd;
use crate::domain::access::{PrincipalName, Role};
use crate::domain::id::{AuditId, Owner};
use crate::ports::catalog::query::{AuditQuery, Slice, Total};
use crate::ports::catalog::{CatalogError, CatalogErrorKind};

impl Watch {
    /// Checks the entries of a change: they are on record if and only if the change is.
    pub(super) fn check_audit<T>(&self, audit: &[AuditRecord], result: &Result<T, CatalogError>) {
        let Some(first) = audit.first() else { return };
        self.look(|model| {
            audit.iter().try_for_each(check_allowed)?;
            if result.is_ok() {
                model.audit.extend(audit.iter().map(|entry| (entry.id, entry.clone())));
            }
            self.compare_audit(model, &first.owner, &first.principal)
        });
    }

    pub(super) fn record(&self, catalog: &Tampered, entry: &AuditRecord) -> Result<(), CatalogError> {
        let result = step(catalog.inner.record(entry));
        self.look(|_| check_refusal("record", &result, never));
        self.check_audit(std::slice::from_ref(entry), &result);
        result
    }

    pub(super) fn end_download(
        &self,
        catalog: &Tampered,
        id: AuditId,
        end: &DownloadEnd,
    ) -> Result<(), CatalogError> {
        let result = step(catalog.inner.end_download(id, end));
        self.look(|model| {
            let is_known = model.audit.contains_key(&id);
            let forgotten = |kind| kind == CatalogErrorKind::Conflict && !is_known;
            check_refusal("end_download", &result, forgotten)?;
            let Some(begun) = model.audit.get_mut(&id) else { return Ok(()) };
            if begun.outcome == Outcome::Begun {
                begun.outcome = Outcome::Ended(*end);
            }
            let (owner, principal) = (begun.owner.clone(), begun.principal.clone());
            self.compare_audit(model, &owner, &principal)
        });
        result
    }

    /// Compares the audit with the model: the entries of one principal one by one, and the number of all of the
    /// owner.
    fn compare_audit(&self, model: &Model, owner: &Owner, principal: &PrincipalName) -> Check {
        let query = AuditQuery::default().with_principal(principal.clone());
        let query = query.with_slice(Slice::first(u64::from(u32::MAX)));
        let found = self.read(self.catalog.audit(owner, &query))?.items;
        let of_owner = || model.audit.values().filter(|entry| entry.owner == *owner);
        let expected = of_owner().filter(|entry| entry.principal == *principal);
        for entry in expected.clone() {
            ensure(found.contains(entry), Invariant::Audit, || format!("{entry:?} is not on record"))?;
        }
        let count = expected.count();
        ensure(found.len() == count, Invariant::Audit, || {
            format!("{principal} has {} entries for {count} actions", found.len())
        })?;
        let all = AuditQuery::default().with_slice(Slice::first(1));
        let total = self.read(self.catalog.audit(owner, &all))?.total;
        let count = of_owner().count() as u64;
        ensure(total == Some(Total::counted(count)), Invariant::Audit, || {
            format!("owner {owner} has {total:?} entries for {count} actions")
        })
    }

    /// Returns the number of entries of a principal with this outcome.
    pub(super) fn entries(&self, principal: &PrincipalName, outcome: Outcome) -> usize {
        let mut count = 0;
        self.look(|model| {
            let entries = model.audit.values().chain(&model.past_audit);
            count = entries.filter(|one| one.principal == *principal && one.outcome == outcome).count();
            Ok(())
        });
        count
    }
}

/// The roles of people, which their names end with.
pub(super) fn role_of(principal: &PrincipalName) -> Option<Role> {
    principal.as_str().rsplit(' ').next().and_then(Role::parse)
}

/// Rule C1: nobody does what their role is not allowed.
fn check_allowed(entry: &AuditRecord) -> Check {
    let role = role_of(&entry.principal);
    let allowed = role.is_some_and(|role| role.actions().contains(entry.action));
    let forbidden = entry.outcome == Outcome::Forbidden;
    ensure(allowed != forbidden, Invariant::Audit, || {
        format!("a principal whose role is {role:?} was answered {entry:?}")
    })
}
