//! The list of requests of data subjects.

use cdds_core::domain::subject::request::{RequestKind, RequestStatus};
use cdds_core::ports::catalog::query::{SubjectRequestColumn, SubjectRequestQuery};
use cdds_view::ProblemView;

use super::{slice, sort, yes_or_no};
use crate::answers::Answers;

/// The parameters of this list, besides the [common](super::COMMON) ones.
pub(crate) const PARAMETERS: [&str; 3] = ["open", "state", "kind"];

/// Reads a query of requests, whose page has `limit` rows unless the parameters say otherwise.
pub(crate) fn query(answers: &Answers, limit: u64) -> Result<SubjectRequestQuery, ProblemView> {
    let query = SubjectRequestQuery::default();
    let sort = sort(answers, SubjectRequestColumn::ALL, query.sort)?;
    Ok(query
        .with_open(yes_or_no(answers, "open")?)
        .with_status(answers.word("state", &states(), RequestStatus::parse)?)
        .with_kind(answers.word("kind", &kinds(), RequestKind::parse)?)
        .with_sort(sort)
        .with_slice(slice(answers, sort, limit)?))
}

/// Returns the names of the states.
pub(crate) fn states() -> Vec<&'static str> {
    RequestStatus::ALL.iter().map(|status| status.as_str()).collect()
}

/// Returns the names of what is asked for.
pub(crate) fn kinds() -> Vec<&'static str> {
    RequestKind::ALL.iter().map(|kind| kind.as_str()).collect()
}
