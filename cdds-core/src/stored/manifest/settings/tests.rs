use proptest::{prop_assert_eq, proptest};

use super::*;
use crate::domain::calendar::frequency::{CronExpression, Hourly, Monthly};
use crate::domain::job::{Description, RecipientNames, Title};
use crate::domain::record::template::{FieldNames, FieldSelection};
use crate::testing::strategies::job_settings;

fn plain() -> JobSettings {
    JobSettings::new(
        Title::new("Voice of the week").unwrap(),
        SourceId::new("telephony").unwrap(),
        TypeId::new("calls").unwrap(),
        Frequency::Once(Start::Immediately),
        Protection::Plaintext,
    )
}

fn full() -> JobSettings {
    let fields = FieldNames::new(["id".to_owned(), "queue".to_owned()]).unwrap();
    let filters = ["queue=sales", "name*=a=b"].map(|text| text.parse().unwrap()).to_vec();
    let names = ["ops", "law"].map(|name| RecipientName::new(name).unwrap());
    JobSettings {
        description: Description::new("for the audit").unwrap(),
        frequency: Frequency::Weekly { day: chrono::Weekday::Tue, at: "02:00".parse().unwrap() },
        starts_at: Some(DateTime::UNIX_EPOCH),
        ends_at: DateTime::from_timestamp(1, 500_000_000),
        timeframe: "rolling:1w".parse().unwrap(),
        split_size: Some(SplitSize::from_bytes(1 << 20).unwrap()),
        protection: Protection::Sealed(RecipientNames::new(names).unwrap()),
        retention: Some(RetentionDays::new(7).unwrap()),
        policies: Policies {
            overlap: Some(Overlap::Queue),
            catch_up: "coalesce:1d".parse().unwrap(),
            retries: Some(Retries::new(0).unwrap()),
            jitter: Some("10m".parse().unwrap()),
            pause_after_failures: NonZeroU32::new(3),
            bad_records: "skip:5".parse().unwrap(),
            incomplete: "go-on:6h".parse().unwrap(),
        },
        ..plain()
    }
    .with_categories(CategorySelection::Only(["voice".to_owned(), "chat".to_owned()].into()))
    .with_template(Template::new(FieldSelection::Only(fields), filters).unwrap())
}

fn json(settings: &JobSettings) -> String {
    serde_json::to_string(&ManifestSettings::from(settings)).unwrap()
}

#[test]
fn a5_the_form_that_recipients_read() {
    insta::assert_snapshot!(json(&plain()), @r#"{"v":"1","title":"Voice of the week","source":"telephony","data_type":"calls","categories":"all","frequency":"immediately","timeframe":"all","protection":"plaintext"}"#);
    insta::assert_snapshot!(json(&full()), @r#"{"v":"1","title":"Voice of the week","description":"for the audit","source":"telephony","data_type":"calls","categories":{"only":["chat","voice"]},"template":{"fields":["id","queue"],"filters":[{"field":"queue","operator":"=","value":null},{"field":"name","operator":"*=","value":null}]},"frequency":{"weekly":{"day":"tue","at":"02:00"}},"starts_at":"1970-01-01T00:00:00Z","ends_at":"1970-01-01T00:00:01.500Z","timeframe":"rolling:1w","split_bytes":1048576,"protection":{"recipients":["ops","law"]},"retention_days":7,"policies":{"overlap":"queue","catch_up":"coalesce:1d","retries":0,"jitter":"10m","pause_after_failures":3,"bad_records":"skip:5","incomplete":"go-on:6h"}}"#);
}

#[test]
fn a5_every_frequency() {
    let frequency =
        |frequency: Frequency| serde_json::to_string(&ManifestFrequency::from(&frequency)).unwrap();
    let monthly = |missing: &str| {
        let at = "02:00".parse().unwrap();
        Frequency::Monthly(Monthly::new(31, at, missing.parse().unwrap()).unwrap())
    };
    let all = [
        Frequency::Once(Start::At(DateTime::UNIX_EPOCH)),
        Frequency::Hourly(Hourly::new(4, 15).unwrap()),
        Frequency::Daily("02:00".parse().unwrap()),
        monthly("skip"),
        monthly("last"),
        Frequency::Cron(CronExpression::new("0 2 * * 1-5").unwrap()),
    ];
    insta::assert_snapshot!(all.map(frequency).join("\n"), @r#"
    {"once_at":"1970-01-01T00:00:00Z"}
    {"hourly":{"every":4,"minute":15}}
    {"daily":{"at":"02:00"}}
    {"monthly":{"day":31,"at":"02:00"}}
    {"monthly":{"day":31,"at":"02:00","missing":"last"}}
    {"cron":"0 2 * * 1-5"}
    "#);
}

#[test]
fn a5_no_value_of_a_filter_is_in_it() {
    let json = json(&full());
    assert!(!json.contains("sales") && !json.contains("a=b"), "{json}");
    let with_value = json.replacen("\"value\":null", "\"value\":\"sales\"", 1);
    assert!(serde_json::from_str::<ManifestSettings>(&with_value).is_err());
    assert!(!format!("{:?}", ManifestSettings::from(&full())).contains("sales"));
}

#[test]
fn another_version_and_unknown_keys_are_refused() {
    let json = json(&full());
    for (change, into) in
        [("\"v\":\"1\"", "\"v\":\"4\""), ("\"v\":\"1\",", ""), ("\"retention_days\":7", "\"surprise\":7")]
    {
        assert!(json.contains(change), "{change}");
        assert!(serde_json::from_str::<ManifestSettings>(&json.replace(change, into)).is_err(), "{into}");
    }
}

proptest! {
    #[test]
    fn a5_what_is_written_is_read_back(settings in job_settings()) {
        let written = ManifestSettings::from(&settings);
        prop_assert_eq!(serde_json::from_str::<ManifestSettings>(&json(&settings)).unwrap(), written);
    }
}
