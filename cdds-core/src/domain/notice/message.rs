//! Rule N2: what a subscriber is told. Thin: ids, counts, digests and names of files, never records.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::certificate::CertificateNotice;
use super::{Channel, Notice, NoticeKind, Subject};
use crate::domain::archive::artifact::Sha256Digest;
use crate::domain::calendar::window::Window;
use crate::domain::delivery::destination::DestinationKind;
use crate::domain::id::{DestinationId, ExecutionId, JobId, NoticeId, Owner, Subscriber};
use crate::domain::work::row::{WorkRow, WorkStatus};

/// A notice with what is known of its subject when it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// The notice. Its id is the same at each attempt.
    pub notice: Notice,
    /// When this attempt began.
    pub sent_at: DateTime<Utc>,
    /// Whether nothing has happened, and somebody only tries whether the subscriber can be told.
    pub is_test: bool,
    /// The job.
    pub job: MessageJob,
    /// The execution, if the notice is about one.
    pub execution: Option<MessageExecution>,
    /// The manifest, which says which files make the set.
    pub manifest: Option<MessageFile>,
    /// The files that the manifest names, at most [`FILES_MAX`].
    pub files: Vec<MessageFile>,
    /// The number of all of them, and their size in bytes.
    pub files_total: (u64, u64),
    /// When the files expire.
    pub expires_at: Option<DateTime<Utc>>,
    /// The SHA-256 fingerprints of the certificates for which the files are sealed; empty if they are plaintext.
    pub sealed_for: Vec<String>,
    /// Where the set was delivered, or was to be.
    pub deliveries: Vec<MessageDelivery>,
    /// The certificate, as the notice names it, with how soon it expires at this attempt; `None` for other kinds.
    pub certificate: Option<CertificateNotice>,
    /// The reason, in a sentence, for kinds that have one: the failure, the certificate, what was disabled.
    pub reason: Option<String>,
}

/// The most files that a message lists.
pub const FILES_MAX: usize = 50;

/// The job of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageJob {
    /// Its id.
    pub id: JobId,
    /// Its title, as people typed it.
    pub title: String,
}

/// The execution of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageExecution {
    /// Its id.
    pub id: ExecutionId,
    /// When it was due.
    pub slot: DateTime<Utc>,
    /// What it exported, once that is fixed.
    pub window: Option<Window>,
    /// The records that it exported.
    pub records: u64,
    /// The records that it could not read.
    pub bad_records: u64,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageFile {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The digest of its bytes.
    pub sha256: Sha256Digest,
}

/// A delivery of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageDelivery {
    /// The destination.
    pub destination: DestinationId,
    /// Its name for people, kind and address, if it is still registered.
    pub place: Option<(String, DestinationKind, String)>,
    /// The folder of the files, below the destination's own.
    pub folder: String,
    /// How far it has come.
    pub status: WorkStatus,
    /// Why the latest attempt failed.
    pub failure: Option<String>,
}

impl Message {
    /// Creates a message that knows nothing but its notice and the job.
    pub fn new(notice: Notice, sent_at: DateTime<Utc>, title: impl Into<String>) -> Self {
        Self {
            job: MessageJob { id: notice.job_id, title: title.into() },
            notice,
            sent_at,
            is_test: false,
            execution: None,
            manifest: None,
            files: Vec::new(),
            files_total: (0, 0),
            expires_at: None,
            sealed_for: Vec::new(),
            deliveries: Vec::new(),
            certificate: None,
            reason: None,
        }
    }

    /// Creates a message with which somebody tries whether a subscriber can be told. It names no job, and `id` alone
    /// identifies it.
    pub fn test(
        owner: Owner,
        channel: Channel,
        subscriber: Subscriber,
        id: NoticeId,
        now: DateTime<Utc>,
    ) -> Self {
        let notice = Notice {
            work: WorkRow::new(id, owner, now),
            subject: Subject::Execution(ExecutionId(Uuid::nil())),
            job_id: JobId(Uuid::nil()),
            kind: NoticeKind::Published,
            at: now,
            subscriber,
            channel,
        };
        Self { is_test: true, ..Self::new(notice, now, "Test of notices") }
    }

    /// Returns what it tells.
    pub fn kind(&self) -> NoticeKind {
        self.notice.kind
    }
}
