//! The list of notices, which has one order.

use cdds_core::domain::work::row::WorkStatus;
use cdds_core::ports::catalog::query::{NoticeQuery, Sort};
use cdds_view::ProblemView;
use cdds_view::token::NoticeColumn;

use super::{id, slice};
use crate::answers::Answers;

/// The parameters of this list.
pub(crate) const PARAMETERS: [&str; 4] = ["execution", "status", "limit", "next"];

/// Reads a query of notices, whose page has `limit` rows unless the parameters say otherwise.
pub(crate) fn query(answers: &Answers, limit: u64) -> Result<NoticeQuery, ProblemView> {
    let sort = Sort { column: NoticeColumn::At, descending: true };
    Ok(NoticeQuery::default()
        .with_execution(id(answers, "execution")?)
        .with_status(answers.word("status", &statuses(), WorkStatus::parse)?)
        .with_slice(slice(answers, sort, limit)?))
}

/// Returns the names of the states of a delivery.
pub(crate) fn statuses() -> Vec<&'static str> {
    WorkStatus::ALL.iter().map(|status| status.as_str()).collect()
}
