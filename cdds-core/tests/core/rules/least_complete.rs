//! Rules W3b and J17: a job of several types ends its windows where the least complete of them is complete.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use cdds_core::domain::execution::{Execution, Status};
use cdds_core::domain::id::{Owner, TypeId};
use cdds_core::domain::job::{JobSettings, Read, Reads};
use cdds_core::engine::Engine;
use cdds_core::ports::source::{
    DataType, Estimate, ReadRequest, RecordStream, Source, SourceDescription, SourceError, Sources,
};
use cdds_core::service::jobs::{JobRules, Jobs};
use cdds_core::testing::{MemoryPorts, administrator};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use futures::StreamExt;
use futures::executor::block_on;
use proptest::prelude::*;

use crate::rules::support::{daily, instant, settings};

const NOON: &str = "2026-03-01T12:00:00Z";
const SLOT: &str = "2026-03-02T02:00:00Z";

/// A source that may know of each of its types until when it is complete. It holds no records.
#[derive(Debug)]
struct PartlyComplete {
    description: SourceDescription,
    until: BTreeMap<TypeId, Option<DateTime<Utc>>>,
}

#[async_trait]
impl Source for PartlyComplete {
    fn describe(&self) -> &SourceDescription {
        &self.description
    }

    async fn estimate(&self, _: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        Ok(None)
    }

    async fn complete_until(&self, request: &ReadRequest) -> Result<Option<DateTime<Utc>>, SourceError> {
        Ok(self.until[&request.data_type])
    }

    async fn read(&self, _: ReadRequest) -> Result<RecordStream, SourceError> {
        Ok(futures::stream::empty().boxed())
    }
}

/// A data type: how late its rows are, how coarse its instants, and until when it is complete if the source
/// knows.
#[derive(Debug, Clone)]
struct Kind {
    lag: TimeDelta,
    grain: TimeDelta,
    until: Option<DateTime<Utc>>,
}

fn kind() -> impl Strategy<Value = Kind> {
    // From ten hours before the slot to one hour after it, not on a whole second.
    let known = (-36_000_i64..3_600)
        .prop_map(|seconds| instant(SLOT) + TimeDelta::seconds(seconds) + TimeDelta::microseconds(17));
    // Each is a multiple of the shorter ones.
    let grain = prop::sample::select(vec![1_i64, 60, 3_600]).prop_map(TimeDelta::seconds);
    let lag = (0_i64..120).prop_map(TimeDelta::seconds);
    (lag, grain, prop::option::of(known)).prop_map(|(lag, grain, until)| Kind { lag, grain, until })
}

fn name(number: usize) -> TypeId {
    TypeId::new(format!("type-{number}")).unwrap()
}

/// Runs the occurrence of 2 March of a daily job that reads these types.
fn run(kinds: &[Kind], timeframe: &str) -> Execution {
    let mut description = SourceDescription::new("contact-history".parse().unwrap(), "Contact History");
    for (number, kind) in kinds.iter().enumerate() {
        let data_type = DataType::new(name(number)).with_event_instant();
        description = description.with_type(data_type.with_settle_lag(kind.lag).with_granularity(kind.grain));
    }
    let until = kinds.iter().enumerate().map(|(number, kind)| (name(number), kind.until)).collect();
    let source = Arc::new(PartlyComplete { description, until });
    let memory = MemoryPorts::new(instant(NOON), Sources::new().with(source));
    let reads = Reads::new((0..kinds.len()).map(|number| Read::of(name(number)))).unwrap();
    let job: JobSettings = settings(daily("02:00"), timeframe).with_reads(reads);
    let jobs = Jobs::new(&memory.ports, JobRules::default());
    block_on(jobs.submit(&administrator(&Owner::default()), job)).unwrap();
    memory.clock.set(instant(SLOT));
    let engine = Engine::builder(&memory.ports).build();
    let claimed = block_on(engine.tick()).unwrap().executions.remove(0);
    block_on(claimed).unwrap()
}

fn least(kinds: &[Kind]) -> Option<DateTime<Utc>> {
    kinds.iter().filter_map(|kind| kind.until).min()
}

fn coarsest(kinds: &[Kind]) -> TimeDelta {
    kinds.iter().map(|kind| kind.grain).max().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn w3b_j17_a_window_ends_at_the_least_of_its_types(kinds in prop::collection::vec(kind(), 1..5)) {
        let done = run(&kinds, "since-last");
        prop_assert_eq!(done.status(), Status::Finished);
        let latest = instant(SLOT) - kinds.iter().map(|kind| kind.lag).max().unwrap();
        let end = least(&kinds).map_or(latest, |least| least.min(latest));
        prop_assert_eq!(done.window.end(), end.duration_trunc(coarsest(&kinds)).unwrap());
    }

    /// All knows of no settle lag: its window ends at the slot unless a type is complete only earlier.
    #[test]
    fn w3b_j17_a_window_up_to_the_slot_is_cut_by_the_least_of_its_types(
        kinds in prop::collection::vec(kind(), 1..5),
    ) {
        let done = run(&kinds, "all");
        let cut = least(&kinds).map(|least| least.duration_trunc(coarsest(&kinds)).unwrap());
        let slot = instant(SLOT);
        prop_assert_eq!(done.window.end(), cut.map_or(slot, |cut| cut.min(slot)));
    }
}
