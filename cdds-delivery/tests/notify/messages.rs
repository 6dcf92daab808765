//! Messages to send.

use cdds_core::domain::archive::artifact::Sha256Digest;
use cdds_core::domain::archive::manifest;
use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::id::{DestinationId, ExecutionId, JobId, Owner, Subscriber};
use cdds_core::domain::notice::certificate::CertificateNotice;
use cdds_core::domain::notice::notice_id;
use cdds_core::domain::recipient::Expires;
use cdds_core::domain::work::row::{WorkRow, WorkStatus};
use cdds_core::ports::clock::Clock;
use cdds_core::ports::destination::DestinationKind;
use cdds_core::ports::notifier::{
    Channel, Message, MessageDelivery, MessageExecution, MessageFile, Notice, NoticeKind, Subject,
};
use cdds_core::system::SystemClock;

/// The execution of every message.
pub(crate) fn execution() -> ExecutionId {
    "0194b1f2-7c3e-7d4a-9a60-0d5c1f6b2a11".parse().unwrap()
}

/// A notice to `subscriber`, sent now.
pub(crate) fn message(kind: NoticeKind, channel: Channel, subscriber: &str) -> Message {
    let subscriber: Subscriber = subscriber.parse().unwrap();
    let at = "2026-11-06T08:00:00Z".parse().unwrap();
    let job_id: JobId = "7f8a2f0e-55d1-4c4f-8e36-b7f3a8f0c001".parse().unwrap();
    let id = notice_id(execution(), kind, None, &subscriber, channel);
    let work = WorkRow::new(id, Owner::default(), at);
    let notice =
        Notice { work, subject: Subject::Execution(execution()), job_id, kind, at, subscriber, channel };
    Message::new(notice, SystemClock::new().now(), "Customer contacts")
}

/// A message about a certificate that expires.
pub(crate) fn certificate(channel: Channel, subscriber: &str) -> Message {
    let mut message = message(NoticeKind::Certificate, channel, subscriber);
    let certificate = CertificateNotice {
        recipient: "law".parse().unwrap(),
        fingerprint: "cd".repeat(32),
        not_after: "2026-12-01T00:00:00Z".parse().unwrap(),
        expires: Expires::BeforeNextOccurrence,
    };
    message.notice.subject = Subject::Certificate(certificate.clone());
    message.sealed_for = vec![certificate.fingerprint.clone()];
    message.reason = Some(certificate.expiring().to_string());
    message.certificate = Some(certificate);
    message
}

/// A message with all that one may hold.
pub(crate) fn full(kind: NoticeKind, channel: Channel, subscriber: &str) -> Message {
    let mut message = message(kind, channel, subscriber);
    let instant = |text: &str| text.parse().unwrap();
    message.execution = Some(MessageExecution {
        id: execution(),
        slot: instant("2026-11-06T08:00:00Z"),
        window: Some(Window::between(instant("2026-10-30T00:00:00Z"), instant("2026-11-06T00:00:00Z"))),
        records: 1_204_311,
        bad_records: 2,
    });
    let file = |name: String, bytes: u64| MessageFile { name, bytes, sha256: Sha256Digest([0xab; 32]) };
    let stem = manifest::stem(execution());
    message.files =
        vec![file(format!("{stem}.z01.smime"), 1_073_741_824), file(format!("{stem}.zip.smime"), 52_311_040)];
    message.manifest = Some(file(manifest::file_name(execution()), 2_311));
    message.files_total = (2, 1_126_052_864);
    message.expires_at = Some(instant("2026-12-06T08:00:00Z"));
    message.sealed_for = vec!["cd".repeat(32)];
    let delivery =
        |id: &str, title: &str, kind, address: &str, status, failure: Option<&str>| MessageDelivery {
            destination: DestinationId::new(id).unwrap(),
            place: Some((title.to_owned(), kind, address.to_owned())),
            folder: "inbound/2026-11-06".to_owned(),
            status,
            failure: failure.map(str::to_owned),
        };
    message.deliveries = vec![
        delivery(
            "partner",
            "Partner & Co",
            DestinationKind::Sftp,
            "sftp://partner.example:22/in",
            WorkStatus::Done,
            None,
        ),
        delivery(
            "archive",
            "Archive",
            DestinationKind::S3,
            "s3://archive",
            WorkStatus::Waiting,
            Some("no room left"),
        ),
    ];
    message
}
