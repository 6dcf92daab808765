//! The texts of destinations.

use cdds_view::HealthState;

pub(crate) const TITLE: &str = "Destinations";
pub(crate) const ABOUT: &str =
    "Where sets are delivered to, besides being kept here. Jobs choose among them.";
pub(crate) const NOTHING_YET: &str = "No destination is registered";
pub(crate) const NOTHING_YET_SAYS: &str = "The service's operator adds destinations to its configuration: SFTP and FTP servers, buckets, folders. Until then, files are downloaded from here.";
pub(crate) const KIND: &str = "Kind";
pub(crate) const ADDRESS: &str = "Address";
pub(crate) const CONNECTION: &str = "Connection";
pub(crate) const OPEN: &str = "Others can read along: only encrypted sets go there";
pub(crate) const PROTECTED: &str = "Encrypted, or on this machine";
pub(crate) const LAST_USED: &str = "Last used or checked";
pub(crate) const NEVER: &str = "Never";
pub(crate) const FAILING_SINCE: &str = "Failing since";
pub(crate) const REASON: &str = "Why";
pub(crate) const DISABLED: &str = "Disabled";
pub(crate) const PINNED: &str = "Expected identity";
pub(crate) const NOT_PINNED: &str = "None yet: the one that the server shows first";
pub(crate) const DELIVERIES_WAIT: &str =
    "Nothing is sent there. Deliveries wait, and go on when somebody enables it.";
pub(crate) const CHECK: &str = "Check";
pub(crate) const CHECK_AGAIN: &str = "Check again";
pub(crate) const CHECK_SAYS: &str = "“Check” writes a small file, measures, renames and reads it, and removes it. That takes a minute at most.";
pub(crate) const ENABLE: &str = "Enable";
pub(crate) const DISABLE: &str = "Disable…";
pub(crate) const DISABLE_SAYS: &str =
    "Nothing is sent there until somebody enables it. Deliveries wait meanwhile, for all owners who see it.";
pub(crate) const DISABLE_IT: &str = "Disable it";
pub(crate) const LEAVE_IT: &str = "Leave it enabled";
pub(crate) const PIN: &str = "Expect another identity";
pub(crate) const PIN_SAYS: &str = "Compare it with what the other side's people say, by telephone or in person. A wrong one hands the files to somebody else.";
pub(crate) const IDENTITY: &str = "Identity, such as SHA256:…";
pub(crate) const PIN_IT: &str = "Expect this one";
pub(crate) const NAME_ONE: &str = "name a destination";
pub(crate) const IDENTITY_NEEDED: &str = "type the identity that the server shows";
pub(crate) const WELL: &str = "Sets can be delivered";
pub(crate) const NOT_WELL: &str = "Sets cannot be delivered";
pub(crate) const STEPS: &str = "What was tried";
pub(crate) const STEP: &str = "Step";
pub(crate) const RESULT: &str = "Result";
pub(crate) const TOOK: &str = "Took";
pub(crate) const WORKED: &str = "Worked";
pub(crate) const DID_NOT: &str = "Did not work";
pub(crate) const UNNEEDED: &str = "Deliveries do not depend on it";
pub(crate) const SHOWN: &str = "The server shows";

/// `Check of Our partner`
pub(crate) fn check_of(title: &str) -> String {
    format!("Check of {title}")
}

/// `Disable Our partner?`
pub(crate) fn disable_this(title: &str) -> String {
    format!("Disable {title}?")
}

/// Says whether it works.
pub(crate) const fn state(state: HealthState) -> &'static str {
    match state {
        HealthState::Working => "Works",
        HealthState::Failing => "Does not work at the moment",
        HealthState::Disabled => DISABLED,
        _ => "Not used yet",
    }
}

/// Says what a kind of destination is.
pub(crate) fn kind(name: &str) -> &str {
    match name {
        "folder" => "Folder",
        "s3" => "S3 bucket",
        "gcs" => "Google Cloud Storage",
        "azure" => "Azure Blob Storage",
        "sftp" => "SFTP server",
        "ftp" => "FTP server",
        "ftps" => "FTP server over TLS",
        "other" => "Other",
        name => name,
    }
}

/// Says what a step of a check does.
pub(crate) fn step(name: &str) -> &str {
    match name {
        "connect" => "Connect and sign in",
        "write" => "Write a file",
        "size" => "Measure it",
        "rename" => "Rename it",
        "read_back" => "Read it back",
        "remove" => "Remove it",
        name => name,
    }
}

/// Says why it was disabled.
pub(crate) fn disabled(reason: Option<&str>, by: Option<&str>) -> String {
    match (reason, by) {
        (_, Some(by)) => format!("by {by}"),
        (Some("failing"), None) => "because it failed for five days".to_owned(),
        (Some("gone"), None) => "because it said that it is gone for good".to_owned(),
        (reason, None) => reason.unwrap_or_default().to_owned(),
    }
}
