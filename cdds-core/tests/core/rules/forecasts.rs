//! Rule F8: how many records a preview expects, how little it asks the source, and whom it tells.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cdds_core::domain::access::{Principal, Role};
use cdds_core::domain::calendar::frequency::{Frequency, TimeOfDay};
use cdds_core::domain::calendar::timeframe::Timeframe;
use cdds_core::domain::id::Owner;
use cdds_core::domain::job::{JobSettings, Protection, Read, Reads, Title};
use cdds_core::domain::record::template::{FieldSelection, Template};
use cdds_core::ports::catalog::query::JobQuery;
use cdds_core::ports::source::{
    DataType, Estimate, Ownership, ReadRequest, RecordInstant, RecordStream, Source, SourceDescription,
    SourceError, Sources,
};
use cdds_core::service::jobs::{EditRequest, Forecast, JobRules, Jobs};
use cdds_core::testing::{MemoryPorts, administrator};
use futures::StreamExt;
use futures::executor::block_on;

use crate::rules::support::instant;

const NOW: &str = "2026-03-01T12:00:00Z";

/// What the source does when it is asked for its second estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Second {
    Answers,
    KnowsBytesAlone,
    KnowsNothing,
    Fails,
    Hangs,
    Panics,
}

/// A source that keeps the requests that it was asked about. It estimates 10 records, then 11, and so on.
#[derive(Debug)]
struct Asked {
    description: SourceDescription,
    second: Second,
    requests: Arc<Mutex<Vec<ReadRequest>>>,
}

#[async_trait]
impl Source for Asked {
    fn describe(&self) -> &SourceDescription {
        &self.description
    }

    async fn estimate(&self, request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        let number = {
            let mut requests = self.requests.lock().unwrap();
            requests.push(request.clone());
            requests.len() as u64
        };
        let records = Some(Estimate::Records(9 + number));
        match self.second {
            _ if number != 2 => Ok(records),
            Second::Answers => Ok(records),
            Second::KnowsBytesAlone => Ok(Some(Estimate::Bytes(700))),
            Second::KnowsNothing => Ok(None),
            Second::Fails => Err(SourceError::unavailable("no route to +49 30 1815")),
            Second::Hangs => std::future::pending().await,
            Second::Panics => resume_unwind(Box::new("caller +49 30 1815")),
        }
    }

    async fn read(&self, _: ReadRequest) -> Result<RecordStream, SourceError> {
        Ok(futures::stream::empty().boxed())
    }
}

struct World {
    memory: MemoryPorts,
    jobs: Jobs,
    requests: Arc<Mutex<Vec<ReadRequest>>>,
}

impl World {
    fn new(second: Second) -> Self {
        let data_type = |id: &str| DataType::new(id.parse().unwrap()).with_ownership(Ownership::Shared);
        let description = SourceDescription::new("calls".parse().unwrap(), "Calls")
            .with_type(data_type("call").with_event_instant())
            .with_type(data_type("chat").with_event_instant())
            .with_type(data_type("mail").with_event_instant().with_push_down());
        let requests = Arc::<Mutex<Vec<ReadRequest>>>::default();
        let source = Asked { description, second, requests: Arc::clone(&requests) };
        let memory = MemoryPorts::new(instant(NOW), Sources::new().with(Arc::new(source)));
        let jobs = Jobs::new(&memory.ports, JobRules::default());
        Self { memory, jobs, requests }
    }

    fn draft(&self, settings: &JobSettings, count: usize) -> Vec<Forecast> {
        block_on(self.jobs.forecast_draft(&ada(), settings.clone(), count)).unwrap()
    }

    fn asked(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

fn ada() -> Principal {
    administrator(&Owner::default())
}

fn as_role(role: Role) -> Principal {
    Principal::new(ada().name, Owner::default(), role)
}

/// The settings of a job that exports everything, daily at midnight.
fn settings(types: &[&str]) -> JobSettings {
    let reads = Reads::new(types.iter().map(|id| Read::of(id.parse().unwrap()))).unwrap();
    JobSettings::of_reads(
        Title::new("Calls").unwrap(),
        "calls".parse().unwrap(),
        reads,
        Frequency::Daily(TimeOfDay::new(0, 0).unwrap()),
        Protection::Plaintext,
    )
}

fn records(forecasts: &[Forecast]) -> Vec<Option<u64>> {
    forecasts.iter().map(|forecast| forecast.records).collect()
}

#[test]
fn f8_a_forecast_counts_the_windows_that_have_begun() {
    let world = World::new(Second::Answers);
    let rolling = settings(&["call"]).with_timeframe("rolling:2d".parse::<Timeframe>().unwrap());
    let ahead = world.draft(&rolling, 4);
    // The first two windows began before noon of the first of March, and none of them is over.
    assert_eq!(records(&ahead), [Some(10), Some(11), None, None]);
    assert!(ahead.iter().all(|forecast| forecast.is_open));
    let requests = world.requests.lock().unwrap();
    let windows: Vec<_> = ahead.iter().map(|forecast| forecast.occurrence.window).collect();
    assert_eq!(requests.iter().map(|request| request.window).collect::<Vec<_>>(), windows[..2]);
    assert!(requests.iter().all(|request| request.by == RecordInstant::Event));
    assert!(requests.iter().all(|request| request.owner == Owner::default()));
    drop(requests);

    let fixed = settings(&["call"])
        .with_timeframe("fixed:2026-01-01T00:00:00Z..2026-02-01T00:00:00Z".parse::<Timeframe>().unwrap());
    let ahead = world.draft(&fixed, 1);
    assert_eq!((records(&ahead), ahead[0].is_open), (vec![Some(12)], false));
    // Nothing is stored.
    assert!(block_on(world.jobs.list(&ada(), &JobQuery::default())).unwrap().items.is_empty());
}

#[test]
fn f8_a_forecast_adds_up_the_types_and_shows_what_a_preview_shows() {
    let world = World::new(Second::Answers);
    let both = settings(&["call", "chat"]);
    let ahead = world.draft(&both, 2);
    assert_eq!(records(&ahead), [Some(10 + 11), Some(12 + 13)]);
    let preview = block_on(world.jobs.preview_draft(&ada(), both, 2)).unwrap();
    assert_eq!(ahead.iter().map(|forecast| forecast.occurrence).collect::<Vec<_>>(), preview);
}

#[test]
fn f8_a_number_is_missing_where_the_engine_filters() {
    let world = World::new(Second::Answers);
    let template = Template::new(FieldSelection::All, vec!["queue=sales".parse().unwrap()]).unwrap();
    assert_eq!(records(&world.draft(&settings(&["call"]).with_template(template.clone()), 1)), [None]);
    assert_eq!(world.asked(), 0);
    let pushed_down = settings(&["mail"]).with_template(template.clone());
    assert_eq!(records(&world.draft(&pushed_down, 1)), [Some(10)]);
    assert_eq!(world.requests.lock().unwrap()[0].template, template);
}

#[test]
fn f8_a_source_that_fails_or_is_slow_is_not_asked_again_and_holds_up_nobody() {
    for second in [Second::Fails, Second::Hangs, Second::Panics] {
        let world = World::new(second);
        let ahead = world.draft(&settings(&["call"]), 4);
        assert_eq!(records(&ahead), [Some(10), None, None, None], "{second:?}");
        assert_eq!(world.asked(), 2, "{second:?}");
    }
    for second in [Second::KnowsNothing, Second::KnowsBytesAlone] {
        let ahead = World::new(second).draft(&settings(&["call"]), 3);
        assert_eq!(records(&ahead), [Some(10), None, Some(12)], "{second:?}");
    }
}

#[test]
fn f8_a_source_is_asked_a_hundred_times_at_most() {
    for (types, windows) in [(&["call"][..], 100), (&["call", "chat", "mail"], 33)] {
        let world = World::new(Second::Answers);
        let ahead = world.draft(&settings(types), 200);
        assert_eq!((ahead.len(), world.asked()), (200, windows * types.len()));
        let known = ahead.iter().take_while(|forecast| forecast.records.is_some()).count();
        assert_eq!(
            (known, ahead[known..].iter().all(|forecast| forecast.records.is_none())),
            (windows, true)
        );
    }
}

#[test]
fn f8_c1_numbers_of_settings_that_are_not_stored_are_for_those_who_may_store_them() {
    let world = World::new(Second::Answers);
    let job = block_on(world.jobs.submit(&ada(), settings(&["call"]))).unwrap().job;
    let viewer = as_role(Role::Viewer);
    let edit = EditRequest::new(settings(&["mail"]));
    let draft = block_on(world.jobs.forecast_draft(&viewer, settings(&["mail"]), 1)).unwrap();
    let edited = block_on(world.jobs.forecast_edit(&viewer, job.id, &edit, 1)).unwrap();
    assert_eq!((records(&draft), records(&edited), world.asked()), (vec![None], vec![None], 0));

    let stored = block_on(world.jobs.forecast(&viewer, job.id, 1)).unwrap();
    let edited = block_on(world.jobs.forecast_edit(&as_role(Role::Operator), job.id, &edit, 1)).unwrap();
    assert_eq!((records(&stored), records(&edited)), (vec![Some(10)], vec![Some(11)]));
    let types: Vec<_> = world.requests.lock().unwrap().iter().map(|asked| asked.data_type.clone()).collect();
    assert_eq!(types, ["call".parse().unwrap(), "mail".parse().unwrap()]);

    let other = Principal::new(ada().name, Owner::new("other").unwrap(), Role::Administrator);
    assert!(block_on(world.jobs.forecast(&other, job.id, 1)).is_err());
    assert_eq!((world.asked(), world.memory.catalog.record().len()), (2, 0));
}
