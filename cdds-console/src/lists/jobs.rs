//! The list of jobs.

use cdds_core::domain::execution::Status;
use cdds_core::domain::job::JobState;
use cdds_core::ports::catalog::query::{FrequencyKind, JobColumn, JobQuery, LatestStatus};
use cdds_view::{ProblemView, YET_TO_RUN};

use super::{between, slice, sort};
use crate::answers::Answers;

/// The parameters of this list, besides the [common](super::COMMON) ones.
pub(crate) const PARAMETERS: [&str; 13] = [
    "search",
    "source",
    "type",
    "recipient",
    "frequency",
    "state",
    "latest_status",
    "created_from",
    "created_to",
    "latest_started_from",
    "latest_started_to",
    "next_starts_from",
    "next_starts_to",
];

/// The states to filter by.
pub(crate) const STATES: [&str; 3] = ["active", "suspended", "completed"];

/// Reads a query of jobs, whose page has `limit` rows unless the parameters say otherwise.
pub(crate) fn query(answers: &Answers, limit: u64) -> Result<JobQuery, ProblemView> {
    let query = JobQuery::default();
    let sort = sort(answers, JobColumn::ALL, query.sort)?;
    Ok(query
        .with_search(answers.one("search").map(str::to_owned))
        .with_source(answers.parsed("source")?)
        .with_data_type(answers.parsed("type")?)
        .with_recipient(answers.parsed("recipient")?)
        .with_frequency(answers.word("frequency", &frequencies(), frequency)?)
        .with_state(answers.word("state", &STATES, JobState::parse)?)
        .with_latest_status(answers.word("latest_status", &statuses(), latest_status)?)
        .with_created(between(answers, "created")?)
        .with_latest_started(between(answers, "latest_started")?)
        .with_next_starts(between(answers, "next_starts")?)
        .with_sort(sort)
        .with_slice(slice(answers, sort, limit)?))
}

/// Returns the names of the frequencies.
pub(crate) fn frequencies() -> Vec<&'static str> {
    FrequencyKind::ALL.iter().map(|kind| kind.as_str()).collect()
}

/// Returns the names of the latest statuses.
pub(crate) fn statuses() -> Vec<&'static str> {
    [YET_TO_RUN].into_iter().chain(Status::ALL.iter().map(|status| status.as_str())).collect()
}

fn frequency(name: &str) -> Option<FrequencyKind> {
    FrequencyKind::ALL.iter().copied().find(|kind| kind.as_str() == name)
}

fn latest_status(name: &str) -> Option<LatestStatus> {
    match name {
        YET_TO_RUN => Some(LatestStatus::YetToRun),
        name => Status::parse(name).map(LatestStatus::Is),
    }
}
