use cdds_core::domain::calendar::frequency::FrequencyKind;
use cdds_core::domain::delivery::path::PathTemplate;
use cdds_core::domain::delivery::{JobDestination, JobDestinations, Receipt};
use cdds_core::domain::id::{DestinationId, Subscriber};
use cdds_core::domain::job::lifecycle::NewJob;
use cdds_core::domain::job::{Description, JobSettings};
use cdds_core::domain::notice::NoticeKind;
use cdds_core::domain::notice::subscription::{Subscription, Subscriptions};
use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::domain::record::template::{FieldNames, FieldSelection, Filter, Operator, Template};
use cdds_core::domain::violation::Code;
use cdds_core::testing::strategies::job_settings;
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
use proptest::sample::select;
use proptest::{prop_assert_eq, proptest};
use serde_json::{Value, json};

use super::*;

/// Names and values that look like something else: words, lists, operators, objects.
fn awkward() -> impl Strategy<Value = String> {
    let strange = select(vec!["all", "none", "a,b", "\\", "a=b", "=", ">", "{", "{\"field\"", "a\nb"]);
    prop_oneof![strange.prop_map(str::to_owned), any::<String>(), "[a-z]{1,5}"]
        .prop_filter("a name", |text| !text.is_empty())
}

fn awkward_template() -> impl Strategy<Value = Template> {
    let fields = prop::collection::vec(awkward(), 0..4)
        .prop_map(|names| FieldNames::new(names).map_or(FieldSelection::All, FieldSelection::Only));
    let one = (awkward(), select(&Operator::ALL[..]), prop_oneof![awkward(), Just(String::new())])
        .prop_filter_map("a filter", |(field, operator, value)| Filter::new(field, operator, value).ok());
    let list = (awkward(), prop::collection::vec(awkward(), 1..4))
        .prop_filter_map("a filter", |(field, values)| Filter::one_of(field, values).ok());
    let filter = prop_oneof![one, list];
    (fields, prop::collection::vec(filter, 0..3)).prop_map(|(fields, filters)| Template { fields, filters })
}

/// Destinations with and without a path and a receipt of their own.
fn some_destinations() -> impl Strategy<Value = JobDestinations> {
    let path = select(vec!["", "in", "{job}/{yyyy}-{mm}-{dd}", "a: b/{type}"]);
    let one = (select(vec!["none", "partner", "a.b"]), path, select(Receipt::ALL.to_vec())).prop_map(
        |(id, path, receipt)| {
            let path = PathTemplate::new(path).unwrap();
            JobDestination::new(DestinationId::new(id).unwrap()).with_path(path).with_receipt(receipt)
        },
    );
    prop::collection::vec(one, 0..3).prop_map(|list| JobDestinations::new(list).unwrap_or_default())
}

/// Subscribers with and without kinds of their own.
fn some_subscribers() -> impl Strategy<Value = Subscriptions> {
    let kinds = prop::collection::btree_set(select(NoticeKind::ALL.to_vec()), 1..4);
    let subscriber = |name: &str| Subscriber::new(name).unwrap();
    let one = (any::<bool>(), prop::option::of(kinds)).prop_map(move |(by_mail, kinds)| {
        let one = match by_mail {
            true => Subscription::email(subscriber("ada+x@example.com")),
            false => Subscription::webhook(subscriber("billing")),
        };
        kinds.map_or(one.clone(), |kinds| one.on(kinds))
    });
    prop::collection::vec(one, 0..3).prop_map(|list| Subscriptions::new(list).unwrap_or_default())
}

fn awkward_settings() -> impl Strategy<Value = JobSettings> {
    let categories = prop_oneof![
        Just(CategorySelection::All),
        prop::collection::btree_set(awkward(), 1..4).prop_map(CategorySelection::Only),
    ];
    let description = any::<String>().prop_filter_map("short", |text| Description::new(&text).ok());
    let told = (some_destinations(), some_subscribers());
    (job_settings(), awkward_template(), categories, description, told).prop_map(
        |(settings, template, categories, description, (destinations, subscribers))| {
            settings
                .with_template(template)
                .with_categories(categories)
                .with_description(description)
                .with_destinations(destinations)
                .with_subscriptions(subscribers)
                .in_microseconds()
        },
    )
}

proptest! {
    #[test]
    fn j1_j5_what_is_written_is_read_back(settings in awkward_settings()) {
        let form = SettingsForm::from(&settings);
        let json = serde_json::to_string(&form).unwrap();
        let read: SettingsForm = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&read, &form, "{}", json);
        prop_assert_eq!(JobSettings::try_from(read), Ok(settings), "{}", json);
    }
}

fn smallest() -> Value {
    json!({"title": "T", "source": "s", "type": "t", "run": "daily", "at": "02:00", "plaintext": true})
}

/// Returns the smallest form with these members in place of its own.
fn with(members: &Value) -> Value {
    let mut form = smallest();
    for (name, value) in members.as_object().unwrap() {
        form[name] = value.clone();
    }
    form
}

fn read(form: &Value) -> Result<JobSettings, SettingsError> {
    serde_json::from_value::<SettingsForm>(form.clone()).unwrap().try_into()
}

#[test]
fn the_smallest_form_and_the_fullest() {
    let small = read(&smallest()).unwrap();
    insta::assert_snapshot!(serde_json::to_string(&SettingsForm::from(&small)).unwrap(), @r#"{"title":"T","source":"s","type":"t","run":"daily","at":"02:00","plaintext":true}"#);
    let full = read(&json!({
        "title": "T", "description": "D", "source": "s", "type": "t", "category": ["b", "a"], "field": ["x"],
        "filter": ["status=open", {"field": "a=b", "operator": "<", "value": "="}, "id in 2,1", {"field": "a in b", "in": ["c"]}], "timeframe": "rolling:1w",
        "run": "monthly", "day": 31, "at": "02:00", "missing-day": "last", "starts-at": "2030-01-01T01:00:00+01:00",
        "ends-at": "2031-01-01T00:00:00.5Z", "split-size": 1024, "recipient": ["ops", "law"], "retention-days": 7,
        "overlap": "queue", "catch-up": "coalesce:1d", "retries": 0, "jitter": "10m", "pause-after-failures": 3,
        "bad-records": "skip:5", "plaintext": null,
    }));
    insta::assert_snapshot!(serde_json::to_string(&SettingsForm::from(&full.unwrap())).unwrap(), @r#"{"title":"T","description":"D","source":"s","type":"t","category":["a","b"],"field":["x"],"filter":["status=open",{"field":"a=b","operator":"<","value":"="},{"field":"id","in":["1","2"]},{"field":"a in b","in":["c"]}],"timeframe":"rolling:1w","run":"monthly","day":31,"at":"02:00","missing-day":"last","starts-at":"2030-01-01T00:00:00Z","ends-at":"2031-01-01T00:00:00.500Z","split-size":"1GiB","recipient":["ops","law"],"retention-days":7,"overlap":"queue","catch-up":"coalesce:1d","retries":0,"jitter":"10m","pause-after-failures":3,"bad-records":"skip:5"}"#);
}

#[test]
fn a_form_made_by_hand_lacks_only_its_protection() {
    let mut form = SettingsForm::new("T", "s", "t", FrequencyKind::Daily);
    form.at = Some("02:00".to_owned());
    let refused = JobSettings::try_from(form.clone()).unwrap_err();
    assert!(
        matches!(refused, SettingsError::Refused(ref violation) if violation.code() == Code::RecipientRequired)
    );
    form.plaintext = true;
    assert_eq!(JobSettings::try_from(form).unwrap(), read(&smallest()).unwrap());
}

#[test]
fn j17_a_first_run_belongs_to_a_new_job_alone() {
    let form = |members: Value| serde_json::from_value::<SettingsForm>(with(&members)).unwrap();
    let asked = form(json!({"first-run-now": true}));
    let new = NewJob::try_from(asked.clone()).unwrap();
    assert!(new.first_run_now && new.settings == read(&smallest()).unwrap());
    assert_eq!(JobSettings::try_from(asked), Err(SettingsError::FirstRun));
    for without in [json!({}), json!({"first-run-now": false}), json!({"first-run-now": null})] {
        assert!(!NewJob::try_from(form(without)).unwrap().first_run_now);
    }
}

#[test]
fn refusals_keep_their_codes() {
    for (members, code) in [
        (json!({"title": " "}), Code::InvalidTitle),
        (json!({"source": "a b"}), Code::InvalidName),
        (json!({"at": "24:00"}), Code::InvalidTimeOfDay),
        (json!({"timeframe": "rolling:1y"}), Code::InvalidTimeframe),
        (json!({"plaintext": false}), Code::RecipientRequired),
        (json!({"split-size": "1B"}), Code::InvalidSplitSize),
        (json!({"retention-days": 0}), Code::InvalidRetention),
        (json!({"retries": 101}), Code::InvalidPolicy),
        (json!({"field": []}), Code::InvalidTemplate),
        (json!({"filter": [{"field": "a", "operator": "~", "value": ""}]}), Code::InvalidTemplate),
        (json!({"filter": [{"field": "a", "operator": "in", "value": ""}]}), Code::InvalidTemplate),
        (json!({"filter": [{"field": "a", "in": []}]}), Code::InvalidTemplate),
        (json!({"filter": ["a in @/etc/passwd"]}), Code::InvalidTemplate),
        (json!({"destination": ["a/b"]}), Code::InvalidName),
        (json!({"destination": ["a", "a:in"]}), Code::InvalidDestinations),
        (json!({"destination": ["a"], "receipt": "name"}), Code::InvalidDestinations),
        (json!({"destination": [{"destination": "a", "receipt": ""}]}), Code::InvalidDestinations),
        (json!({"destination": ["a:../in"]}), Code::InvalidPath),
        (json!({"notify": ["ada@example.com"]}), Code::InvalidSubscribers),
        (json!({"notify": ["webhook:b"], "notify-on": "success"}), Code::InvalidSubscribers),
    ] {
        match read(&with(&members)) {
            Err(SettingsError::Refused(violation)) => assert_eq!(violation.code(), code, "{members}"),
            other => panic!("{members} gave {other:?}"),
        }
    }
}

#[test]
fn n1_n2_what_is_said_for_all_holds_where_nothing_else_is_said() {
    let settings = read(&with(&json!({
        "destination": ["partner:in/{job}", {"destination": "archive", "receipt": "size"}], "receipt": "digest",
        "notify": ["mailto:ada@example.com", "webhook:billing?on=paused"], "notify-on": "failed, delivered",
    })))
    .unwrap();
    let form = serde_json::to_value(SettingsForm::from(&settings)).unwrap();
    assert_eq!(
        form["destination"],
        json!([{"destination": "partner", "path": "in/{job}", "receipt": "digest"}, "archive"])
    );
    assert_eq!(
        form["notify"],
        json!(["mailto:ada@example.com?on=delivered,failed", "webhook:billing?on=paused"])
    );
    assert_eq!(parse_notice_kinds("default"), Ok(None));
}

#[test]
fn what_does_not_fit_names_the_way_out() {
    for (members, told) in [
        (json!({"every": 2}), "every goes with run hourly, but the job runs daily"),
        (json!({"at": null}), "run daily needs the time of day: add at, like HH:MM"),
        (json!({"run": "monthly", "day": "tue"}), "run monthly needs a number: add day, like 1 to 31"),
        (json!({"recipient": ["ops"]}), "plaintext and recipients exclude each other"),
        (json!({"split-size": "large"}), "split-size is not a size"),
    ] {
        let error = read(&with(&members)).unwrap_err().to_string();
        assert!(error.contains(told), "{members} gave {error:?}");
    }
    for (members, told) in [
        (json!({"titel": "T"}), "unknown field `titel`"),
        (json!({"run": "sometimes"}), "\"sometimes\" is not a known frequency"),
        (json!({"category": "voice"}), "\"all\" or an array of names"),
        (json!({"filter": [{"field": "a", "operator": "=", "secret": "x"}]}), "a filter: a text like"),
        (json!({"day": 1.5}), "a text or a whole number"),
    ] {
        let error = serde_json::from_value::<SettingsForm>(with(&members)).unwrap_err().to_string();
        assert!(error.contains(told), "{members} gave {error:?}");
    }
}

#[test]
fn values_of_filters_are_not_in_debug_output() {
    let form: SettingsForm = serde_json::from_value(with(&json!({
        "filter": [
            "name=secret",
            {"field": "a=b", "operator": "=", "value": "secret"},
            {"field": "a", "in": ["secret"]},
        ],
    })))
    .unwrap();
    assert!(!format!("{form:?}").contains("secret"), "{form:?}");
}
