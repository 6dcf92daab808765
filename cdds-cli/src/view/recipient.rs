//! The table of recipients.

use cdds_view::{RecipientView, RenewalView};

use crate::output::{Cell, View};

impl View for RecipientView {
    const COLUMNS: &'static [&'static str] =
        &["name", "subject", "key", "valid until", "fingerprint", "warnings"];
    const GIVES_WAY: &'static [&'static str] = &["fingerprint", "subject", "key", "warnings"];

    fn row(&self) -> Vec<Cell> {
        vec![
            self.name.as_str().into(),
            self.subject.as_str().into(),
            self.key_words().into(),
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
            ("issuer", self.issuer.clone().unwrap_or_default().into()),
            ("serial", self.serial.clone().unwrap_or_default().into()),
            ("key", self.key_words().into()),
            ("valid from", self.not_before.into()),
            ("valid until", self.not_after.into()),
            ("stored", self.added_at.into()),
            ("warnings", self.warnings.join(" ").into()),
        ]
    }
}

impl View for RenewalView {
    const COLUMNS: &'static [&'static str] = RecipientView::COLUMNS;
    const GIVES_WAY: &'static [&'static str] = RecipientView::GIVES_WAY;

    fn row(&self) -> Vec<Cell> {
        self.recipient.row()
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        let mut details = self.recipient.details();
        details.push(("replaced", self.replaced.clone().unwrap_or_default().into()));
        details
    }
}
