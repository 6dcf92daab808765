//! The texts of recipients.

use cdds_view::words;

pub(crate) const ABOUT: &str = "The certificates that exports are encrypted for. Only the holder of the private key opens them; it never comes here.";
pub(crate) const NOTHING_YET: &str = "No recipient yet";
pub(crate) const NOTHING_YET_SAYS: &str = "Ask whoever reads the exports for a certificate, and add it below. They can make one with OpenSSL, keep key.pem, and send certificate.pem:";
pub(crate) const NOTHING_YET_VIEWER: &str =
    "Whoever adds jobs stores the certificates of those who read the exports here.";
pub(crate) const MAKE_ONE: &str = "Command that makes a certificate";
pub(crate) const MAKE_COMMAND: &str =
    "openssl req -x509 -newkey rsa:3072 -nodes -days 365 -subj /CN=me -keyout key.pem -out certificate.pem";
pub(crate) const TEST_FILE: &str = "Test file";
pub(crate) const SUBJECT: &str = "Subject";
pub(crate) const ISSUER: &str = "Issuer";
pub(crate) const SELF_SIGNED: &str = "Itself";
pub(crate) const SERIAL: &str = "Serial";
pub(crate) const KEY: &str = "Key";
pub(crate) const BITS: &str = "bits";
pub(crate) const VALID: &str = "Valid";
pub(crate) const STORED: &str = "Stored";
pub(crate) const EXPIRED: &str = "Expired: every run that uses it fails";
pub(crate) const EXPIRES: &str = "Expires";
pub(crate) const RENEW: &str = "Renew";
pub(crate) const RENEW_SAYS: &str =
    "Have a new certificate issued and store it under the same name; the jobs keep it.";
pub(crate) const RENEWING: &str = "The new certificate takes the place of the old one. Jobs stay as they are, and encrypt for it from their next run on.";
pub(crate) const PRESENT: &str = "Current certificate";
pub(crate) const RENEWED: &str = "The new certificate";
pub(crate) const OLD_KEY: &str = "What was exported before opens with the old private key alone: its holder should keep it as long as those files are needed.";
pub(crate) const LEAVE: &str = "Keep the old one";
pub(crate) const JOBS_TITLE: &str = "Used by";
pub(crate) const SEE_JOBS: &str = "See its jobs";
pub(crate) const REMOVE: &str = "Remove…";
pub(crate) const REMOVE_IT: &str = "Remove it";
pub(crate) const REMOVE_SAYS: &str = "New exports cannot be encrypted for it any more. What was encrypted before stays readable with its private key.";
pub(crate) const ADD: &str = "Add a recipient";
pub(crate) const NAME: &str = "Name";
pub(crate) const NAME_HINT: &str = "How jobs name it: letters, digits and - _ . @";
pub(crate) const CERTIFICATE: &str = "Certificate";
pub(crate) const CERTIFICATE_HINT: &str =
    "As a file or as text, PEM or DER. Not the private key: that stays with its owner.";
pub(crate) const FILE: &str = "File";
pub(crate) const PASTE: &str = "Or text, from -----BEGIN CERTIFICATE----- on";
pub(crate) const NAME_ONE: &str = "name a recipient";
pub(crate) const OPENING: &str = "Open a test file";
pub(crate) const OPENING_SAYS: &str = "The holder of the private key can try it before the first export depends on it: one of these writes sample.json, which says who it is for. key.pem is their private key.";
pub(crate) const OPENING_COMMANDS: &str = "cdds extract sample.zip.smime --key key.pem --to sample\n\nopenssl cms -decrypt -binary -inform DER -in sample.zip.smime -inkey key.pem -out sample.zip\nunzip sample.zip";
pub(crate) const OPENING_FORM: &str =
    "If the file begins with MIME-Version, write -inform SMIME in place of -inform DER.";

/// `Remove quality-team?`
pub(crate) fn remove_this(name: &str) -> String {
    format!("Remove {name}?")
}

/// `Renew quality-team`
pub(crate) fn renew_this(name: &str) -> String {
    format!("Renew {name}")
}

/// Says that a renewal would change nothing.
pub(crate) fn same(name: &str) -> String {
    format!("this is the certificate that {name} has already: nothing was changed; choose the new one")
}

/// `and 3 more jobs`
pub(crate) fn more(jobs: u64) -> String {
    format!("and {}", words::counted(jobs, "more job"))
}
