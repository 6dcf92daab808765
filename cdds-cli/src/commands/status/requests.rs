//! Requests of data subjects that are still to be answered, and whether time presses.

use cdds_core::domain::access::Principal;
use cdds_core::domain::subject::request::Due;
use cdds_core::ports::catalog::query::{COUNTED_MAX, Slice, Sort, SubjectRequestColumn, SubjectRequestQuery};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{ROWS_AT_ONCE, counted, many};
use crate::compose::App;
use crate::error::CliError;

/// How many requests wait for an answer. Counts end at one more than 10,000.
#[derive(Debug, Default, Serialize)]
pub(super) struct Requests {
    open: u64,
    /// Those of them that are due within a week.
    due_soon: u64,
    overdue: u64,
}

impl Requests {
    pub(super) async fn of(app: &App, by: &Principal, now: DateTime<Utc>) -> Result<Self, CliError> {
        let sort = Sort { column: SubjectRequestColumn::DueAt, descending: false };
        let query = SubjectRequestQuery::default().with_open(true).with_sort(sort);
        let list = async |slice| app.subjects.list(by, &query.clone().with_slice(slice)).await;
        let mut requests = Self { open: counted(list).await?, ..Self::default() };
        let mut slice = Slice::first(ROWS_AT_ONCE);
        loop {
            let page = list(slice).await?;
            for request in &page.items {
                match request.due(now) {
                    Some(Due::Passed) => requests.overdue += 1,
                    Some(Due::Near) => requests.due_soon += 1,
                    // The most urgent come first.
                    Some(Due::Later) | None => return Ok(requests),
                }
            }
            match page.next {
                Some(after) if requests.overdue + requests.due_soon <= COUNTED_MAX => {
                    slice = Slice { after: Some(after), limit: ROWS_AT_ONCE };
                }
                _ => return Ok(requests),
            }
        }
    }

    pub(super) fn words(&self) -> Option<String> {
        let Self { open, due_soon, overdue } = *self;
        let mut words = format!("{} open", many(open));
        if due_soon > 0 {
            words += &format!(", {} due within a week", many(due_soon));
        }
        if overdue > 0 {
            words += &format!(", {} OVERDUE", many(overdue));
        }
        if due_soon + overdue > 0 {
            words += " (`cdds subject list --open --sort due_at`)";
        }
        (open > 0).then_some(words)
    }
}
