//! The table of workers.

use cdds_view::WorkerView;

use crate::output::{Cell, View};

impl View for WorkerView {
    const COLUMNS: &'static [&'static str] =
        &["state", "program", "where", "runs", "since", "last sign of life", "id"];

    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::Word(self.state.as_str()),
            self.program.as_deref().unwrap_or_default().into(),
            self.place().into(),
            Cell::Whole(format!("{} of {}", self.running_all(), self.concurrency)),
            self.started_at.into(),
            self.seen_at.into(),
            Cell::Whole(self.id.to_string()),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        let running: Vec<String> =
            self.running.iter().map(|one| format!("{} ({})", one.job_title, one.id)).collect();
        vec![
            ("id", self.id.as_str().into()),
            ("state", Cell::Word(self.state.as_str())),
            ("program", self.program.as_deref().unwrap_or_default().into()),
            ("where", self.place().into()),
            ("runs", Cell::Whole(format!("{} of {}", self.running_all(), self.concurrency))),
            ("executions", running.join(", ").into()),
            ("since", self.started_at.into()),
            ("last sign of life", self.seen_at.into()),
        ]
    }
}
