use super::*;

#[test]
fn e3_e4_policies_round_trip_through_what_people_type() {
    for text in ["default", "queue", "coalesce", "7d", "0s", "36h", "queue:90s", "coalesce:1d"] {
        assert_eq!(text.parse::<CatchUp>().unwrap().to_string(), text);
    }
    for bad in
        ["", "skip", "7", "d", "-1d", "+1d", "queue:", "queue:x", "3651d", "1.5h", "99999999999999999d"]
    {
        assert_eq!(bad.parse::<CatchUp>().unwrap_err().code(), Code::InvalidPolicy, "{bad:?}");
    }
    assert_eq!("queue".parse::<Overlap>().unwrap(), Overlap::Queue);
    assert_eq!("both".parse::<Overlap>().unwrap_err().code(), Code::InvalidPolicy);
}

#[test]
fn e5_a_job_has_its_own_number_of_retries() {
    let engine = RetryPolicy::default();
    assert_eq!(Policies::default().retry(engine), engine);
    let own = Policies { retries: Some(Retries::new(0).unwrap()), ..Policies::default() };
    assert_eq!(own.retry(engine), RetryPolicy { attempts_max: 1, ..engine });
    assert!(Retries::new(100).is_ok());
    assert_eq!(Retries::new(101).unwrap_err().code(), Code::InvalidPolicy);
}

#[test]
fn e6_jitter_is_bounded() {
    assert_eq!("10m".parse::<Jitter>().unwrap().longest(), TimeDelta::minutes(10));
    assert_eq!("60m".parse::<Jitter>().unwrap().to_string(), "1h");
    for bad in ["", "61m", "1h1m", "-5s"] {
        assert_eq!(bad.parse::<Jitter>().unwrap_err().code(), Code::InvalidPolicy, "{bad:?}");
    }
    assert_eq!(Jitter::new(TimeDelta::milliseconds(1)).unwrap_err().code(), Code::InvalidPolicy);
    let told = |longest| Jitter::new(longest).unwrap_err().to_string();
    assert_eq!(told(TimeDelta::days(40)), "a jitter of 40d is not possible: use whole seconds, 0s to 1h");
    assert!(told(TimeDelta::milliseconds(1_500)).starts_with("a jitter of 1.5s is "));
}

#[test]
fn e10_bad_records_fail_or_are_skipped_up_to_a_number() {
    for text in ["fail", "skip:1", "skip:100000"] {
        assert_eq!(text.parse::<BadRecords>().unwrap().to_string(), text);
    }
    for bad in ["", "skip", "skip:0", "skip:100001", "skip:-1"] {
        assert_eq!(bad.parse::<BadRecords>().unwrap_err().code(), Code::InvalidPolicy, "{bad:?}");
    }
    assert_eq!(BadRecords::default(), BadRecords::Fail);
}
