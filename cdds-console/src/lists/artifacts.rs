//! The list of artifacts.

use cdds_core::ports::catalog::query::{ArtifactColumn, ArtifactQuery};
use cdds_view::ProblemView;

use super::{between, bytes, id, slice, sort, yes_or_no};
use crate::answers::Answers;

/// The parameters of this list, besides the [common](super::COMMON) ones.
pub(crate) const PARAMETERS: [&str; 11] = [
    "job",
    "execution",
    "search",
    "type",
    "created_from",
    "created_to",
    "expires_from",
    "expires_to",
    "size_min",
    "size_max",
    "on_hold",
];

/// Reads a query of artifacts, whose page has `limit` rows unless the parameters say otherwise.
pub(crate) fn query(answers: &Answers, limit: u64) -> Result<ArtifactQuery, ProblemView> {
    let query = ArtifactQuery::default();
    let sort = sort(answers, ArtifactColumn::ALL, query.sort)?;
    Ok(query
        .with_job(id(answers, "job")?)
        .with_execution(id(answers, "execution")?)
        .with_search(answers.one("search").map(str::to_owned))
        .with_data_type(answers.parsed("type")?)
        .with_created(between(answers, "created")?)
        .with_expires(between(answers, "expires")?)
        .with_bytes_min(bytes(answers, "size_min")?)
        .with_bytes_max(bytes(answers, "size_max")?)
        .with_hold(yes_or_no(answers, "on_hold")?)
        .with_sort(sort)
        .with_slice(slice(answers, sort, limit)?))
}
