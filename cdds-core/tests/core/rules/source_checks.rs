//! Checks of sources: what they tell, how little they read, and that a bad source harms nothing (rules J2, J16).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cdds_core::domain::access::{Action, Actions};
use cdds_core::domain::id::Owner;
use cdds_core::domain::record::{Place, RecordBatch, RecordBatchBuilder, RejectedRecord};
use cdds_core::ports::source::{
    DataType, Estimate, Ownership, ReadRequest, RecordStream, Source, SourceDescription, SourceError,
    SourceErrorKind, Sources, Visibility,
};
use cdds_core::service::ServiceError;
use cdds_core::service::sources::{SourceCheck, SourceChecks, TypeAnswer};
use cdds_core::testing::{MemoryPorts, administrator};
use futures::executor::block_on;
use futures::{StreamExt, stream};
use serde_json::json;

use crate::rules::support::instant;

/// A source whose types are named after how it answers about them.
#[derive(Debug)]
struct Moody(SourceDescription);

fn batch(records: usize) -> RecordBatch {
    let mut batch = RecordBatchBuilder::new();
    for number in 0..records {
        batch.serialize(&Place::of(None, None), &json!({"secret": number})).unwrap();
    }
    batch.take()
}

fn damaged() -> RecordBatch {
    let mut batch = RecordBatchBuilder::new();
    batch.serialize(&Place::of(None, None), &json!({"secret": 1})).unwrap();
    for row in 2..9 {
        batch.reject(RejectedRecord::new(format!("row {row}"), "no text", b"secret"));
    }
    batch.take()
}

#[async_trait]
impl Source for Moody {
    fn describe(&self) -> &SourceDescription {
        &self.0
    }

    async fn estimate(&self, _: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        Ok(Some(Estimate::Records(7)))
    }

    async fn remarks(&self, _: &Owner) -> Result<Vec<String>, SourceError> {
        Ok(vec!["The application waits meanwhile.".to_owned()])
    }

    async fn read(&self, request: ReadRequest) -> Result<RecordStream, SourceError> {
        Ok(match request.data_type.as_str() {
            "few" => stream::iter([Ok(batch(2)), Ok(batch(1))]).boxed(),
            "none" => stream::empty().boxed(),
            "endless" => stream::repeat_with(|| Ok(batch(300))).boxed(),
            "damaged" => stream::iter([Ok(damaged())]).boxed(),
            "slow" => stream::iter([Ok(batch(1))]).chain(stream::pending()).boxed(),
            "broken" => {
                let away = SourceError::new(SourceErrorKind::Unavailable, "the server is away");
                stream::iter([Err(away)]).boxed()
            }
            _ => panic!("a source of somebody's own"),
        })
    }
}

fn checks(types: &[&str], ownership: Ownership) -> (MemoryPorts, SourceChecks) {
    let types = types.iter().map(|id| DataType::new(id.parse().unwrap()).with_ownership(ownership));
    let description = SourceDescription::new("moody".parse().unwrap(), "Moody");
    let description = types.fold(description, SourceDescription::with_type);
    let hidden = Visibility::owners([Owner::new("north").unwrap()]);
    let hidden = SourceDescription::new("hidden".parse().unwrap(), "Hidden").with_visibility(hidden);
    let sources = Sources::new()
        .with(Arc::new(Moody(description)))
        .with(Arc::new(Moody(hidden)))
        .with_unsupported("old".parse().unwrap(), "Old", "it has no instants");
    let memory = MemoryPorts::new(instant("2026-03-01T12:00:00Z"), sources);
    let checks = SourceChecks::new(&memory.ports);
    (memory, checks)
}

fn check(types: &[&str]) -> SourceCheck {
    let (_memory, checks) = checks(types, Ownership::Shared);
    block_on(checks.check(&administrator(&Owner::default()), &"moody".parse().unwrap())).unwrap()
}

fn answers(check: &SourceCheck) -> Vec<TypeAnswer> {
    check.types.iter().map(|one| one.answer.clone()).collect()
}

fn read(records: u64, bad_records: u64, is_all: bool) -> TypeAnswer {
    TypeAnswer::Read {
        records,
        bad_records,
        bad_examples: Vec::new(),
        is_all,
        estimate: Some(Estimate::Records(7)),
    }
}

#[test]
fn a_check_tells_how_far_each_type_was_read_and_no_record() {
    let well = check(&["few", "none", "endless"]);
    assert_eq!(answers(&well), [read(3, 0, true), read(0, 0, true), read(1_200, 0, false)]);
    assert_eq!(
        (well.is_well(), &*well.remarks),
        (true, &["The application waits meanwhile.".to_owned()][..])
    );
    assert!(!format!("{well:?}").contains("secret"));
    let damaged = check(&["damaged"]);
    let [TypeAnswer::Read { records: 1, bad_records: 7, bad_examples, .. }] = &*answers(&damaged) else {
        panic!("{damaged:?}")
    };
    let named: Vec<_> = bad_examples.iter().map(|bad| (&*bad.position, &*bad.reason)).collect();
    assert_eq!(
        named,
        [2, 3, 4, 5, 6]
            .map(|row| (format!("row {row}"), "no text"))
            .iter()
            .map(|(row, why)| (&**row, *why))
            .collect::<Vec<_>>()
    );
    assert!(!damaged.is_well() && !format!("{damaged:?}").contains("secret"));
}

#[test]
fn a_source_that_fails_or_panics_harms_no_other_type() {
    let found = check(&["broken", "panics", "few"]);
    let [TypeAnswer::Failed(broken), TypeAnswer::Failed(panicked), few] = &*answers(&found) else {
        panic!("{found:?}")
    };
    assert!(broken.contains("the server is away"), "{broken}");
    assert!(panicked.contains("broke off") && !panicked.contains("somebody's own"), "{panicked}");
    assert_eq!((few, found.is_well()), (&read(3, 0, true), false));
}

#[test]
fn a_source_is_asked_for_ten_seconds_for_all_its_types_together() {
    let found = check(&["few", "slow", "few"]);
    assert_eq!(answers(&found), [read(3, 0, true), TypeAnswer::TooSlow, TypeAnswer::TooSlow]);
    let took: Vec<Duration> = found.types.iter().map(|one| one.took).collect();
    assert_eq!(took, [0, 10, 0].map(Duration::from_secs));
}

#[test]
fn j2_j16_only_sources_that_the_owner_may_read_are_asked() {
    let (_memory, checks) = checks(&["few"], Ownership::Unstated);
    let everybody = administrator(&Owner::default());
    for (id, code) in [("nowhere", "not_found"), ("hidden", "not_found"), ("old", "unsupported_source")] {
        let refused = block_on(checks.check(&everybody, &id.parse().unwrap())).unwrap_err();
        assert_eq!(refused.code(), code, "{id}");
    }
    let moody = "moody".parse().unwrap();
    let viewer = everybody.clone().with_actions(Actions::NONE.with(Action::See));
    let refused = block_on(checks.check(&viewer, &moody)).unwrap_err();
    assert!(matches!(refused, ServiceError::Forbidden(_)), "{refused:?}");
    let stranger = administrator(&Owner::new("north").unwrap());
    let found = block_on(checks.check(&stranger, &moody)).unwrap();
    let [TypeAnswer::Failed(why)] = &*answers(&found) else { panic!("{found:?}") };
    assert!(why.contains("does not say whose its records are"), "{why}");
}
