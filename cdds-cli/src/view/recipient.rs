//! The table of recipients.

use cdds_view::RecipientView;

use crate::output::{Cell, View};

impl View for RecipientView {
    const COLUMNS: &'static [&'static str] = &["name", "subject", "valid until", "fingerprint", "warnings"];

    fn row(&self) -> Vec<Cell> {
        vec![
            self.name.as_str().into(),
            self.subject.as_str().into(),
            self.not_after.into(),
            Cell::Whole(self.fingerprint.clone()),
            Cell::Count(self.warnings.len() as u64),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("name", self.name.as_str().into()),
            ("fingerprint", self.fingerprint.as_str().into()),
            ("subject", self.subject.as_str().into()),
            ("valid from", self.not_before.into()),
            ("valid until", self.not_after.into()),
            ("warnings", self.warnings.join(" ").into()),
        ]
    }
}
