//! Rules N8, S3: certificates that a job needs and that expire.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Channel, Notice, NoticeKind, Subject};
use crate::domain::id::{JobId, NoticeId, RecipientName, Subscriber};
use crate::domain::job::{Job, JobState};
use crate::domain::recipient::{EXPIRY_WARNING, Expires, ExpiringCertificate, Recipient};
use crate::domain::work::row::WorkRow;

/// A certificate that a job seals for, and that expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateNotice {
    /// The recipient whose certificate it is.
    pub recipient: RecipientName,
    /// The SHA-256 digest of its DER form, as 64 lower-case hexadecimal digits.
    pub fingerprint: String,
    /// The last instant at which it can be used.
    pub not_after: DateTime<Utc>,
    /// How soon that was when the notice was stored.
    pub expires: Expires,
}

impl CertificateNotice {
    /// Returns the certificate of a recipient as of which the subscribers of `job` are to be told at `now`: it expires
    /// within 30 days or before the job's next occurrence, or it expired in the last 30 days. Of one that nobody has
    /// renewed for so long, everything was told. Returns `None` otherwise, and for a job without a next occurrence: an
    /// edit or a resumption checks its certificates (S2).
    pub fn of(job: &Job, recipient: &Recipient, now: DateTime<Utc>) -> Option<Self> {
        let next = job.next_due_at.filter(|_| job.state == JobState::Active)?;
        let is_named = job.settings.protection.recipients().contains(&recipient.name);
        let certificate = &recipient.certificate;
        let not_after = certificate.not_after;
        let expires = Expires::of(not_after, Some(next), now)?;
        (is_named && job.owner == recipient.owner && now < not_after + EXPIRY_WARNING).then(|| Self {
            recipient: recipient.name.clone(),
            fingerprint: certificate.fingerprint.clone(),
            not_after,
            expires,
        })
    }

    /// Returns the notices for the embedding service and for the subscribers of `job` who chose them. Each is the same
    /// whenever it is asked for: there is one for a certificate that expires soon, and one more once it expires before
    /// the next occurrence or has expired.
    pub fn notices(&self, job: &Job, now: DateTime<Utc>) -> Vec<Notice> {
        let has_destinations = !job.settings.destinations.is_empty();
        let kind = NoticeKind::Certificate;
        let told = job.settings.subscriptions.iter().filter(|one| one.tells(kind, has_destinations));
        let told = told.map(|one| (one.subscriber.clone(), one.channel));
        let notice = |(subscriber, channel): (Subscriber, Channel)| Notice {
            work: WorkRow::new(self.notice_id(job.id, &subscriber, channel), job.owner.clone(), now),
            subject: Subject::Certificate(self.clone()),
            job_id: job.id,
            kind,
            at: now,
            subscriber,
            channel,
        };
        std::iter::once((Subscriber::default(), Channel::Host)).chain(told).map(notice).collect()
    }

    /// Returns it in the form that a job's warnings have, with a sentence for people (rule S3).
    pub fn expiring(&self) -> ExpiringCertificate {
        let Self { recipient, not_after, expires, .. } = self;
        ExpiringCertificate { recipient: recipient.clone(), not_after: *not_after, expires: *expires }
    }

    /// Derives the id of a notice from the certificate and the threshold that it has passed.
    fn notice_id(&self, job: JobId, subscriber: &Subscriber, channel: Channel) -> NoticeId {
        let threshold = match self.expires {
            Expires::Soon => "soon",
            Expires::BeforeNextOccurrence | Expires::Already => "late",
        };
        let fingerprint = &self.fingerprint;
        // None of the names contains a colon.
        let name =
            format!("notice:{}:{channel}:{subscriber}:{fingerprint}:{threshold}", NoticeKind::Certificate);
        NoticeId(Uuid::new_v5(&job.0, name.as_bytes()))
    }
}

/// Returns the notices of a job about the certificates of recipients (rule N8).
pub fn notices(job: &Job, recipients: &[Recipient], now: DateTime<Utc>) -> Vec<Notice> {
    let names = job.settings.protection.recipients().iter();
    let named = names.filter_map(|name| recipients.iter().find(|one| one.name == *name));
    named
        .filter_map(|one| CertificateNotice::of(job, one, now))
        .flat_map(|one| one.notices(job, now))
        .collect()
}
