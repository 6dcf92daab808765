//! Rules S1 to S3: for whom exports are sealed.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::id::{Owner, RecipientName};
use crate::domain::job::{Job, JobState};

/// So long before a certificate expires its jobs warn of it (rule S3).
pub const EXPIRY_WARNING: TimeDelta = TimeDelta::days(30);

/// A certificate that an owner stored under a name (rule S1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// To whom the recipient belongs.
    pub owner: Owner,
    /// How jobs name it; unique per owner.
    pub name: RecipientName,
    /// What the certificate says.
    pub certificate: CertificateFacts,
    /// When it was stored.
    pub added_at: DateTime<Utc>,
}

/// What a certificate says, as far as the rules ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The certificate itself, DER.
    pub der: Vec<u8>,
    /// SHA-256 of the DER, 64 lower-case hexadecimal digits.
    pub fingerprint: String,
    /// The subject's distinguished name, for people.
    pub subject: String,
    /// First instant of validity.
    pub not_before: DateTime<Utc>,
    /// Last instant of validity.
    pub not_after: DateTime<Utc>,
    /// What is unusual but allowed, each a sentence for people (rule S2).
    pub warnings: Vec<String>,
}

/// A certificate for which a job will not be able to seal for long (rule S3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiringCertificate {
    /// Whose it is.
    pub recipient: RecipientName,
    /// The last instant at which it can be used.
    pub not_after: DateTime<Utc>,
    /// What it will come too late for.
    pub expires: Expires,
}

/// How close the end of a certificate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expires {
    /// It is over: every execution fails until the certificate is replaced (rule S2).
    Already,
    /// Before the job's next occurrence, which will fail.
    BeforeNextOccurrence,
    /// Within 30 days.
    Soon,
}

/// A sentence for people, with the way out.
impl fmt::Display for ExpiringCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, day) = (&self.recipient, self.not_after.format("%Y-%m-%d"));
        let end = match self.expires {
            Expires::Already => format!("expired on {day}: every run will fail"),
            Expires::BeforeNextOccurrence => {
                format!("expires on {day}, before the next run, which will fail")
            }
            Expires::Soon => format!("expires on {day}"),
        };
        let way_out = "Store a renewed one under another name and let the job use that.";
        write!(f, "The certificate of {name} {end}. {way_out}")
    }
}

/// The job's certificates that expire before its next occurrence or within 30 days, in the order in which the
/// job names them (rule S3). One that is over needs none any more.
pub fn expiring(job: &Job, recipients: &[Recipient], now: DateTime<Utc>) -> Vec<ExpiringCertificate> {
    if matches!(job.state, JobState::Completed | JobState::Deleted) {
        return Vec::new();
    }
    let expires = |not_after: DateTime<Utc>| match job.next_due_at {
        _ if not_after < now => Some(Expires::Already),
        Some(next) if not_after < next => Some(Expires::BeforeNextOccurrence),
        _ if not_after - now < EXPIRY_WARNING => Some(Expires::Soon),
        _ => None,
    };
    let names = job.settings.protection.recipients().iter();
    names
        .filter_map(|name| {
            let not_after = recipients.iter().find(|known| known.name == *name)?.certificate.not_after;
            Some(ExpiringCertificate { recipient: name.clone(), not_after, expires: expires(not_after)? })
        })
        .collect()
}
