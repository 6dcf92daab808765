//! `--dry-run`: checks everything as the real command would, stores nothing, and shows what would be exported
//! when.

use std::num::NonZeroU64;

use cdds_core::domain::archive::split_size::SplitSize;
use cdds_core::domain::execution::Status;
use cdds_core::domain::id::{SourceId, TypeId};
use cdds_core::domain::job::{JobSettings, Protection};
use cdds_core::ports::catalog::query::{ExecutionQuery, Slice};
use cdds_core::service::jobs::Forecast;
use cdds_view::ForecastView;
use serde::Serialize;

use crate::choice::Format;
use crate::compose::App;
use crate::error::CliError;
use crate::output::{Cell, View};
use crate::session::Session;
use crate::view::{expected_records, occurrence_cells};

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
    forecast: ForecastView,
    /// How many files; null where the number of records is unknown and matters.
    estimated_parts: Option<u64>,
}

/// Shows what the settings, which a service has admitted, would export at the occurrences ahead.
pub(super) async fn show(
    settings: &JobSettings,
    ahead: Vec<Forecast>,
    app: &App,
    session: &Session,
) -> Result<(), CliError> {
    let measured = measured(settings, app, session).await?;
    let bytes = measured.as_ref().map_or(RECORD_BYTES_ASSUMED, |(_, bytes)| *bytes);
    let expected = ahead.into_iter().map(|forecast| Expected {
        estimated_parts: parts(settings, forecast.records, bytes),
        forecast: forecast.into(),
    });
    let view = DryRun {
        dry_run: true,
        title: settings.title.as_str().to_owned(),
        source: settings.source.to_string(),
        r#type: settings.reads.types().to_string(),
        run: settings.schedule().to_string(),
        timeframe: settings.timeframe.to_string(),
        split_size: settings.split_size.map(SplitSize::bytes),
        recipients: settings.protection.recipients().iter().map(ToString::to_string).collect(),
        occurrences: expected.collect(),
        bytes_per_record: bytes,
        measured_by: measured.map(|(execution, _)| execution),
    };
    view.show(session)
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

fn parts(settings: &JobSettings, records: Option<u64>, bytes_per_record: u64) -> Option<u64> {
    let part = match (settings.split_size, &settings.protection) {
        (Some(size), _) => size.bytes(),
        (None, Protection::Sealed(_) | Protection::Handed { .. }) => SEALED_BYTES_MAX,
        (None, Protection::Plaintext) => return Some(1),
    };
    Some(records?.saturating_mul(bytes_per_record).div_ceil(part).max(1))
}

impl View for Expected {
    const COLUMNS: &'static [&'static str] = &["slot", "window from", "window to", "records", "parts"];
    const GIVES_WAY: &'static [&'static str] = &["parts", "records"];

    fn row(&self) -> Vec<Cell> {
        let unknown = || "unknown".to_owned();
        let records = expected_records(&self.forecast).unwrap_or_else(unknown);
        let parts = self.estimated_parts.map_or_else(unknown, |parts| parts.to_string());
        occurrence_cells(&self.forecast).into_iter().chain([records, parts]).map(Cell::Whole).collect()
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
    }
}

impl DryRun {
    fn show(&self, session: &Session) -> Result<(), CliError> {
        let output = session.output;
        if output.format() == Format::Json {
            return Ok(output.outcome(self, "")?);
        }
        let begin = format!(
            "Nothing was stored. {:?} would run {} over timeframe {}:",
            self.title, self.run, self.timeframe
        );
        output.outcome(self, &begin)?;
        if self.occurrences.is_empty() {
            output.outcome(self, "(no occurrence lies ahead)")?;
        } else {
            output.list(&self.occurrences)?;
        }
        if self.split_size.is_none() && self.recipients.is_empty() {
            return Ok(());
        }
        let whose = match &self.measured_by {
            Some(execution) => format!("as in execution {execution}"),
            None => "which is a guess: nothing of this type has been exported yet".to_owned(),
        };
        let end = format!("Parts are estimated at {} bytes a record, {whose}.", self.bytes_per_record);
        Ok(output.outcome(self, &end)?)
    }
}
