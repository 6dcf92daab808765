//! A property test of one's own source: any read of any rows yields those that it asks for. Here it finds a source
//! that takes the end of a window for a part of it, which no test with times like 09:00 does.
//!
//! ```text
//! $ cargo run -p cdds-examples --example property_test
//! up to and with the end: a read is wrong
//! up to the end: every read is right
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use cdds_core::domain::record::RecordBatchBuilder;
use cdds_core::testing::conformance::source::{Row, SourceFixture, check_read};
use cdds_core::testing::strategies::requests::read;
use cdds_core::{DataType, ReadRequest, RecordStream, Source, SourceDescription, SourceError};
use futures::executor::block_on;
use futures::stream::{self, StreamExt};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

#[derive(Debug)]
struct Calls {
    description: SourceDescription,
    rows: Vec<Row>,
    is_wrong: bool,
}

impl Calls {
    fn wants(&self, request: &ReadRequest, row: &Row) -> bool {
        let Some(at) = row.event_at else { return request.wants(None, None) };
        let (from, to) = (request.window.start(), request.window.end());
        from.is_none_or(|from| from <= at) && if self.is_wrong { at <= to } else { at < to }
    }
}

#[async_trait]
impl Source for Calls {
    fn describe(&self) -> &SourceDescription {
        &self.description
    }

    async fn read(&self, request: ReadRequest) -> Result<RecordStream, SourceError> {
        let mut batch = RecordBatchBuilder::new();
        for row in self.rows.iter().filter(|row| self.wants(&request, row)) {
            let mut record = batch.record(&request.place(None, row.event_at));
            record.text("id", &row.id).text("note", &row.note);
            record.finish();
        }
        Ok(stream::iter([Ok(batch.take())]).boxed())
    }
}

/// Puts the rows where the source reads them: into a table, a file, a list.
struct Fixture {
    is_wrong: bool,
}

impl SourceFixture for Fixture {
    fn source(&self, rows: &[Row]) -> Result<Arc<dyn Source>, Box<dyn Error>> {
        let call = DataType::new("call".parse()?).with_event_instant();
        let description = SourceDescription::new("calls".parse()?, "Calls").with_type(call);
        Ok(Arc::new(Calls { description, rows: rows.to_vec(), is_wrong: self.is_wrong }))
    }
}

/// Tries 256 reads, and makes one that is wrong as small as it can.
fn property(fixture: &Fixture) -> Result<bool, Box<dyn Error>> {
    let data_type = fixture.source(&[])?.describe().types[0].clone();
    let reads = read(&data_type, fixture.step());
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let checked = runner.run(&reads, |(request, rows)| {
        block_on(check_read(fixture, &request, &rows)).map_err(TestCaseError::fail)
    });
    Ok(checked.is_ok())
}

fn main() -> Result<(), Box<dyn Error>> {
    for (name, is_wrong) in [("up to and with the end", true), ("up to the end", false)] {
        let told = if property(&Fixture { is_wrong })? { "every read is right" } else { "a read is wrong" };
        println!("{name}: {told}");
    }
    Ok(())
}
