//! Lists of the requests of data subjects.

use super::{IdBeginning, Slice, Sort, SubjectRequestColumn};
use crate::domain::subject::request::{RequestKind, RequestStatus};
use crate::setters::setters;

/// Selects, sorts and pages the requests of data subjects.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubjectRequestQuery {
    /// Only requests whose id begins so.
    pub id_begins: Option<IdBeginning>,
    /// Only requests of this status.
    pub status: Option<RequestStatus>,
    /// Only requests that are still to be answered (`true`), or only those that have ended (`false`).
    pub open: Option<bool>,
    /// Only requests that ask for this.
    pub kind: Option<RequestKind>,
    /// The sort order.
    pub sort: Sort<SubjectRequestColumn>,
    /// The rows to return.
    pub slice: Slice,
}

setters! {
    SubjectRequestQuery {
        with_id_begins => id_begins: option IdBeginning;
        with_status => status: option RequestStatus;
        with_open => open: option bool;
        with_kind => kind: option RequestKind;
        with_sort => sort: value Sort<SubjectRequestColumn>;
        with_slice => slice: value Slice;
    }
}

impl Default for SubjectRequestQuery {
    /// Selects all requests, newest first.
    fn default() -> Self {
        Self {
            id_begins: None,
            status: None,
            open: None,
            kind: None,
            sort: Sort { column: SubjectRequestColumn::ReceivedAt, descending: true },
            slice: Slice::default(),
        }
    }
}
