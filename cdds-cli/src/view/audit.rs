//! The table of the audit.

use cdds_view::AuditView;

use crate::output::{Cell, View};

impl View for AuditView {
    const COLUMNS: &'static [&'static str] = &["at", "principal", "action", "outcome", "object", "remark"];
    const GIVES_WAY: &'static [&'static str] = &["remark", "outcome"];

    fn row(&self) -> Vec<Cell> {
        vec![
            self.at.into(),
            self.principal.as_str().into(),
            Cell::Whole(self.action.clone()),
            Cell::Whole(self.outcome.clone()),
            Cell::Whole(self.object_words()),
            self.remark().into(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("id", self.id.to_string().into()),
            ("at", self.at.into()),
            ("principal", self.principal.as_str().into()),
            ("action", self.action.as_str().into()),
            ("outcome", self.outcome.as_str().into()),
            ("object", self.object_words().into()),
            ("remark", self.remark().into()),
        ]
    }
}
