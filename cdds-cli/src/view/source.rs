//! A registered source, and the outcome of a test read.

use cdds_core::domain::id::SourceId;
use cdds_core::ports::source::{DataType, RegisteredSource};
use cdds_storage::source::Survey;
use serde::Serialize;

use crate::output::{Cell, View};

#[derive(Debug, Serialize)]
pub(crate) struct SourceView {
    id: String,
    title: String,
    supported: bool,
    reason: Option<String>,
    types: Vec<TypeView>,
}

#[derive(Debug, Serialize)]
struct TypeView {
    id: String,
    category: Option<CategoryView>,
    has_event_instant: bool,
    settle_lag_seconds: i64,
    has_change_instant: bool,
    fields: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
struct CategoryView {
    name: String,
    values: Vec<String>,
}

impl From<&DataType> for TypeView {
    fn from(data_type: &DataType) -> Self {
        let category = data_type.category.clone();
        Self {
            id: data_type.id.to_string(),
            category: category
                .map(|dimension| CategoryView { name: dimension.name, values: dimension.values }),
            has_event_instant: data_type.has_event_instant,
            settle_lag_seconds: data_type.settle_lag.num_seconds(),
            has_change_instant: data_type.has_change_instant,
            fields: data_type.fields.clone(),
        }
    }
}

impl SourceView {
    /// Returns the view of a source under its registered id.
    pub(crate) fn new(id: &SourceId, source: &RegisteredSource) -> Self {
        let id = id.to_string();
        match source {
            RegisteredSource::Supported(source) => {
                let description = source.describe();
                let types = description.types.iter().map(TypeView::from).collect();
                Self { id, title: description.title.clone(), supported: true, reason: None, types }
            }
            RegisteredSource::Unsupported { title, reason } => Self {
                id,
                title: title.clone(),
                supported: false,
                reason: Some(reason.clone()),
                types: Vec::new(),
            },
        }
    }

    fn types_words(&self) -> String {
        match &self.reason {
            Some(reason) => format!("(unsupported: {reason})"),
            None => self.types.iter().map(TypeView::words).collect::<Vec<_>>().join("; "),
        }
    }
}

impl TypeView {
    fn words(&self) -> String {
        match &self.category {
            Some(category) => format!("{} ({}: {})", self.id, category.name, category.values.join(", ")),
            None => self.id.clone(),
        }
    }
}

impl View for SourceView {
    const COLUMNS: &'static [&'static str] = &["id", "title", "types (categories)"];

    fn row(&self) -> Vec<Cell> {
        vec![self.id.as_str().into(), self.title.as_str().into(), self.types_words().into()]
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
