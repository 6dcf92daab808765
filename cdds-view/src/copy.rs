//! A set that may hold records about a person.

use cdds_core::domain::id::{ExecutionId, JobId};
use cdds_core::domain::subject::copies::{Holding, PublishedSet};
use cdds_core::domain::work::row::WorkState;
use cdds_core::service::copies::CopyOf;
use serde::{Deserialize, Serialize};

use crate::delivery::DeliveryState;
use crate::instant::Instant;

/// A set that an export has made, whether it may hold records about a person, and who has it (rule D10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CopyView {
    /// The execution that published it.
    pub execution_id: ExecutionId,
    /// The job of that execution.
    pub job_id: JobId,
    /// What that is called; null for a set that does not hold the person.
    pub title: Option<String>,
    /// The data types, with commas between them.
    pub types: String,
    /// Whether it holds records that name the person: `may`, `not`, or `unknown` if nobody can tell.
    pub holds: String,
    /// Why nobody can tell: `no_filter`, `key_missing`, `filter_lost` or `incomplete`; null unless that is so.
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
#[non_exhaustive]
pub struct CopyDownloadView {
    /// When.
    pub at: Instant,
    /// Who.
    pub principal: String,
    /// What came of it: `begun`, `linked`, `verified`, `broken_off` or `corrupt`.
    pub outcome: String,
}

/// A delivery of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CopyDeliveryView {
    /// The destination.
    pub destination: String,
    /// Where it stands. A delivery that has failed may have left files, too.
    pub state: DeliveryState,
    /// When it had arrived; null before.
    pub delivered_at: Option<Instant>,
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
