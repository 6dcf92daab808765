//! The texts of deliveries and notices.

use cdds_view::{DeliveryState, HealthState};

pub(crate) const DELIVERY_AND_NOTICES: &str = "Delivery and notices";
pub(crate) const KEPT_HERE: &str =
    "Files are always kept here as well. A delivery is tried again for 72 hours.";
pub(crate) const NO_DESTINATIONS: &str =
    "No destination is registered. Whoever operates the service adds one to its configuration.";
pub(crate) const DESTINATIONS: &str = "Destinations";
pub(crate) const NOTIFY: &str = "Tell by e-mail or webhook";
pub(crate) const ADD_PLACE: &str = "Add a destination";
pub(crate) const ADD_ANOTHER_PLACE: &str = "Add another destination";
pub(crate) const REMOVE_PLACE: &str = "Remove destination";
pub(crate) const CHOOSE_PLACE: &str = "Choose a destination";
pub(crate) const PATH_SAYS: &str = "Below the destination's own folder, with {job}, {source}, {type}, {owner}, {job_id}, {execution}, {yyyy}, {mm}, {dd} and {hh}. {job}/{yyyy}-{mm}-{dd} if left empty, and {file} for the destination's own folder.";
pub(crate) const FOR_EXAMPLE: &str = "For example";
pub(crate) const BY_SIZE: &str = "Its size is compared";
pub(crate) const BY_DIGEST: &str = "It is read back and compared";
pub(crate) const ADD_SUBSCRIBER: &str = "Notify someone";
pub(crate) const ADD_ANOTHER_SUBSCRIBER: &str = "Add another who is told";
pub(crate) const REMOVE_SUBSCRIBER: &str = "Remove recipient of notices";
pub(crate) const WHO_SAYS: &str =
    "An e-mail address, such as ada@example.com, or the name of an endpoint, such as billing.";
pub(crate) const USUAL: &str = "What most people want: failures, and that a set is there";
pub(crate) const SOME: &str = "Only of these";
pub(crate) const DELIVERIES: &str = "Deliveries";
pub(crate) const DESTINATION: &str = "Destination";
pub(crate) const FOLDER: &str = "Folder";
pub(crate) const DESTINATION_ITSELF: &str = "The destination's own";
pub(crate) const WHEN: &str = "When";
pub(crate) const NEXT_TRY: &str = "Next try";
pub(crate) const NOW: &str = "Now";
pub(crate) const NOT_TRIED_AGAIN: &str = "Not tried again";
pub(crate) const COMPARED: &str = "compared by";
pub(crate) const DELIVER_AGAIN: &str = "Deliver again";
pub(crate) const DELIVER_ALL_AGAIN: &str = "Deliver to all again";
pub(crate) const WHEN_ENABLED: &str = "When somebody enables the destination";
pub(crate) const NEXT_TURN: &str = "As soon as a worker has room";

pub(crate) const IS_DISABLED: &str = "was disabled";
pub(crate) const SINCE: &str = "since";
pub(crate) const DELIVERIES_WAIT: &str = "Deliveries to it wait.";
pub(crate) const NOTICES_WAIT: &str = "Notices to it wait.";
pub(crate) const NOT_REGISTERED: &str = "not registered any more";

/// Says whether a destination works.
pub(crate) const fn health(state: HealthState) -> &'static str {
    match state {
        HealthState::Working => "works",
        HealthState::Failing => "does not work at the moment",
        HealthState::Disabled => "disabled",
        _ => "not used yet",
    }
}

/// Says where a delivery stands.
pub(crate) const fn state(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Delivered => "Delivered",
        DeliveryState::Failed => "Not delivered",
        DeliveryState::Running => "Being delivered",
        _ => "Delivery pending",
    }
}

/// `Finished, not delivered`: says of a run that has ended where its set is.
pub(crate) fn after(status: &str, state: DeliveryState) -> String {
    let mut words = self::state(state).to_owned();
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    format!("{status}, {words}")
}

/// `Destination 2`
pub(crate) fn place(number: usize) -> String {
    format!("{DESTINATION} {number}")
}

/// `Folder at destination 2`
pub(crate) fn path(number: usize) -> String {
    format!("{FOLDER} at destination {number}")
}

/// `After a file was written to destination 2`
pub(crate) fn receipt(number: usize) -> String {
    format!("After a file was written to destination {number}")
}

/// `Recipient of notices 2`
pub(crate) fn who(number: usize) -> String {
    format!("Recipient of notices {number}")
}

/// `What recipient 2 is told`
pub(crate) fn told_of(number: usize) -> String {
    format!("What recipient {number} is told")
}
