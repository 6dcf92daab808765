//! `--dry-run`: checks everything as the real command would, stores nothing, and shows what would be exported
//! when.

use std::num::NonZeroU64;

use cdds_core::domain::archive::split_size::SplitSize;
use cdds_core::domain::execution::Status;
use cdds_core::domain::execution::schedule::Occurrence;
use cdds_core::domain::id::{Owner, SourceId, TypeId};
use cdds_core::domain::job::{JobSettings, Protection};
use cdds_core::ports::catalog::query::{ExecutionQuery, Slice};
use cdds_core::ports::source::{ReadRequest, RecordInstant, RegisteredSource};
use cdds_view::OccurrenceView;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::compose::App;
use crate::error::CliError;
use crate::session::Session;
use crate::view::occurrence_cells;

/// How many occurrences are shown.
pub(super) const OCCURRENCES: usize = 5;

/// The assumed size of a packed record where nothing of the same type has been exported yet.
const RECORD_BYTES_ASSUMED: u64 = 100;

/// A sealed export without a split size is split where recipients' programs stop (rule A4).
const SEALED_BYTES_MAX: u64 = 1_500_000_000;

/// What would be.
#[derive(Debug, Serialize)]
struct DryRun {
    dry_run: bool,
    title: String,
    source: String,
    r#type: String,
    run: String,
    timeframe: String,
    split_size: Option<u64>,
    recipients: Vec<String>,
    occurrences: Vec<Expected>,
    /// How long a packed record is taken to be.
    bytes_per_record: u64,
    /// Whose records are that long; null if it is assumed.
    measured_by: Option<String>,
}

#[derive(Debug, Serialize)]
struct Expected {
    #[serde(flatten)]
    occurrence: OccurrenceView,
    /// What the source holds of it now; null if it cannot tell cheaply, or the window has not begun.
    estimated_records: Option<u64>,
    /// Whether the window is not over, so that records may still come.
    so_far: bool,
    /// How many files; null where the number of records is unknown and matters.
    estimated_parts: Option<u64>,
}

/// Shows what the settings, which a service has admitted, would export at these occurrences.
pub(super) async fn show(
    settings: &JobSettings,
    occurrences: &[Occurrence],
    app: &App,
    session: &Session,
) -> Result<(), CliError> {
    let measured = measured(settings, app, session).await?;
    let bytes = measured.as_ref().map_or(RECORD_BYTES_ASSUMED, |(_, bytes)| *bytes);
    let now = app.now().await?;
    let mut expected = Vec::with_capacity(occurrences.len());
    for occurrence in occurrences {
        let estimated_records = estimate(&session.principal.owner, settings, occurrence, app, now).await;
        expected.push(Expected {
            occurrence: (*occurrence).into(),
            estimated_records,
            so_far: occurrence.window.end() > now,
            estimated_parts: parts(settings, estimated_records, bytes),
        });
    }
    let view = DryRun {
        dry_run: true,
        title: settings.title.as_str().to_owned(),
        source: settings.source.to_string(),
        r#type: settings.reads.types().to_string(),
        run: settings.frequency.to_string(),
        timeframe: settings.timeframe.to_string(),
        split_size: settings.split_size.map(SplitSize::bytes),
        recipients: settings.protection.recipients().iter().map(ToString::to_string).collect(),
        occurrences: expected,
        bytes_per_record: bytes,
        measured_by: measured.map(|(execution, _)| execution),
    };
    Ok(session.output.outcome(&view, &view.words())?)
}

/// Returns the latest execution of the same types, and how many bytes it packed a record into.
async fn measured(
    settings: &JobSettings,
    app: &App,
    session: &Session,
) -> Result<Option<(String, u64)>, CliError> {
    let types = settings.reads.types();
    let data_type: Option<TypeId> = types.as_slice().first().cloned();
    let source: SourceId = settings.source.clone();
    let query = ExecutionQuery::default()
        .with_status(Some(Status::Finished))
        .with_source(Some(source))
        .with_data_type(data_type)
        .with_slice(Slice::first(10));
    let latest = app.history.list(&session.principal, &query).await?.items;
    let mut alike = latest.into_iter().filter(|one| one.execution.settings.reads.types() == types);
    Ok(alike.find_map(|overview| {
        let progress = overview.execution.progress;
        let records = NonZeroU64::new(progress.records)?;
        Some((overview.execution.id.to_string(), progress.bytes_written.div_ceil(records.get())))
    }))
}

/// Estimates what the source holds of a window now. A source that cannot be read now may be readable when the
/// job is due.
async fn estimate(
    owner: &Owner,
    settings: &JobSettings,
    occurrence: &Occurrence,
    app: &App,
    now: DateTime<Utc>,
) -> Option<u64> {
    let window = occurrence.window;
    if window.start().is_some_and(|start| start >= now) {
        return None;
    }
    let sources = app.sources.for_owner(owner);
    let Some(RegisteredSource::Supported(source)) = sources.find(&settings.source) else { return None };
    let mut sum = 0_u64;
    for read in &settings.reads {
        let request = ReadRequest::new(owner.clone(), read.data_type.clone(), window)
            .with_by(RecordInstant::of(&settings.timeframe))
            .with_categories(read.categories.clone())
            .with_template(read.template.clone());
        let estimate = source.estimate(&request).await.ok()??;
        sum = sum.saturating_add(estimate.records()?);
    }
    Some(sum)
}

fn parts(settings: &JobSettings, records: Option<u64>, bytes_per_record: u64) -> Option<u64> {
    let part = match (settings.split_size, &settings.protection) {
        (Some(size), _) => size.bytes(),
        (None, Protection::Sealed(_)) => SEALED_BYTES_MAX,
        (None, Protection::Plaintext) => return Some(1),
    };
    Some(records?.saturating_mul(bytes_per_record).div_ceil(part).max(1))
}

impl DryRun {
    fn words(&self) -> String {
        let unknown = || "unknown".to_owned();
        let mut lines = vec![format!(
            "Nothing was stored. {:?} would run {} over timeframe {}:",
            self.title, self.run, self.timeframe
        )];
        let heading = ["slot", "window from", "window to", "records", "parts"].map(str::to_uppercase);
        let rows = self.occurrences.iter().map(|expected| {
            let [slot, from, to] = occurrence_cells(&expected.occurrence);
            let so_far = if expected.so_far { " so far" } else { "" };
            let records =
                expected.estimated_records.map_or_else(unknown, |records| format!("about {records}{so_far}"));
            [
                slot,
                from,
                to,
                records,
                expected.estimated_parts.map_or_else(unknown, |parts| parts.to_string()),
            ]
        });
        let rows: Vec<[String; 5]> = std::iter::once(heading).chain(rows).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
        let widths: [usize; 5] = std::array::from_fn(width);
        lines.extend(rows.iter().map(|row| {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        }));
        if self.occurrences.is_empty() {
            lines.push("(no occurrence lies ahead)".to_owned());
        }
        if self.split_size.is_none() && self.recipients.is_empty() {
            return lines.join("\n");
        }
        let whose = match &self.measured_by {
            Some(execution) => format!("as in execution {execution}"),
            None => "which is a guess: nothing of this type has been exported yet".to_owned(),
        };
        lines.push(format!("Parts are estimated at {} bytes a record, {whose}.", self.bytes_per_record));
        lines.join("\n")
    }
}
