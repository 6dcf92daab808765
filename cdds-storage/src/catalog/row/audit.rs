//! Entries of the audit.

use cdds_core::domain::access::Action;
use cdds_core::domain::access::audit::{AuditRecord, Object, Outcome};
use cdds_core::domain::access::{Principal, Role};
use cdds_core::ports::catalog::CatalogError;

use super::{Reading, integer, micros};

/// An entry of the audit. The names of settings are separated by blanks.
#[derive(Debug)]
pub(in crate::catalog) struct AuditRow {
    pub(in crate::catalog) id: String,
    pub(in crate::catalog) at: i64,
    pub(in crate::catalog) owner: String,
    pub(in crate::catalog) principal: String,
    pub(in crate::catalog) action: String,
    pub(in crate::catalog) object_kind: Option<String>,
    pub(in crate::catalog) object_id: Option<String>,
    pub(in crate::catalog) version_before: Option<i64>,
    pub(in crate::catalog) version_after: Option<i64>,
    pub(in crate::catalog) settings: String,
    pub(in crate::catalog) outcome: String,
    pub(in crate::catalog) ended_at: Option<i64>,
    pub(in crate::catalog) bytes: Option<i64>,
}

impl AuditRow {
    pub(in crate::catalog) fn of(entry: &AuditRecord) -> Self {
        let (ended_at, bytes) = match entry.outcome {
            Outcome::Ended(end) => (Some(micros(end.at)), Some(integer(end.bytes))),
            _ => (None, None),
        };
        Self {
            id: entry.id.to_string(),
            at: micros(entry.at),
            owner: entry.owner.to_string(),
            principal: entry.principal.to_string(),
            action: entry.action.to_string(),
            object_kind: entry.object.as_ref().map(|object| object.kind().to_owned()),
            object_id: entry.object.as_ref().map(Object::id),
            version_before: entry.version_before.map(integer),
            version_after: entry.version_after.map(integer),
            settings: entry.settings.join(" "),
            outcome: entry.outcome.as_str().to_owned(),
            ended_at,
            bytes,
        }
    }

    pub(in crate::catalog) fn into_record(self) -> Result<AuditRecord, CatalogError> {
        let row = Reading { table: "audit entry", id: &self.id };
        let action = Action::parse(&self.action)
            .ok_or_else(|| row.corrupt(format_args!("unknown action {:?}", self.action)))?;
        let object = match (&self.object_kind, &self.object_id) {
            (Some(kind), Some(id)) => Some(
                Object::from_parts(kind, id)
                    .ok_or_else(|| row.corrupt(format_args!("unknown object {kind:?} {id:?}")))?,
            ),
            _ => None,
        };
        let bytes = self.bytes.map(|bytes| row.number(bytes)).transpose()?;
        let outcome = Outcome::from_parts(&self.outcome, row.at_if(self.ended_at)?, bytes)
            .ok_or_else(|| row.corrupt(format_args!("unknown outcome {:?}", self.outcome)))?;
        // What a principal may do is no part of an entry.
        let by = Principal::new(row.parse(&self.principal)?, row.parse(&self.owner)?, Role::Viewer);
        let version = |version: Option<i64>| version.map(|version| row.number::<u64>(version)).transpose();
        Ok(AuditRecord::new(row.parse(&self.id)?, row.at(self.at)?, &by, action)
            .with_object(object)
            .with_version_before(version(self.version_before)?)
            .with_version_after(version(self.version_after)?)
            .with_settings(self.settings.split_whitespace().map(str::to_owned).collect())
            .with_outcome(outcome))
    }
}
