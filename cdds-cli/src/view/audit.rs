//! The table of the audit.

use cdds_view::AuditView;
use serde::Serialize;

use crate::output::{Cell, View};

/// An entry of the audit, and the title of the job that it is about.
#[derive(Debug, Serialize)]
pub(crate) struct EntryView {
    #[serde(flatten)]
    entry: AuditView,
    /// The title of the job, or of the one that the execution, the set or the file belongs to; null if it is not on record
    /// any more, and for other objects.
    title: Option<String>,
}

impl EntryView {
    pub(crate) fn new(entry: AuditView, title: Option<String>) -> Self {
        Self { entry, title }
    }
}

impl View for EntryView {
    const COLUMNS: &'static [&'static str] =
        &["at", "principal", "action", "outcome", "object", "remark", "title"];
    const GIVES_WAY: &'static [&'static str] = &["remark", "title"];

    fn row(&self) -> Vec<Cell> {
        let entry = &self.entry;
        let object = entry.object.as_ref();
        vec![
            entry.at.into(),
            entry.principal.as_str().into(),
            Cell::Whole(entry.action.clone()),
            Cell::Whole(entry.outcome.clone()),
            object.map_or(Cell::Unknown, |object| {
                Cell::About(object.kind.replace('_', " "), object.id.clone())
            }),
            entry.remark().into(),
            self.title.clone().into(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
    }
}
