//! The list of deliveries, which has one order.

use cdds_core::domain::work::row::WorkStatus;
use cdds_core::ports::catalog::query::{DeliveryQuery, Sort};
use cdds_view::ProblemView;
use cdds_view::token::DeliveryColumn;

pub(crate) use super::notices::statuses;
use super::{id, slice};
use crate::answers::Answers;

/// The parameters of this list.
pub(crate) const PARAMETERS: [&str; 5] = ["execution", "destination", "status", "limit", "next"];

/// Reads a query of deliveries, whose page has `limit` rows unless the parameters say otherwise.
pub(crate) fn query(answers: &Answers, limit: u64) -> Result<DeliveryQuery, ProblemView> {
    let sort = Sort { column: DeliveryColumn::CreatedAt, descending: true };
    Ok(DeliveryQuery::default()
        .with_execution(id(answers, "execution")?)
        .with_destination(answers.parsed("destination")?)
        .with_status(answers.word("status", &statuses(), WorkStatus::parse)?)
        .with_slice(slice(answers, sort, limit)?))
}
