//! The body of a call: thin, with ids, counts, names and digests, and never records (rule N9).

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::job::Title;
use cdds_core::domain::notice::certificate::CertificateNotice;
use cdds_core::ports::notifier::{
    Message, MessageDelivery, MessageExecution, MessageFile, MessageJob, NoticeKind,
};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::links::ConsoleLinks;

/// Receivers need not take more, by the specification's advice.
pub(super) const BYTES_MAX: usize = 20_000;

/// The most deliveries that are listed, and the most characters of a reason.
const DELIVERIES_MAX: usize = 20;
const REASON_CHARS_MAX: usize = 500;

/// Returns the body of the call for `message`, at most [`BYTES_MAX`] bytes. Of files and deliveries, as many are
/// listed as find room.
pub(super) fn body(message: &Message, console: Option<&ConsoleLinks>) -> Result<Vec<u8>, serde_json::Error> {
    let mut payload = Payload::of(message, console);
    loop {
        let body = serde_json::to_vec(&payload)?;
        let data = &mut payload.data;
        // What is left without lists is bounded by its fields.
        if body.len() <= BYTES_MAX || (data.files.pop().is_none() && data.deliveries.pop().is_none()) {
            return Ok(body);
        }
    }
}

/// The type of a call that only tries the endpoint.
const TEST: &str = "test";

/// Returns the type of an event.
pub(super) fn event(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Published => "export.published",
        NoticeKind::Delivered => "export.delivered",
        NoticeKind::DeliveryFailed => "export.delivery_failed",
        NoticeKind::Failed => "export.failed",
        NoticeKind::Certificate => "certificate.expiring",
        NoticeKind::Expiring => "export.expiring",
        NoticeKind::Paused => "job.paused",
        NoticeKind::Disabled => "destination.disabled",
        NoticeKind::Recall => "export.recalled",
        other => other.as_str(),
    }
}

#[derive(Serialize)]
struct Payload<'a> {
    r#type: &'static str,
    timestamp: DateTime<Utc>,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    owner: &'a str,
    job: Job,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution: Option<Execution>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Certificate<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The file that says which files are complete, for whoever looks no further.
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<File<'a>>,
    files_total: u64,
    bytes_total: u64,
    files: Vec<File<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    sealed_for: &'a [String],
    deliveries_total: usize,
    deliveries: Vec<Delivery<'a>>,
}

#[derive(Serialize)]
struct Job {
    id: String,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Serialize)]
struct Execution {
    id: String,
    slot: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<Span>,
    records: u64,
    bad_records: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// A certificate that expires.
#[derive(Serialize)]
struct Certificate<'a> {
    recipient: &'a str,
    fingerprint: &'a str,
    not_after: DateTime<Utc>,
    expires: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// A window; without `start` it reaches back to the beginning.
#[derive(Serialize)]
struct Span {
    start: Option<DateTime<Utc>>,
    end: DateTime<Utc>,
}

#[derive(Serialize)]
struct File<'a> {
    name: &'a str,
    bytes: u64,
    sha256: String,
}

#[derive(Serialize)]
struct Delivery<'a> {
    destination: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    folder: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

impl<'a> Payload<'a> {
    fn of(message: &'a Message, console: Option<&ConsoleLinks>) -> Self {
        let (files_total, bytes_total) = message.files_total;
        // A test is about no job.
        let job_links = console.filter(|_| !message.is_test);
        let listed = message.deliveries.iter().take(DELIVERIES_MAX);
        let data = Data {
            owner: message.notice.work.owner.as_str(),
            job: Job::of(&message.job, job_links),
            execution: message.execution.as_ref().map(|execution| Execution::of(execution, console)),
            certificate: message.certificate.as_ref().map(|one| Certificate::of(one, console)),
            reason: message.reason.as_deref().map(reason),
            manifest: message.manifest.as_ref().map(File::of),
            files_total,
            bytes_total,
            files: message.files.iter().map(File::of).collect(),
            expires_at: message.expires_at,
            sealed_for: &message.sealed_for[..message.sealed_for.len().min(DELIVERIES_MAX)],
            deliveries_total: message.deliveries.len(),
            deliveries: listed.map(Delivery::of).collect(),
        };
        let r#type = if message.is_test { TEST } else { event(message.kind()) };
        Self { r#type, timestamp: message.notice.at, data }
    }
}

impl Job {
    fn of(job: &MessageJob, console: Option<&ConsoleLinks>) -> Self {
        Self {
            id: job.id.to_string(),
            title: shortened(&job.title, Title::CHARS_MAX),
            url: console.map(|links| links.job(job.id)),
        }
    }
}

impl Execution {
    fn of(execution: &MessageExecution, console: Option<&ConsoleLinks>) -> Self {
        let span = |window: Window| Span { start: window.start(), end: window.end() };
        Self {
            id: execution.id.to_string(),
            slot: execution.slot,
            window: execution.window.map(span),
            records: execution.records,
            bad_records: execution.bad_records,
            url: console.map(|links| links.execution(execution.id)),
        }
    }
}

impl<'a> Certificate<'a> {
    fn of(certificate: &'a CertificateNotice, console: Option<&ConsoleLinks>) -> Self {
        Self {
            recipient: certificate.recipient.as_str(),
            fingerprint: &certificate.fingerprint,
            not_after: certificate.not_after,
            expires: certificate.expires.as_str(),
            url: console.map(|links| links.renewal(&certificate.recipient)),
        }
    }
}

impl<'a> File<'a> {
    fn of(file: &'a MessageFile) -> Self {
        Self { name: &file.name, bytes: file.bytes, sha256: file.sha256.to_string() }
    }
}

impl<'a> Delivery<'a> {
    fn of(delivery: &'a MessageDelivery) -> Self {
        let place = delivery.place.as_ref();
        Self {
            destination: delivery.destination.as_str(),
            title: place.map(|(title, ..)| title.as_str()),
            kind: place.map(|(_, kind, _)| kind.as_str()),
            address: place.map(|(.., address)| address.as_str()),
            folder: &delivery.folder,
            status: delivery.status.as_str(),
            failure: delivery.failure.as_deref().map(reason),
        }
    }
}

fn reason(text: &str) -> String {
    shortened(text, REASON_CHARS_MAX)
}

fn shortened(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}
