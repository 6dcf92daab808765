//! The texts of recipients.

use cdds_view::words;

pub(crate) const ABOUT: &str = "The certificates that exports are encrypted for. Only the holder of the private key opens them; it never comes here.";
pub(crate) const NOTHING_YET: &str = "No recipient yet";
pub(crate) const NOTHING_YET_SAYS: &str = "Ask whoever reads the exports for a certificate, and paste it below. They can make one with OpenSSL, keep key.pem, and send certificate.pem:";
pub(crate) const MAKE_ONE: &str = "Command that makes a certificate";
pub(crate) const MAKE_COMMAND: &str =
    "openssl req -x509 -newkey rsa:3072 -nodes -days 365 -subj /CN=me -keyout key.pem -out certificate.pem";
pub(crate) const TEST_FILE: &str = "Test file";
pub(crate) const SUBJECT: &str = "Subject";
pub(crate) const VALID: &str = "Valid";
pub(crate) const EXPIRED: &str = "Expired: every run that uses it fails";
pub(crate) const EXPIRES: &str = "Expires";
pub(crate) const RENEW: &str = "Store the renewed certificate under the same name; the jobs keep it.";
pub(crate) const JOBS_TITLE: &str = "Used by";
pub(crate) const NO_RECENT_JOB: &str = "None of the newest jobs";
pub(crate) const REMOVE: &str = "Remove…";
pub(crate) const REMOVE_IT: &str = "Remove it";
pub(crate) const REMOVE_SAYS: &str = "New exports cannot be encrypted for it any more. What was encrypted before stays readable with its private key.";
pub(crate) const IN_USE: &str = "Jobs use it: edit them first, or it cannot be removed.";
pub(crate) const ADD: &str = "Add a recipient";
pub(crate) const NAME: &str = "Name";
pub(crate) const NAME_HINT: &str = "How jobs name it: letters, digits and - _ . @";
pub(crate) const CERTIFICATE: &str = "Certificate";
pub(crate) const CERTIFICATE_HINT: &str =
    "PEM text, from -----BEGIN CERTIFICATE----- on. Not the private key: that stays with its owner.";
pub(crate) const NAME_ONE: &str = "name a recipient";

/// `Remove quality-team?`
pub(crate) fn remove_this(name: &str) -> String {
    format!("Remove {name}?")
}

/// `and 3 more jobs`
pub(crate) fn more(jobs: usize) -> String {
    format!("and {}", words::counted(jobs as u64, "more job"))
}
