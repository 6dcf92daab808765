//! The table of subject requests.

use cdds_view::{HashedIdentifierView, RequestStepView, SubjectRequestView};

use crate::output::{Cell, View};

impl View for SubjectRequestView {
    const COLUMNS: &'static [&'static str] =
        &["id", "kind", "state", "due", "warning", "received", "by", "chosen"];
    const GIVES_WAY: &'static [&'static str] = &["chosen", "by", "received"];

    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::Id(self.id.to_string()),
            self.kind.as_str().into(),
            self.state.as_str().into(),
            self.due_at.into(),
            self.due_words().into(),
            self.received.at.into(),
            self.received.by.as_str().into(),
            self.chosen.words().into(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("id", self.id.to_string().into()),
            ("kind", self.kind.as_str().into()),
            ("state", self.state.as_str().into()),
            ("due", self.due_at.into()),
            ("warning", self.due_words().into()),
            ("chosen", self.chosen.words().into()),
            ("identifiers", identifiers(&self.identifiers_hashed).into()),
            ("received", step(Some(&self.received)).into()),
            ("verified", step(self.verified.as_ref()).into()),
            ("identity checked by", self.evidence_who.clone().into()),
            ("how", self.evidence_how.clone().into()),
            ("approved", step(self.approved.as_ref()).into()),
            ("extended", step(self.extended.as_ref()).into()),
            ("ended", step(self.ended.as_ref()).into()),
            ("reason", self.reason.clone().into()),
        ]
    }
}

/// `phone 2026:3f8a01c2…`: enough of a hash to tell two requests of one person.
fn identifiers(hashed: &[HashedIdentifierView]) -> String {
    const DIGITS: usize = 12;
    let brief = |one: &HashedIdentifierView| {
        let (key, digest) = one.hash.split_once(':').unwrap_or_default();
        format!("{} {key}:{}…", one.kind, digest.get(..DIGITS).unwrap_or(digest))
    };
    hashed.iter().map(brief).collect::<Vec<_>>().join(", ")
}

fn step(step: Option<&RequestStepView>) -> String {
    step.map(|step| format!("{} by {}", step.at, step.by)).unwrap_or_default()
}
