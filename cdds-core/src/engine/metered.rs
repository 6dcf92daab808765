//! Counts the work of an engine by the [`metrics`] facade.

use std::sync::Arc;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

use crate::domain::execution::{Execution, ExecutionState, Trigger};
use crate::engine::observe::{Event, Observer, Unobserved};

/// An observer that counts what it is told of by the [`metrics`] facade, and passes it on.
///
/// Pass it to [`EngineBuilder::observer`](crate::engine::EngineBuilder::observer). Numbers go to the recorder that the
/// service has installed; without one they go nowhere. Labels come from fixed sets: no id, no owner, no title.
///
/// | metric | kind | labels | what it counts |
/// |---|---|---|---|
/// | `cdds_runs_total` | counter | `status` | attempts that ended, by what became of the execution ([`Status`](crate::domain::execution::Status)); `queued`: it is tried again |
/// | `cdds_run_duration_seconds` | histogram | `status` | from the claim of an attempt to its end |
/// | `cdds_run_records_total` | counter | | records of published sets |
/// | `cdds_run_bytes_total` | counter | | bytes of published sets |
/// | `cdds_schedule_lag_seconds` | histogram | | from the slot of a scheduled execution to its first attempt |
/// | `cdds_runs_waiting_total` | counter | | executions that have waited long for their source (rule W3b) |
/// | `cdds_runs_abandoned_total` | counter | | attempts whose claim another worker took, or whose commit has no known outcome |
/// | `cdds_deliveries_total` | counter | `status` | attempts to deliver: `done`, `given_up`, or `waiting` if tried again |
/// | `cdds_notices_total` | counter | `channel`, `status` | attempts to tell a subscriber, likewise |
///
/// They are of this process: sum them up over the workers. What waits is a question for the catalog
/// ([`Agenda`](crate::ports::catalog::Agenda)).
///
/// # Examples
/// ```
/// # use std::sync::Arc;
/// # use cdds_core::engine::metered::Metered;
/// # use cdds_core::testing::MemoryPorts;
/// # use cdds_core::{Engine, Sources};
/// # let memory = MemoryPorts::new("2026-11-26T14:32:08Z".parse().unwrap(), Sources::new());
/// let engine = Engine::builder(&memory.ports).observer(Arc::new(Metered::new())).build();
/// ```
#[derive(Debug)]
pub struct Metered {
    next: Arc<dyn Observer>,
}

impl Metered {
    /// Describes the metrics to the recorder, and counts from now on.
    pub fn new() -> Self {
        Self::before(Arc::new(Unobserved))
    }

    /// The same, and passes each event on to `next`.
    pub fn before(next: Arc<dyn Observer>) -> Self {
        describe();
        Self { next }
    }
}

impl Default for Metered {
    fn default() -> Self {
        Self::new()
    }
}

fn describe() {
    describe_counter!(
        "cdds_runs_total",
        "Attempts that ended, by what became of the execution; queued: it is tried again"
    );
    describe_histogram!(
        "cdds_run_duration_seconds",
        Unit::Seconds,
        "From the claim of an attempt to its end"
    );
    describe_counter!("cdds_run_records_total", "Records of published sets");
    describe_counter!("cdds_run_bytes_total", Unit::Bytes, "Bytes of published sets");
    describe_histogram!(
        "cdds_schedule_lag_seconds",
        Unit::Seconds,
        "From the slot of a scheduled execution to its first attempt"
    );
    describe_counter!("cdds_runs_waiting_total", "Executions that have waited long for their source");
    describe_counter!("cdds_runs_abandoned_total", "Attempts that this worker lost");
    describe_counter!("cdds_deliveries_total", "Attempts to deliver, by what became of the delivery");
    describe_counter!("cdds_notices_total", "Attempts to tell a subscriber, by what became of the notice");
}

impl Observer for Metered {
    fn notice(&self, event: &Event<'_>) {
        count(event);
        self.next.notice(event);
    }
}

fn count(event: &Event<'_>) {
    match event {
        Event::Started { execution } => begun(execution),
        Event::Ended { execution } => ended(execution),
        Event::Waiting { .. } => counter!("cdds_runs_waiting_total").increment(1),
        Event::Abandoned { .. } => counter!("cdds_runs_abandoned_total").increment(1),
        Event::DeliveryEnded { delivery } => {
            let status = delivery.work.status().as_str();
            counter!("cdds_deliveries_total", "status" => status).increment(1);
        }
        Event::NoticeEnded { notice } => {
            let (status, channel) = (notice.work.status().as_str(), notice.channel.as_str());
            counter!("cdds_notices_total", "status" => status, "channel" => channel).increment(1);
        }
        Event::Progressed { .. } => {}
    }
}

fn begun(execution: &Execution) {
    // Later attempts are late by what the first ones met, which is no lag of the schedule.
    if let (Trigger::Scheduled, 1, Some(started_at)) =
        (execution.trigger, execution.attempt_count(), execution.started_at)
    {
        histogram!("cdds_schedule_lag_seconds").record(seconds(started_at - execution.slot));
    }
}

fn ended(execution: &Execution) {
    let status = execution.status();
    counter!("cdds_runs_total", "status" => status.as_str()).increment(1);
    if let Some((attempt, ended_at)) =
        execution.attempts.last().and_then(|attempt| Some((attempt, attempt.ended_at?)))
    {
        let took = seconds(ended_at - attempt.started_at);
        histogram!("cdds_run_duration_seconds", "status" => status.as_str()).record(took);
    }
    if execution.state == ExecutionState::Succeeded {
        counter!("cdds_run_records_total").increment(execution.progress.records);
        counter!("cdds_run_bytes_total").increment(execution.progress.bytes_written);
    }
}

/// A clock that was set back makes no negative lag.
fn seconds(duration: chrono::TimeDelta) -> f64 {
    duration.to_std().unwrap_or_default().as_secs_f64()
}
