//! The list of notices.

use cdds_core::domain::notice::{Channel, NoticeKind};
use cdds_core::domain::work::row::WorkStatus;
use cdds_core::ports::catalog::query::{Between, NoticeColumn, NoticeQuery};
use cdds_view::ProblemView;

use super::{id, slice, sort};
use crate::answers::Answers;

/// The parameters of this list, besides the [common](super::COMMON) ones.
pub(crate) const PARAMETERS: [&str; 8] =
    ["execution", "job", "kind", "channel", "subscriber", "status", "from", "to"];

/// Reads a query of notices, whose page has `limit` rows unless the parameters say otherwise.
pub(crate) fn query(answers: &Answers, limit: u64) -> Result<NoticeQuery, ProblemView> {
    let query = NoticeQuery::default();
    let sort = sort(answers, NoticeColumn::ALL, query.sort)?;
    Ok(query
        .with_execution(id(answers, "execution")?)
        .with_job(id(answers, "job")?)
        .with_kind(answers.word("kind", &kinds(), NoticeKind::parse)?)
        .with_channel(answers.word("channel", &channels(), Channel::parse)?)
        .with_subscriber(answers.parsed("subscriber")?)
        .with_status(answers.word("status", &statuses(), WorkStatus::parse)?)
        .with_at(Between { from: answers.instant("from")?, to: answers.instant("to")? })
        .with_sort(sort)
        .with_slice(slice(answers, sort, limit)?))
}

/// Returns the names of what notices tell.
pub(crate) fn kinds() -> Vec<&'static str> {
    NoticeKind::ALL.iter().map(|kind| kind.as_str()).collect()
}

/// Returns the names of the channels.
pub(crate) fn channels() -> Vec<&'static str> {
    Channel::ALL.iter().map(|channel| channel.as_str()).collect()
}

/// Returns the names of the states of a delivery.
pub(crate) fn statuses() -> Vec<&'static str> {
    WorkStatus::ALL.iter().map(|status| status.as_str()).collect()
}
