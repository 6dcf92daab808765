//! Where sets are delivered and who is told: a group of fields for each (rules N1, N2).

use std::collections::BTreeSet;

use cdds_core::domain::delivery::path::PathTemplate;
use cdds_core::domain::delivery::{JobDestination, JobDestinations, Receipt};
use cdds_core::domain::id::DestinationId;
use cdds_core::domain::notice::subscription::{Subscription, Subscriptions};
use cdds_core::domain::notice::{Channel, NoticeKind};
use cdds_core::domain::violation::RuleViolation;
use cdds_view::settings::{DestinationForm, parse_receipt};

use super::groups::{PLACES, SUBSCRIBERS};
use crate::answers::Answers;
use crate::forms::Faults;
use crate::texts::job as texts;

/// The template that stands for the destination's own folder: an empty field stands for the default.
const OWN_FOLDER: &str = "{file}";

/// Reads the destinations. A group that was left empty names none.
pub(super) fn destinations(answers: &Answers, faults: &mut Faults) -> JobDestinations {
    let groups = 0..PLACES.of(answers);
    let read: Vec<_> = groups.filter_map(|number| destination(answers, number, faults)).collect();
    let last = PLACES.of(answers).saturating_sub(1);
    faults.take(&format!("to-{last}"), JobDestinations::new(read)).unwrap_or_default()
}

fn destination(answers: &Answers, number: usize, faults: &mut Faults) -> Option<JobDestination> {
    let (to, path, receipt) = (format!("to-{number}"), format!("path-{number}"), format!("receipt-{number}"));
    let Some(id) = answers.one(&to) else {
        if answers.one(&path).is_some() {
            faults.say(&to, texts::NEEDED);
        }
        return None;
    };
    let id = faults.take(&to, DestinationId::new(id));
    let typed =
        answers.one(&path).map(|path| faults.take(&path_field(number), PathTemplate::new(path.trim())));
    let compared = answers.one(&receipt).map(|name| faults.take(&receipt, parse_receipt(name)));
    let path = typed.unwrap_or_else(|| Some(PathTemplate::default()))?;
    let receipt = compared.unwrap_or_else(|| Some(Receipt::default()))?;
    Some(JobDestination::new(id?).with_path(path).with_receipt(receipt))
}

fn path_field(number: usize) -> String {
    format!("path-{number}")
}

/// Reads the subscribers. A group that was left empty names none.
pub(super) fn subscriptions(answers: &Answers, faults: &mut Faults) -> Subscriptions {
    let groups = 0..SUBSCRIBERS.of(answers);
    let read: Vec<_> = groups.filter_map(|number| subscription(answers, number, faults)).collect();
    let last = SUBSCRIBERS.of(answers).saturating_sub(1);
    faults.take(&format!("who-{last}"), Subscriptions::new(read)).unwrap_or_default()
}

fn subscription(answers: &Answers, number: usize, faults: &mut Faults) -> Option<Subscription> {
    let (who, told, on) = (format!("who-{number}"), format!("told-{number}"), format!("on-{number}"));
    let one = faults.take(&who, subscriber(answers.one(&who)?.trim()))?;
    if answers.one(&told) != Some("some") {
        return Some(one);
    }
    let kinds: BTreeSet<NoticeKind> = answers.all(&on).filter_map(NoticeKind::parse).collect();
    if kinds.is_empty() {
        faults.say(&told, texts::TICK_KIND);
        return None;
    }
    Some(one.on(kinds))
}

/// Reads who is meant: people type an address or the name of an endpoint, and copy what lists and job files show.
pub(crate) fn subscriber(typed: &str) -> Result<Subscription, RuleViolation> {
    let is_spelled = typed.starts_with("mailto:") || typed.starts_with("webhook:");
    match typed.contains('@') {
        _ if is_spelled => typed.parse(),
        true => format!("mailto:{typed}").parse(),
        false => format!("webhook:{typed}").parse(),
    }
}

/// Returns the answers of a destination in its group.
pub(super) fn spelled_place(one: &JobDestination, number: usize) -> Vec<(String, String)> {
    let mut pairs = vec![
        (format!("to-{number}"), one.destination.to_string()),
        (format!("receipt-{number}"), one.receipt.to_string()),
    ];
    if one.path != PathTemplate::default() {
        let path = one.path.to_string();
        pairs.push((path_field(number), if path.is_empty() { OWN_FOLDER.to_owned() } else { path }));
    }
    pairs
}

/// Returns the answers of a subscriber in its group.
pub(super) fn spelled_subscriber(one: &Subscription, number: usize) -> Vec<(String, String)> {
    let name = one.subscriber.to_string();
    // A name alone is read as an address if it has an at sign, and as an endpoint otherwise.
    let name = match (one.channel, name.contains('@')) {
        (Channel::Email, false) => format!("mailto:{name}"),
        (Channel::Webhook, true) => format!("webhook:{name}"),
        _ => name,
    };
    let told = if one.kinds.is_some() { "some" } else { "usual" };
    let mut pairs = vec![(format!("who-{number}"), name), (format!("told-{number}"), told.to_owned())];
    let kinds = one.kinds.iter().flatten().map(|kind| (format!("on-{number}"), kind.as_str().to_owned()));
    pairs.extend(kinds);
    pairs
}

/// Spells a destination in one line.
pub(crate) fn spelled_destination(one: &JobDestination) -> String {
    match DestinationForm::from(one) {
        DestinationForm::Text(text) => text,
        spelled => serde_json::to_string(&spelled).unwrap_or_default(),
    }
}
