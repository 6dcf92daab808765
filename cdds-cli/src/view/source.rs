//! The table of registered sources, and the outcome of a test read.

use cdds_core::domain::id::SourceId;
use cdds_core::ports::source::DataType;
use cdds_storage::source::Survey;
use cdds_view::{FieldIndex, FieldView, SourceView};
use serde::Serialize;

use crate::output::{Cell, View};

impl View for SourceView {
    const COLUMNS: &'static [&'static str] = &["id", "title", "types (categories)"];
    const GIVES_WAY: &'static [&'static str] = &[];
    const GOES_ON: Option<&'static str> = Some("types (categories)");

    fn row(&self) -> Vec<Cell> {
        vec![self.id.as_str().into(), self.title.as_str().into(), self.types_words().into()]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
    }
}

impl View for FieldView {
    const COLUMNS: &'static [&'static str] = &["type", "field", "holds", "indexed", "role", "sample"];
    const GIVES_WAY: &'static [&'static str] = &["sample", "indexed", "holds"];

    fn row(&self) -> Vec<Cell> {
        let words = |words: String| if words.is_empty() { Cell::Unknown } else { words.into() };
        vec![
            self.r#type.as_str().into(),
            Cell::Whole(self.name.clone()),
            words(self.holds_words()),
            match self.indexed {
                FieldIndex::Unknown => Cell::Unknown,
                known => Cell::Word(known.as_str()),
            },
            words(self.roles_words()),
            self.sample.clone().map_or(Cell::Unknown, Cell::Text),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
    }
}

/// A data type that could be read.
#[derive(Debug, Serialize)]
pub(crate) struct CheckView {
    source: String,
    r#type: String,
    /// Records read at the beginning, enough to see their contents.
    records_read: u64,
    estimated_records: Option<u64>,
    without_event_instant: Option<u64>,
    without_change_instant: Option<u64>,
    undeclared_categories: u64,
    bad_records: u64,
    /// The first bad records.
    bad_examples: Vec<BadExampleView>,
    warnings: Vec<String>,
    /// Remarks for people who export from the source.
    remarks: Vec<String>,
}

/// A record that cannot be read.
#[derive(Debug, Serialize)]
struct BadExampleView {
    position: String,
    reason: String,
}

impl CheckView {
    /// Returns the view of `data_type` after its beginning was read.
    pub(crate) fn new(
        source: &SourceId,
        data_type: &DataType,
        survey: &Survey,
        estimated_records: Option<u64>,
        remarks: &[String],
    ) -> Self {
        let bad = survey.bad_examples().iter();
        let bad =
            bad.map(|bad| BadExampleView { position: bad.position.clone(), reason: bad.reason.clone() });
        Self {
            source: source.to_string(),
            r#type: data_type.id.to_string(),
            records_read: survey.records(),
            estimated_records,
            without_event_instant: survey.without_event_instant(),
            without_change_instant: survey.without_change_instant(),
            undeclared_categories: survey.undeclared_categories(),
            bad_records: survey.bad_records(),
            bad_examples: bad.collect(),
            warnings: survey.fault().into_iter().chain(survey.warnings()).collect(),
            remarks: remarks.to_vec(),
        }
    }
}

impl View for CheckView {
    const COLUMNS: &'static [&'static str] = &[
        "source",
        "type",
        "records read",
        "records estimated",
        "no event instant",
        "no change instant",
        "other categories",
        "bad records",
    ];
    const GIVES_WAY: &'static [&'static str] =
        &["other categories", "no change instant", "no event instant", "records estimated"];

    fn row(&self) -> Vec<Cell> {
        let known = |count: Option<u64>| count.map_or(Cell::Unknown, Cell::Count);
        vec![
            self.source.as_str().into(),
            self.r#type.as_str().into(),
            Cell::Count(self.records_read),
            known(self.estimated_records),
            known(self.without_event_instant),
            known(self.without_change_instant),
            Cell::Count(self.undeclared_categories),
            Cell::Count(self.bad_records),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
    }
}
