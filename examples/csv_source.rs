//! A source over a CSV file with a header: a record for each row, at the instant in its column `at`.
//!
//! ```text
//! $ cargo run -p cdds-examples --example csv_source
//! {"at":"2026-03-01T09:00:00Z","caller":"Ada"}
//! {"at":"2026-03-01T17:00:00Z","caller":"Grace","notes":"call back"}
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::path::PathBuf;

use async_trait::async_trait;
use cdds_core::domain::calendar::window::Window;
use cdds_core::{DataType, ReadRequest, RecordStream, Source, SourceDescription, SourceError};

#[derive(Debug)]
struct CsvSource {
    description: SourceDescription,
    path: PathBuf,
}

impl CsvSource {
    fn new(id: &str, path: PathBuf) -> Result<Self, cdds_core::RuleViolation> {
        let row = DataType::new("row".parse()?).with_event_instant();
        let description = SourceDescription::new(id.parse()?, id).with_type(row);
        Ok(Self { description, path })
    }
}

#[async_trait]
impl Source for CsvSource {
    fn describe(&self) -> &SourceDescription {
        &self.description
    }

    async fn read(&self, request: ReadRequest) -> Result<RecordStream, SourceError> {
        let path = self.path.clone();
        let unreadable = |error| SourceError::missing("cannot read the file").caused_by(error);
        cdds_core::read_blocking(self.description.id.as_str(), move |batches| {
            let mut rows = csv::Reader::from_path(path).map_err(unreadable)?;
            let keys = rows.headers().map_err(unreadable)?.clone();
            let column = keys.iter().position(|key| key == "at");
            let column = column.ok_or_else(|| SourceError::missing("no column `at`"))?;
            for (number, row) in (1_u64..).zip(rows.into_records()) {
                let bad = || SourceError::bad_record(format!("row {number}"));
                let row = row.map_err(|_| bad())?;
                let at = row[column].parse().map_err(|_| bad())?;
                if request.wants(Some(at), None) {
                    let mut record = batches.builder().record(&request.place(None, Some(at)));
                    for (key, value) in keys.iter().zip(&row) {
                        record.text(key, value);
                    }
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
    let source = CsvSource::new("calls", file.path().into())?;
    let window = Window::until("2026-03-02T00:00:00Z".parse()?);
    let request = ReadRequest::new("default".parse()?, "row".parse()?, window);
    print!("{}", cdds_core::testing::read_lines(&source, request)?);
    Ok(())
}
