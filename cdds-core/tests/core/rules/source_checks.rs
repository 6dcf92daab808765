//! Checks of sources: what they tell, how little they read, and that a bad source harms nothing (rules J2, J16).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cdds_core::domain::access::{Action, Actions};
use cdds_core::domain::id::{Owner, TypeId};
use cdds_core::domain::record::{Place, RecordBatch, RecordBatchBuilder, RejectedRecord};
use cdds_core::domain::subject::SubjectField;
use cdds_core::ports::source::{
    DataType, Estimate, Field, FieldRole, Indexed, Ownership, ReadRequest, RecordStream, Source,
    SourceDescription, SourceError, SourceErrorKind, Sources, Visibility,
};
use cdds_core::service::ServiceError;
use cdds_core::service::sources::{SeenField, SourceCheck, SourceChecks, TypeAnswer, TypeFields, ValueKind};
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

fn people() -> RecordBatch {
    let mut batch = RecordBatchBuilder::new();
    for record in [
        json!({"mail": "ada@example.org", "n\u{e9}e": "Byron", "born": 1815}),
        json!({"mail": "grace@example.org", "born": "1906", "note": ["secret"]}),
        json!({"long": "x".repeat(20_000)}),
    ] {
        batch.serialize(&Place::of(None, None), &record).unwrap();
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

    async fn fields(&self, _: &Owner, data_type: &TypeId) -> Result<Option<Vec<Field>>, SourceError> {
        let known = Field::new("mail").with_declared("varchar(40)").with_indexed(Indexed::Fully);
        match data_type.as_str() {
            "people" => Ok(Some(vec![known.with_roles([FieldRole::Key]), Field::new("unseen")])),
            "none" => Err(SourceError::missing("there is no table \"none\"")),
            "slow" => std::future::pending().await,
            "panics" => panic!("a source of somebody's own"),
            _ => Ok(None),
        }
    }

    async fn faults(&self, _: &Owner, data_type: &TypeId) -> Result<Vec<String>, SourceError> {
        match data_type.as_str() {
            "misdeclared" => Ok(vec!["time: no \"at\"".to_owned(), "hold: no \"kept\"".to_owned()]),
            "broken" => Err(SourceError::unavailable("the schema cannot be read")),
            _ => Ok(Vec::new()),
        }
    }

    async fn read(&self, request: ReadRequest) -> Result<RecordStream, SourceError> {
        Ok(match request.data_type.as_str() {
            "few" => stream::iter([Ok(batch(2)), Ok(batch(1))]).boxed(),
            "people" => stream::iter([Ok(people())]).boxed(),
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
fn a_check_names_what_a_type_declares_and_the_source_does_not_have() {
    let found = check(&["misdeclared", "few"]);
    let why = "time: no \"at\"; hold: no \"kept\"".to_owned();
    assert_eq!(answers(&found), [TypeAnswer::Failed(why), read(3, 0, true)]);
    assert!(!found.is_well());
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

/// Asks for the fields of these types, of which `people` declares that `born` names people, and `note`.
fn fields(types: &[&str], actions: Option<Actions>) -> Vec<TypeFields> {
    let typed = |id: &&str| {
        let known = DataType::new(id.parse().unwrap()).with_ownership(Ownership::Shared);
        let known = known.with_subject_field(SubjectField::new("born", "birth-year".parse().unwrap()));
        if *id == "people" { known.with_fields(["note", "never"]) } else { known }
    };
    let description = SourceDescription::new("moody".parse().unwrap(), "Moody");
    let description = types.iter().map(typed).fold(description, SourceDescription::with_type);
    let sources = Sources::new().with(Arc::new(Moody(description)));
    let memory = MemoryPorts::new(instant("2026-03-01T12:00:00Z"), sources);
    let by = administrator(&Owner::default());
    let by = actions.into_iter().fold(by, cdds_core::Principal::with_actions);
    block_on(SourceChecks::new(&memory.ports).fields(&by, &"moody".parse().unwrap(), None)).unwrap()
}

fn told(field: &SeenField) -> String {
    let SeenField { field, kinds, masked, .. } = field;
    let masked = masked.as_deref().unwrap_or("-");
    format!(
        "{} {:?} {:?} {} {kinds:?} {masked}",
        field.name,
        field.declared,
        field.indexed,
        field.roles.len()
    )
}

#[test]
fn f8a_fields_are_those_that_are_known_declared_or_seen_and_values_are_masked() {
    let found = fields(&["people"], None);
    assert_eq!(
        found[0].fields.iter().map(told).collect::<Vec<_>>(),
        [
            "mail Some(\"varchar(40)\") Fully 1 [Text] xxx@xxxxxxx.xxx",
            "unseen None Unknown 0 [] -",
            "note None Unknown 0 [List] [\"xxxxxx\"]",
            "never None Unknown 0 [] -",
            "born None Unknown 1 [Number, Text] 0000",
            "n\u{e9}e None Unknown 0 [Text] xxxxx",
        ]
    );
    let kind = |field: &SeenField| field.kinds.contains(&ValueKind::Number);
    assert_eq!(
        (found[0].failed.as_deref(), found[0].fields.iter().filter(|one| kind(one)).count()),
        (None, 1)
    );
    assert!(!format!("{found:?}").contains("secret"));
    // Whoever may not create jobs sees no record, not even its keys.
    let seen = fields(&["people"], Some(Actions::NONE.with(Action::See)));
    let names: Vec<&str> = seen[0].fields.iter().map(|one| one.field.name.as_str()).collect();
    assert_eq!(names, ["mail", "unseen", "note", "never"]);
    assert!(seen[0].fields.iter().all(|one| one.masked.is_none() && one.kinds.is_empty()), "{seen:?}");
}

#[test]
fn a_source_that_fails_or_hangs_gives_the_fields_of_its_other_types() {
    let found = fields(&["none", "panics", "broken", "few", "slow", "people"], None);
    let why: Vec<&str> = found.iter().map(|one| one.failed.as_deref().unwrap_or("")).collect();
    for (at, expected) in
        [(0, "no table"), (1, "broke off"), (2, "is away"), (4, "ten seconds"), (5, "ten seconds")]
    {
        assert!(why[at].contains(expected), "{why:?}");
    }
    assert_eq!((why[3], found[3].fields[0].field.name.as_str()), ("", "secret"));
    assert!(!why[1].contains("somebody's own"), "{why:?}");
}

#[test]
fn j2_j16_only_fields_that_the_owner_may_see_are_told() {
    let (memory, checks) = checks(&["few"], Ownership::Unstated);
    let everybody = administrator(&Owner::default());
    let ask = |by: &cdds_core::Principal, id: &str, only: Option<&str>| {
        let only = only.map(|only| only.parse().unwrap());
        block_on(checks.fields(by, &id.parse().unwrap(), only.as_ref()))
    };
    for (id, only, code) in [
        ("nowhere", None, "not_found"),
        ("hidden", None, "not_found"),
        ("old", None, "unsupported_source"),
        ("moody", Some("mail"), "not_found"),
    ] {
        assert_eq!(ask(&everybody, id, only).unwrap_err().code(), code, "{id}");
    }
    let nobody = everybody.clone().with_actions(Actions::NONE);
    assert!(matches!(ask(&nobody, "moody", None), Err(ServiceError::Forbidden(_))));
    let found = ask(&administrator(&Owner::new("north").unwrap()), "moody", None).unwrap();
    assert!(found[0].failed.as_ref().is_some_and(|why| why.contains("whose its records are")), "{found:?}");
    assert!(found[0].fields.is_empty());
    drop(memory);
}
