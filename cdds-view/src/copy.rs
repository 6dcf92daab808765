//! A set that may hold records about a person.

use cdds_core::domain::id::{ExecutionId, JobId, NoticeId};
use cdds_core::domain::notice::Notice;
use cdds_core::domain::notice::recall::has_begun;
use cdds_core::domain::subject::copies::{CopyPlace, Holding, PublishedSet};
use cdds_core::domain::work::row::WorkState;
use cdds_core::ports::catalog::query::{Cursor, Sort, SortKey};
use cdds_core::service::copies::{CopyDeletion, CopyOf, CopyPage, CopyRecall};
use chrono::DateTime;
use serde::{Deserialize, Serialize};

use crate::delivery::DeliveryState;
use crate::instant::Instant;
use crate::notice::{NoticeState, NoticeView};
use crate::page::PageView;
use crate::token::{self, CopyColumn, TokenError};

/// A set that an export has made, whether it may hold records about a person, and who has it (rule D10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct CopyView {
    /// The execution that published it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub execution_id: ExecutionId,
    /// The job of that execution.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub job_id: JobId,
    /// What that is called; null for a set that does not hold the person.
    pub title: Option<String>,
    /// The data types, with commas between them.
    pub types: String,
    /// Whether it holds records that name the person: `may`, `not`, or `unknown` if nobody can tell.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::CopyHolding))]
    pub holds: String,
    /// Why nobody can tell: `no_filter`, `key_missing`, `filter_lost` or `incomplete`; null unless that is so.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::CopyUnknown>))]
    pub unknown: Option<String>,
    /// When it was published.
    pub published_at: Instant,
    /// When it expires, or has expired.
    pub expires_at: Instant,
    /// When it was removed; null while it is kept.
    pub removed_at: Option<Instant>,
    /// Whether a legal hold keeps it.
    pub hold: bool,
    /// Who downloaded a file of it, latest first.
    pub downloads: Vec<CopyDownloadView>,
    /// Where it was delivered, or is to be.
    pub deliveries: Vec<CopyDeliveryView>,
}

/// A download of a file of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct CopyDownloadView {
    /// When.
    pub at: Instant,
    /// Who.
    pub principal: String,
    /// What came of it: `begun`, `linked`, `verified`, `broken_off` or `corrupt`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Outcome))]
    pub outcome: String,
}

/// A delivery of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct CopyDeliveryView {
    /// The destination.
    pub destination: String,
    /// Where it stands. A delivery that has failed may have left files, too.
    pub state: DeliveryState,
    /// When it had arrived; null before.
    pub delivered_at: Option<Instant>,
}

/// What became of a set that may hold the person and was to be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct CopyDeletionView {
    /// The execution that published it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub execution_id: ExecutionId,
    /// What its job is called; null if that is not known any more.
    pub title: Option<String>,
    /// What became of it: `deleted`, `on_hold`, or `gone` if it was deleted or had expired meanwhile.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::CopyOutcome))]
    pub outcome: String,
}

impl From<CopyDeletion> for CopyDeletionView {
    fn from(deletion: CopyDeletion) -> Self {
        Self {
            execution_id: deletion.execution,
            title: deletion.title.map(|title| title.to_string()),
            outcome: deletion.outcome.as_str().to_owned(),
        }
    }
}

/// A set that may hold the person and that somebody has, and who is told to delete it (rule D11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct CopyRecallView {
    /// The execution that published it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub execution_id: ExecutionId,
    /// What its job is called; null if that is not known any more.
    pub title: Option<String>,
    /// What became of it: `told`; `told_before` if an earlier call has told all its subscribers; `nobody` if it has none, so
    /// that somebody has to tell those who have it; or `gone` if it left the history meanwhile.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::RecallOutcome))]
    pub outcome: String,
    /// Who is told.
    pub told: Vec<CopyToldView>,
    /// The recipients for whom it is sealed.
    pub recipients: Vec<String>,
    /// Who downloaded a file of it, latest first.
    pub downloads: Vec<CopyDownloadView>,
    /// Where it was delivered, or where a delivery that did not end may have left files.
    pub deliveries: Vec<CopyDeliveryView>,
}

/// A subscriber who is told to delete a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct CopyToldView {
    /// The notice, by which it is found in their list.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub notice_id: NoticeId,
    /// Who, like `mailto:ada@example.com` or `webhook:billing`.
    pub target: String,
    /// Where the notice stands.
    pub state: NoticeState,
}

impl From<Notice> for CopyToldView {
    fn from(notice: Notice) -> Self {
        let NoticeView { id, target, state, .. } = notice.into();
        Self { notice_id: id, target, state }
    }
}

impl From<CopyRecall> for CopyRecallView {
    fn from(recall: CopyRecall) -> Self {
        let mut copy = recall.copy;
        let recipients = copy.recipients.iter().map(ToString::to_string).collect();
        copy.deliveries.retain(has_begun);
        let CopyView { execution_id, title, downloads, deliveries, .. } = copy.into();
        Self {
            execution_id,
            title,
            outcome: recall.outcome.as_str().to_owned(),
            told: recall.notices.into_iter().map(CopyToldView::from).collect(),
            recipients,
            downloads,
            deliveries,
        }
    }
}

/// The order of the list of copies.
const ORDER: Sort<CopyColumn> = Sort { column: CopyColumn::Slot, descending: true };

impl PageView<CopyView> {
    /// Returns the form of a page of copies. Of sets that do not hold the person, only the place is told, unless `all` are
    /// asked for: so a page may be empty though there is a next one.
    pub fn of_copies(page: CopyPage, all: bool) -> Self {
        let shown = page.items.into_iter().filter(|copy| all || copy.holding != Holding::Not);
        let cursor = |place: CopyPlace| Cursor {
            key: SortKey::Missing,
            at: place.slot.timestamp_micros(),
            id: place.execution.to_string(),
            part: 0,
        };
        let next = page.next.map(|place| token::encode(ORDER, &cursor(place)));
        Self { items: shown.map(CopyView::from).collect(), total: None, total_more_than: None, next }
    }
}

/// Returns the place behind which a page of copies begins, from its token.
///
/// # Errors
/// [`TokenError`] for every text that no page of copies had as its `next`.
pub fn copy_place(token: &str) -> Result<CopyPlace, TokenError> {
    let cursor = token::decode(ORDER, token)?;
    let slot = DateTime::from_timestamp_micros(cursor.at).ok_or(TokenError::Malformed)?;
    let execution = cursor.id.parse().map_err(|_| TokenError::Malformed)?;
    Ok(CopyPlace { slot, execution })
}

impl From<CopyOf> for CopyView {
    fn from(copy: CopyOf) -> Self {
        let PublishedSet { execution, job, types, published_at, expires_at, removed_at, hold, .. } = copy.set;
        let unknown = match copy.holding {
            Holding::Unknown(why) => Some(why.as_str().to_owned()),
            _ => None,
        };
        let downloads = copy.downloads.into_iter().map(|entry| CopyDownloadView {
            at: Instant(entry.at),
            principal: entry.principal.to_string(),
            outcome: entry.outcome.as_str().to_owned(),
        });
        let deliveries = copy.deliveries.into_iter().map(|delivery| CopyDeliveryView {
            destination: delivery.to.destination.to_string(),
            state: delivery.work.status().into(),
            delivered_at: match delivery.work.state {
                WorkState::Done { at } => Some(Instant(at)),
                _ => None,
            },
        });
        Self {
            execution_id: execution,
            job_id: job,
            title: copy.title.map(|title| title.to_string()),
            types: types.to_string(),
            holds: copy.holding.as_str().to_owned(),
            unknown,
            published_at: Instant(published_at),
            expires_at: Instant(expires_at),
            removed_at: removed_at.map(Instant),
            hold,
            downloads: downloads.collect(),
            deliveries: deliveries.collect(),
        }
    }
}

impl CopyView {
    /// `may hold`, `holds nothing`, or `cannot tell` and why.
    pub fn holds_words(&self) -> &'static str {
        match (self.holds.as_str(), self.unknown.as_deref()) {
            ("may", _) => "may hold",
            ("not", _) => "holds nothing",
            (_, Some("no_filter")) => "cannot tell: made without a filter",
            (_, Some("key_missing")) => "cannot tell: the key is missing",
            (_, Some("filter_lost")) => "cannot tell: the filter is lost",
            (_, Some("incomplete")) => "cannot tell: not all records were seen",
            _ => "cannot tell",
        }
    }

    /// `on hold`, `deleted …`, or until when it is kept.
    pub fn kept_words(&self) -> String {
        match self.removed_at {
            Some(at) if at.0 < self.expires_at.0 => format!("deleted {at}"),
            Some(_) => format!("expired {}", self.expires_at),
            None if self.hold => "on hold".to_owned(),
            None => format!("until {}", self.expires_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d10_the_token_of_a_page_leads_to_its_place() {
        let place = CopyPlace {
            slot: "2026-11-26T14:00:00.000001Z".parse().unwrap(),
            execution: "8f14e45f-0000-0000-0000-000000000001".parse().unwrap(),
        };
        let page = CopyPage::new(Vec::new(), Some(place));
        let token = PageView::of_copies(page, false).next.unwrap();
        assert_eq!(copy_place(&token), Ok(place));
        assert_eq!(copy_place(&token[..20]), Err(TokenError::Malformed));
        let other = Cursor { key: SortKey::Missing, at: i64::MAX, id: "nobody".to_owned(), part: 0 };
        assert_eq!(copy_place(&token::encode(ORDER, &other)), Err(TokenError::Malformed));
    }
}
