//! The table of jobs.

use cdds_core::domain::calendar::frequency::FrequencyKind;
use cdds_core::domain::job::SuspensionReason;
use cdds_core::domain::job::policy::Overlap;
use cdds_view::{JobView, ReadView, words};

use crate::output::{Cell, View};

impl View for JobView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "title",
        "latest status",
        "next starts",
        "latest started",
        "state",
        "run",
        "source",
        "type",
        "created",
        "local start",
    ];
    const GIVES_WAY: &'static [&'static str] =
        &["local start", "created", "type", "source", "latest started", "run", "state"];

    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::Id(self.id.to_string()),
            self.title.as_str().into(),
            self.latest().into(),
            next_starts(self),
            self.latest_started_at.into(),
            Cell::Said { word: self.state.as_str(), says: self.state_words() },
            self.run.as_str().into(),
            self.source.as_str().into(),
            self.types.to_string().into(),
            self.created_at.into(),
            self.next_reading.map(|reading| reading.to_string()).into(),
        ]
    }

    fn details(&self) -> Lines {
        let (settings, policies) = (settings_lines(self), policies_lines(self));
        settings.into_iter().chain(policies).chain(standing_lines(self)).collect()
    }
}

/// Names and values, line by line.
type Lines = Vec<(&'static str, Cell)>;

fn settings_lines(job: &JobView) -> Lines {
    // With several types, each line names the type of what it shows.
    let of_each = |words: &dyn Fn(&ReadView) -> String| {
        let reads = job.reads.iter().map(|read| (read.data_type.as_str(), words(read)));
        let told = reads.filter(|(_, words)| !words.is_empty());
        told.map(|(data_type, words)| format!("{data_type}: {words}")).collect::<Vec<_>>().join("; ")
    };
    let (category, fields, filters) = match job.reads.as_slice() {
        [] => (job.category.words(), job.fields.words(), job.filters.join(", ")),
        _ => (
            of_each(&|read| read.category.words()),
            of_each(&|read| read.fields.words()),
            of_each(&|read| read.filters.join(", ")),
        ),
    };
    vec![
        ("id", job.id.to_string().into()),
        ("title", job.title.as_str().into()),
        ("description", job.description.as_str().into()),
        ("source", job.source.as_str().into()),
        ("type", job.types.to_string().into()),
        ("category", category.into()),
        ("fields", fields.into()),
        ("filters", filters.into()),
        ("run", job.run.as_str().into()),
        ("starts at", job.starts_at.into()),
        ("ends at", job.ends_at.into()),
        ("timeframe", job.timeframe.as_str().into()),
        ("split size", job.split_size.map_or(Cell::Unknown, Cell::Bytes)),
        ("recipients", job.recipients_words().into()),
        ("retention", job.retention_words().into()),
        ("destinations", job.destinations_words().into()),
        ("notify", job.notify.join(", ").into()),
    ]
}

fn policies_lines(job: &JobView) -> Lines {
    let or_default = |text: Option<&str>| Cell::from(text.unwrap_or("default"));
    let retries = job.retries.map(|retries| retries.to_string());
    vec![
        ("overlap", or_default(job.overlap.map(Overlap::as_str))),
        ("catch-up", or_default(job.catch_up.as_deref())),
        ("retries", or_default(retries.as_deref())),
        ("jitter", job.jitter.as_deref().into()),
        ("pause after failures", job.pause_after_failures.map(|count| count.to_string()).into()),
        ("bad records", job.bad_records.as_str().into()),
        ("incomplete source", job.incomplete.as_str().into()),
    ]
}

fn standing_lines(job: &JobView) -> Lines {
    vec![
        ("state", state(job)),
        ("created", job.created_at.into()),
        ("updated", job.updated_at.into()),
        ("version", job.version.to_string().into()),
        ("latest status", job.latest().into()),
        ("latest started", job.latest_started_at.into()),
        ("latest error", job.latest_error.as_ref().map(|error| error.message.clone()).into()),
        ("next starts", next_starts(job)),
        ("local start", job.next_reading.map(|reading| reading.to_string()).into()),
        ("exported up to", watermark(job)),
        ("failures in a row", job.failures_in_row.to_string().into()),
        ("warnings", job.warnings.join(" ").into()),
    ]
}

fn next_starts(job: &JobView) -> Cell {
    job.next_starts_at.map_or(Cell::Unknown, |at| Cell::Due(at.0))
}

/// Returns the state and, of a suspended job, why it is that and how it goes on.
fn state(job: &JobView) -> Cell {
    let word = job.state.as_str();
    let Some(suspension) = &job.suspension else { return Cell::Word(word) };
    let resume = format!("`cdds job resume {}`", job.id);
    let another = format!("`cdds job edit {} --start WHEN` gives it another start", job.id);
    let since = suspension.since.map_or_else(String::new, |since| format!(" since {since}"));
    let why = match suspension.reason {
        SuspensionReason::AwaitsStart => {
            "it waits to start, which a worker (`cdds run`) does by itself".to_owned()
        }
        SuspensionReason::NeverStarted => format!("its run was ended before it began; {another}"),
        SuspensionReason::Failures => {
            let failures = words::counted(suspension.failures.into(), "failure");
            let (execution, error) = (suspension.execution_id, job.latest_error.as_ref());
            let last = match (execution, error) {
                (Some(id), Some(error)) => format!(", the last in execution {id}: {}", error.message),
                _ => format!("; `cdds history list --job {} --status failed` shows them", job.id),
            };
            format!("paused{since} by {failures} in a row{last}. Mend the cause, then {resume}")
        }
        _ if job.run.starts_with(FrequencyKind::Once.as_str()) => {
            format!("by a person{since}; {resume} resumes it before its start, and {another}")
        }
        _ => format!("by a person{since}; {resume} resumes it"),
    };
    format!("{word}: {why}").into()
}

/// Returns the instant up to which everything was exported.
fn watermark(job: &JobView) -> Cell {
    match job.watermark.map(|watermark| watermark.at) {
        None => Cell::Unknown,
        Some(None) => "nothing yet".into(),
        Some(Some(at)) => at.into(),
    }
}
