//! Rule W3b: windows end where the source is complete, and what has to wait for it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::execution::completeness::Frozen;
use cdds_core::domain::execution::schedule::materialise;
use cdds_core::domain::execution::watermark::Watermark;
use cdds_core::domain::execution::{Execution, ExecutionState, Status};
use cdds_core::domain::id::{ExecutionId, Owner};
use cdds_core::domain::job::edit::WatermarkChoice;
use cdds_core::domain::job::policy::Incomplete;
use cdds_core::domain::job::{Job, lifecycle};
use cdds_core::engine::observe::{Event, Observer};
use cdds_core::engine::{Engine, EngineSettings};
use cdds_core::ports::catalog::query::ExecutionQuery;
use cdds_core::ports::clock::Clock;
use cdds_core::ports::source::{DataType, SourceDescription, Sources};
use cdds_core::service::history::History;
use cdds_core::service::jobs::{EditRequest, JobRules, Jobs};
use cdds_core::stored::manifest::Manifest;
use cdds_core::testing::{MemoryPorts, PreparedSource, administrator};
use chrono::{DateTime, TimeDelta, Utc};
use futures::executor::block_on;

use crate::rules::support::{begin, daily, fail, instant, settings, submit, succeed, terms};

const NOON: &str = "2026-03-01T12:00:00Z";
const SLOT: &str = "2026-03-02T02:00:00Z";

/// Returns the first occurrence of a daily job, claimed at its slot, and the job.
fn claimed(timeframe: &str) -> (Job, Execution) {
    let job = submit(daily("02:00"), timeframe, instant(NOON)).job;
    let due = materialise(&job, &[], terms(), instant(SLOT)).unwrap();
    let begun = begin(&due.job, due.entries[0].clone(), instant(SLOT));
    (due.job, begun)
}

fn go_on(after: &str) -> Incomplete {
    format!("go-on:{after}").parse().unwrap()
}

fn held(frozen: Frozen) -> Execution {
    let Frozen::Held(execution) = frozen else { panic!("not held: {frozen:?}") };
    execution
}

fn running(frozen: Frozen) -> Execution {
    let Frozen::Running(execution) = frozen else { panic!("not running: {frozen:?}") };
    execution
}

#[test]
fn w3b_a_source_that_does_not_know_or_is_complete_leaves_the_window_as_it_is() {
    for timeframe in ["since-last", "all", "rolling:1d", "previous:1d"] {
        let (_, begun) = claimed(timeframe);
        let end = begun.window.end();
        for until in [None, Some(end), Some(end + TimeDelta::days(1))] {
            let frozen = running(begun.clone().freeze(Incomplete::Wait, until, instant(SLOT)));
            assert_eq!((frozen.window, frozen.is_frozen()), (begun.window, true));
            assert_eq!((frozen.incomplete_from(), frozen.waits_for_source()), (None, None));
        }
    }
}

#[test]
fn w3b_a_window_that_the_next_one_continues_ends_where_the_source_is_complete() {
    let until = instant("2026-03-02T01:10:00Z");
    for timeframe in ["since-last", "all"] {
        let (job, begun) = claimed(timeframe);
        let frozen = running(begun.freeze(Incomplete::Wait, Some(until), instant(SLOT)));
        assert_eq!(frozen.window, Window::until(until));
        assert_eq!(frozen.incomplete_from(), None, "everything in it is complete");
        let done = succeed(frozen, instant(SLOT));
        assert_eq!(done.status(), Status::Finished);
        let after = lifecycle::ended(&job, &done, Vec::new(), instant(SLOT)).unwrap().job;
        assert_eq!(after.watermark.and_then(|watermark| watermark.at), job.watermark.map(|_| until));
    }
}

#[test]
fn w3b_a_window_that_keeps_its_end_waits_and_so_does_one_of_which_nothing_is_left() {
    let (job, _) = claimed("since-last");
    let exported = instant("2026-03-02T01:10:00Z");
    let job = Job { watermark: Some(Watermark { generation: 1, at: Some(exported) }), ..job };
    let waiting =
        materialise(&submit(daily("02:00"), "since-last", instant(NOON)).job, &[], terms(), instant(SLOT));
    let late = begin(&job, waiting.unwrap().entries.remove(0), instant(SLOT));
    for (begun, until) in [(late, exported), (claimed("rolling:1d").1, instant("2026-03-02T01:59:59Z"))] {
        let (window, generation) = (begun.window, begun.generation);
        let waits = held(begun.freeze(Incomplete::Wait, Some(until), instant(SLOT)));
        assert_eq!((waits.state.clone(), waits.attempt_count()), (ExecutionState::Queued, 0));
        assert_eq!((waits.window, waits.generation), (window, generation), "decided by the claim");
        assert_eq!(waits.waits_for_source(), Some(instant(SLOT)));
        assert_eq!(waits.completeness.complete_until, Some(until));
        assert_eq!((waits.is_begun(), waits.started_at), (true, None));
    }
}

#[test]
fn w3b_the_source_is_asked_again_after_30_seconds_at_first_and_every_five_minutes_later() {
    let (job, begun) = claimed("rolling:1d");
    let until = Some(instant("2026-03-02T01:00:00Z"));
    let (mut now, mut execution, mut waits) = (instant(SLOT), begun, Vec::new());
    for _ in 0..7 {
        let waiting = held(execution.freeze(Incomplete::Wait, until, now));
        assert_eq!(waiting.waits_for_source(), Some(instant(SLOT)), "since the first time");
        waits.push((waiting.not_before - now).num_seconds());
        now = waiting.not_before;
        execution = begin(&job, waiting, now);
    }
    assert_eq!(waits, [30, 30, 60, 120, 240, 300, 300]);
    assert_eq!(execution.attempt_count(), 1, "asking does not count as an attempt");
    let frozen = running(execution.freeze(Incomplete::Wait, Some(instant(SLOT)), now));
    assert_eq!((frozen.waits_for_source(), frozen.completeness.waits_since), (None, Some(instant(SLOT))));
}

#[test]
fn w3b_a_job_may_go_on_and_its_execution_ends_with_the_instant() {
    let (_, begun) = claimed("rolling:1d");
    let until = instant("2026-03-02T01:00:00Z");
    let waiting = held(begun.clone().freeze(go_on("6h"), Some(until), instant(SLOT)));
    let again = |at: &str, policy| {
        let execution = Execution { state: ExecutionState::Running, ..waiting.clone() };
        execution.freeze(policy, Some(until), instant(at))
    };
    held(again("2026-03-02T07:59:59Z", go_on("6h")));
    held(again("2026-03-02T08:00:00Z", Incomplete::Wait));
    let frozen = running(again("2026-03-02T08:00:00Z", go_on("6h")));
    assert_eq!((frozen.window, frozen.incomplete_from()), (begun.window, Some(until)));
    assert_eq!(succeed(frozen, instant(SLOT)).status(), Status::FinishedWithErrors);
    let at_once = running(begun.freeze(go_on("0s"), Some(until), instant(SLOT)));
    assert_eq!(at_once.incomplete_from(), Some(until));
}

#[test]
fn w3b_a_retry_keeps_the_frozen_window_and_a_cancelled_one_does_not_wait() {
    let (job, begun) = claimed("since-last");
    let (now, until) = (instant(SLOT), instant("2026-03-02T01:10:00Z"));
    let frozen = running(begun.clone().freeze(Incomplete::Wait, Some(until), now));
    assert_eq!(frozen.clone().freeze(Incomplete::Wait, None, now), Frozen::Running(frozen.clone()));
    let retried = begin(&job, fail(frozen.clone(), true, now), now);
    let earlier = Some(until - TimeDelta::hours(1));
    assert_eq!(running(retried.freeze(Incomplete::Wait, earlier, now)).window, frozen.window);

    let (_, rolling) = claimed("rolling:1d");
    let cancelled = held(rolling.cancel(now).unwrap().freeze(Incomplete::Wait, Some(until), now));
    assert_eq!((cancelled.state.clone(), cancelled.waits_for_source()), (ExecutionState::Cancelled, None));
}

#[test]
fn w3b_the_policy_is_read_as_it_is_written() {
    for text in ["wait", "go-on:6h", "go-on:0s", "go-on:365d"] {
        assert_eq!(text.parse::<Incomplete>().unwrap().to_string(), text);
    }
    for text in ["", "go-on", "go-on:", "go-on:366d", "go-on:1.5h", "go-on:-1s", "waits"] {
        assert!(text.parse::<Incomplete>().is_err(), "{text}");
    }
}

/// Remembers which executions wait long.
#[derive(Debug, Default)]
struct Waits(Mutex<Vec<(ExecutionId, Option<DateTime<Utc>>)>>);

impl Observer for Waits {
    fn notice(&self, event: &Event<'_>) {
        if let Event::Waiting { execution } = event {
            let since = execution.waits_for_source();
            self.0.lock().unwrap().push((execution.id, since));
        }
    }
}

/// An engine over a source that is complete until an instant.
struct Place {
    memory: MemoryPorts,
    source: Arc<PreparedSource>,
    waits: Arc<Waits>,
    engine: Engine,
    jobs: Jobs,
}

impl Place {
    fn new() -> Self {
        let interaction = DataType::new("interaction".parse().unwrap()).with_event_instant();
        let description = SourceDescription::new("contact-history".parse().unwrap(), "Contact History")
            .with_type(interaction);
        let source = Arc::new(PreparedSource::new(description, Vec::new()));
        let memory = MemoryPorts::new(instant(NOON), Sources::new().with(source.clone()));
        let waits = Arc::new(Waits::default());
        let engine = Engine::builder(&memory.ports).observer(waits.clone());
        let engine = engine.settings(EngineSettings::default()).build();
        let jobs = Jobs::new(&memory.ports, JobRules::default());
        Self { source, waits, engine, jobs, memory }
    }

    /// Carries out rounds until `at`, each when something may begin.
    fn run_until(&self, at: &str) {
        while self.memory.clock.now() < instant(at) {
            self.memory.clock.advance(Duration::from_secs(30));
            for execution in block_on(self.engine.tick()).unwrap().executions {
                block_on(execution);
            }
        }
    }

    fn history(&self) -> Vec<Execution> {
        let history = History::new(&self.memory.ports);
        let by = administrator(&Owner::default());
        let page = block_on(history.list(&by, &ExecutionQuery::default())).unwrap();
        page.items.into_iter().map(|overview| overview.execution).collect()
    }

    fn manifest(&self) -> Manifest {
        let objects = self.memory.sink.objects();
        let manifest = objects.iter().find(|(key, _)| key.as_str().contains("manifest")).unwrap();
        Manifest::from_json(manifest.1).unwrap()
    }
}

#[test]
fn w3b_a_held_execution_is_told_of_once_lets_others_pass_and_runs_when_the_source_is_complete() {
    let place = Place::new();
    let by = administrator(&Owner::default());
    place.source.set_complete_until(Some(instant("2026-03-02T01:30:00Z")));
    let waiting = block_on(place.jobs.submit(&by, settings(daily("02:00"), "rolling:1d"))).unwrap().job;
    block_on(place.jobs.submit(&by, settings(daily("02:00"), "all"))).unwrap();
    place.run_until("2026-03-02T06:00:00Z");
    let history = place.history();
    let of = |job| history.iter().find(|execution| (execution.job_id == waiting.id) == job).unwrap();
    assert_eq!(of(false).window, Window::until(instant("2026-03-02T01:30:00Z")));
    assert_eq!(of(false).status(), Status::Finished, "another job passes");
    let since = of(true).waits_for_source();
    assert!(since.is_some() && of(true).attempts.is_empty());
    assert_eq!(*place.waits.0.lock().unwrap(), [(of(true).id, since)]);
    place.source.set_complete_until(Some(instant("2026-03-02T02:00:00Z")));
    place.run_until("2026-03-02T06:10:00Z");
    let done = place.history().into_iter().find(|execution| execution.job_id == waiting.id).unwrap();
    assert_eq!((done.status(), done.attempt_count()), (Status::Finished, 1));
    assert!(place.manifest().incomplete_from.is_none());
}

#[test]
fn w3b_an_edited_policy_ends_the_wait_and_the_manifest_says_what_is_missing() {
    let place = Place::new();
    let by = administrator(&Owner::default());
    let until = instant("2026-03-02T01:30:00Z");
    place.source.set_complete_until(Some(until));
    let job = block_on(place.jobs.submit(&by, settings(daily("02:00"), "rolling:1d"))).unwrap().job;
    place.run_until("2026-03-02T04:00:00Z");
    assert_eq!(place.history()[0].status(), Status::Queued);
    let policies = job.settings.policies.with_incomplete(go_on("1h"));
    let request = EditRequest::new(job.settings.clone().with_policies(policies));
    block_on(place.jobs.edit(&by, job.id, &request)).unwrap();
    place.run_until("2026-03-02T04:10:00Z");
    let done = &place.history()[0];
    assert_eq!((done.status(), done.incomplete_from()), (Status::FinishedWithErrors, Some(until)));
    assert_eq!(place.manifest().incomplete_from, Some(until));
}

#[test]
fn w3b_j11_a_reset_between_the_claim_and_the_begin_does_not_move_the_new_watermark() {
    let place = Place::new();
    let by = administrator(&Owner::default());
    let job = block_on(place.jobs.submit(&by, settings(daily("02:00"), "since-last"))).unwrap().job;
    place.memory.clock.set(instant(SLOT));
    // Claimed, and its future is not polled yet.
    let claimed = block_on(place.engine.tick()).unwrap().executions.remove(0);
    let reset = EditRequest::new(job.settings.clone()).with_watermark(Some(WatermarkChoice::Reset));
    block_on(place.jobs.edit(&by, job.id, &reset)).unwrap();
    place.source.set_complete_until(Some(instant("2026-03-02T01:30:00Z")));
    let done = block_on(claimed).unwrap();
    assert_eq!((done.status(), done.generation), (Status::Finished, Some(1)));
    assert_eq!(done.window, Window::until(instant("2026-03-02T01:30:00Z")));
    let after = block_on(place.jobs.show(&by, job.id)).unwrap().job.watermark();
    assert_eq!((after.generation, after.at), (2, None), "the new generation has exported nothing");
}
