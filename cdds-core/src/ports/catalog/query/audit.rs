//! The query of the audit.

use super::{AuditColumn, Between, Slice, Sort};
use crate::domain::access::{Action, PrincipalName};
use crate::setters::setters;

/// Selects, sorts and pages entries of the audit (rule C2).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditQuery {
    /// Only entries about the object with this id, of any kind: a hyphenated UUID in lower case, or the name
    /// of a recipient. A set, its manifest and its signature have the id of their execution.
    pub object: Option<String>,
    /// Only entries of this principal.
    pub principal: Option<PrincipalName>,
    /// Only entries of this action.
    pub action: Option<Action>,
    /// Only entries in this range.
    pub at: Between,
    /// The sort order.
    pub sort: Sort<AuditColumn>,
    /// The rows to return.
    pub slice: Slice,
}

setters! {
    AuditQuery {
        with_object => object: option String;
        with_principal => principal: option PrincipalName;
        with_action => action: option Action;
        with_at => at: value Between;
        with_sort => sort: value Sort<AuditColumn>;
        with_slice => slice: value Slice;
    }
}

impl Default for AuditQuery {
    /// Selects all entries, newest first.
    fn default() -> Self {
        Self {
            object: None,
            principal: None,
            action: None,
            at: Between::default(),
            sort: Sort { column: AuditColumn::At, descending: true },
            slice: Slice::default(),
        }
    }
}
