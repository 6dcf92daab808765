//! The numbers of an engine, by the facade `metrics`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use cdds_core::domain::calendar::frequency::{Frequency, Hourly};
use cdds_core::engine::metered::Metered;
use cdds_core::engine::observe::{Event, Observer};
use cdds_core::engine::{Engine, Until};
use cdds_core::ports::clock::Clock;
use cdds_core::ports::destination::DestinationErrorKind;
use cdds_core::ports::notifier::NotifyErrorKind;
use cdds_core::testing::MemoryDestination;
use cdds_core::testing::destination::{Fate, RemoteCall};
use futures::executor::block_on;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use crate::rules::delivery::{delivering, id, service, submit};
use crate::rules::jobs_in_memory::Service;
use crate::rules::support::settings;

#[derive(Debug, Default)]
struct Counting(AtomicUsize);

impl Observer for Counting {
    fn notice(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs until idle.
fn run(service: &Service, next: &Arc<Counting>) {
    let next = Arc::clone(next) as Arc<dyn Observer>;
    let engine = Engine::builder(&service.memory.ports).observer(Arc::new(Metered::before(next))).build();
    block_on(engine.run(Until::Idle, std::future::pending())).unwrap();
}

/// Returns what was counted since the last look, by name and labels: counts, or the values of a histogram.
fn counted(snapshotter: &Snapshotter) -> BTreeMap<String, Vec<f64>> {
    let counted = snapshotter.snapshot().into_vec().into_iter();
    counted
        .map(|(key, _, description, value)| {
            let key = key.key();
            assert!(description.is_some(), "{key} is not described");
            let labels = key.labels().map(|label| format!(" {}={}", label.key(), label.value()));
            let name = [key.name().to_owned()].into_iter().chain(labels).collect::<String>();
            let values = match value {
                DebugValue::Counter(count) => vec![count as f64],
                DebugValue::Histogram(values) => values.into_iter().map(f64::from).collect(),
                DebugValue::Gauge(value) => vec![value.into()],
            };
            (name, values)
        })
        .collect()
}

#[test]
fn attempts_records_deliveries_and_notices_are_counted_and_passed_on() {
    let failing = Arc::new(Mutex::new(Vec::new()));
    let fails = Arc::clone(&failing);
    let partner = MemoryDestination::new(id("partner")).with_fate(move |call| {
        let planned = fails.lock().unwrap().pop_if(|planned| planned == call);
        planned.map_or(Fate::Works, |_| Fate::Fails(DestinationErrorKind::Unavailable))
    });
    let (service, postbox) = service(&[&partner]);
    postbox.fails.lock().unwrap().push(NotifyErrorKind::Unavailable);
    let (recorder, next) = (DebuggingRecorder::new(), Arc::new(Counting::default()));
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        submit(&service, delivering(&["partner"], &["webhook:billing"]));
        // The destination was checked then.
        failing.lock().unwrap().push(RemoteCall::Connect);
        run(&service, &next);
        let first = counted(&snapshotter);
        assert_eq!(first["cdds_runs_total status=finished"], [1.0], "{first:?}");
        assert_eq!(first["cdds_run_records_total"], [3.0]);
        assert!(first["cdds_run_bytes_total"][0] > 0.0, "{first:?}");
        assert_eq!(first["cdds_run_duration_seconds status=finished"].len(), 1);
        assert_eq!(first["cdds_deliveries_total status=waiting"], [1.0]);
        assert!(!first.contains_key("cdds_deliveries_total status=done"), "{first:?}");
        for _ in 0..2 {
            service.memory.clock.advance(std::time::Duration::from_secs(3_600));
            run(&service, &next);
        }
        let then = counted(&snapshotter);
        assert_eq!(then["cdds_deliveries_total status=done"], [1.0], "{then:?}");
        assert_eq!(then["cdds_notices_total status=waiting channel=webhook"], [1.0], "{then:?}");
        assert_eq!(then["cdds_notices_total status=done channel=webhook"], [1.0], "{then:?}");
        assert!(!then.contains_key("cdds_runs_waiting_total"), "{then:?}");
    });
    assert!(failing.lock().unwrap().is_empty());
    assert!(next.0.load(Ordering::Relaxed) >= 6, "each event is passed on");
}

#[test]
fn the_lag_of_a_schedule_is_from_the_slot_to_the_first_attempt() {
    let service = Service::with_records(1);
    let (recorder, next) = (DebuggingRecorder::new(), Arc::new(Counting::default()));
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        let hourly = Frequency::Hourly(Hourly::new(1, 0).unwrap());
        let job = block_on(service.jobs.submit(&service.by, settings(hourly, "all"))).unwrap().job;
        let slot = job.next_due_at.unwrap();
        let until = slot - service.memory.clock.now() + chrono::TimeDelta::seconds(90);
        service.memory.clock.advance(until.to_std().unwrap());
        run(&service, &next);
        let counted = counted(&snapshotter);
        assert_eq!(counted["cdds_schedule_lag_seconds"], [90.0], "{counted:?}");
    });
}
