//! The whole path: JSON lines in, sealed and published artifact set out. Fixed costs (a fresh catalog, and
//! once a key pair) are inside; small inputs show them, large ones the throughput.
//!
//! `cargo bench -p cdds-benches --bench export`

#![allow(clippy::expect_used, reason = "a benchmark that cannot go on has failed")]

use std::sync::Arc;

use async_trait::async_trait;
use cdds_benches::{Row, export, json_lines, write_contacts};
use cdds_core::domain::id::{SourceId, TypeId};
use cdds_core::domain::record::{Place, RecordBatchBuilder};
use cdds_core::ports::source::{
    DataType, Estimate, ReadRequest, RecordStream, Source, SourceDescription, SourceError,
};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use futures::stream::{self, StreamExt};

fn main() {
    divan::main();
}

#[divan::bench(args = [1_u64, 16, 128], sample_count = 5)]
fn megabytes(bencher: Bencher<'_, '_>, megabytes: u64) {
    let input = tempfile::NamedTempFile::new().expect("a temporary file");
    write_contacts(input.path(), megabytes * 1_000_000).expect("sample data");
    let bytes = input.path().metadata().expect("its size").len();
    let source = || json_lines(input.path()).expect("a source");
    bencher
        .counter(BytesCount::new(bytes))
        .with_inputs(|| tempfile::tempdir().expect("a temporary folder"))
        .bench_refs(|folder| {
            let report = export(folder.path(), source()).expect("an export");
            assert_eq!(report.finished, 1);
        });
}

/// How a custom source supplies its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Typed,
    RawLines,
}

const ROWS: usize = 10_000;
const ROUNDS: usize = 40;

/// The same rows by the typed builder and as raw JSON lines, from memory to sealed parts.
#[divan::bench(args = [Way::Typed, Way::RawLines], sample_count = 5)]
fn own_source(bencher: Bencher<'_, '_>, way: Way) {
    let source: Arc<dyn Source> = Arc::new(OwnSource::new(way));
    bencher
        .counter(ItemsCount::new(ROWS * ROUNDS))
        .with_inputs(|| tempfile::tempdir().expect("a temporary folder"))
        .bench_refs(|folder| {
            let report = export(folder.path(), Arc::clone(&source)).expect("an export");
            assert_eq!(report.finished, 1);
        });
}

/// Supplies the same rows over and over.
#[derive(Debug)]
struct OwnSource {
    description: SourceDescription,
    way: Way,
    rows: Arc<Vec<(Row, String)>>,
}

impl OwnSource {
    fn new(way: Way) -> Self {
        let contact = DataType::new(TypeId::new("contact").expect("a name"));
        let source = SourceId::new("contacts").expect("a name");
        let description = SourceDescription::new(source, "Contacts").with_type(contact);
        let rows = Row::first(ROWS).into_iter().map(|row| (row.clone(), row.line())).collect();
        Self { description, way, rows: Arc::new(rows) }
    }
}

#[async_trait]
impl Source for OwnSource {
    fn describe(&self) -> &SourceDescription {
        &self.description
    }

    async fn estimate(&self, _: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        Ok(Some(Estimate::Records((ROWS * ROUNDS) as u64)))
    }

    async fn read(&self, _: ReadRequest) -> Result<RecordStream, SourceError> {
        let (way, rows) = (self.way, Arc::clone(&self.rows));
        let pieces = (0..ROUNDS).flat_map(|_| (0..ROWS).step_by(400));
        Ok(stream::iter(pieces)
            .map(move |from| {
                let mut builder = RecordBatchBuilder::with_capacity(320 << 10);
                let place = Place::of(None, None);
                for (row, line) in &rows[from..ROWS.min(from + 400)] {
                    match way {
                        Way::Typed => row.write(&mut builder, &place),
                        Way::RawLines => builder.raw_line(&place, line.as_bytes()).expect("a record"),
                    }
                }
                Ok(builder.take())
            })
            .boxed())
    }
}
