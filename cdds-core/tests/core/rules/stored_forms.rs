//! Stored forms are versioned: every form that was ever written must stay readable.

use cdds_core::domain::archive::retention::RetentionDays;
use cdds_core::domain::archive::split_size::SplitSize;
use cdds_core::domain::calendar::frequency::{
    CronExpression, Frequency, Hourly, MissingDay, Monthly, Start, TimeOfDay,
};
use cdds_core::domain::calendar::wall_clock::{Fold, Gap, WallClock};
use cdds_core::domain::calendar::zone::database::DatabaseVersion;
use cdds_core::domain::id::{RecipientName, SourceId, SubjectRequestId, TypeId};
use cdds_core::domain::job::{Description, JobSettings, Protection, Read, Reads, RecipientNames, Title};
use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::domain::record::template::{FieldNames, FieldSelection, Template};
use cdds_core::stored::manifest::ManifestSettings;
use cdds_core::stored::{settings_from_json, settings_to_json};
use cdds_core::testing::strategies::{frequency, timeframe, wall_clock};
use chrono::{DateTime, Weekday};
use proptest::prelude::*;
use uuid::Uuid;

fn full() -> JobSettings {
    JobSettings::new(
        Title::new("Voice of the week").unwrap(),
        SourceId::new("contact-history").unwrap(),
        TypeId::new("interaction").unwrap(),
        Frequency::Daily("02:00".parse().unwrap()),
        Protection::Sealed(RecipientNames::new([RecipientName::new("ops").unwrap()]).unwrap()),
    )
    .with_description(Description::new("for the archive").unwrap())
    .with_categories(CategorySelection::Only(["voice".to_owned()].into()))
    .with_timeframe("rolling:1w".parse().unwrap())
    .with_split_size(Some(SplitSize::from_bytes(1 << 20).unwrap()))
    .with_retention(Some(RetentionDays::new(7).unwrap()))
}

#[test]
fn settings_version_1_as_stored() {
    let json = settings_to_json(&full()).unwrap();
    insta::assert_snapshot!(json, @r#"{"v":"1","title":"Voice of the week","description":"for the archive","source":"contact-history","data_type":"interaction","categories":{"only":["voice"]},"frequency":{"daily":{"at":"02:00"}},"timeframe":"rolling:1w","split_bytes":1048576,"protection":{"recipients":["ops"]},"retention_days":7}"#);
    assert_eq!(settings_from_json(&json).unwrap(), full());
}

#[test]
fn j17_several_types_are_stored_as_version_2() {
    let read = |name: &str| Read::of(TypeId::new(name).unwrap());
    let filters = vec!["queue=sales".parse().unwrap()];
    let contact = read("contact").with_template(Template::new(FieldSelection::All, filters).unwrap());
    let voice = CategorySelection::Only(["voice".to_owned()].into());
    let several =
        full().with_reads(Reads::new([contact, read("interaction").with_categories(voice)]).unwrap());
    let json = settings_to_json(&several).unwrap();
    insta::assert_snapshot!(json, @r#"{"v":"2","title":"Voice of the week","description":"for the archive","source":"contact-history","types":[{"data_type":"contact","categories":"all","template":{"filters":[{"field":"queue","operator":"=","value":"sales"}]}},{"data_type":"interaction","categories":{"only":["voice"]}}],"frequency":{"daily":{"at":"02:00"}},"timeframe":"rolling:1w","split_bytes":1048576,"protection":{"recipients":["ops"]},"retention_days":7}"#);
    assert_eq!(settings_from_json(&json).unwrap(), several);
    let one = settings_to_json(&full()).unwrap();
    for broken in [
        json.replace(r#""v":"2""#, r#""v":"1""#),
        one.replace(r#""v":"1""#, r#""v":"2""#),
        json.replace(r#""data_type":"interaction""#, r#""data_type":"contact""#),
        json.replace(r#""types""#, r#""data_type":"contact","types""#),
    ] {
        assert!(settings_from_json(&broken).is_err(), "{broken}");
    }
}

#[test]
fn j4_filters_with_lists_are_stored_as_version_3() {
    let filters = ["queue in sales,support", "name*=x"].map(|text| text.parse().unwrap()).to_vec();
    let listed = full().with_template(Template::new(FieldSelection::All, filters).unwrap());
    let json = settings_to_json(&listed).unwrap();
    insta::assert_snapshot!(json, @r#"{"v":"3","title":"Voice of the week","description":"for the archive","source":"contact-history","types":[{"data_type":"interaction","categories":{"only":["voice"]},"template":{"filters":[{"field":"queue","operator":"in","values":["sales","support"]},{"field":"name","operator":"*=","value":"x"}]}}],"frequency":{"daily":{"at":"02:00"}},"timeframe":"rolling:1w","split_bytes":1048576,"protection":{"recipients":["ops"]},"retention_days":7}"#);
    assert_eq!(settings_from_json(&json).unwrap(), listed);
    let both = listed.reads.iter().cloned().chain([Read::of(TypeId::new("contact").unwrap())]);
    let both = listed.clone().with_reads(Reads::new(both).unwrap());
    let json_of_both = settings_to_json(&both).unwrap();
    assert!(json_of_both.starts_with(r#"{"v":"3""#), "{json_of_both}");
    assert_eq!(settings_from_json(&json_of_both).unwrap(), both);
    for broken in [
        json.replace(r#""v":"3""#, r#""v":"1""#),
        json_of_both.replace(r#""v":"3""#, r#""v":"2""#),
        json.replace(r#""values":["sales","support"]"#, r#""value":"sales""#),
        json.replace(r#""values":["sales","support"]"#, r#""values":[]"#),
        json.replace(r#""operator":"in""#, r#""operator":"=""#),
        json.replace(r#""value":"x""#, r#""values":["x"]"#),
    ] {
        assert!(broken != json && settings_from_json(&broken).is_err(), "{broken}");
    }
}

#[test]
fn smallest_settings_as_stored() {
    let smallest = full()
        .with_description(Description::default())
        .with_categories(CategorySelection::All)
        .with_frequency(Frequency::Once(Start::Immediately))
        .with_timeframe("all".parse().unwrap())
        .with_split_size(None)
        .with_protection(Protection::Plaintext)
        .with_retention(None);
    let json = settings_to_json(&smallest).unwrap();
    insta::assert_snapshot!(json, @r#"{"v":"1","title":"Voice of the week","source":"contact-history","data_type":"interaction","categories":"all","frequency":"immediately","timeframe":"all","protection":"plaintext"}"#);
    assert_eq!(settings_from_json(&json).unwrap(), smallest);
    let dated = smallest.with_frequency(Frequency::Once(Start::At("2026-03-01T00:00:00Z".parse().unwrap())));
    assert_eq!(settings_from_json(&settings_to_json(&dated).unwrap()).unwrap(), dated);
}

/// Returns the frequency alone, in the form that the settings store.
fn stored_frequency(json: &str) -> String {
    let settings: serde_json::Value = serde_json::from_str(json).unwrap();
    settings["frequency"].to_string()
}

#[test]
fn frequencies_version_1_as_stored() {
    let at: TimeOfDay = "02:05".parse().unwrap();
    let monthly = |missing| Frequency::Monthly(Monthly::new(31, at, missing).unwrap());
    for (frequency, stored) in [
        (Frequency::Once(Start::Immediately), r#""immediately""#),
        (
            Frequency::Once(Start::At("2026-03-01T00:00:00.5Z".parse().unwrap())),
            r#"{"once_at":"2026-03-01T00:00:00.500Z"}"#,
        ),
        (Frequency::Hourly(Hourly::new(4, 15).unwrap()), r#"{"hourly":{"every":4,"minute":15}}"#),
        (Frequency::Daily(at), r#"{"daily":{"at":"02:05"}}"#),
        (Frequency::Weekly { day: Weekday::Tue, at }, r#"{"weekly":{"at":"02:05","day":"tue"}}"#),
        (monthly(MissingDay::Skip), r#"{"monthly":{"at":"02:05","day":31}}"#),
        (monthly(MissingDay::Last), r#"{"monthly":{"at":"02:05","day":31,"missing":"last"}}"#),
        (Frequency::Cron(CronExpression::new("0 2 * * 1-5").unwrap()), r#"{"cron":"0 2 * * 1-5"}"#),
    ] {
        let settings = full().with_frequency(frequency);
        let json = settings_to_json(&settings).unwrap();
        assert_eq!(stored_frequency(&json), stored);
        assert_eq!(settings_from_json(&json).unwrap(), settings);
    }
}

#[test]
fn f9_a_clock_as_stored() {
    let clock = |gap: &str, fold: &str| {
        WallClock::new("europe/berlin".parse().unwrap(), gap.parse().unwrap(), fold.parse().unwrap())
    };
    let zoned = full().with_clock(clock("skip", "both"));
    let json = settings_to_json(&zoned).unwrap();
    assert!(json.starts_with(r#"{"v":"5","#), "{json}");
    let version = DatabaseVersion::bundled();
    let stored = r#","clock":{"time_zone":"Europe/Berlin","gap":"skip","fold":"both","database":"#;
    assert!(json.ends_with(&format!("{stored}\"{version}\"}}}}")), "{json}");
    assert_eq!(settings_from_json(&json).unwrap(), zoned);
    // By which version something was computed stays with it, whatever this program has; and so does a zone that it lacks.
    for (database, says) in [(r#""2019c""#, "2019c".parse().ok()), (r#""9999a""#, "9999a".parse().ok())] {
        let other = json.replace(&format!("\"{version}\""), database);
        let read = settings_from_json(&other).unwrap();
        assert_eq!((read.clock.zone().database(), settings_to_json(&read).unwrap()), (says, other));
    }
    let lost = json.replace("Europe/Berlin", "Europe/Bonn");
    let read = settings_from_json(&lost).unwrap();
    assert!(!read.clock.zone().is_known() && read.next_slot(DateTime::UNIX_EPOCH).is_none());
    assert_eq!(settings_to_json(&read).unwrap(), lost);
    // UTC is written as before there were zones, whatever was asked for in it.
    let utc = WallClock::new("Etc/UTC".parse().unwrap(), Gap::Skip, Fold::Both);
    assert_eq!(settings_to_json(&full().with_clock(utc)).unwrap(), settings_to_json(&full()).unwrap());
    for broken in [
        json.replace(r#""v":"5""#, r#""v":"4""#),
        json.replace("Europe/Berlin", "Europe/Bonn; DROP"),
        json.replace(&format!("\"{version}\""), r#""2026""#),
        json.replace(r#""gap":"skip""#, r#""gap":"jump""#),
        json.replace(r#""fold":"both""#, r#""fold":"both","surprise":1"#),
        json.replace(&format!("{stored}\"{version}\"}}"), ""),
    ] {
        assert!(broken != json && settings_from_json(&broken).is_err(), "{broken}");
    }
}

#[test]
fn d9_the_job_of_a_request_as_stored() {
    let read = |source: &str, name: &str| {
        Read::of(TypeId::new(name).unwrap()).with_source(SourceId::new(source).unwrap())
    };
    let reads = Reads::across([read("crm", "call"), read("shop", "call")]).unwrap();
    let settings = JobSettings::of_reads(
        Title::new("Request 1").unwrap(),
        SourceId::new("crm").unwrap(),
        reads,
        Frequency::Once(Start::Immediately),
        Protection::Handed { fingerprint: "0a".repeat(32) },
    )
    .with_request(SubjectRequestId(Uuid::from_u128(1)));
    let json = settings_to_json(&settings).unwrap();
    insta::assert_snapshot!(json, @r#"{"v":"6","title":"Request 1","source":"crm","types":[{"source":"crm","data_type":"call","categories":"all"},{"source":"shop","data_type":"call","categories":"all"}],"frequency":"immediately","timeframe":"all","protection":{"certificate":"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"},"request":"00000000-0000-0000-0000-000000000001"}"#);
    assert_eq!(settings_from_json(&json).unwrap(), settings);
    let without = r#","request":"00000000-0000-0000-0000-000000000001""#;
    for bad in [
        json.replace(r#""v":"6""#, r#""v":"5""#),
        json.replace(r#""v":"6""#, r#""v":"3""#),
        json.replace(without, ""),
        json.replace(r#"{"source":"shop","#, "{"),
        json.replace(r#""source":"shop""#, r#""source":"crm""#),
    ] {
        assert!(bad != json && settings_from_json(&bad).is_err(), "{bad}");
    }
    let form = serde_json::to_value(ManifestSettings::from(&settings)).unwrap();
    assert_eq!((&form["v"], &form["protection"]), (&"3".into(), &"certificate".into()));
    assert_eq!((&form["types"][1]["source"], &form["source"]), (&"shop".into(), &"crm".into()));
    let read_back: ManifestSettings = serde_json::from_value(form).unwrap();
    assert_eq!(read_back, ManifestSettings::from(&settings));
}

#[test]
fn a_stored_frequency_that_rules_refuse_is_an_error() {
    let json = settings_to_json(&full()).unwrap();
    for bad in [
        r#"{"hourly":{"every":24,"minute":0}}"#,
        r#"{"hourly":{"every":1}}"#,
        r#"{"weekly":{"day":"noday","at":"02:00"}}"#,
        r#"{"weekly":{"day":"tue","at":"25:00"}}"#,
        r#"{"monthly":{"day":0,"at":"02:00"}}"#,
        r#"{"monthly":{"day":1,"at":"02:00","missing":"first"}}"#,
        r#"{"monthly":{"day":1,"at":"02:00","surprise":1}}"#,
        r#"{"cron":"0 0 31 2 *"}"#,
        r#"{"yearly":{"at":"02:00"}}"#,
    ] {
        let broken = json.replace(r#"{"daily":{"at":"02:00"}}"#, bad);
        assert_ne!(broken, json);
        let error = settings_from_json(&broken).unwrap_err();
        assert!(error.to_string().starts_with("the stored job settings is not understood"), "{error}");
    }
}

proptest! {
    #[test]
    fn whatever_is_stored_is_read_back(frequency in frequency(), timeframe in timeframe(), clock in wall_clock()) {
        let settings = full().with_frequency(frequency).with_timeframe(timeframe).with_clock(clock);
        let json = settings_to_json(&settings).unwrap();
        prop_assert_eq!(settings_from_json(&json).unwrap(), settings);
    }
}

fn filtered() -> JobSettings {
    let fields = FieldNames::new(["id".to_owned(), "queue".to_owned()]).unwrap();
    let filters = ["queue=sales", "name*=a=b", "seconds<="].map(|text| text.parse().unwrap());
    full().with_template(Template::new(FieldSelection::Only(fields), filters.to_vec()).unwrap())
}

#[test]
fn j4_a_template_as_stored() {
    let json = settings_to_json(&filtered()).unwrap();
    let template = &json[json.find("\"template\"").unwrap()..json.find(",\"frequency\"").unwrap()];
    insta::assert_snapshot!(template, @r#""template":{"fields":["id","queue"],"filters":[{"field":"queue","operator":"=","value":"sales"},{"field":"name","operator":"*=","value":"a=b"},{"field":"seconds","operator":"<=","value":""}]}"#);
    assert_eq!(settings_from_json(&json).unwrap(), filtered());
}

#[test]
fn a5_the_manifests_form_has_no_values_of_filters_and_is_no_job() {
    let json = serde_json::to_string(&ManifestSettings::from(&filtered())).unwrap();
    assert!(!json.contains("sales") && !json.contains("a=b"), "{json}");
    assert!(json.contains(r#"{"field":"queue","operator":"=","value":null}"#), "{json}");
    let read: ManifestSettings = serde_json::from_str(&json).unwrap();
    assert_eq!(read, ManifestSettings::from(&filtered()));
    assert!(settings_from_json(&json).unwrap_err().to_string().contains("one value"));
}

#[test]
fn what_is_not_understood_is_an_error() {
    let json = settings_to_json(&filtered()).unwrap();
    for (change, into) in [
        ("\"v\":\"1\"", "\"v\":\"2\""),
        ("\"title\":\"Voice of the week\"", "\"title\":\"\""),
        ("\"rolling:1w\"", "\"rolling:1y\""),
        ("1048576", "1"),
        ("\"retention_days\":7", "\"retention_days\":7,\"surprise\":1"),
        ("[\"ops\"]", "[]"),
        ("[\"id\",\"queue\"]", "[]"),
        ("\"*=\"", "\"~\""),
        ("\"value\":\"sales\"", "\"value\":\"sales\",\"surprise\":1"),
    ] {
        let broken = json.replace(change, into);
        assert_ne!(broken, json, "{change} was not found");
        let error = settings_from_json(&broken).unwrap_err();
        assert!(error.to_string().starts_with("the stored job settings is not understood"), "{error}");
    }
}
