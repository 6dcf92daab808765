//! The English texts of mails.

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::work::row::WorkStatus;
use cdds_core::ports::notifier::NoticeKind;
use cdds_view::words;
use chrono::{DateTime, Utc};

pub(super) const JOB: &str = "Job";
pub(super) const RECORDS: &str = "Records";
pub(super) const RECORDED: &str = "Recorded";
pub(super) const DUE: &str = "Due";
pub(super) const FILES: &str = "Files";
pub(super) const DELIVERIES: &str = "Destinations";
pub(super) const KEPT_UNTIL: &str = "Kept until";
pub(super) const REASON: &str = "Reason";
pub(super) const RECIPIENT: &str = "Recipient";
pub(super) const VALID_UNTIL: &str = "Valid until";
pub(super) const FINGERPRINT: &str = "Fingerprint";
pub(super) const RENEWAL: &str = "To renew it";
pub(super) const TO_RENEWAL: &str = "Renew the certificate in the console";
pub(super) const SEALED_FOR: &str = "Encrypted for";
pub(super) const OPENING: &str = "How to open the files";
pub(super) const TO_FILES: &str = "Open the files in the console";
pub(super) const TO_RUN: &str = "Open the run in the console";
pub(super) const TO_JOB: &str = "Open the job in the console";
pub(super) const TEST: &str = "Test of notices";
pub(super) const TESTED: &str = "Somebody tries whether notices about exports reach this address. They do. Nothing has happened, and there is nothing to do.";
pub(super) const DECRYPT: &str = "Put all files into one folder and decrypt each part with OpenSSL, which comes with Linux and macOS, and with Git on Windows. key.pem stands for the private key of your certificate; it never leaves your computer.";
pub(super) const CHECK: &str = "The manifest names the SHA-256 digest of each file. The set is complete when every file that it names is there.";

/// Returns what heads the subject: the most important words first, since the end is often cut off.
pub(super) fn headline(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Published => "Files are ready",
        NoticeKind::Delivered => "Files were delivered",
        NoticeKind::DeliveryFailed => "Delivery was given up",
        NoticeKind::Failed => "Export failed",
        NoticeKind::Certificate => "Certificate expires soon",
        NoticeKind::Expiring => "Files expire soon",
        NoticeKind::Paused => "Job was paused",
        NoticeKind::Disabled => "Destination or endpoint was disabled",
        NoticeKind::Recall => "Delete your copies",
        _ => "News",
    }
}

/// Returns what happened, in a sentence, and what to do.
pub(super) fn explanation(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Published => "The export has run, and its files can be downloaded.",
        NoticeKind::Delivered => "The export has run, and its files have arrived.",
        NoticeKind::DeliveryFailed => {
            "The export has run, but its files could not be delivered. They can be delivered again for as long as they are kept."
        }
        NoticeKind::Failed => "The export failed and is not tried again by itself. Nothing was published.",
        NoticeKind::Certificate => {
            "A certificate for which files are encrypted expires soon. Renew it, or later runs fail: files are never left unencrypted instead."
        }
        NoticeKind::Expiring => {
            "Nobody has downloaded these files yet. They are deleted at the instant named below: download them before that, or put them on hold."
        }
        NoticeKind::Paused => {
            "The job failed several times in a row and runs no more until somebody resumes it."
        }
        NoticeKind::Disabled => {
            "It failed for days, or its owner asked for no more calls. Nothing is sent there until somebody enables it."
        }
        NoticeKind::Recall => {
            "Somebody asked that what is kept about them be erased, and the files named below may hold records about them. If you have these files, delete them: every copy, also where you passed them on or loaded them into another program. Who it is does not matter for that, and is not told here. If you still need the export, get a newer one."
        }
        _ => "Something happened to this job.",
    }
}

/// `Files are ready: Customer contacts`
pub(super) fn subject(kind: NoticeKind, title: &str) -> String {
    format!("{}: {title}", headline(kind))
}

/// `6 November 2026, 08:00 UTC`
pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.format("%-d %B %Y, %H:%M UTC").to_string()
}

/// `from … to before …`
pub(super) fn window(window: Window) -> String {
    match window.start() {
        Some(start) => format!("from {} to before {}", instant(start), instant(window.end())),
        None => format!("before {}", instant(window.end())),
    }
}

/// `1,204,311, and 2 that could not be read`
pub(super) fn records(records: u64, bad: u64) -> String {
    match bad {
        0 => words::count(records),
        bad => format!("{}, and {} that could not be read", words::count(records), words::count(bad)),
    }
}

/// `3 files, 1.05 GiB`
pub(super) fn files(files: u64, bytes: u64) -> String {
    format!("{}, {}", words::counted(files, "file"), words::bytes(bytes))
}

/// `and 12 more files`
pub(super) fn more_files(files: u64) -> String {
    format!("and {}", words::counted(files, "more file"))
}

/// How the certificate of a recipient is renewed at the command line.
pub(super) fn renewal(recipient: &str) -> String {
    format!("cdds recipient renew {recipient} CERTIFICATE.pem")
}

/// The certificate with this fingerprint.
pub(super) fn certificate(fingerprint: &str) -> String {
    format!("the certificate whose SHA-256 fingerprint begins with {}", beginning(fingerprint))
}

/// The fingerprint of a certificate of which the other facts tell.
pub(super) fn fingerprint(fingerprint: &str) -> String {
    format!("SHA-256, begins with {}", beginning(fingerprint))
}

/// Enough to compare it by eye.
fn beginning(fingerprint: &str) -> &str {
    fingerprint.get(..16).unwrap_or(fingerprint)
}

/// How far a delivery has come.
pub(super) fn delivery(status: WorkStatus) -> &'static str {
    match status {
        WorkStatus::Waiting => "has not arrived yet",
        WorkStatus::Held => "is on its way",
        WorkStatus::Done => "has arrived",
        WorkStatus::GivenUp => "was given up",
    }
}

/// Says why somebody gets this mail.
pub(super) fn why(address: &str, is_test: bool) -> String {
    if is_test {
        return format!(
            "A program sent this to {address}, because somebody who manages its jobs asked it to."
        );
    }
    format!(
        "A program sent this to {address}, which this job names. Ask whoever manages the job to take it off."
    )
}
