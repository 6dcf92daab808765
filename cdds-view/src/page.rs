//! One page of a list.

use cdds_core::ports::catalog::query::{Page, Sort, Total};
use serde::{Deserialize, Serialize};

use crate::token::{self, ListColumn};

/// One page of a list: `{"items": […], "total": 1234, "next": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PageView<T> {
    /// The rows.
    pub items: Vec<T>,
    /// The number of rows on all pages; null on all pages but the first, and where they were not all counted.
    pub total: Option<u64>,
    /// A number that the rows on all pages exceed, if they were not all counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_more_than: Option<u64>,
    /// The [token](mod@crate::token) of the next page; null on the last one.
    pub next: Option<String>,
}

impl<T> PageView<T> {
    /// Returns the form of a page of a list in this order, each row turned into its own form by `view`.
    pub fn new<R, C: ListColumn>(page: Page<R>, sort: Sort<C>, view: impl FnMut(R) -> T) -> Self {
        Self {
            items: page.items.into_iter().map(view).collect(),
            total: page.total.and_then(Total::exact),
            total_more_than: match page.total {
                Some(Total::MoreThan(count)) => Some(count),
                Some(Total::Exactly(_)) | None => None,
            },
            next: page.next.map(|cursor| token::encode(sort, &cursor)),
        }
    }
}
