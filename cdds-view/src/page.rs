//! One page of a list.

use cdds_core::ports::catalog::query::{Page, Sort};
use serde::{Deserialize, Serialize};

use crate::token::{self, ListColumn};

/// One page of a list: `{"items": […], "total": 1234, "next": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PageView<T> {
    /// The rows.
    pub items: Vec<T>,
    /// The number of rows on all pages; null on all pages but the first.
    pub total: Option<u64>,
    /// The [token] of the next page; null on the last one.
    pub next: Option<String>,
}

impl<T> PageView<T> {
    /// Returns the form of a page of a list in this order, each row turned into its own form by `view`.
    pub fn new<R, C: ListColumn>(page: Page<R>, sort: Sort<C>, view: impl FnMut(R) -> T) -> Self {
        Self {
            items: page.items.into_iter().map(view).collect(),
            total: page.total,
            next: page.next.map(|cursor| token::encode(sort, &cursor)),
        }
    }
}
