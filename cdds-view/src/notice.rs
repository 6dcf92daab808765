//! A notice, and how far its delivery has come.

use cdds_core::domain::id::{ExecutionId, JobId, NoticeId, RecipientName, Subscriber};
use cdds_core::domain::notice::subscription::Subscription;
use cdds_core::domain::notice::{Channel, Notice, Subject};
use cdds_core::domain::work::row::{WorkState, WorkStatus};
use cdds_core::service::subscribers::Tested;
use serde::{Deserialize, Serialize};

use crate::instant::Instant;

/// Where telling one subscriber stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoticeState {
    /// It waits for its first attempt, or for the next one.
    Pending,
    /// It is being sent.
    Running,
    /// It was taken.
    Sent,
    /// It was given up.
    Failed,
}

impl NoticeState {
    /// Returns the name in the JSON form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }
}

impl From<WorkStatus> for NoticeState {
    fn from(status: WorkStatus) -> Self {
        match status {
            WorkStatus::Waiting => Self::Pending,
            WorkStatus::Held => Self::Running,
            WorkStatus::Done => Self::Sent,
            WorkStatus::GivenUp => Self::Failed,
        }
    }
}

/// A notice about an execution, or a job, to one subscriber, and how far its delivery has come (rules N2, N5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct NoticeView {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub id: NoticeId,
    /// The execution that it is about; null if it is about a certificate of its job.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Uuid))]
    pub execution_id: Option<ExecutionId>,
    /// The job that it is about, or that of the execution.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub job_id: JobId,
    /// The recipient whose certificate it is about; null if it is about an execution.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub recipient: Option<RecipientName>,
    /// What happened: `published`, `failed`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::NoticeKind))]
    pub kind: String,
    /// When it happened.
    pub at: Instant,
    /// Who is told.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub subscriber: Subscriber,
    /// Both in one: `mailto:ada@example.com`, `webhook:billing` or `host`.
    pub target: String,
    /// How they are told: `host`, `email` or `webhook`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Channel))]
    pub channel: String,
    /// Where it stands, in the words of deliveries.
    pub state: NoticeState,
    /// Where it stands, in the words of its filter: `waiting`, `held` by one who tells it, `done` or `given_up`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::DeliveryStatus))]
    pub status: String,
    /// The number of attempts to tell it.
    pub attempts: u32,
    /// The earliest instant of the next attempt; null unless it waits.
    pub next_attempt_at: Option<Instant>,
    /// When it was taken; null before.
    pub sent_at: Option<Instant>,
    /// When it was taken or given up; null before.
    pub settled_at: Option<Instant>,
    /// Why it was given up: `refused`, `exhausted` or `gone`; null unless it was.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::GivenUp>))]
    pub given_up: Option<String>,
    /// Why the last failed attempt failed, for people; null if none did.
    pub error: Option<String>,
}

impl From<Notice> for NoticeView {
    fn from(notice: Notice) -> Self {
        let execution_id = notice.execution_id();
        let work = notice.work;
        let (next_attempt_at, settled_at, given_up) = match work.state {
            WorkState::Waiting { next_attempt_at } => (Some(Instant(next_attempt_at)), None, None),
            WorkState::Held { .. } => (None, None, None),
            WorkState::Done { at } => (None, Some(Instant(at)), None),
            WorkState::GivenUp { reason, at } => (None, Some(Instant(at)), Some(reason.as_str().to_owned())),
        };
        Self {
            id: work.id,
            execution_id,
            recipient: match notice.subject {
                Subject::Certificate(certificate) => Some(certificate.recipient),
                _ => None,
            },
            job_id: notice.job_id,
            kind: notice.kind.as_str().to_owned(),
            at: Instant(notice.at),
            target: target(notice.channel, &notice.subscriber),
            subscriber: notice.subscriber,
            channel: notice.channel.as_str().to_owned(),
            state: work.status().into(),
            sent_at: settled_at.filter(|_| work.status() == WorkStatus::Done),
            status: work.status().as_str().to_owned(),
            attempts: work.attempts.count,
            next_attempt_at,
            settled_at,
            given_up,
            error: work.attempts.failure.map(|failure| failure.message),
        }
    }
}

/// What came of a test of a subscriber.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct NoticeTestView {
    /// Who was to be told: `mailto:ada@example.com` or `webhook:billing`.
    pub target: String,
    /// Whether the message was taken.
    pub sent: bool,
    /// Why it was not, for people; null if it was.
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

impl NoticeTestView {
    /// Returns the view of a test.
    pub fn new(subscription: &Subscription, tested: Tested) -> Self {
        Self {
            target: target(subscription.channel, &subscription.subscriber),
            sent: tested.failure.is_none(),
            error: tested.failure,
            milliseconds: u64::try_from(tested.took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// `mailto:ada@example.com`, `webhook:billing` or `host`
fn target(channel: Channel, subscriber: &Subscriber) -> String {
    match channel {
        Channel::Email => format!("mailto:{subscriber}"),
        Channel::Webhook => format!("webhook:{subscriber}"),
        _ => channel.to_string(),
    }
}

impl NoticeView {
    /// `mailto:ada@example.com: delivered, sent at 2026-01-01T00:00:00Z`, with the message of a failure.
    pub fn words(&self) -> String {
        let Self { target, kind, state, .. } = self;
        let at = match (self.sent_at, self.next_attempt_at) {
            (Some(at), _) => format!(" at {at}"),
            (None, Some(at)) => format!(" until {at}"),
            (None, None) => String::new(),
        };
        let failed = match (&self.error, self.sent_at) {
            (Some(error), None) => format!(": attempt {} failed: {error}", self.attempts),
            _ => String::new(),
        };
        format!("{target}: {kind}, {}{at}{failed}", state.as_str())
    }
}
