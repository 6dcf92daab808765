//! The table of workers.

use cdds_core::domain::work::worker::WorkerState;
use cdds_view::WorkerView;

use crate::output::{Cell, View};

impl View for WorkerView {
    const COLUMNS: &'static [&'static str] =
        &["state", "program", "where", "runs", "since", "last sign of life", "id"];
    const GIVES_WAY: &'static [&'static str] = &["program", "since", "where", "last sign of life", "runs"];

    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::Word(state(self)),
            self.program.as_deref().unwrap_or_default().into(),
            self.place().into(),
            Cell::Whole(format!("{} of {}", self.running_all(), self.concurrency)),
            self.started_at.into(),
            self.seen_at.into(),
            Cell::About(String::new(), self.id.to_string()),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        let running: Vec<String> =
            self.running.iter().map(|one| format!("{} ({})", one.job_title, one.id)).collect();
        vec![
            ("id", self.id.as_str().into()),
            ("state", Cell::Word(state(self))),
            ("program", self.program.as_deref().unwrap_or_default().into()),
            ("where", self.place().into()),
            ("runs", Cell::Whole(format!("{} of {}", self.running_all(), self.concurrency))),
            ("time zones", self.zones.as_deref().unwrap_or_default().into()),
            ("executions", running.join(", ").into()),
            ("since", self.started_at.into()),
            ("last sign of life", self.seen_at.into()),
            ("draining since", self.draining_since.into()),
        ]
    }
}

/// Returns whether it works, or how far it is with draining.
fn state(worker: &WorkerView) -> &'static str {
    match worker.state {
        WorkerState::Alive if worker.is_drained() => "drained",
        WorkerState::Alive if worker.draining_since.is_some() => "draining",
        state => state.as_str(),
    }
}
