//! The history: the list of executions.

use cdds_core::domain::execution::Status;
use cdds_core::ports::catalog::query::{Between, ExecutionColumn, ExecutionQuery};
use cdds_view::ProblemView;

use super::{between, id, slice, sort};
use crate::answers::Answers;

/// The parameters of this list, besides the [common](super::COMMON) ones.
pub(crate) const PARAMETERS: [&str; 8] =
    ["job", "status", "source", "type", "from", "to", "started_from", "started_to"];

/// Reads a query of executions, whose page has `limit` rows unless the parameters say otherwise.
pub(crate) fn query(answers: &Answers, limit: u64) -> Result<ExecutionQuery, ProblemView> {
    let query = ExecutionQuery::default();
    let sort = sort(answers, ExecutionColumn::ALL, query.sort)?;
    Ok(query
        .with_job(id(answers, "job")?)
        .with_status(answers.word("status", &statuses(), Status::parse)?)
        .with_source(answers.parsed("source")?)
        .with_data_type(answers.parsed("type")?)
        .with_slot(Between { from: answers.instant("from")?, to: answers.instant("to")? })
        .with_started(between(answers, "started")?)
        .with_sort(sort)
        .with_slice(slice(answers, sort, limit)?))
}

/// Returns the names of the statuses.
pub(crate) fn statuses() -> Vec<&'static str> {
    Status::ALL.iter().map(|status| status.as_str()).collect()
}
