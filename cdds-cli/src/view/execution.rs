//! The table of executions.

use cdds_view::{ExecutionDetailsView, ExecutionView, Remark};

use super::delivery::standing;
use crate::output::{Cell, View};

/// Returns the cell of the time from the first start to the end, or to now.
fn duration(execution: &ExecutionView) -> Cell {
    match (execution.took(), execution.running_since()) {
        (Some(took), _) => Cell::Lasting(took),
        (None, Some(since)) => Cell::Since(since),
        (None, None) => Cell::Unknown,
    }
}

/// Returns the remark, with the commands that help.
fn remark(execution: &ExecutionView) -> String {
    match execution.remark() {
        gone @ Remark::WorkerGone => {
            format!("{gone}: `cdds run` takes it over, `cdds history cancel {}` ends it", execution.id)
        }
        remark => remark.to_string(),
    }
}

impl View for ExecutionView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "job",
        "status",
        "delivery",
        "started",
        "duration",
        "records",
        "slot",
        "source",
        "type",
        "files or remark",
        "local slot",
        "window",
    ];
    const GIVES_WAY: &'static [&'static str] =
        &["local slot", "type", "source", "slot", "delivery", "duration", "records"];
    const ON_REQUEST: &'static [&'static str] = &["window"];

    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::Id(self.id.to_string()),
            self.job_title.as_str().into(),
            self.status_line().into(),
            self.delivery.map_or(Cell::Unknown, standing),
            self.started_at.into(),
            duration(self),
            Cell::Count(self.records),
            self.slot.into(),
            self.source.as_str().into(),
            self.types.to_string().into(),
            remark(self).into(),
            self.slot_reading.map(|reading| reading.to_string()).into(),
            Cell::Whole(self.window_words()),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("id", self.id.to_string().into()),
            ("job", self.job_words().into()),
            ("source", self.source.as_str().into()),
            ("type", self.types.to_string().into()),
            ("status", self.status_line().into()),
            ("trigger", self.trigger_words().into()),
            ("slot", self.slot.into()),
            ("local slot", self.slot_reading.map(|reading| reading.to_string()).into()),
            ("window", self.window_words().into()),
            ("started", self.started_at.into()),
            ("finished", self.finished_at.into()),
            ("duration", duration(self)),
            ("attempts", self.attempts.to_string().into()),
            ("records", Cell::Count(self.records)),
            ("bad records", Cell::Count(self.rejected)),
            ("without an instant", Cell::Count(self.undated)),
            ("read", Cell::Bytes(self.bytes_read)),
            ("written", Cell::Bytes(self.bytes_written)),
            ("files or remark", remark(self).into()),
        ]
    }
}

impl View for ExecutionDetailsView {
    const COLUMNS: &'static [&'static str] = ExecutionView::COLUMNS;
    const GIVES_WAY: &'static [&'static str] = ExecutionView::GIVES_WAY;
    const ON_REQUEST: &'static [&'static str] = ExecutionView::ON_REQUEST;

    fn row(&self) -> Vec<Cell> {
        self.execution.row()
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        let attempts = self.attempt_log.iter().map(|attempt| ("attempt", attempt.words().into()));
        let deliveries = self.deliveries.iter().map(|one| ("delivery", one.words().into()));
        let notices = self.notices.iter().map(|one| ("notice", one.words().into()));
        self.execution.details().into_iter().chain(attempts).chain(deliveries).chain(notices).collect()
    }
}
