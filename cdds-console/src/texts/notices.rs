//! The texts of notices, of endpoints, and of tests.

use cdds_view::{HealthState, NoticeState, NoticeView};

pub(crate) const TITLE: &str = "Notices";
pub(crate) const ABOUT: &str = "Who was told of what, by e-mail and by calls of endpoints.";
pub(crate) const NOTICE: &str = "notice";
pub(crate) const NOTHING_YET: &str = "Nobody was told of anything yet";
pub(crate) const NOTHING_YET_SAYS: &str = "The form of a job names who is told, under “Delivery and notices”: addresses and endpoints. The service's operator sets up how, by [email] and [[webhook]] in its configuration.";
pub(crate) const NO_MATCH: &str = "No notice matches these filters.";
pub(crate) const SHOW_ALL: &str = "Show all notices";
pub(crate) const WHAT: &str = "What happened";
pub(crate) const JOB: &str = "Job";
pub(crate) const EXECUTION: &str = "Execution (its id)";
pub(crate) const CERTIFICATE_OF: &str = "Certificate of";
pub(crate) const RUN_OF: &str = "run of";
pub(crate) const WHEN: &str = "When";
pub(crate) const FROM: &str = "From";
pub(crate) const BEFORE: &str = "Before";
pub(crate) const WHO: &str = "To";
pub(crate) const ADDRESS: &str = "Address or endpoint";
pub(crate) const HOW: &str = "By";
pub(crate) const NEXT_TRY: &str = "Next try";
pub(crate) const ATTEMPT: &str = "attempt";
pub(crate) const IS_GONE: &str = "what it tells of was deleted or has expired";
pub(crate) const SEND_AGAIN: &str = "Send again";
pub(crate) const ACTIONS: &str = "Actions";
pub(crate) const WHICH: &str = "choose a notice";

pub(crate) const ENDPOINTS: &str = "Endpoints";
pub(crate) const ENDPOINT: &str = "Endpoint";
pub(crate) const LAST_CALLED: &str = "Last called";
pub(crate) const FAILS: &str = "Fails since";
pub(crate) const ENABLE: &str = "Enable";
pub(crate) const DISABLE: &str = "Disable…";
pub(crate) const DISABLE_SAYS: &str =
    "It is told nothing until somebody enables it. Its notices wait meanwhile, for all owners who name it.";
pub(crate) const DISABLE_IT: &str = "Disable it";
pub(crate) const LEAVE_IT: &str = "Leave it enabled";
pub(crate) const NAME_ONE: &str = "name an endpoint";

pub(crate) const TEST: &str = "Send a test";
pub(crate) const TEST_SAYS: &str = "A message that says it is a test. An address is an e-mail's, such as ada@example.com; an endpoint has a name, such as billing.";
pub(crate) const ARRIVED: &str = "The message was taken";
pub(crate) const LOOK: &str = "Look whether it has arrived.";
pub(crate) const DID_NOT_ARRIVE: &str = "The message was not taken";
pub(crate) const TOOK: &str = "Took";
pub(crate) const NAME_SUBSCRIBER: &str = "type an address or the name of an endpoint";

/// `Test of billing`
pub(crate) fn test_of(subscriber: &str) -> String {
    format!("Test of {subscriber}")
}

/// `Disable billing?`
pub(crate) fn disable_this(endpoint: &str) -> String {
    format!("Disable {endpoint}?")
}

/// Says what a notice tells.
pub(crate) fn kind(name: &str) -> &str {
    match name {
        "published" => "A set can be downloaded",
        "delivered" => "A set was delivered",
        "delivery_failed" => "A set was not delivered",
        "failed" => "A run failed",
        "certificate" => "A certificate expires soon",
        "expiring" => "Files expire soon",
        "paused" => "A job was paused",
        "disabled" => "A destination or endpoint was disabled",
        "recall" => "Copies are to be deleted",
        name => name,
    }
}

/// Says by what people are told.
pub(crate) fn channel(name: &str) -> &str {
    match name {
        "host" => "The service itself",
        "email" => "E-mail",
        "webhook" => "Webhook",
        name => name,
    }
}

/// Says where a notice stands, in the words of its filter.
pub(crate) fn status(name: &str) -> &str {
    match name {
        "waiting" => "To be sent",
        "held" => "Being sent",
        "done" => "Sent",
        "given_up" => "Given up",
        name => name,
    }
}

/// Says where a notice stands. One that was tried in vain is told from one that nobody has tried.
pub(crate) const fn state(notice: &NoticeView) -> &'static str {
    match (notice.state, notice.attempts) {
        (NoticeState::Sent, _) => "Sent",
        (NoticeState::Failed, _) => "Given up",
        (NoticeState::Running, _) => "Being sent",
        (_, 0) => "To be sent",
        (_, _) => "To be tried again",
    }
}

/// Says whether an endpoint works.
pub(crate) const fn health(state: HealthState) -> &'static str {
    match state {
        HealthState::Working => "Works",
        HealthState::Failing => "Does not work at the moment",
        HealthState::Disabled => "Disabled",
        _ => "Not called yet",
    }
}
