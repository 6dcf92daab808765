//! Rules N2, N4, N8, D11: notices to the people and programs behind a job.

pub mod certificate;
pub mod expiring;
pub mod message;
pub mod recall;
pub mod subscription;

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use self::certificate::CertificateNotice;
use crate::domain::execution::{Execution, ExecutionState};
use crate::domain::id::{ExecutionId, JobId, NoticeId, Subscriber};
use crate::domain::work::retry::WorkRetry;
use crate::domain::work::row::WorkRow;

/// A notice about an execution, or a job, to one subscriber over one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its id and owner, and how far its delivery has come.
    pub work: WorkRow<NoticeId>,
    /// What it is about.
    pub subject: Subject,
    /// The job that it is about, or that of the execution.
    pub job_id: JobId,
    /// What happened.
    pub kind: NoticeKind,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Who is told.
    pub subscriber: Subscriber,
    /// How the subscriber is told.
    pub channel: Channel,
}

/// What a notice is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// An execution.
    Execution(ExecutionId),
    /// A certificate that the job needs and that expires (rule N8).
    Certificate(CertificateNotice),
}

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident => $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$of])* $variant,)*
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the name as it is stored and printed.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// Returns the value with this name, or `None` if there is no such value.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

names! {
    /// What a notice tells (rule N2).
    NoticeKind {
        /// The artifacts of an execution can now be downloaded.
        Published => "published",
        /// A set has arrived at its destinations.
        Delivered => "delivered",
        /// The delivery of a set was given up.
        DeliveryFailed => "delivery_failed",
        /// An execution failed and is not tried again.
        Failed => "failed",
        /// A certificate expires soon.
        Certificate => "certificate",
        /// A set that nobody downloaded expires soon.
        Expiring => "expiring",
        /// A job was paused after failures.
        Paused => "paused",
        /// A destination or an endpoint was disabled.
        Disabled => "disabled",
        /// Somebody asked that records in a set be erased: whoever has a copy is to delete it (rule D11).
        Recall => "recall",
    }
}

names! {
    /// How a subscriber is told.
    Channel {
        /// The embedding service takes the notice from the outbox.
        Host => "host",
        /// An e-mail.
        Email => "email",
        /// A request to an endpoint.
        Webhook => "webhook",
    }
}

impl Channel {
    /// Returns how long its notices are tried (rules N5, N9).
    pub fn retry(self) -> WorkRetry {
        match self {
            Self::Host | Self::Email => WorkRetry::default(),
            Self::Webhook => WorkRetry { period: TimeDelta::days(5), ..WorkRetry::default() },
        }
    }
}

impl Notice {
    /// Returns the execution that it is about; `None` if it is about a job alone.
    pub fn execution_id(&self) -> Option<ExecutionId> {
        match self.subject {
            Subject::Execution(id) => Some(id),
            Subject::Certificate(_) => None,
        }
    }

    /// Creates the notices about the end of `execution`, to be stored in the transaction that ends it. There are none
    /// if a person cancelled it, if it was skipped, or if it has not ended.
    pub fn of(execution: &Execution) -> Vec<Self> {
        let kind = match execution.state {
            ExecutionState::Succeeded => NoticeKind::Published,
            ExecutionState::Failed(_) => NoticeKind::Failed,
            ExecutionState::Queued
            | ExecutionState::Running
            | ExecutionState::Cancelled
            | ExecutionState::Skipped(_) => return Vec::new(),
        };
        let Some(at) = execution.finished_at else { return Vec::new() };
        Self::about(execution, kind, None, at)
    }

    /// Creates the notices about something that happened to an execution: one for the embedding service, and one for
    /// each subscriber of its job who is told of such things (rule N2). What happens several times to one execution is
    /// told apart by `which`, for instance the destination.
    pub fn about(
        execution: &Execution,
        kind: NoticeKind,
        which: Option<&str>,
        at: DateTime<Utc>,
    ) -> Vec<Self> {
        let settings = &execution.settings;
        let has_destinations = !settings.destinations.is_empty();
        let told = settings.subscriptions.iter().filter(|one| one.tells(kind, has_destinations));
        let told = told.map(|one| (one.subscriber.clone(), one.channel));
        let host = (Subscriber::default(), Channel::Host);
        let notice = |(subscriber, channel): (Subscriber, Channel)| Self {
            work: WorkRow::new(
                notice_id(execution.id, kind, which, &subscriber, channel),
                execution.owner.clone(),
                at,
            ),
            subject: Subject::Execution(execution.id),
            job_id: execution.job_id,
            kind,
            at,
            subscriber,
            channel,
        };
        std::iter::once(host).chain(told).map(notice).collect()
    }
}

/// Derives the id of a notice from its purpose, so that it cannot be stored twice.
pub fn notice_id(
    execution: ExecutionId,
    kind: NoticeKind,
    which: Option<&str>,
    subscriber: &Subscriber,
    channel: Channel,
) -> NoticeId {
    // None of the names contains a colon.
    let which = which.map(|which| format!(":{which}")).unwrap_or_default();
    let name = format!("notice:{kind}:{channel}:{subscriber}{which}");
    NoticeId(Uuid::new_v5(&execution.0, name.as_bytes()))
}

/// Derives the id of a notice that a job's subscribers get once, whichever execution it is told by.
pub(in crate::domain) fn job_notice_id(
    job: JobId,
    kind: NoticeKind,
    which: &str,
    notice: &Notice,
) -> NoticeId {
    let name = format!("notice:{kind}:{}:{}:{which}", notice.channel, notice.subscriber);
    NoticeId(Uuid::new_v5(&job.0, name.as_bytes()))
}
