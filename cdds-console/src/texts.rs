//! The English texts of the pages, in one file, so that they can be translated. What the core refuses comes from it,
//! with its code.

pub(crate) mod artifacts;
pub(crate) mod audit;
pub(crate) mod delivery;
pub(crate) mod destinations;
pub(crate) mod execution;
pub(crate) mod history;
pub(crate) mod job;
pub(crate) mod notices;
pub(crate) mod recipients;
pub(crate) mod settings;
pub(crate) mod sources;
pub(crate) mod subjects;
pub(crate) mod workers;

use cdds_core::Role;
use cdds_view::words;

use crate::done::Done;

pub(crate) const PRODUCT: &str = "CDDS";
pub(crate) const SKIP: &str = "Skip to content";
pub(crate) const MENU: &str = "Menu";
pub(crate) const MAIN: &str = "Main";
pub(crate) const SIGN_OUT: &str = "Sign out";
pub(crate) const CHOSEN_ACTIONS: &str = "chosen actions";
pub(crate) const API_DESCRIPTION: &str = "API description";
pub(crate) const PAGES: &str = "Pages";
pub(crate) const FIRST_PAGE: &str = "First page";
pub(crate) const NEXT_PAGE: &str = "Next page";
pub(crate) const ALL: &str = "All";
pub(crate) const CODE: &str = "Code";
pub(crate) const TO_JOBS: &str = "Go to the jobs";
pub(crate) const REFRESH: &str = "Refresh";
pub(crate) const AS_OF: &str = "As of";
pub(crate) const SELECT: &str = "Select";

pub(crate) const JOBS: &str = "Jobs";
pub(crate) const HISTORY: &str = "History";
pub(crate) const ARTIFACTS: &str = "Artifacts";
pub(crate) const RECIPIENTS: &str = "Recipients";
pub(crate) const SOURCES: &str = "Sources";
pub(crate) const AUDIT: &str = "Audit";
pub(crate) const WORKERS: &str = "Workers";

pub(crate) const ADD_JOB: &str = "Add a job";
pub(crate) const ATTENTION: &str = "Needs attention";
pub(crate) const APPLY: &str = "Apply";
pub(crate) const CLEAR: &str = "Clear";
pub(crate) const SEARCH: &str = "Search";
pub(crate) const STATE: &str = "State";
pub(crate) const TITLE: &str = "Title";
pub(crate) const SOURCE: &str = "Source";
pub(crate) const TYPE: &str = "Type";
pub(crate) const SOURCE_TYPE: &str = "Source, type";
pub(crate) const FREQUENCY: &str = "Frequency";
pub(crate) const LATEST_STATUS: &str = "Latest status";
pub(crate) const STARTED: &str = "Started";
pub(crate) const NEXT_START: &str = "Next start";
pub(crate) const CREATED: &str = "Created";
pub(crate) const ACTIVE: &str = "Active";
pub(crate) const SUSPENDED: &str = "Suspended";
pub(crate) const COMPLETED: &str = "Completed";
pub(crate) const NEVER: &str = "Never";
pub(crate) const NONE: &str = "None";
pub(crate) const NO_JOBS: &str = "No jobs yet.";
pub(crate) const NO_MATCH: &str = "No job fits these filters.";
pub(crate) const SHOW_ALL: &str = "Show all jobs";
pub(crate) const SELECTED_JOBS: &str = "Selected jobs";
pub(crate) const SELECTED: &str = "selected";
pub(crate) const SUSPEND: &str = "Suspend";
pub(crate) const RESUME: &str = "Resume";
pub(crate) const RUN_NOW: &str = "Run now";
pub(crate) const DELETE: &str = "Delete…";
pub(crate) const FIRST_EXPORT: &str = "Your first export";
pub(crate) const FIRST_EXPORT_SAYS: &str =
    "A job says what to export, how often, and who can open it. Three things are needed.";
pub(crate) const A_SOURCE: &str = "A source";
pub(crate) const NO_SOURCE: &str = "No source is registered: the service's operator adds one.";
pub(crate) const REGISTERED: &str = "registered.";
pub(crate) const SEE_SOURCES: &str = "See the sources";
pub(crate) const A_CERTIFICATE: &str = "A certificate";
pub(crate) const NO_CERTIFICATE: &str = "Exports are encrypted for somebody, and nobody can be chosen yet.";
pub(crate) const STORED: &str = "stored.";
pub(crate) const SEE_RECIPIENTS: &str = "Go to the recipients";
pub(crate) const A_JOB: &str = "A job";

#[cfg(feature = "accounts")]
pub(crate) use self::accounts::*;

/// The sign-in page.
#[cfg(feature = "accounts")]
mod accounts {
    pub(crate) const SIGN_IN: &str = "Sign in";
    pub(crate) const NAME: &str = "Name";
    pub(crate) const PASSWORD: &str = "Password";
    pub(crate) const BY_LINK: &str = "Nobody has a password here yet. Open the sign-in link that the server printed when it started: it works once, \
    and each start of the server prints a new one.";
    pub(crate) const BY_LINK_MORE: &str = "The operator of the service gives people passwords: a [[user]] in its configuration, with what `cdds user hash` prints.";
    pub(crate) const FORGOTTEN: &str = "Forgotten? Whoever runs this service can set a new password.";
    pub(crate) const WRONG_PASSWORD: &str = "That name and password do not belong together.";
    pub(crate) const LINK_IS_OVER: &str = "This link is over: it works once, and for a short time.";
    pub(crate) const CANNOT_SIGN_IN: &str = "Nobody can sign in at the moment. Try again later.";

    pub(crate) fn error_title(title: &str) -> String {
        format!("Error: {title}")
    }

    pub(crate) fn wait_to_sign_in(seconds: u64) -> String {
        let wait = super::settings::counted_seconds(seconds);
        format!("Too many tries. Wait {wait}, then try again.")
    }
}

/// Returns what a page says after something was done.
pub(crate) const fn done(what: Done) -> &'static str {
    match what {
        Done::JobCreated => "The job was added.",
        Done::JobEdited => "The job was changed.",
        Done::RunQueued => "A run was queued. It starts as soon as a worker has room.",
        Done::JobSuspended => "The job was suspended.",
        Done::JobResumed => "The job was resumed.",
        Done::JobBroughtBack => "The job was brought back.",
        Done::RunsQueued => "The runs were queued.",
        Done::JobDeleted => "Deleted. History and files stay until they expire.",
        Done::ExecutionQueued => "Queued again. It starts as soon as a worker has room.",
        Done::Redelivered => "The set is delivered again, as soon as a worker has room.",
        Done::ExecutionCancelled => "Cancelled. A run that has begun stops within seconds.",
        Done::ExecutionDeleted => "Deleted from the history.",
        Done::FilesDeleted => "The files were deleted. Their execution stays in the history.",
        Done::SetHeld => "The set is on hold: it stays until somebody releases it.",
        Done::SetReleased => "The set was released from its hold.",
        Done::SetDeleted => "The set was deleted. Its execution stays in the history.",
        Done::RecipientAdded => "The recipient was added. Download its test file to try the private key.",
        Done::RecipientRenewed => "The certificate was renewed: jobs use the new one from their next run on.",
        Done::RecipientRemoved => "The recipient was removed.",
        Done::WorkerDrains => "The worker claims nothing more, ten seconds from now at the latest.",
        Done::WorkerResumed => "The worker claims again, ten seconds from now at the latest.",
        Done::DestinationEnabled => "The destination was enabled. What waits for it is delivered now.",
        Done::DestinationDisabled => "The destination was disabled. Deliveries to it wait.",
        Done::IdentityPinned => "From now on the server must show this identity.",
        Done::NoticeQueued => "The notice is sent again, as soon as a worker has room.",
        Done::EndpointEnabled => "The endpoint was enabled. What waits for it is sent now.",
        Done::EndpointDisabled => "The endpoint was disabled. Notices to it wait.",
        Done::SubjectReceived => "The request is on record. Somebody checks the person's identity next.",
        Done::SubjectVerified => "It is on record that the identity was checked.",
        Done::SubjectApproved => "The erasure was approved. It begins as soon as a worker has room.",
        Done::SubjectExtended => "The due date was moved.",
        Done::SubjectRefused => "The request was refused, and its identifiers are destroyed.",
        Done::SubjectWithdrawn => "The request was withdrawn, and its identifiers are destroyed.",
        Done::ErasureAsked => "What failed is tried again, as soon as a worker has room.",
        Done::CopiesRecalled => {
            "Those who subscribe to the exports are told. Notices shows whom they have reached."
        }
        Done::CopiesDeleted => "The copies were deleted. Their executions stay in the history.",
        Done::All => "Done.",
    }
}

// Of all lists.
pub(crate) const FILTER: &str = "Filter";
pub(crate) const FILTERED: &str = "Filtered";
pub(crate) const SORTED_BY: &str = "Sorted by";
pub(crate) const DESCENDING: &str = "descending";
pub(crate) const CANCEL: &str = "Cancel";
pub(crate) const MORE_THAN: &str = "More than";
pub(crate) const AT_MOST: &str = "100 at most";
pub(crate) const NO_ID: &str = "this is not an id of this list";
pub(crate) const CHOOSE_ONE: &str = "tick at least one row first";
pub(crate) const CHOOSE_FEWER: &str = "tick 100 rows at most";
pub(crate) const SOME_REFUSED: &str = "Not everything was done";
pub(crate) const DONE_AND: &str = "done,";
pub(crate) const NOT_DONE: &str = "not";
pub(crate) const GO_BACK: &str = "Go back to the list";

/// Returns the title of the page of a refusal.
pub(crate) const fn problem_title(status: u16) -> &'static str {
    match status {
        401 => "Sign in first",
        403 => "Not allowed",
        404 => "Nothing here",
        409 | 412 => "Not possible now",
        429 => "Too many requests",
        503 => "Not available now",
        500 => "Something failed",
        _ => "Not possible",
    }
}

/// Returns the name of a role.
pub(crate) const fn role(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Administrator => "administrator",
    }
}

/// Returns a status for people: `Finished with errors`.
pub(crate) fn status(name: &str) -> String {
    match name {
        "in_progress" => "Running".to_owned(),
        name => sentence(&words::status(name)),
    }
}

/// Begins a text with a capital letter.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Ends a sentence with a full stop, unless it has an end.
pub(crate) fn ended(text: &str) -> String {
    let end = if text.ends_with(['.', '…', '!', '?']) { "" } else { "." };
    format!("{}{end}", sentence(text))
}

/// Returns the first sentence of a text, without its full stop: a row of a list has room for the fact, and the page that
/// it leads to for the advice.
pub(crate) fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.')
}

/// Shortens a text to what a row of a list has room for.
pub(crate) fn shortened(text: &str) -> String {
    const CHARS: usize = 140;
    match text.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns the title of a page whose form was refused.
pub(crate) fn error_of(title: &str) -> String {
    format!("Error: {title}")
}
