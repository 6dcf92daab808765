//! What was done, as the page that comes next says it: `jobs?done=created`.

use crate::answers::Answers;

/// Something that was done by a form. Pages say only what is here, so that no link can put words in their mouth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    JobCreated,
    JobEdited,
    RunQueued,
    JobSuspended,
    JobResumed,
    JobBroughtBack,
    RunsQueued,
    JobDeleted,
    ExecutionQueued,
    Redelivered,
    ExecutionCancelled,
    ExecutionDeleted,
    FilesDeleted,
    SetHeld,
    SetReleased,
    SetDeleted,
    RecipientAdded,
    RecipientRenewed,
    RecipientRemoved,
    DestinationEnabled,
    DestinationDisabled,
    IdentityPinned,
    NoticeQueued,
    EndpointEnabled,
    EndpointDisabled,
    WorkerDrains,
    WorkerResumed,
    SubjectReceived,
    SubjectVerified,
    SubjectApproved,
    SubjectExtended,
    SubjectRefused,
    SubjectWithdrawn,
    ErasureAsked,
    CopiesDeleted,
    CopiesRecalled,
    All,
}

impl Done {
    /// The name of the parameter.
    pub(crate) const PARAMETER: &str = "done";

    const KNOWN: [Self; 37] = [
        Self::JobCreated,
        Self::JobEdited,
        Self::RunQueued,
        Self::JobSuspended,
        Self::JobResumed,
        Self::JobBroughtBack,
        Self::RunsQueued,
        Self::JobDeleted,
        Self::ExecutionQueued,
        Self::Redelivered,
        Self::ExecutionCancelled,
        Self::ExecutionDeleted,
        Self::FilesDeleted,
        Self::SetHeld,
        Self::SetReleased,
        Self::SetDeleted,
        Self::RecipientAdded,
        Self::RecipientRenewed,
        Self::RecipientRemoved,
        Self::DestinationEnabled,
        Self::DestinationDisabled,
        Self::IdentityPinned,
        Self::NoticeQueued,
        Self::EndpointEnabled,
        Self::EndpointDisabled,
        Self::WorkerDrains,
        Self::WorkerResumed,
        Self::SubjectReceived,
        Self::SubjectVerified,
        Self::SubjectApproved,
        Self::SubjectExtended,
        Self::SubjectRefused,
        Self::SubjectWithdrawn,
        Self::ErasureAsked,
        Self::CopiesDeleted,
        Self::CopiesRecalled,
        Self::All,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::JobCreated => "created",
            Self::JobEdited => "edited",
            Self::RunQueued => "queued",
            Self::JobSuspended => "suspended",
            Self::JobResumed => "resumed",
            Self::JobBroughtBack => "back",
            Self::RunsQueued => "backfilled",
            Self::JobDeleted => "deleted",
            Self::ExecutionQueued => "again",
            Self::Redelivered => "redelivered",
            Self::ExecutionCancelled => "cancelled",
            Self::ExecutionDeleted => "forgotten",
            Self::FilesDeleted => "files-deleted",
            Self::SetHeld => "held",
            Self::SetReleased => "released",
            Self::SetDeleted => "set-deleted",
            Self::RecipientAdded => "added",
            Self::RecipientRenewed => "renewed",
            Self::RecipientRemoved => "removed",
            Self::DestinationEnabled => "destination-enabled",
            Self::DestinationDisabled => "destination-disabled",
            Self::IdentityPinned => "pinned",
            Self::NoticeQueued => "notice-queued",
            Self::EndpointEnabled => "endpoint-enabled",
            Self::EndpointDisabled => "endpoint-disabled",
            Self::WorkerDrains => "drains",
            Self::WorkerResumed => "works-on",
            Self::SubjectReceived => "request-received",
            Self::SubjectVerified => "identity-checked",
            Self::SubjectApproved => "erasure-approved",
            Self::SubjectExtended => "request-extended",
            Self::SubjectRefused => "request-refused",
            Self::SubjectWithdrawn => "request-withdrawn",
            Self::ErasureAsked => "erasure-again",
            Self::CopiesDeleted => "copies-deleted",
            Self::CopiesRecalled => "copies-recalled",
            Self::All => "done",
        }
    }

    /// Reads it from the query of a page; words that nothing says are nothing.
    pub(crate) fn of(query: &str) -> Option<Self> {
        let answers = Answers::parse(query.as_bytes());
        let word = answers.one(Self::PARAMETER)?;
        Self::KNOWN.into_iter().find(|done| done.as_str() == word)
    }
}
