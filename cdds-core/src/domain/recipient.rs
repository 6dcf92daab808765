//! Rules S1 to S3: the recipients for whom exports are sealed.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::id::{Owner, RecipientName};
use crate::domain::job::{Job, JobState};

/// How long before a certificate expires its jobs begin to warn (rule S3).
pub const EXPIRY_WARNING: TimeDelta = TimeDelta::days(30);

/// A certificate that an owner stored under a name (rule S1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The owner of the recipient.
    pub owner: Owner,
    /// The name by which jobs refer to it. Unique per owner.
    pub name: RecipientName,
    /// The contents of the certificate.
    pub certificate: CertificateFacts,
    /// When the certificate was stored.
    pub added_at: DateTime<Utc>,
}

/// How the warning begins that a certificate expired soon when it was looked into. Whoever knows the present instant says
/// so better by [`not_after`](CertificateFacts::not_after) (rule S3).
pub const EXPIRES_SOON: &str = "The certificate expires soon";

/// How the warning begins that a certificate was signed with its own key. It needs a look when the certificate is
/// stored, and stays true for ever.
pub const SELF_SIGNED: &str = "The certificate is self-signed";

/// The contents of a certificate that the rules need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The certificate itself, in DER.
    pub der: Vec<u8>,
    /// The SHA-256 digest of the DER form, as 64 lower-case hexadecimal digits.
    pub fingerprint: String,
    /// The subject's distinguished name, for people.
    pub subject: String,
    /// The first instant of validity.
    pub not_before: DateTime<Utc>,
    /// The last instant of validity.
    pub not_after: DateTime<Utc>,
    /// Properties that are unusual but allowed, each as a sentence for people (rule S2).
    pub warnings: Vec<String>,
}

/// What people tell a certificate by, beside its [facts](CertificateFacts). No rule needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateDetails {
    /// The issuer's distinguished name, for people.
    pub issuer: String,
    /// The serial number as `openssl x509 -serial` prints it: two upper-case hexadecimal digits a byte.
    pub serial: String,
    /// The kind of its public key.
    pub key_type: KeyType,
    /// The size of its public key in bits.
    pub key_bits: u32,
}

impl CertificateDetails {
    /// Creates the details of a certificate.
    pub fn new(
        issuer: impl Into<String>,
        serial: impl Into<String>,
        key_type: KeyType,
        key_bits: u32,
    ) -> Self {
        Self { issuer: issuer.into(), serial: serial.into(), key_type, key_bits }
    }
}

/// A kind of public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyType {
    /// RSA.
    Rsa,
}

impl KeyType {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Rsa];

    /// Returns the name, as printed: `RSA`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
        }
    }
}

/// A certificate of a job that expires soon or has expired (rule S3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiringCertificate {
    /// The recipient to whom the certificate belongs.
    pub recipient: RecipientName,
    /// The last instant at which it can be used.
    pub not_after: DateTime<Utc>,
    /// How soon it expires.
    pub expires: Expires,
}

/// How soon a certificate expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expires {
    /// It has expired. Every execution fails until the certificate is replaced (rule S2).
    Already,
    /// It expires before the job's next occurrence, which will fail.
    BeforeNextOccurrence,
    /// It expires within 30 days.
    Soon,
}

impl Expires {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::Already, Self::BeforeNextOccurrence, Self::Soon];

    /// Returns the name as it is stored and printed: `expired`, `before_next_run` or `soon`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Already => "expired",
            Self::BeforeNextOccurrence => "before_next_run",
            Self::Soon => "soon",
        }
    }

    /// Returns the value with this name, or `None` if there is no such value.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|value| value.as_str() == name)
    }

    /// Returns how soon a certificate expires that can be used until `not_after`, for a job that is due `next`. Returns
    /// `None` if it lasts beyond that and for 30 days (rule S3).
    pub fn of(not_after: DateTime<Utc>, next: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<Self> {
        match next {
            _ if not_after < now => Some(Self::Already),
            Some(next) if not_after < next => Some(Self::BeforeNextOccurrence),
            _ if not_after - now < EXPIRY_WARNING => Some(Self::Soon),
            _ => None,
        }
    }
}

/// Writes a sentence for people that includes what to do.
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
        let way_out = "Have it renewed and store the new one under the same name: no job has to be edited.";
        write!(f, "The certificate of {name} {end}. {way_out}")
    }
}

/// Returns the job's certificates that expire before its next occurrence or within 30 days, in the order in
/// which the job names them (rule S3). Completed and deleted jobs get no warnings.
pub fn expiring(job: &Job, recipients: &[Recipient], now: DateTime<Utc>) -> Vec<ExpiringCertificate> {
    if matches!(job.state, JobState::Completed | JobState::Deleted) {
        return Vec::new();
    }
    let expires = |not_after| Expires::of(not_after, job.next_due_at, now);
    let names = job.settings.protection.recipients().iter();
    names
        .filter_map(|name| {
            let not_after = recipients.iter().find(|known| known.name == *name)?.certificate.not_after;
            Some(ExpiringCertificate { recipient: name.clone(), not_after, expires: expires(not_after)? })
        })
        .collect()
}
