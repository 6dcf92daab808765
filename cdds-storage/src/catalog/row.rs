//! Rows of a catalog as plain values, and what they mean; the same for every database.
//!
//! Instants are whole microseconds since 1970-01-01T00:00:00Z, identifiers hyphenated UUIDs.

use cdds_core::domain::artifact::{Artifact, Sha256Digest, StoredManifest};
use cdds_core::domain::execution::{Execution, ExecutionState, Status, Trigger};
use cdds_core::domain::frequency::Frequency;
use cdds_core::domain::job::{Job, JobState};
use cdds_core::domain::recipient::{CertificateFacts, Recipient};
use cdds_core::domain::window::Window;
use cdds_core::ports::catalog::query::{FrequencyKind, LatestExecution};
use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind};
use cdds_core::ports::sink::Key;
use cdds_core::stored::{settings_from_json, settings_to_json};
use chrono::{DateTime, Utc};

use super::stored;

/// Names the row that is not understood, why, and the way out.
pub(super) fn corrupt(table: &str, id: &str, why: impl std::fmt::Display) -> CatalogError {
    CatalogError::new(
        CatalogErrorKind::Corrupt,
        format!(
            "{table} {id} is stored in a form that this version does not understand ({why}): \
             use the version that wrote it, or restore the catalog from a backup"
        ),
    )
}

/// An instant as it is stored.
pub(super) fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// A count as it is stored; databases have no unsigned numbers.
pub(super) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Text in which upper and lower case are the same, character by character, so that a part of a text
/// stays a part of it.
pub(super) fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// Reads the fields of one row, with an error that names the row.
struct Reading<'a> {
    table: &'static str,
    id: &'a str,
}

impl Reading<'_> {
    fn corrupt(&self, why: impl std::fmt::Display) -> CatalogError {
        corrupt(self.table, self.id, why)
    }

    fn at(&self, micros: i64) -> Result<DateTime<Utc>, CatalogError> {
        DateTime::from_timestamp_micros(micros)
            .ok_or_else(|| self.corrupt(format_args!("{micros} µs is no instant")))
    }

    fn at_if(&self, micros: Option<i64>) -> Result<Option<DateTime<Utc>>, CatalogError> {
        micros.map(|micros| self.at(micros)).transpose()
    }

    fn parse<T>(&self, text: &str) -> Result<T, CatalogError>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        text.parse().map_err(|error| self.corrupt(error))
    }

    fn number<T: TryFrom<i64>>(&self, value: i64) -> Result<T, CatalogError> {
        T::try_from(value).map_err(|_| self.corrupt(format_args!("{value} is out of range")))
    }

    fn digest(&self, hex: &str) -> Result<Sha256Digest, CatalogError> {
        Sha256Digest::from_hex(hex).ok_or_else(|| self.corrupt("the digest is not SHA-256 in hexadecimal"))
    }

    fn status(&self, name: &str) -> Result<Status, CatalogError> {
        Status::parse(name).ok_or_else(|| self.corrupt(format_args!("unknown status {name:?}")))
    }
}

/// How often, as it is stored for the filter.
pub(super) fn frequency_kind(kind: FrequencyKind) -> &'static str {
    match kind {
        FrequencyKind::Once => "once",
        FrequencyKind::Daily => "daily",
    }
}

fn kind_of(frequency: &Frequency) -> FrequencyKind {
    match frequency {
        Frequency::Once(_) => FrequencyKind::Once,
        Frequency::Daily(_) => FrequencyKind::Daily,
    }
}

/// A job. `title_folded`, `source`, `data_type` and `frequency` repeat what is in `settings`, to be
/// searched and sorted by.
#[derive(Debug)]
pub(super) struct JobRow {
    pub(super) id: String,
    pub(super) owner: String,
    pub(super) version: i64,
    pub(super) state: String,
    pub(super) settings: String,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) next_due_at: Option<i64>,
}

impl JobRow {
    pub(super) fn of(job: &Job) -> Result<Self, CatalogError> {
        let id = job.id.to_string();
        Ok(Self {
            settings: settings_to_json(&job.settings).map_err(|error| corrupt("job", &id, error))?,
            id,
            owner: job.owner.to_string(),
            version: integer(job.version),
            state: job.state.as_str().to_owned(),
            created_at: micros(job.created_at),
            updated_at: micros(job.updated_at),
            next_due_at: job.next_due_at.map(micros),
        })
    }

    pub(super) fn frequency(job: &Job) -> &'static str {
        frequency_kind(kind_of(&job.settings.frequency))
    }

    pub(super) fn into_job(self) -> Result<Job, CatalogError> {
        let row = Reading { table: "job", id: &self.id };
        let state = [JobState::Active, JobState::Suspended, JobState::Completed]
            .into_iter()
            .find(|state| state.as_str() == self.state)
            .ok_or_else(|| row.corrupt(format_args!("unknown state {:?}", self.state)))?;
        Ok(Job {
            id: row.parse(&self.id)?,
            owner: row.parse(&self.owner)?,
            settings: settings_from_json(&self.settings).map_err(|error| row.corrupt(error))?,
            state,
            version: row.number(self.version)?,
            created_at: row.at(self.created_at)?,
            updated_at: row.at(self.updated_at)?,
            next_due_at: row.at_if(self.next_due_at)?,
        })
    }
}

/// The newest execution of a job, in short.
#[derive(Debug)]
pub(super) struct LatestRow {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) started_at: Option<i64>,
    pub(super) progress: String,
}

impl LatestRow {
    pub(super) fn into_latest(self) -> Result<LatestExecution, CatalogError> {
        let row = Reading { table: "execution", id: &self.id };
        Ok(LatestExecution {
            id: row.parse(&self.id)?,
            status: row.status(&self.status)?,
            started_at: row.at_if(self.started_at)?,
            progress: stored::progress_from_json(&self.progress).map_err(|error| row.corrupt(error))?,
        })
    }
}

/// An execution. `detail` is the failure of a failed one, the reason of a skipped one.
#[derive(Debug)]
pub(super) struct ExecutionRow {
    pub(super) id: String,
    pub(super) job_id: String,
    pub(super) owner: String,
    pub(super) trigger: String,
    pub(super) slot: i64,
    pub(super) window_start: Option<i64>,
    pub(super) window_end: i64,
    pub(super) settings: String,
    pub(super) status: String,
    pub(super) detail: Option<String>,
    pub(super) epoch: i64,
    pub(super) attempts: String,
    pub(super) not_before: i64,
    pub(super) created_at: i64,
    pub(super) started_at: Option<i64>,
    pub(super) finished_at: Option<i64>,
    pub(super) progress: String,
}

impl ExecutionRow {
    pub(super) fn of(execution: &Execution) -> Result<Self, CatalogError> {
        let id = execution.id.to_string();
        let bad = |error| corrupt("execution", &id, error);
        let detail = match &execution.state {
            ExecutionState::Failed(failure) => Some(stored::failure_to_json(failure).map_err(bad)?),
            ExecutionState::Skipped(reason) => Some(stored::skip_to_json(reason).map_err(bad)?),
            ExecutionState::Queued
            | ExecutionState::Running
            | ExecutionState::Succeeded
            | ExecutionState::Cancelled => None,
        };
        Ok(Self {
            settings: settings_to_json(&execution.settings).map_err(bad)?,
            attempts: stored::attempts_to_json(&execution.attempts).map_err(bad)?,
            progress: stored::progress_to_json(&execution.progress).map_err(bad)?,
            job_id: execution.job_id.to_string(),
            owner: execution.owner.to_string(),
            trigger: match execution.trigger {
                Trigger::Scheduled => "scheduled".to_owned(),
            },
            slot: micros(execution.slot),
            window_start: execution.window.start().map(micros),
            window_end: micros(execution.window.end()),
            status: execution.status().as_str().to_owned(),
            detail,
            epoch: integer(execution.epoch),
            not_before: micros(execution.not_before),
            created_at: micros(execution.created_at),
            started_at: execution.started_at.map(micros),
            finished_at: execution.finished_at.map(micros),
            id,
        })
    }

    pub(super) fn into_execution(self) -> Result<Execution, CatalogError> {
        let row = Reading { table: "execution", id: &self.id };
        let trigger = match self.trigger.as_str() {
            "scheduled" => Trigger::Scheduled,
            other => return Err(row.corrupt(format_args!("unknown trigger {other:?}"))),
        };
        let end = row.at(self.window_end)?;
        let window = match row.at_if(self.window_start)? {
            Some(start) => Window::between(start, end),
            None => Window::until(end),
        };
        Ok(Execution {
            id: row.parse(&self.id)?,
            job_id: row.parse(&self.job_id)?,
            owner: row.parse(&self.owner)?,
            trigger,
            slot: row.at(self.slot)?,
            window,
            settings: settings_from_json(&self.settings).map_err(|error| row.corrupt(error))?,
            state: self.state(&row)?,
            epoch: row.number(self.epoch)?,
            attempts: stored::attempts_from_json(&self.attempts).map_err(|error| row.corrupt(error))?,
            not_before: row.at(self.not_before)?,
            created_at: row.at(self.created_at)?,
            started_at: row.at_if(self.started_at)?,
            finished_at: row.at_if(self.finished_at)?,
            progress: stored::progress_from_json(&self.progress).map_err(|error| row.corrupt(error))?,
        })
    }

    fn state(&self, row: &Reading<'_>) -> Result<ExecutionState, CatalogError> {
        let detail = || self.detail.as_deref().ok_or_else(|| row.corrupt("its reason is missing"));
        Ok(match row.status(&self.status)? {
            Status::Queued => ExecutionState::Queued,
            Status::InProgress => ExecutionState::Running,
            Status::Finished => ExecutionState::Succeeded,
            Status::Cancelled => ExecutionState::Cancelled,
            Status::Failed => ExecutionState::Failed(
                stored::failure_from_json(detail()?).map_err(|error| row.corrupt(error))?,
            ),
            Status::Skipped => ExecutionState::Skipped(
                stored::skip_from_json(detail()?).map_err(|error| row.corrupt(error))?,
            ),
        })
    }
}

/// A file of a set.
#[derive(Debug)]
pub(super) struct ArtifactRow {
    pub(super) id: String,
    pub(super) owner: String,
    pub(super) execution_id: String,
    pub(super) job_id: String,
    pub(super) data_type: String,
    pub(super) name: String,
    pub(super) part: i64,
    pub(super) parts: i64,
    pub(super) key: String,
    pub(super) bytes: i64,
    pub(super) sha256: String,
    pub(super) created_at: i64,
    pub(super) expires_at: i64,
    pub(super) hold: bool,
}

impl ArtifactRow {
    pub(super) fn into_artifact(self) -> Result<Artifact, CatalogError> {
        let row = Reading { table: "artifact", id: &self.id };
        Ok(Artifact {
            id: row.parse(&self.id)?,
            owner: row.parse(&self.owner)?,
            execution_id: row.parse(&self.execution_id)?,
            job_id: row.parse(&self.job_id)?,
            data_type: row.parse(&self.data_type)?,
            part: row.number(self.part)?,
            parts: row.number(self.parts)?,
            bytes: row.number(self.bytes)?,
            sha256: row.digest(&self.sha256)?,
            created_at: row.at(self.created_at)?,
            expires_at: row.at(self.expires_at)?,
            hold: self.hold,
            name: self.name,
            key: Key::new(self.key),
        })
    }
}

/// The manifest of a set.
#[derive(Debug)]
pub(super) struct ManifestRow {
    pub(super) execution_id: String,
    pub(super) name: String,
    pub(super) key: String,
    pub(super) bytes: i64,
    pub(super) sha256: String,
}

impl ManifestRow {
    pub(super) fn into_manifest(self) -> Result<StoredManifest, CatalogError> {
        let row = Reading { table: "artifact set", id: &self.execution_id };
        Ok(StoredManifest {
            bytes: row.number(self.bytes)?,
            sha256: row.digest(&self.sha256)?,
            name: self.name,
            key: Key::new(self.key),
        })
    }
}

/// A recipient.
#[derive(Debug)]
pub(super) struct RecipientRow {
    pub(super) owner: String,
    pub(super) name: String,
    pub(super) der: Vec<u8>,
    pub(super) fingerprint: String,
    pub(super) subject: String,
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    pub(super) warnings: String,
    pub(super) added_at: i64,
}

impl RecipientRow {
    pub(super) fn of(recipient: &Recipient) -> Result<Self, CatalogError> {
        let facts = &recipient.certificate;
        let name = recipient.name.to_string();
        Ok(Self {
            warnings: stored::warnings_to_json(&facts.warnings)
                .map_err(|error| corrupt("recipient", &name, error))?,
            name,
            owner: recipient.owner.to_string(),
            der: facts.der.clone(),
            fingerprint: facts.fingerprint.clone(),
            subject: facts.subject.clone(),
            not_before: micros(facts.not_before),
            not_after: micros(facts.not_after),
            added_at: micros(recipient.added_at),
        })
    }

    pub(super) fn into_recipient(self) -> Result<Recipient, CatalogError> {
        let row = Reading { table: "recipient", id: &self.name };
        Ok(Recipient {
            owner: row.parse(&self.owner)?,
            name: row.parse(&self.name)?,
            certificate: CertificateFacts {
                not_before: row.at(self.not_before)?,
                not_after: row.at(self.not_after)?,
                warnings: stored::warnings_from_json(&self.warnings).map_err(|error| row.corrupt(error))?,
                der: self.der,
                fingerprint: self.fingerprint,
                subject: self.subject,
            },
            added_at: row.at(self.added_at)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_knows_no_case_and_keeps_parts_parts() {
        for (one, other) in
            [("WEEKLY Voice", "weekly vOICE"), ("ÄRGER", "ärger"), ("ΣΑΣ", "σας"), ("STRASSE", "straße")]
        {
            assert_eq!(fold(one), fold(other));
        }
        assert!(fold("Monatsübersicht ΣΑΣ").contains(&fold("ÜBERSICHT σ")));
    }
}
