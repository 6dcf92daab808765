//! The stored forms as they exist in deployed catalogs: changing these texts requires a new version.

use chrono::TimeDelta;

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + seconds, 123_456_000).unwrap()
}

fn failure() -> Failure {
    Failure {
        step: Step::Store,
        kind: FailureKind::Full,
        message: "no room left in \"artifacts\"".to_owned(),
        retryable: true,
    }
}

#[test]
fn a_failure_is_stored_like_this() {
    let json = failure_to_json(&failure()).unwrap();
    assert_eq!(
        json,
        r#"{"v":1,"step":"store","kind":"full","message":"no room left in \"artifacts\"","retryable":true}"#
    );
    assert_eq!(failure_from_json(&json).unwrap(), failure());
}

#[test]
fn the_rest_of_a_change_is_stored_like_this() {
    let place = QueuePlace { queue_at: at(1), slot: at(0), id: ExecutionId(uuid::Uuid::from_u128(7)) };
    for (drops, behind, json) in [
        (None, None, r#"{"v":1}"#),
        (
            Some(Drops::Suspended),
            Some(place),
            concat!(
                r#"{"v":1,"drops":{"what":"suspended"},"behind":{"queue_at":"2026-01-01T00:00:01.123456Z","#,
                r#""slot":"2026-01-01T00:00:00.123456Z","id":"00000000-0000-0000-0000-000000000007"}}"#
            ),
        ),
        (Some(Drops::Deleted), None, r#"{"v":1,"drops":{"what":"deleted"}}"#),
        (Some(Drops::Replaced), None, r#"{"v":1,"drops":{"what":"replaced"}}"#),
        (
            Some(Drops::Ahead(at(0))),
            None,
            r#"{"v":1,"drops":{"what":"ahead","after":"2026-01-01T00:00:00.123456Z"}}"#,
        ),
    ] {
        let unsettled = Unsettled { drops, behind };
        assert_eq!(unsettled_to_json(&unsettled).unwrap(), json);
        assert_eq!(unsettled_from_json(json).unwrap(), unsettled);
    }
    assert!(unsettled_from_json(r#"{"v":1,"drops":{"what":"forgotten"}}"#).is_err());
}

#[test]
fn attempts_are_stored_like_this() {
    let worker = WorkerId::new("worker-1").unwrap();
    let attempts = vec![
        Attempt {
            epoch: 1,
            nonce: None,
            worker: worker.clone(),
            started_at: at(0),
            ended_at: Some(at(60)),
            failure: Some(failure()),
            released: false,
        },
        Attempt {
            epoch: 2,
            worker,
            nonce: None,
            started_at: at(90),
            ended_at: None,
            failure: None,
            released: false,
        },
    ];
    let json = attempts_to_json(&attempts).unwrap();
    assert_eq!(
        json,
        concat!(
            r#"{"v":1,"attempts":[{"epoch":1,"worker":"worker-1","started_at":"2026-01-01T00:00:00.123456Z","#,
            r#""ended_at":"2026-01-01T00:01:00.123456Z","failure":{"step":"store","kind":"full","#,
            r#""message":"no room left in \"artifacts\"","retryable":true}},"#,
            r#"{"epoch":2,"worker":"worker-1","started_at":"2026-01-01T00:01:30.123456Z"}]}"#
        )
    );
    assert_eq!(attempts_from_json(&json).unwrap(), attempts);
}

#[test]
fn reasons_of_skips_are_stored_like_this() {
    for (reason, json) in [
        (
            SkipReason::Coalesced { first: at(0), last: at(1), count: 2, into: at(2) },
            concat!(
                r#"{"v":1,"reason":"coalesced","first":"2026-01-01T00:00:00.123456Z","#,
                r#""last":"2026-01-01T00:00:01.123456Z","count":2,"into":"2026-01-01T00:00:02.123456Z"}"#
            ),
        ),
        (
            SkipReason::CatchUpLimit { first: at(0), last: at(1), count: 2 },
            concat!(
                r#"{"v":1,"reason":"catch_up_limit","first":"2026-01-01T00:00:00.123456Z","#,
                r#""last":"2026-01-01T00:00:01.123456Z","count":2}"#
            ),
        ),
        (
            SkipReason::Suspended { first: at(0), last: at(1), count: 2 },
            concat!(
                r#"{"v":1,"reason":"suspended","first":"2026-01-01T00:00:00.123456Z","#,
                r#""last":"2026-01-01T00:00:01.123456Z","count":2}"#
            ),
        ),
        (
            SkipReason::Deleted { first: at(0), last: at(1), count: 2 },
            concat!(
                r#"{"v":1,"reason":"deleted","first":"2026-01-01T00:00:00.123456Z","#,
                r#""last":"2026-01-01T00:00:01.123456Z","count":2}"#
            ),
        ),
        (SkipReason::Replaced, r#"{"v":1,"reason":"replaced"}"#),
        (
            SkipReason::Covered { watermark: Some(at(0)) },
            r#"{"v":1,"reason":"covered","watermark":"2026-01-01T00:00:00.123456Z"}"#,
        ),
        (SkipReason::Covered { watermark: None }, r#"{"v":1,"reason":"covered"}"#),
    ] {
        assert_eq!(skip_to_json(&reason).unwrap(), json);
        assert_eq!(skip_from_json(json).unwrap(), reason);
    }
}

#[test]
fn progress_is_stored_like_this() {
    let progress =
        Progress { records: 5, bytes_read: u64::MAX, bytes_written: 7, parts: 1, ..Progress::default() };
    let json = progress_to_json(&progress).unwrap();
    assert_eq!(json, r#"{"v":1,"records":5,"bytes_read":18446744073709551615,"bytes_written":7,"parts":1}"#);
    assert_eq!(progress_from_json(&json).unwrap(), progress);
    let with_errors = Progress { rejected: 3, ..progress };
    let json = progress_to_json(&with_errors).unwrap();
    assert!(json.starts_with(r#"{"v":1,"records":5,"rejected":3,"bytes_read""#), "{json}");
    assert_eq!(progress_from_json(&json).unwrap(), with_errors);
    let complete = progress.complete();
    let json = progress_to_json(&complete).unwrap();
    assert!(json.ends_with(r#""percent":100,"remaining_seconds":0}"#), "{json}");
    assert_eq!(progress_from_json(&json).unwrap(), complete);
}

#[test]
fn e16_the_nonce_of_an_attempt_and_its_release_are_stored_like_this() {
    let attempt = Attempt {
        epoch: 3,
        nonce: Some(Nonce(0xa1)),
        worker: WorkerId::new("w").unwrap(),
        started_at: at(0),
        ended_at: Some(at(60)),
        failure: None,
        released: true,
    };
    let json = attempts_to_json(std::slice::from_ref(&attempt)).unwrap();
    assert_eq!(
        json,
        concat!(
            r#"{"v":1,"attempts":[{"epoch":3,"nonce":"00000000000000a1","worker":"w","#,
            r#""started_at":"2026-01-01T00:00:00.123456Z","ended_at":"2026-01-01T00:01:00.123456Z","released":true}]}"#
        )
    );
    assert_eq!(attempts_from_json(&json).unwrap(), [attempt]);
}

#[test]
fn instants_are_stored_in_whole_microseconds() {
    let attempt = Attempt {
        epoch: 1,
        nonce: None,
        worker: WorkerId::new("w").unwrap(),
        started_at: at(0) + TimeDelta::nanoseconds(789),
        ended_at: None,
        failure: None,
        released: false,
    };
    let json = attempts_to_json(&[attempt]).unwrap();
    assert_eq!(attempts_from_json(&json).unwrap()[0].started_at, at(0));
}

#[test]
fn what_is_not_known_is_an_error() {
    for bad in [
        "",
        "[]",
        "{}",
        r#"{"v":"1","warnings":[]}"#,
        r#"{"v":2,"warnings":[]}"#,
        r#"{"v":1,"warnings":[],"more":1}"#,
        r#"{"v":1}"#,
    ] {
        assert!(warnings_from_json(bad).is_err(), "{bad}");
    }
    assert!(skip_from_json(r#"{"v":1,"reason":"suspended","count":1}"#).is_err());
    assert!(skip_from_json(r#"{"v":1,"reason":"boredom"}"#).is_err());
    assert!(skip_from_json(r#"{"v":1,"reason":"covered","by":"whom"}"#).is_err());
    assert!(skip_from_json(r#"{"v":1,"reason":"replaced","by":"whom"}"#).is_err());
    let newer = warnings_from_json(r#"{"v":2,"warnings":[]}"#).unwrap_err().to_string();
    assert!(newer.contains("version 2") && newer.contains("version 1"), "{newer}");
    assert_eq!(warnings_from_json(&warnings_to_json(&["a".to_owned()]).unwrap()).unwrap(), ["a"]);
}
