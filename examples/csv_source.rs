//! A source over a CSV file with a header: a record for each row, at the instant in one of its columns.
//!
//! ```text
//! $ cargo run -p cdds-examples --example csv_source
//! {"at":"2026-03-01T09:00:00Z","caller":"Ada"}
//! {"at":"2026-03-01T17:00:00Z","caller":"Grace","notes":"call back"}
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::path::PathBuf;

use async_trait::async_trait;
use cdds_core::{
    DataType, Place, ReadRequest, RecordStream, RuleViolation, Source, SourceDescription, SourceError,
    SourceErrorKind, read_blocking,
};
use futures::stream::TryStreamExt;

#[derive(Debug)]
struct CsvSource {
    description: SourceDescription,
    path: PathBuf,
    column: String,
}

impl CsvSource {
    fn new(id: &str, path: impl Into<PathBuf>, column: &str) -> Result<Self, RuleViolation> {
        let row = DataType::new("row".parse()?).with_event_instant();
        let description = SourceDescription::new(id.parse()?, id).with_type(row);
        Ok(Self { description, path: path.into(), column: column.to_owned() })
    }
}

#[async_trait]
impl Source for CsvSource {
    fn describe(&self) -> &SourceDescription {
        &self.description
    }

    async fn read(&self, request: ReadRequest) -> Result<RecordStream, SourceError> {
        let (path, column) = (self.path.clone(), self.column.clone());
        let unreadable =
            |error| SourceError::with_source(SourceErrorKind::Missing, "cannot read the file", error);
        read_blocking(self.description.id.as_str(), move |batches| {
            let mut rows = csv::Reader::from_path(path).map_err(unreadable)?;
            let keys = rows.headers().map_err(unreadable)?.clone();
            let missing = || SourceError::new(SourceErrorKind::Missing, format!("no column {column}"));
            let column = keys.iter().position(|key| key == column).ok_or_else(missing)?;
            for (number, row) in (1_u64..).zip(rows.into_records()) {
                let bad = || SourceError::new(SourceErrorKind::BadRecord, format!("row {number}"));
                let row = row.map_err(|_| bad())?;
                let at = row[column].parse().map_err(|_| bad())?;
                if request.wants(Some(at), None) {
                    let mut record = batches.builder().record(&Place::of(None, Some(at)));
                    keys.iter().zip(&row).for_each(|(key, value)| _ = record.text(key, value));
                    record.finish();
                }
                batches.record_read(row.as_slice().len() as u64)?;
            }
            Ok(())
        })
        .await
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = tempfile::NamedTempFile::new()?;
    let rows = "at,caller,notes\n2026-03-01T09:00:00Z,Ada,\n2026-03-01T17:00:00Z,Grace,call back\n";
    std::fs::write(&file, rows)?;
    let source = CsvSource::new("calls", file.path(), "at")?;
    let window = cdds_core::domain::calendar::window::Window::until("2026-03-02T00:00:00Z".parse()?);
    let request = ReadRequest::new("default".parse()?, "row".parse()?, window);
    let read = async { source.read(request).await?.try_collect::<Vec<_>>().await };
    for batch in futures::executor::block_on(read)? {
        print!("{}", String::from_utf8_lossy(batch.lines()));
    }
    Ok(())
}
