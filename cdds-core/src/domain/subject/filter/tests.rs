use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::id::SubjectKeyId;
use crate::domain::record::{Place, RecordBatchBuilder};
use crate::domain::subject::{Identifier, Subject, SubjectField, SubjectMatcher, SubjectValues};

fn key(secret: u8) -> FilterKey {
    FilterKey::new([secret; 16], &[secret ^ 0xff; 32])
}

fn id() -> SubjectKeyId {
    SubjectKeyId::new("2027").unwrap()
}

/// Returns the filters of these lines.
fn filters(fields: &[SubjectField], lines: &[u8]) -> Vec<SubjectFilter> {
    let mut collector = SubjectCollector::new(key(1));
    collector.see(&SubjectValues::new(fields), lines);
    let mut filters: Vec<_> = std::iter::from_fn(|| collector.full()).collect();
    filters.extend(collector.last());
    filters
}

fn may_name(filters: &[SubjectFilter], person: &Subject) -> bool {
    let hashes = person.identifiers().iter().map(|one| key(1).hash(one.kind(), one.expose()));
    hashes.into_iter().any(|hash| filters.iter().any(|filter| filter.may_hold(hash)))
}

/// Spellings of a few people, so that many of them are the same.
fn spelling() -> impl Strategy<Value = Value> {
    prop_oneof![
        "(\\+|00|tel:\\+|)4[0-3](\\(0\\)| |-|)[0-2]{1,3}( |)".prop_map(Value::from),
        "[aAb]{1,2}@[xXäÄ]{1,2}".prop_map(Value::from),
        (0..60_i64).prop_map(Value::from),
        Just(json!(7.0)),
        Just(json!("")),
        Just(Value::Null),
        "[\\\\\"\\u{1}/n]{0,3}".prop_map(Value::from),
    ]
}

/// Values of fields: of a person, of several, in objects, in arrays of objects.
fn member() -> impl Strategy<Value = Value> {
    spelling().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map(name(), inner, 0..3).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// Few keys, of which some are escaped in JSON.
fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "é", "a/b", "q\"", "a b"]).prop_map(str::to_owned)
}

fn field() -> impl Strategy<Value = SubjectField> {
    let names = ["a", "b", "é", "a/b", "q\"", "a b", "/a/b", "/a/é", "/b/a/c", "/a~1b/a", "/a/a", ""];
    let kinds = ["phone", "email", "customer-id"];
    (prop::sample::select(names.to_vec()), prop::sample::select(kinds.to_vec()))
        .prop_map(|(name, kind)| SubjectField::new(name, kind.parse().unwrap()))
}

/// A record in JSON, whose text is spelled with escapes or without.
fn record() -> impl Strategy<Value = String> {
    (btree_map(name(), member(), 0..4), any::<bool>()).prop_map(|(members, escaped)| {
        let json = serde_json::to_string(&members).unwrap();
        if escaped { json.replace("\"a", "\"\\u0061").replace('é', "\\u00E9") } else { json }
    })
}

proptest! {
    /// No false negative: whatever the matcher finds, which decides about reads by subject, the filter has. The spelling of
    /// records and that of the request differ.
    #[test]
    fn d10_whoever_is_in_a_record_is_found_by_its_filter(
        fields in vec(field(), 1..4),
        records in vec(record(), 1..12),
        asked in vec((prop::sample::select(vec!["phone", "email", "customer-id"]), spelling()), 1..6),
    ) {
        let identifiers = asked.iter().filter_map(|(kind, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Identifier::new(kind.parse().unwrap(), &value).ok()
        });
        let Ok(person) = Subject::new(identifiers) else { return Ok(()) };
        let mut builder = RecordBatchBuilder::new();
        for record in &records {
            builder.raw_line(&Place::of(None, None), record.as_bytes()).unwrap();
        }
        let batch = builder.take();
        let matcher = SubjectMatcher::new(&fields, &person);
        let is_named = batch.iter().any(|record| matcher.matches_line(record.line));
        prop_assert!(!is_named || may_name(&filters(&fields, batch.lines()), &person));
    }

    /// A file that anybody has made is refused or is a filter of what it says, and never more than it has.
    #[test]
    fn d10_any_bytes_are_read_without_harm(bytes in vec(any::<u8>(), 0..200), cut in 0_usize..200, at in 0_usize..60) {
        let _refused = SubjectFilter::from_bytes(&bytes, &key(1), 0);
        let lines = b"{\"a\":\"1\"}\n{\"a\":\"2\"}\n";
        let filter = filters(&[SubjectField::new("a", IdentifierKind::Phone)], lines).remove(0);
        let file = filter.to_bytes(&key(1), &id(), 3);
        prop_assert_eq!(SubjectFilter::from_bytes(&file, &key(1), 3), Ok(filter));
        prop_assert!(SubjectFilter::from_bytes(&file[..cut.min(file.len() - 1)], &key(1), 3).is_err());
        let mut changed = file.clone();
        changed[at] ^= 1 << (cut % 8);
        prop_assert!(SubjectFilter::from_bytes(&changed, &key(1), 3).is_err());
        prop_assert_eq!(SubjectFilter::from_bytes(&file, &key(1), 2), Err(InvalidFilter::Altered), "another place");
        prop_assert_eq!(SubjectFilter::from_bytes(&file, &key(2), 3), Err(InvalidFilter::Altered), "another set");
    }
}

/// (1 - e^(-k/b))^k for 12 bits a value and 8 probes.
fn computed() -> f64 {
    let probes = f64::from(PROBES);
    (1.0 - (-probes / 12.0).exp()).powf(probes)
}

#[test]
fn d10_strangers_are_found_as_often_as_computed() {
    assert!((computed() - 1.0 / 318.0).abs() < 0.000_01, "{}", computed());
    for people in [1_000, 30_000] {
        let lines: String = (0..people).map(|number| format!("{{\"a\":\"c-{number}\"}}\n")).collect();
        let kind: IdentifierKind = "customer-id".parse().unwrap();
        let filters = filters(&[SubjectField::new("a", kind.clone())], lines.as_bytes());
        let filter = &filters[0];
        assert_eq!((filters.len(), filter.values()), (1, people));
        let size = filter.to_bytes(&key(1), &id(), 0).len();
        assert!(size < people as usize * 2, "{size} bytes for {people} people");
        let is_found = |number: &u32| filter.may_hold(key(1).hash(&kind, &format!("c-{number}")));
        assert!((0..people).all(|number| is_found(&number)));
        let strangers = 200_000_u32;
        let found = (people..people + strangers).filter(is_found).count();
        let expected = computed() * f64::from(strangers);
        let (least, most) = (expected / 2.0, expected * 2.0);
        let found = f64::from(u32::try_from(found).unwrap());
        assert!((least..most).contains(&found), "{found} strangers of {strangers}, computed {expected}");
    }
}

#[test]
fn d10_a_set_of_more_people_has_several_filters() {
    let mut collector = SubjectCollector::new(key(1));
    let hashes = |from: u64| (from..).map(|number| ValueHash(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    for hash in hashes(1).take(VALUES_MAX + 5) {
        collector.insert(hash);
    }
    let (first, last) = (collector.full().unwrap(), collector.last().unwrap());
    assert_eq!((first.values() as usize, last.values()), (VALUES_MAX, 5));
    assert!(collector.full().is_none() && collector.last().is_none());
    assert!(hashes(1).take(VALUES_MAX).all(|hash| first.may_hold(hash)));
    let file = first.to_bytes(&key(1), &id(), 0);
    assert!(file.len() <= SubjectFilter::FILE_BYTES_MAX && file.len() < 2 * VALUES_MAX);
    assert_eq!(SubjectFilter::from_bytes(&file, &key(1), 0), Ok(first));
}

#[test]
fn d10_a_value_is_hashed_with_its_kind_and_its_set() {
    let (phone, email) = (IdentifierKind::Phone, IdentifierKind::Email);
    let hash = key(1).hash(&phone, "1");
    assert_eq!(hash, key(1).hash(&phone, "1"));
    assert!(
        [key(2).hash(&phone, "1"), key(1).hash(&email, "1"), key(1).hash(&phone, "2")]
            .iter()
            .all(|other| *other != hash)
    );
    // Of an implementation in Python: stored filters have to be read by every later version.
    assert_eq!(hash.0, 0x70c4_9691_0f53_b0a4);
}

#[test]
fn d10_an_empty_filter_holds_nobody() {
    let nobody = FilterBuilder::default().take();
    assert!(!nobody.may_hold(key(1).hash(&IdentifierKind::Phone, "1")));
}

#[test]
fn d6_nothing_shows_a_key_or_a_hash() {
    let shown = format!(
        "{:?} {:?} {:?}",
        key(7),
        key(7).hash(&IdentifierKind::Phone, "1"),
        SubjectCollector::new(key(7))
    );
    assert_eq!(shown, "FilterKey { .. } ValueHash SubjectCollector { values: 0, .. }");
}
