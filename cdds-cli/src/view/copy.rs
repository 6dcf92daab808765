//! The table of copies that exports have made.

use cdds_view::{
    CopyDeletionView, CopyDeliveryView, CopyDownloadView, CopyRecallView, CopyToldView, CopyView, NoticeState,
};

use crate::output::{Cell, View};

impl View for CopyView {
    const COLUMNS: &'static [&'static str] =
        &["set", "job", "holds", "kept", "downloaded by", "delivered to", "published", "types"];
    const GIVES_WAY: &'static [&'static str] = &["types", "published", "job"];

    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::Id(self.execution_id.to_string()),
            self.title.clone().into(),
            self.holds_words().into(),
            self.kept_words().into(),
            each(&self.downloads, downloaded).into(),
            each(&self.deliveries, delivered).into(),
            self.published_at.into(),
            self.types.as_str().into(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
    }
}

impl View for CopyDeletionView {
    const COLUMNS: &'static [&'static str] = &["set", "job", "outcome"];
    const GIVES_WAY: &'static [&'static str] = &["job"];

    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::Id(self.execution_id.to_string()),
            self.title.clone().into(),
            Cell::Text(self.outcome.replace('_', " ")),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
    }
}

impl View for CopyRecallView {
    const COLUMNS: &'static [&'static str] =
        &["set", "job", "outcome", "told", "downloaded by", "delivered to", "sealed for"];
    const GIVES_WAY: &'static [&'static str] = &["sealed for", "job"];

    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::Id(self.execution_id.to_string()),
            self.title.clone().into(),
            Cell::Text(self.outcome.replace('_', " ")),
            each(&self.told, told).into(),
            each(&self.downloads, downloaded).into(),
            each(&self.deliveries, delivered).into(),
            each(&self.recipients, String::clone).into(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
    }
}

/// Whom, and where the notice stands unless it was sent.
fn told(CopyToldView { target, state, .. }: &CopyToldView) -> String {
    match state {
        NoticeState::Sent => target.clone(),
        state => format!("{target} ({})", state.as_str()),
    }
}

/// Returns the words for each item, joined by commas, without repeating any.
fn each<T>(all: &[T], words: impl Fn(&T) -> String) -> String {
    let mut told: Vec<String> = Vec::new();
    for one in all.iter().map(words) {
        if !told.contains(&one) {
            told.push(one);
        }
    }
    told.join(", ")
}

/// Who, on which day, and what came of it unless all is well.
fn downloaded(CopyDownloadView { at, principal, outcome, .. }: &CopyDownloadView) -> String {
    let day = at.0.date_naive();
    match outcome.as_str() {
        "verified" => format!("{principal} {day}"),
        other => format!("{principal} {day} ({})", other.replace('_', " ")),
    }
}

fn delivered(CopyDeliveryView { destination, state, delivered_at, .. }: &CopyDeliveryView) -> String {
    match delivered_at {
        Some(at) => format!("{destination} {}", at.0.date_naive()),
        None => format!("{destination} ({})", state.as_str()),
    }
}
