//! Events of executions, one line each, for a log. The form is stable; fields are only added.
//!
//! `logfmt`: the instant, then `name=value`, with titles and messages in quotes and unknown values left out:
//!
//! ```text
//! 2026-01-31T02:00:05.120Z event=finished execution=… job=… title="Voice" records=7 … seconds=0.412
//! ```
//!
//! JSON: the same names, and the instant as `at`; unknown values are `null`.

use cdds_core::domain::delivery::Delivery;
use cdds_core::domain::execution::progress::Progress;
use cdds_core::domain::execution::{Execution, ExecutionState};
use cdds_core::domain::id::{ExecutionId, JobId};
use cdds_core::domain::notice::Notice;
use cdds_core::domain::work::row::{WorkRow, WorkState};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

use crate::choice::EventForm;
use crate::text::plain_json;

/// The execution that something happened to.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) execution: ExecutionId,
    pub(super) job: JobId,
    pub(super) title: String,
}

impl Subject {
    pub(super) fn of(execution: &Execution) -> Self {
        Self {
            execution: execution.id,
            job: execution.job_id,
            title: execution.settings.title.as_str().to_owned(),
        }
    }
}

/// A value, and whether it is written in quotes.
#[derive(Debug)]
enum Field {
    /// An id, an instant, a word of a fixed set.
    Word(String),
    /// Text that people wrote, or read.
    Text(String),
    Number(u64),
    /// To the millisecond.
    Seconds(f64),
    Unknown,
}

impl From<Option<u64>> for Field {
    fn from(number: Option<u64>) -> Self {
        number.map_or(Self::Unknown, Self::Number)
    }
}

/// One event.
#[derive(Debug)]
pub(super) struct Record {
    at: String,
    fields: Vec<(&'static str, Field)>,
}

impl Record {
    fn new(at: DateTime<Utc>, event: &'static str, subject: &Subject) -> Self {
        Self {
            at: instant(at),
            fields: vec![
                ("event", Field::Word(event.to_owned())),
                ("execution", Field::Word(subject.execution.to_string())),
                ("job", Field::Word(subject.job.to_string())),
                ("title", Field::Text(subject.title.clone())),
            ],
        }
    }

    /// An attempt began.
    pub(super) fn started(at: DateTime<Utc>, subject: &Subject, execution: &Execution) -> Self {
        let slot = Field::Word(instant(execution.slot));
        let attempt = Field::Number(u64::from(execution.attempt_count()));
        Self::new(at, "started", subject).with([("slot", slot), ("attempt", attempt)])
    }

    /// It advanced.
    pub(super) fn progress(at: DateTime<Utc>, subject: &Subject, progress: Progress) -> Self {
        let percent = progress.percent.map(u64::from).into();
        let left = progress.remaining_seconds.into();
        let record = Self::new(at, "progress", subject);
        record.with([("percent", percent), ("remaining_seconds", left)]).with(counts(progress))
    }

    /// An attempt ended; the event is the status of the execution now.
    pub(super) fn ended(at: DateTime<Utc>, subject: &Subject, execution: &Execution) -> Self {
        let record = Self::new(at, execution.status().as_str(), subject);
        let text = |text: &str| Field::Text(text.to_owned());
        let record = match &execution.state {
            ExecutionState::Succeeded => record.with(counts(execution.progress)),
            ExecutionState::Failed(failure) => record.with([("error", text(&failure.message))]),
            ExecutionState::Skipped(reason) => record.with([("reason", text(&reason.to_string()))]),
            ExecutionState::Queued => {
                let error = execution.last_failure().map_or(Field::Unknown, |failure| text(&failure.message));
                record.with([("again_at", Field::Word(instant(execution.not_before))), ("error", error)])
            }
            ExecutionState::Running | ExecutionState::Cancelled => record,
        };
        let lasting = lasting(execution).map_or(Field::Unknown, |lasting| Field::Seconds(seconds(lasting)));
        let record = record.with([("seconds", lasting)]);
        match &execution.state {
            ExecutionState::Succeeded => {
                record.with([("undated", Field::Number(execution.progress.undated))])
            }
            _ => record,
        }
    }

    /// It waits long for its source.
    pub(super) fn waiting(at: DateTime<Utc>, subject: &Subject, execution: &Execution) -> Self {
        let word = |at: Option<DateTime<Utc>>| at.map_or(Field::Unknown, |at| Field::Word(instant(at)));
        let since = word(execution.waits_for_source());
        let until = word(execution.completeness.complete_until);
        let window_end = Field::Word(instant(execution.window.end()));
        let record = Self::new(at, "waiting", subject);
        record.with([("waits_since", since), ("complete_until", until), ("window_end", window_end)])
    }

    /// Nothing runs, and the run ends only after this.
    pub(super) fn awaiting(at: DateTime<Utc>, subject: &Subject, execution: &Execution) -> Self {
        let text = |text: &str| Field::Text(text.to_owned());
        let error = execution.last_failure().map_or(Field::Unknown, |failure| text(&failure.message));
        let since = execution.waits_for_source().map_or(Field::Unknown, |at| Field::Word(instant(at)));
        let begins_at = Field::Word(instant(execution.not_before));
        let record = Self::new(at, "idle", subject);
        record.with([("begins_at", begins_at), ("error", error), ("waits_since", since)])
    }

    /// This engine has nothing more to do with it.
    pub(super) fn abandoned(at: DateTime<Utc>, subject: &Subject) -> Self {
        Self::new(at, "abandoned", subject)
    }

    /// An attempt to deliver a set ended.
    pub(super) fn delivery(at: DateTime<Utc>, delivery: &Delivery) -> Self {
        let event = match delivery.work.state {
            WorkState::Done { .. } => "delivered",
            WorkState::GivenUp { .. } => "delivery_failed",
            WorkState::Waiting { .. } | WorkState::Held { .. } => "delivery_retry",
        };
        let own = [
            ("event", Field::Word(event.to_owned())),
            ("execution", Field::Word(delivery.execution_id.to_string())),
            ("job", Field::Word(delivery.job_id.to_string())),
            ("destination", Field::Word(delivery.to.destination.to_string())),
            ("files", Field::Number(u64::from(delivery.progress.files))),
            ("bytes", Field::Number(delivery.progress.bytes)),
        ];
        Self { at: instant(at), fields: own.into() }.with(attempt(&delivery.work))
    }

    /// An attempt to tell a subscriber ended.
    pub(super) fn told(at: DateTime<Utc>, notice: &Notice) -> Self {
        let event = match notice.work.state {
            WorkState::Done { .. } => "told",
            WorkState::GivenUp { .. } => "notice_failed",
            WorkState::Waiting { .. } | WorkState::Held { .. } => "notice_retry",
        };
        let own = [
            ("event", Field::Word(event.to_owned())),
            ("execution", notice.execution_id().map_or(Field::Unknown, |id| Field::Word(id.to_string()))),
            ("job", Field::Word(notice.job_id.to_string())),
            ("channel", Field::Word(notice.channel.to_string())),
            ("subscriber", Field::Text(notice.subscriber.to_string())),
            ("kind", Field::Word(notice.kind.to_string())),
        ];
        Self { at: instant(at), fields: own.into() }.with(attempt(&notice.work))
    }

    fn with<const N: usize>(mut self, fields: [(&'static str, Field); N]) -> Self {
        self.fields.extend(fields);
        self
    }

    /// Returns the line of the event.
    pub(super) fn line(&self, form: EventForm) -> String {
        match form {
            EventForm::Logfmt => self.logfmt(),
            EventForm::Json => self.json(),
        }
    }

    fn logfmt(&self) -> String {
        self.fields.iter().fold(self.at.clone(), |line, (name, field)| match field {
            Field::Unknown => line,
            Field::Word(word) => format!("{line} {name}={word}"),
            Field::Text(text) => {
                format!("{line} {name}={}", plain_json(&Value::from(text.as_str()).to_string()))
            }
            Field::Number(number) => format!("{line} {name}={number}"),
            Field::Seconds(seconds) => format!("{line} {name}={seconds:.3}"),
        })
    }

    fn json(&self) -> String {
        let at = format!("{{\"at\":{}", Value::from(self.at.as_str()));
        let fields = self.fields.iter().fold(at, |line, (name, field)| {
            let value = match field {
                Field::Unknown => Value::Null,
                Field::Word(text) | Field::Text(text) => Value::from(text.as_str()),
                Field::Number(number) => Value::from(*number),
                Field::Seconds(seconds) => Value::from(*seconds),
            };
            format!("{line},\"{name}\":{value}")
        });
        plain_json(&fields).into_owned() + "}"
    }
}

fn counts(progress: Progress) -> [(&'static str, Field); 5] {
    [
        ("records", Field::Number(progress.records)),
        ("rejected", Field::Number(progress.rejected)),
        ("bytes_read", Field::Number(progress.bytes_read)),
        ("bytes_written", Field::Number(progress.bytes_written)),
        ("parts", Field::Number(u64::from(progress.parts))),
    ]
}

fn attempt<Id>(work: &WorkRow<Id>) -> [(&'static str, Field); 3] {
    let again = match work.state {
        WorkState::Waiting { next_attempt_at } => Field::Word(instant(next_attempt_at)),
        _ => Field::Unknown,
    };
    let error = match (&work.attempts.failure, &work.state) {
        (_, WorkState::Done { .. }) | (None, _) => Field::Unknown,
        (Some(failure), _) => Field::Text(failure.message.clone()),
    };
    [("attempt", Field::Number(u64::from(work.attempts.count))), ("again_at", again), ("error", error)]
}

/// Formats an instant, always to the millisecond: instants of one width sort in the order of writing.
fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Returns how long the last attempt took.
pub(super) fn lasting(execution: &Execution) -> Option<TimeDelta> {
    let attempt = execution.attempts.last()?;
    Some(attempt.ended_at? - attempt.started_at)
}

fn seconds(lasting: TimeDelta) -> f64 {
    (lasting.as_seconds_f64() * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_tell_the_same_in_the_same_order() {
        let subject = Subject {
            execution: "00000000-0000-0000-0000-000000000001".parse().unwrap(),
            job: "00000000-0000-0000-0000-000000000002".parse().unwrap(),
            title: "a \"b\" = c".to_owned(),
        };
        let progress = Progress { records: 7, parts: 2, percent: Some(40), ..Progress::default() };
        let record = Record::progress(DateTime::UNIX_EPOCH, &subject, progress);
        let record = record.with([("seconds", Field::Seconds(seconds(TimeDelta::microseconds(1_234_567))))]);
        insta::assert_snapshot!(record.line(EventForm::Logfmt), @r#"1970-01-01T00:00:00.000Z event=progress execution=00000000-0000-0000-0000-000000000001 job=00000000-0000-0000-0000-000000000002 title="a \"b\" = c" percent=40 records=7 rejected=0 bytes_read=0 bytes_written=0 parts=2 seconds=1.235"#);
        insta::assert_snapshot!(record.line(EventForm::Json), @r#"{"at":"1970-01-01T00:00:00.000Z","event":"progress","execution":"00000000-0000-0000-0000-000000000001","job":"00000000-0000-0000-0000-000000000002","title":"a \"b\" = c","percent":40,"remaining_seconds":null,"records":7,"rejected":0,"bytes_read":0,"bytes_written":0,"parts":2,"seconds":1.235}"#);
        serde_json::from_str::<Value>(&record.line(EventForm::Json)).unwrap();
    }

    #[test]
    fn text_of_others_is_escaped_and_nothing_of_it_lost() {
        let title = "pay\u{200b}roll\u{202e}\u{9b}";
        let subject = Subject {
            execution: "00000000-0000-0000-0000-000000000001".parse().unwrap(),
            job: "00000000-0000-0000-0000-000000000002".parse().unwrap(),
            title: title.to_owned(),
        };
        let record = Record::abandoned(DateTime::UNIX_EPOCH, &subject);
        let logfmt = record.line(EventForm::Logfmt);
        assert!(logfmt.ends_with(r#"title="pay\u200broll\u202e\u009b""#), "{logfmt}");
        let json = record.line(EventForm::Json);
        assert!(json.contains(r"pay\u200broll\u202e\u009b"), "{json}");
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["title"], title);
    }
}
