//! Where sets are delivered and who is told, one a line (rules N1, N2).

use cdds_core::domain::delivery::{JobDestination, JobDestinations, Receipt};
use cdds_core::domain::notice::subscription::{Subscription, Subscriptions};
use cdds_core::domain::violation::RuleViolation;
use cdds_view::settings::DestinationForm;

use crate::answers::Answers;

fn lines<'a>(answers: &'a Answers, field: &str) -> impl Iterator<Item = &'a str> {
    answers.one(field).unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty())
}

/// Reads the destinations.
pub(super) fn destinations(answers: &Answers) -> Result<JobDestinations, RuleViolation> {
    let read = |line: &str| DestinationForm::typed(line)?.read(Receipt::default());
    JobDestinations::new(lines(answers, "destinations").map(read).collect::<Result<Vec<_>, _>>()?)
}

/// Reads the subscribers.
pub(super) fn subscriptions(answers: &Answers) -> Result<Subscriptions, RuleViolation> {
    let read = str::parse::<Subscription>;
    Subscriptions::new(lines(answers, "notify").map(read).collect::<Result<Vec<_>, _>>()?)
}

/// Spells a destination in one line.
pub(crate) fn spelled_destination(one: &JobDestination) -> String {
    match DestinationForm::from(one) {
        DestinationForm::Text(text) => text,
        spelled => serde_json::to_string(&spelled).unwrap_or_default(),
    }
}
