//! The texts of deliveries and notices.

use cdds_view::{DeliveryState, HealthState};

pub(crate) const DELIVERY_AND_NOTICES: &str = "Delivery and notices";
pub(crate) const KEPT_HERE: &str =
    "Files are always kept here as well. A delivery is tried again for 72 hours.";
pub(crate) const NO_DESTINATIONS: &str =
    "No destination is registered. Whoever operates the service adds one to its configuration.";
pub(crate) const DESTINATIONS: &str = "Destinations";
pub(crate) const DESTINATIONS_SAY: &str = "One a line: its name, or its name and a folder, such as partner:in/{job}/{yyyy}-{mm}-{dd}. With {\"destination\": \"partner\", \"receipt\": \"digest\"} each file is read back and compared.";
pub(crate) const NOTIFY: &str = "Tell by e-mail or webhook";
pub(crate) const NOTIFY_SAYS: &str =
    "One a line: mailto:ADDRESS or webhook:NAME, with ?on=failed,delivered behind it to choose what is told.";
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
