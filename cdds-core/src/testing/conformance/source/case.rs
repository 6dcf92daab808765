//! Rows in a source, and reads of them.

use std::sync::Arc;

use chrono::TimeDelta;
use futures::StreamExt;
use serde_json::Value;

use super::rows::{at, declared};
use super::{Row, SourceFixture};
use crate::domain::calendar::window::Window;
use crate::domain::id::Owner;
use crate::domain::record::RecordBatch;
use crate::ports::source::{DataType, ReadRequest, Source};

pub(super) type Outcome = Result<(), String>;

/// Rows, and the source that holds them.
pub(super) struct Case {
    pub(super) source: Arc<dyn Source>,
    pub(super) data_type: DataType,
    pub(super) rows: Vec<Row>,
}

impl Case {
    pub(super) fn of(fixture: &dyn SourceFixture, rows: Vec<Row>) -> Result<Self, String> {
        let make =
            |rows: &[Row]| fixture.source(rows).map_err(|error| format!("the fixture failed: {error}"));
        let described = make(&[])?;
        let data_type = described.describe().types.first().cloned();
        let data_type = data_type.ok_or("the source describes no data type")?;
        let rows = declared(&data_type, rows);
        Ok(Self { source: make(&rows)?, data_type, rows })
    }

    pub(super) fn request(&self, window: Window) -> ReadRequest {
        ReadRequest::new(Owner::default(), self.data_type.id.clone(), window)
    }

    pub(super) fn everything(&self) -> ReadRequest {
        self.request(Window::until(at(0) + TimeDelta::days(10_000)))
    }

    pub(super) async fn batches(&self, request: &ReadRequest) -> Result<Vec<RecordBatch>, String> {
        let failed = |error| format!("a read {} failed: {error}", told(request));
        let mut stream = self.source.read(request.clone()).await.map_err(failed)?;
        let mut batches = Vec::new();
        while let Some(batch) = stream.next().await {
            batches.push(batch.map_err(failed)?);
        }
        Ok(batches)
    }

    pub(super) async fn ids(&self, request: &ReadRequest) -> Result<Vec<String>, String> {
        let mut ids = Vec::new();
        for batch in self.batches(request).await? {
            for record in batch.iter() {
                ids.push(field(record.line, "id")?);
            }
        }
        Ok(ids)
    }

    pub(super) fn expected(&self, request: &ReadRequest) -> Vec<String> {
        let wanted = self.rows.iter().filter(|row| row.is_wanted(&self.data_type, request));
        wanted.map(|row| row.id.clone()).collect()
    }

    /// Checks that a read yields the records that the request wants, each once.
    pub(super) async fn yields(&self, request: &ReadRequest) -> Outcome {
        let (mut found, mut expected) = (self.ids(request).await?, self.expected(request));
        found.sort();
        expected.sort();
        if found == expected {
            return Ok(());
        }
        let lost = expected.iter().find(|id| found.binary_search(id).is_err());
        let strange = found.iter().find(|id| expected.binary_search(id).is_err());
        let [lost, strange] = [lost, strange].map(|id| {
            let row = self.rows.iter().find(|row| Some(&row.id) == id);
            row.map(|row| (&row.id, row.event_at, row.changed_at, &row.category))
        });
        let twice = found.windows(2).find(|two| two[0] == two[1]).map(|two| &two[0]);
        Err(format!(
            "a read {} yields {} records instead of {}; lost: {lost:?}, not asked for: {strange:?}, twice: \
             {twice:?}",
            told(request),
            found.len(),
            expected.len(),
        ))
    }

    pub(super) async fn all_yielded(&self) -> Outcome {
        self.yields(&self.everything()).await
    }
}

fn told(request: &ReadRequest) -> String {
    let ReadRequest { window, by, categories, .. } = request;
    format!("of {:?} to {:?} by {by:?}, categories {categories:?}", window.start(), window.end())
}

pub(super) fn field(line: &[u8], name: &str) -> Result<String, String> {
    let value: Value =
        serde_json::from_slice(line).map_err(|_| "a line is not one JSON object".to_owned())?;
    let text = value.get(name).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| format!("a record lacks the text {name:?}"))
}
