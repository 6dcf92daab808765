use cdds_view::settings::SettingsForm;
use serde_json::json;

use super::*;

fn rich() -> serde_json::Value {
    json!({
        "title": "Calls", "description": "one\ntwo", "source": "calls", "category": ["voice", "a,b"],
        "type": ["call", {"type": "chat", "category": ["x"], "field": ["id", "a,b"],
            "filter": ["status=open", {"field": "a=b", "operator": "*=", "value": " c\n"}, {"field": "n", "in": ["1", "2"]}]}],
        "run": "monthly", "day": 31, "at": "02:30", "missing-day": "last", "timeframe": "rolling:3mo",
        "time-zone": "Europe/Berlin", "gap": "skip", "fold": "both",
        "starts-at": "2026-01-01T00:00:00Z", "ends-at": "2027-01-01T10:20:30.000456Z", "split-size": "65537B",
        "recipient": ["ops", "law"], "retention-days": 7, "overlap": "coalesce", "catch-up": "queue:36h",
        "retries": 3, "jitter": "10m", "pause-after-failures": 2, "bad-records": "skip:5", "incomplete": "go-on:6h",
        "destination": ["partner:in/{job}", {"destination": "archive", "receipt": "digest"}, "spare"],
        "notify": ["mailto:ada@example.com?on=failed,paused", "webhook:billing"]
    })
}

fn settings_of(form: serde_json::Value) -> JobSettings {
    serde_json::from_value::<SettingsForm>(form).unwrap().try_into().unwrap()
}

#[test]
fn the_answers_of_settings_mean_these_settings_again() {
    let bare = json!({"title": "Calls", "source": "calls", "type": "call", "plaintext": true});
    let with = |more: serde_json::Value| {
        let mut form = bare.clone();
        form.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        form
    };
    for form in [
        rich(),
        with(json!({"run": "once"})),
        with(json!({"run": "once", "start": "2027-01-01T06:00:00Z", "timeframe": "since-last"})),
        with(json!({"run": "hourly", "every": 6, "minute": 5, "timeframe": "previous:2w", "catch-up": "7d"})),
        with(
            json!({"run": "weekly", "day": "tue", "at": "02:00", "timeframe": "since-last:2026-01-01T00:00:00Z"}),
        ),
        with(json!({"run": "cron", "cron": "0 6 * * 1-5",
            "timeframe": "fixed:2026-01-01T00:00:00Z..2026-02-01T00:00:00.5Z", "catch-up": "coalesce"})),
    ] {
        let settings = settings_of(form.clone());
        assert_eq!(super::settings(&spelled(&settings)), Ok(settings), "{form}");
    }
}

#[test]
fn every_answer_that_cannot_be_taken_is_told_beside_its_field() {
    let good = spelled(&settings_of(rich()));
    for (field, value) in [
        ("title", " "),
        ("to-1", "no such name"),
        ("path-0", "../up"),
        ("receipt-1", "nothing"),
        ("to-2", "partner"),
        ("who-0", "no\u{7}body@example.com"),
        ("who-1", "ada@example.com"),
        ("on-0", "nothing"),
        ("time-zone", "Europe/Bonn"),
        ("source", "no source"),
        ("type-1", "no type"),
        ("filters-1", "nothing"),
        ("run", "sometimes"),
        ("monthly-day", "32"),
        ("monthly-at", "24:00"),
        ("frame", "never"),
        ("rolling-count", "0"),
        ("starts-date", "yesterday"),
        ("ends-time", "noon"),
        ("split-size", "big"),
        ("retention-days", "0"),
        ("retention-days", "many"),
        ("catch-up-limit", "soon"),
        ("retries", "101"),
        ("jitter", "a while"),
        ("pause-after-failures", "0"),
        ("bad-records", "-1"),
        ("go-on-after", "later"),
    ] {
        let faults = settings(&good.with(field, value)).unwrap_err();
        let field = if field == "on-0" { "told-0" } else { field };
        let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, [field], "{value}");
    }
    let several =
        settings(&good.with("title", " ").with("retries", "x").without(&["recipient"])).unwrap_err();
    assert_eq!(several.len(), 3, "{several:?}");
}

#[test]
fn fields_that_do_not_apply_to_what_was_chosen_are_ignored() {
    let good = spelled(&settings_of(rich()));
    let answers = ["cron", "daily-at", "every", "once-date", "fixed-from-date", "origin-time"]
        .into_iter()
        .fold(good.clone(), |answers, field| answers.with(field, "nonsense"));
    assert_eq!(settings(&answers), settings(&good));
    let plain = settings(&good.with("seal", "plaintext")).unwrap();
    assert_eq!(plain.protection, Protection::Plaintext);
    let all = settings(&good.with("cat-1", "all")).unwrap();
    assert_eq!(
        all.reads.as_slice()[1].categories,
        cdds_core::domain::record::selection::CategorySelection::All
    );
}

#[test]
fn j17_a_group_is_taken_away_and_the_ones_behind_it_move_up() {
    let three = spelled(&settings_of(rich())).with("reads", "3").with("type-2", "mail");
    let two = READS.without(&three, 1);
    assert_eq!((READS.of(&two), two.one("type-0"), two.one("type-1")), (2, Some("call"), Some("mail")));
    assert_eq!((two.one("filters-1"), two.one("type-2")), (None, None));
    assert_eq!(READS.of(&READS.without(&READS.without(&two, 0), 0)), 1);
    let answers = spelled(&settings_of(rich()));
    let fewer = PLACES.without(&answers, 0);
    assert_eq!((PLACES.of(&fewer), fewer.one("to-0"), fewer.one("path-0")), (2, Some("archive"), None));
    assert_eq!(fewer.one("receipt-0"), Some("digest"));
    let nobody = SUBSCRIBERS.without(&SUBSCRIBERS.without(&fewer, 1), 0);
    assert_eq!((SUBSCRIBERS.of(&nobody), nobody.one("who-0"), nobody.one("on-0")), (0, None, None));
    assert!(settings(&nobody).unwrap().subscriptions.is_empty());
}

#[test]
fn n1_groups_left_empty_name_nothing_and_a_path_needs_its_destination() {
    let good = spelled(&settings_of(rich()));
    let more = PLACES.more(&SUBSCRIBERS.more(&good));
    assert_eq!((PLACES.of(&more), SUBSCRIBERS.of(&more)), (4, 3));
    assert_eq!(settings(&more), settings(&good));
    let faults = settings(&more.with("path-3", "in/{job}")).unwrap_err();
    assert_eq!(faults.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), ["to-3"]);
    let own = settings(&good.with("path-0", "{file}")).unwrap();
    assert_eq!(own.destinations.as_slice()[0].path.to_string(), "");
    assert_eq!(settings(&spelled(&own)), Ok(own));
}
