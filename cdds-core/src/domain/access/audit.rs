//! Rules C2 and C3: the record of who did what.

use std::fmt;

use chrono::{DateTime, Utc};

use super::download::{DownloadEnd, DownloadOutcome};
use super::{Action, Principal, PrincipalName};
use crate::domain::id::{
    ArtifactId, AuditId, DestinationId, ExecutionId, JobId, NoticeId, Owner, RecipientName, StoreId,
    SubjectRequestId, Subscriber, WorkerId,
};
use crate::setters::setters;

/// An entry of the audit: a change, a download or a refused call (rules C2, C3). It holds ids and names of
/// settings, and no record data.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditRecord {
    /// Its id.
    pub id: AuditId,
    /// When the principal acted, by the clock of the process that carried it out; whole microseconds.
    pub at: DateTime<Utc>,
    /// Who acted.
    pub principal: PrincipalName,
    /// On behalf of which owner.
    pub owner: Owner,
    /// What they did, or asked for.
    pub action: Action,
    /// What they did it to; `None` for an action without an object, such as a refused list.
    pub object: Option<Object>,
    /// The object's version before the change; `None` if it did not exist or has no versions.
    pub version_before: Option<u64>,
    /// The object's version after the change; `None` if it has no versions.
    pub version_after: Option<u64>,
    /// The names of the settings that an edit changed, without their values. Of a renewed recipient, the
    /// fingerprints of the two certificates: `replaced:…` and `certificate:…`
    /// ([`with_certificates`](Self::with_certificates)).
    pub settings: Vec<String>,
    /// What came of it.
    pub outcome: Outcome,
}

setters! {
    AuditRecord {
        with_object => object: option Object;
        with_version_before => version_before: option u64;
        with_version_after => version_after: option u64;
        with_settings => settings: value Vec<String>;
        with_outcome => outcome: value Outcome;
    }
}

impl AuditRecord {
    /// Creates the entry of an action that was carried out, without an object.
    pub fn new(id: AuditId, at: DateTime<Utc>, by: &Principal, action: Action) -> Self {
        Self {
            id,
            at,
            principal: by.name.clone(),
            owner: by.owner.clone(),
            action,
            object: None,
            version_before: None,
            version_after: None,
            settings: Vec::new(),
            outcome: Outcome::Done,
        }
    }

    /// Names the certificate that was replaced and the one that replaces it, by their fingerprints (rule S3).
    #[must_use]
    pub fn with_certificates(self, replaced: &str, by: &str) -> Self {
        self.with_settings(vec![format!("replaced:{replaced}"), format!("certificate:{by}")])
    }
}

/// What came of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It was carried out. The entry was stored in the same transaction.
    Done,
    /// The principal was not allowed it, and nothing happened (rule C1).
    Forbidden,
    /// A download gave its first byte, and its end is not on record: it goes on, was broken off by a crash,
    /// or its reader left without a word.
    Begun,
    /// A link to the file was handed out. Its bytes come from the store, which tells nobody here whether they were
    /// fetched, nor how many.
    Linked,
    /// A download ended.
    Ended(DownloadEnd),
}

impl Outcome {
    /// Every stable name.
    pub const NAMES: [&'static str; 7] =
        ["done", "forbidden", "begun", "linked", "verified", "broken_off", "corrupt"];

    /// Returns the stable name: `done`, `forbidden`, `begun`, `linked`, or that of a download's end.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Forbidden => "forbidden",
            Self::Begun => "begun",
            Self::Linked => "linked",
            Self::Ended(end) => end.outcome.as_str(),
        }
    }

    /// Puts an outcome together from its stable name and, for a download's end, the other facts about it.
    /// Returns `None` if they do not make an outcome.
    pub fn from_parts(name: &str, ended_at: Option<DateTime<Utc>>, bytes: Option<u64>) -> Option<Self> {
        match (name, ended_at, bytes) {
            ("done", None, None) => Some(Self::Done),
            ("forbidden", None, None) => Some(Self::Forbidden),
            ("begun", None, None) => Some(Self::Begun),
            ("linked", None, None) => Some(Self::Linked),
            (name, Some(at), Some(bytes)) => {
                let outcome = DownloadOutcome::parse(name)?;
                Some(Self::Ended(DownloadEnd { at, bytes, outcome }))
            }
            _ => None,
        }
    }
}

/// The object of an action: its kind and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Object {
    /// A job.
    Job(JobId),
    /// An execution.
    Execution(ExecutionId),
    /// The set that an execution published.
    ArtifactSet(ExecutionId),
    /// One artifact.
    Artifact(ArtifactId),
    /// The manifest of an execution's set.
    Manifest(ExecutionId),
    /// The signature of that manifest.
    Signature(ExecutionId),
    /// A recipient.
    Recipient(RecipientName),
    /// The artifact store.
    Store(StoreId),
    /// A notice.
    Notice(NoticeId),
    /// A destination.
    Destination(DestinationId),
    /// An endpoint of webhooks.
    Endpoint(Subscriber),
    /// A worker.
    Worker(WorkerId),
    /// A request of a data subject.
    SubjectRequest(SubjectRequestId),
}

impl Object {
    /// Every stable name of a kind.
    pub const KINDS: [&'static str; 13] = [
        "job",
        "execution",
        "artifact_set",
        "artifact",
        "manifest",
        "signature",
        "recipient",
        "store",
        "notice",
        "destination",
        "endpoint",
        "worker",
        "subject_request",
    ];

    /// Returns the stable name of its kind: `artifact_set`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Job(_) => "job",
            Self::Execution(_) => "execution",
            Self::ArtifactSet(_) => "artifact_set",
            Self::Artifact(_) => "artifact",
            Self::Manifest(_) => "manifest",
            Self::Signature(_) => "signature",
            Self::Recipient(_) => "recipient",
            Self::Store(_) => "store",
            Self::Notice(_) => "notice",
            Self::Destination(_) => "destination",
            Self::Endpoint(_) => "endpoint",
            Self::Worker(_) => "worker",
            Self::SubjectRequest(_) => "subject_request",
        }
    }

    /// Returns its id as text: a hyphenated UUID, or the name of a recipient, a
    /// destination, an endpoint or a worker. A set, its manifest and its
    /// signature have the id of their execution.
    pub fn id(&self) -> String {
        match self {
            Self::Job(id) => id.to_string(),
            Self::Execution(id) | Self::ArtifactSet(id) | Self::Manifest(id) | Self::Signature(id) => {
                id.to_string()
            }
            Self::Artifact(id) => id.to_string(),
            Self::Recipient(name) => name.to_string(),
            Self::Store(id) => id.to_string(),
            Self::Notice(id) => id.to_string(),
            Self::Destination(id) => id.to_string(),
            Self::Endpoint(name) => name.to_string(),
            Self::Worker(id) => id.to_string(),
            Self::SubjectRequest(id) => id.to_string(),
        }
    }

    /// Puts an object together from the name of its kind and its id. Returns `None` if they do not make one.
    pub fn from_parts(kind: &str, id: &str) -> Option<Self> {
        match kind {
            "job" => id.parse().ok().map(Self::Job),
            "execution" => id.parse().ok().map(Self::Execution),
            "artifact_set" => id.parse().ok().map(Self::ArtifactSet),
            "artifact" => id.parse().ok().map(Self::Artifact),
            "manifest" => id.parse().ok().map(Self::Manifest),
            "signature" => id.parse().ok().map(Self::Signature),
            "recipient" => id.parse().ok().map(Self::Recipient),
            "store" => id.parse().ok().map(Self::Store),
            "notice" => id.parse().ok().map(Self::Notice),
            "destination" => DestinationId::new(id).ok().map(Self::Destination),
            "endpoint" => Subscriber::new(id).ok().map(Self::Endpoint),
            "worker" => WorkerId::new(id).ok().map(Self::Worker),
            "subject_request" => id.parse().ok().map(Self::SubjectRequest),
            _ => None,
        }
    }
}

impl fmt::Display for Object {
    /// Writes the kind in words, and the id: `artifact set 8f14…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind().replace('_', " "), self.id())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn objects_and_outcomes_survive_their_stored_parts() {
        let id = Uuid::from_u128(7);
        let objects = [
            Object::Job(JobId(id)),
            Object::Execution(ExecutionId(id)),
            Object::ArtifactSet(ExecutionId(id)),
            Object::Artifact(ArtifactId(id)),
            Object::Manifest(ExecutionId(id)),
            Object::Signature(ExecutionId(id)),
            Object::Recipient(RecipientName::new("ops").unwrap()),
            Object::Store(StoreId(id)),
            Object::Notice(NoticeId(id)),
            Object::Destination(DestinationId::new("partner").unwrap()),
            Object::Endpoint(Subscriber::new("billing").unwrap()),
            Object::Worker(WorkerId::new("w-1").unwrap()),
            Object::SubjectRequest(SubjectRequestId(id)),
        ];
        assert_eq!(objects.each_ref().map(Object::kind), Object::KINDS);
        for object in objects {
            assert_eq!(Object::from_parts(object.kind(), &object.id()), Some(object));
        }
        assert_eq!(Object::from_parts("job", "ops"), None);
        assert_eq!(Object::from_parts("page", &id.to_string()), None);

        let at = DateTime::UNIX_EPOCH;
        let ends = DownloadOutcome::ALL.map(|outcome| Outcome::Ended(DownloadEnd { at, bytes: 5, outcome }));
        let outcomes =
            [Outcome::Done, Outcome::Forbidden, Outcome::Begun, Outcome::Linked].into_iter().chain(ends);
        assert_eq!(outcomes.map(Outcome::as_str).collect::<Vec<_>>(), Outcome::NAMES);
        for outcome in DownloadOutcome::ALL {
            let ended = Outcome::Ended(DownloadEnd { at, bytes: 5, outcome });
            assert_eq!(Outcome::from_parts(outcome.as_str(), Some(at), Some(5)), Some(ended));
            assert_eq!(Outcome::from_parts(outcome.as_str(), None, Some(5)), None, "an end has an instant");
        }
        for outcome in [Outcome::Done, Outcome::Forbidden, Outcome::Begun, Outcome::Linked] {
            assert_eq!(Outcome::from_parts(outcome.as_str(), None, None), Some(outcome));
            assert_eq!(Outcome::from_parts(outcome.as_str(), Some(at), Some(0)), None);
        }
    }
    /// A variant that is new has no place in the matches, so that this does not compile until the lists are looked at.
    #[test]
    fn every_outcome_and_every_kind_is_in_its_list() {
        let place = |outcome: Outcome| match outcome {
            Outcome::Done => 0,
            Outcome::Forbidden => 1,
            Outcome::Begun => 2,
            Outcome::Linked => 3,
            Outcome::Ended(_) => 4,
        };
        assert_eq!(Outcome::NAMES.len(), place(Outcome::Linked) + 1 + DownloadOutcome::ALL.len());
        let place = |object: &Object| match object {
            Object::Job(_) => 0,
            Object::Execution(_) => 1,
            Object::ArtifactSet(_) => 2,
            Object::Artifact(_) => 3,
            Object::Manifest(_) => 4,
            Object::Signature(_) => 5,
            Object::Recipient(_) => 6,
            Object::Store(_) => 7,
            Object::Notice(_) => 8,
            Object::Destination(_) => 9,
            Object::Endpoint(_) => 10,
            Object::Worker(_) => 11,
            Object::SubjectRequest(_) => 12,
        };
        for (number, kind) in Object::KINDS.into_iter().enumerate() {
            let object = Object::from_parts(kind, "00000000-0000-0000-0000-000000000007").unwrap();
            assert_eq!(place(&object), number, "{kind}");
        }
    }
}
