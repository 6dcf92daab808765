//! Requests of data subjects (rules D2, D6, D8).

use async_trait::async_trait;

use super::MemoryCatalog;
use super::lists::{at, begins, is_wanted, micros, page};
use super::state::{State, conflict};
use crate::domain::access::audit::AuditRecord;
use crate::domain::id::{Owner, SubjectRequestId};
use crate::domain::subject::request::SubjectRequest;
use crate::ports::catalog::query::{Cursor, Page, SubjectRequestColumn, SubjectRequestQuery};
use crate::ports::catalog::{CatalogError, SubjectStore};

impl State {
    fn insert_subject_request(&mut self, request: &SubjectRequest) -> Result<(), CatalogError> {
        if self.subject_requests.contains_key(&request.id) {
            return Err(conflict(format!("subject request {} is already on record", request.id)));
        }
        self.subject_requests.insert(request.id, request.clone());
        Ok(())
    }

    fn repeated(&self, request: &SubjectRequest) -> Option<SubjectRequestId> {
        let open = self.subject_requests.values().filter(|open| open.is_repeated_by(request));
        open.min_by_key(|open| (open.received.at, open.id)).map(|open| open.id)
    }

    fn change_subject_request(
        &mut self,
        request: &SubjectRequest,
        expected: u64,
    ) -> Result<(), CatalogError> {
        let known = self.subject_requests.get_mut(&request.id).filter(|known| known.owner == request.owner);
        match known.filter(|known| known.version == expected) {
            Some(known) => known.clone_from(request),
            None => return Err(conflict(format!("subject request {}", request.id))),
        }
        Ok(())
    }

    fn list_subject_requests(&self, owner: &Owner, query: &SubjectRequestQuery) -> Page<SubjectRequest> {
        let wanted = |request: &&SubjectRequest| {
            request.owner == *owner
                && begins(query.id_begins.as_ref(), request.id)
                && is_wanted(query.status.as_ref(), &request.status())
                && is_wanted(query.open.as_ref(), &request.status().is_open())
                && is_wanted(query.kind.as_ref(), &request.kind)
        };
        let rows = self.subject_requests.values().filter(wanted).cloned().collect();
        page(rows, &query.slice, query.sort.descending, |request| {
            let key = match query.sort.column {
                SubjectRequestColumn::ReceivedAt => at(request.received.at),
                SubjectRequestColumn::DueAt => at(request.due_at),
            };
            Cursor { key, at: micros(request.received.at), id: request.id.to_string(), part: 0 }
        })
    }
}

#[async_trait]
impl SubjectStore for MemoryCatalog {
    async fn insert_subject_request(
        &self,
        request: &SubjectRequest,
        audit: &[AuditRecord],
    ) -> Result<Option<SubjectRequestId>, CatalogError> {
        let mut state = self.state();
        if let Some(open) = state.repeated(request) {
            return Ok(Some(open));
        }
        state.audited(audit, |state| state.insert_subject_request(request))?;
        Ok(None)
    }

    async fn change_subject_request(
        &self,
        request: &SubjectRequest,
        expected: u64,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        self.state().audited(audit, |state| state.change_subject_request(request, expected))
    }

    async fn subject_request(
        &self,
        owner: &Owner,
        id: SubjectRequestId,
    ) -> Result<Option<SubjectRequest>, CatalogError> {
        let state = self.state();
        Ok(state.subject_requests.get(&id).filter(|request| request.owner == *owner).cloned())
    }

    async fn subject_requests(
        &self,
        owner: &Owner,
        query: &SubjectRequestQuery,
    ) -> Result<Page<SubjectRequest>, CatalogError> {
        Ok(self.state().list_subject_requests(owner, query))
    }
}
