//! Bugs of lists: what a query asks for is forgotten, and pages are cut wrongly.

use std::sync::PoisonError;

use super::Planted;
use super::layer::Layer;
use crate::domain::id::Owner;
use crate::ports::catalog::query::{
    ArtifactQuery, AuditQuery, Between, ExecutionQuery, JobQuery, NoticeQuery, Page, Slice, SortKey, Total,
};
use crate::ports::catalog::{CatalogError, JobStore};

impl Layer {
    /// Returns the query of `jobs` as a catalog reads it that forgets a part.
    pub(super) fn narrowed_jobs(&self, query: &JobQuery) -> JobQuery {
        let mut query = query.clone();
        match self.bug {
            Planted::JobsIgnoreIdBeginning => query.id_begins = None,
            Planted::JobsIgnoreIds => query.ids = None,
            Planted::JobsIgnoreSearch => query.search = None,
            Planted::JobsIgnoreSource => query.source = None,
            Planted::JobsIgnoreDataType => query.data_type = None,
            Planted::JobsIgnoreRecipient => query.recipient = None,
            Planted::JobsIgnoreFrequency => query.frequency = None,
            Planted::JobsIgnoreState => query.state = None,
            Planted::JobsIgnoreLatestStatus => query.latest_status = None,
            Planted::JobsIgnoreCreated => query.created = Between::default(),
            Planted::JobsIgnoreLatestStarted => query.latest_started = Between::default(),
            Planted::JobsIgnoreNextStarts => query.next_starts = Between::default(),
            Planted::JobsIgnoreDirection => query.sort.descending = false,
            _ => {}
        }
        self.cut(&mut query.slice);
        query
    }

    /// Returns the query of `executions` as a catalog reads it that forgets a part.
    pub(super) fn narrowed_executions(&self, query: &ExecutionQuery) -> ExecutionQuery {
        let mut query = query.clone();
        match self.bug {
            Planted::ExecutionsIgnoreIdBeginning => query.id_begins = None,
            Planted::ExecutionsIgnoreIds => query.ids = None,
            Planted::ExecutionsIgnoreJob => query.job = None,
            Planted::ExecutionsIgnoreStatus => query.status = None,
            Planted::ExecutionsIgnoreSource => query.source = None,
            Planted::ExecutionsIgnoreDataType => query.data_type = None,
            Planted::ExecutionsIgnoreSlot => query.slot = Between::default(),
            Planted::ExecutionsIgnoreStarted => query.started = Between::default(),
            Planted::ExecutionsIgnoreDirection => query.sort.descending = false,
            _ => {}
        }
        self.cut(&mut query.slice);
        query
    }

    /// Returns the query of `artifacts` as a catalog reads it that forgets a part.
    pub(super) fn narrowed_artifacts(&self, query: &ArtifactQuery) -> ArtifactQuery {
        let mut query = query.clone();
        match self.bug {
            Planted::ArtifactsIgnoreIdBeginning => query.id_begins = None,
            Planted::ArtifactsIgnoreJob => query.job = None,
            Planted::ArtifactsIgnoreExecution => query.execution = None,
            Planted::ArtifactsIgnoreSearch => query.search = None,
            Planted::ArtifactsIgnoreDataType => query.data_type = None,
            Planted::ArtifactsIgnoreCreated => query.created = Between::default(),
            Planted::ArtifactsIgnoreExpires => query.expires = Between::default(),
            Planted::ArtifactsIgnoreBytesMin => query.bytes_min = None,
            Planted::ArtifactsIgnoreBytesMax => query.bytes_max = None,
            Planted::ArtifactsIgnoreHold => query.hold = None,
            Planted::ArtifactsIgnoreAvailableAt => query.available_at = None,
            Planted::ArtifactsIgnoreDirection => query.sort.descending = false,
            _ => {}
        }
        self.cut(&mut query.slice);
        query
    }

    /// Returns the query of `audit` as a catalog reads it that forgets a part.
    pub(super) fn narrowed_audit(&self, query: &AuditQuery) -> AuditQuery {
        let mut query = query.clone();
        match self.bug {
            Planted::AuditIgnoreObject => query.object = None,
            Planted::AuditIgnorePrincipal => query.principal = None,
            Planted::AuditIgnoreAction => query.action = None,
            Planted::AuditIgnoreAt => query.at = Between::default(),
            Planted::AuditIgnoreDirection => query.sort.descending = false,
            _ => {}
        }
        self.cut(&mut query.slice);
        query
    }

    /// Returns the query of `notices` as a catalog reads it that forgets a part.
    pub(super) fn narrowed_notices(&self, query: &NoticeQuery) -> NoticeQuery {
        let mut query = query.clone();
        match self.bug {
            Planted::NoticesIgnoreIdBeginning => query.id_begins = None,
            Planted::NoticesIgnoreId => query.id = None,
            Planted::NoticesIgnoreExecution => query.execution = None,
            Planted::NoticesIgnoreStatus => query.status = None,
            Planted::NoticesIgnoreJob => query.job = None,
            Planted::NoticesIgnoreKind => query.kind = None,
            Planted::NoticesIgnoreWhom => query.subscriber = None,
            Planted::NoticesIgnoreHow => query.channel = None,
            Planted::NoticesIgnoreHost => query.for_host = None,
            Planted::NoticesIgnoreAt => query.at = Between::default(),
            Planted::NoticesIgnoreDirection => query.sort.descending = false,
            _ => {}
        }
        self.cut(&mut query.slice);
        query
    }

    /// With the bug, begins a later page of jobs at a row number.
    pub(super) async fn by_row_number(
        &self,
        owner: &Owner,
        query: &mut JobQuery,
    ) -> Result<(), CatalogError> {
        if !self.has(Planted::PagesByRowNumber) {
            return Ok(());
        }
        let behind = {
            let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
            *given = if query.slice.after.is_some() { *given + query.slice.limit } else { 0 };
            *given
        };
        if behind > 0 {
            let before = query.clone().with_slice(Slice::first(behind));
            query.slice.after = self.catalog.jobs(owner, &before).await?.next;
        }
        Ok(())
    }

    /// Cuts a page as a catalog does that counts wrongly.
    fn cut(&self, slice: &mut Slice) {
        match (self.bug, &mut slice.after) {
            (Planted::PageTooLong, _) => slice.limit = slice.limit.saturating_add(1),
            (Planted::CursorSkipsTies, Some(after)) if after.key != SortKey::Missing => {
                "~".clone_into(&mut after.id);
            }
            _ => {}
        }
    }

    /// Gives a page as a catalog does that counts wrongly.
    pub(super) fn counted<T>(&self, slice: &Slice, mut page: Page<T>) -> Page<T> {
        match (self.bug, page.total) {
            (Planted::TotalTooLarge, Some(Total::Exactly(count))) => {
                page.total = Some(Total::Exactly(count + 1));
            }
            (Planted::LaterPagesCounted, None) => page.total = Some(Total::Exactly(page.items.len() as u64)),
            (Planted::LastRowLost, None) if page.next.is_none() && slice.after.is_some() => {
                drop(page.items.pop());
            }
            _ => {}
        }
        page
    }
}
