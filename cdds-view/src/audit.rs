//! An entry of the audit.

use cdds_core::domain::access::audit::{AuditRecord, Object, Outcome};
use cdds_core::domain::id::AuditId;
use serde::{Deserialize, Serialize};

use crate::instant::Instant;
use crate::words;

/// An entry of the audit: who did what (rules C2, C3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct AuditView {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub id: AuditId,
    /// When the principal acted.
    pub at: Instant,
    /// Who acted.
    pub principal: String,
    /// The stable name of the action: `edit_job`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::PrincipalAction))]
    pub action: String,
    /// What the action was done to; null if it has no object.
    pub object: Option<ObjectView>,
    /// The object's version before the change; null if it did not exist or has no versions.
    pub version_before: Option<u64>,
    /// The object's version after the change; null if it has no versions.
    pub version_after: Option<u64>,
    /// The names of the settings that an edit changed; of a renewed recipient, `replaced:` and `certificate:` with the
    /// fingerprints of the certificates before and after.
    pub settings: Vec<String>,
    /// What came of it: `done`, `forbidden`, or of a download `begun`, `linked`,
    /// `verified`, `broken_off` or `corrupt`. A link leads to the store, which tells nobody here whether it was
    /// followed.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Outcome))]
    pub outcome: String,
    /// When a download ended; null for anything else, and if its end is not on record.
    pub ended_at: Option<Instant>,
    /// The number of bytes that a download gave; null likewise.
    pub bytes: Option<u64>,
}

/// The object of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ObjectView {
    /// Its kind: `job`, `execution`, `artifact_set`, `artifact`, `manifest`, `signature`, `recipient` or
    /// `store`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::ObjectKind))]
    pub kind: String,
    /// Its id. A set, its manifest and its signature have the id of their execution, a recipient its name.
    pub id: String,
}

impl From<&Object> for ObjectView {
    fn from(object: &Object) -> Self {
        Self { kind: object.kind().to_owned(), id: object.id() }
    }
}

impl From<AuditRecord> for AuditView {
    fn from(entry: AuditRecord) -> Self {
        let end = if let Outcome::Ended(end) = entry.outcome { Some(end) } else { None };
        Self {
            id: entry.id,
            at: Instant(entry.at),
            principal: entry.principal.to_string(),
            action: entry.action.as_str().to_owned(),
            object: entry.object.as_ref().map(ObjectView::from),
            version_before: entry.version_before,
            version_after: entry.version_after,
            settings: entry.settings,
            outcome: entry.outcome.as_str().to_owned(),
            ended_at: end.map(|end| Instant(end.at)),
            bytes: end.map(|end| end.bytes),
        }
    }
}

impl AuditView {
    /// `job 8f14e45f-…`; empty for an action without an object.
    pub fn object_words(&self) -> String {
        let words = |object: &ObjectView| format!("{} {}", object.kind.replace('_', " "), object.id);
        self.object.as_ref().map_or_else(String::new, words)
    }

    /// `certificate 1f0c9a… to 8e44b2…`: the beginnings of the fingerprints of a renewal.
    fn renewal_words(&self) -> Option<String> {
        let [replaced, by] = &*self.settings else { return None };
        let (replaced, by) = (replaced.strip_prefix("replaced:")?, by.strip_prefix("certificate:")?);
        let begins = |fingerprint: &str| fingerprint.chars().take(16).collect::<String>();
        Some(format!("certificate {}… to {}…", begins(replaced), begins(by)))
    }

    /// What more there is to say: `version 2 to 3: title, split_size`, the bytes of a download, or that its
    /// end is not on record or cannot be. May be empty.
    pub fn remark(&self) -> String {
        let settings = self.renewal_words().unwrap_or_else(|| self.settings.join(", "));
        match (self.version_before, self.version_after, self.bytes) {
            (_, _, Some(bytes)) => words::bytes(bytes),
            (Some(before), Some(after), None) if before != after && settings.is_empty() => {
                format!("version {before} to {after}")
            }
            (Some(before), Some(after), None) if before != after => {
                format!("version {before} to {after}: {settings}")
            }
            _ if self.outcome == Outcome::Begun.as_str() => "not ended".to_owned(),
            _ if self.outcome == Outcome::Linked.as_str() => "fetched from the store, if at all".to_owned(),
            _ => settings,
        }
    }
}
