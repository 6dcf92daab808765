//! Stored forms are versioned: what was written once must be read for ever.

use cdds_core::domain::frequency::{Frequency, Start};
use cdds_core::domain::id::{RecipientName, SourceId, TypeId};
use cdds_core::domain::job::{Description, JobSettings, Protection, RecipientNames, Title};
use cdds_core::domain::retention::RetentionDays;
use cdds_core::domain::selection::CategorySelection;
use cdds_core::domain::split_size::SplitSize;
use cdds_core::stored::{settings_from_json, settings_to_json};

fn full() -> JobSettings {
    JobSettings {
        description: Description::new("for the archive").unwrap(),
        categories: CategorySelection::Only(["voice".to_owned()].into()),
        timeframe: "rolling:1w".parse().unwrap(),
        split_size: Some(SplitSize::from_bytes(1 << 20).unwrap()),
        retention: Some(RetentionDays::new(7).unwrap()),
        ..JobSettings::new(
            Title::new("Voice of the week").unwrap(),
            SourceId::new("contact-history").unwrap(),
            TypeId::new("interaction").unwrap(),
            Frequency::Daily("02:00".parse().unwrap()),
            Protection::Sealed(RecipientNames::new([RecipientName::new("ops").unwrap()]).unwrap()),
        )
    }
}

#[test]
fn settings_version_1_as_stored() {
    let json = settings_to_json(&full()).unwrap();
    insta::assert_snapshot!(json, @r#"{"v":"1","title":"Voice of the week","description":"for the archive","source":"contact-history","data_type":"interaction","categories":{"only":["voice"]},"frequency":{"daily":{"at":"02:00"}},"timeframe":"rolling:1w","split_bytes":1048576,"protection":{"recipients":["ops"]},"retention_days":7}"#);
    assert_eq!(settings_from_json(&json).unwrap(), full());
}

#[test]
fn smallest_settings_as_stored() {
    let smallest = JobSettings {
        description: Description::default(),
        categories: CategorySelection::All,
        frequency: Frequency::Once(Start::Immediately),
        timeframe: "all".parse().unwrap(),
        split_size: None,
        protection: Protection::Plaintext,
        retention: None,
        ..full()
    };
    let json = settings_to_json(&smallest).unwrap();
    insta::assert_snapshot!(json, @r#"{"v":"1","title":"Voice of the week","source":"contact-history","data_type":"interaction","categories":"all","frequency":"immediately","timeframe":"all","protection":"plaintext"}"#);
    assert_eq!(settings_from_json(&json).unwrap(), smallest);
    let dated = JobSettings {
        frequency: Frequency::Once(Start::At("2026-03-01T00:00:00Z".parse().unwrap())),
        ..smallest
    };
    assert_eq!(settings_from_json(&settings_to_json(&dated).unwrap()).unwrap(), dated);
}

#[test]
fn what_is_not_understood_is_an_error() {
    let json = settings_to_json(&full()).unwrap();
    for (change, into) in [
        ("\"v\":\"1\"", "\"v\":\"2\""),
        ("\"title\":\"Voice of the week\"", "\"title\":\"\""),
        ("\"rolling:1w\"", "\"rolling:1y\""),
        ("1048576", "1"),
        ("\"retention_days\":7", "\"retention_days\":7,\"surprise\":1"),
        ("[\"ops\"]", "[]"),
    ] {
        let broken = json.replace(change, into);
        assert_ne!(broken, json, "{change} was not found");
        let error = settings_from_json(&broken).unwrap_err();
        assert!(error.to_string().starts_with("the stored job settings is not understood"), "{error}");
    }
}
