use super::*;
use chrono::{NaiveDate, SecondsFormat};
use proptest::prelude::*;

fn utc(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn read(text: &str) -> Result<DateTime<Utc>, UnreadableInstant> {
    InstantFormat::Any.read_text(text.as_bytes())
}

#[test]
fn calendar_text_is_read() {
    for (text, expected) in [
        ("2026-01-31T23:59:59Z", "2026-01-31T23:59:59Z"),
        ("2026-01-31 23:59:59", "2026-01-31T23:59:59Z"),
        ("2026-01-31t23:59:59z", "2026-01-31T23:59:59Z"),
        ("2026-01-31T23:59:59.5", "2026-01-31T23:59:59.5Z"),
        ("2026-01-31T23:59:59,123456789Z", "2026-01-31T23:59:59.123456Z"),
        ("2026-01-31T23:59:59.999999999Z", "2026-01-31T23:59:59.999999Z"),
        ("2026-01-31T23:59", "2026-01-31T23:59:00Z"),
        ("2026-01-31T23:59+00:30", "2026-01-31T23:29:00Z"),
        ("2026-01-31", "2026-01-31T00:00:00Z"),
        ("2026/01/31", "2026-01-31T00:00:00Z"),
        ("2026/01/31 10:00:00", "2026-01-31T10:00:00Z"),
        // Year ends, in both directions of the offset.
        ("2025-12-31T23:30:00-01:00", "2026-01-01T00:30:00Z"),
        ("2026-01-01T00:30:00+0100", "2025-12-31T23:30:00Z"),
        ("2026-01-01 00:30:00+01", "2025-12-31T23:30:00Z"),
        ("2026-01-01T00:30:00-01:30", "2026-01-01T02:00:00Z"),
        ("2026-01-02T00:00:00+23:59", "2026-01-01T00:01:00Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        // Leap days: every fourth year, except every hundredth, but including every four hundredth.
        ("2024-02-29", "2024-02-29T00:00:00Z"),
        ("2000-02-29T12:00:00Z", "2000-02-29T12:00:00Z"),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
        ("0000-03-01", "0000-03-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
    ] {
        assert_eq!(read(text), Ok(utc(expected)), "{text}");
    }
}

#[test]
fn what_is_no_instant_is_refused() {
    for text in [
        "",
        " ",
        "x",
        "2026",
        "2026-",
        "2026-1-31",
        "2026-01-31 ",
        " 2026-01-31",
        "2026-01/31",
        "2026-13-01",
        "2026-00-01",
        "2026-01-00",
        "2026-04-31",
        "2023-02-29",
        "1900-02-29",
        "2026-01-31T",
        "2026-01-31T24:00:00Z",
        "2026-01-31T23:60:00Z",
        "2026-01-31T23:59:61Z",
        "2026-01-31T23:59:59.",
        "2026-01-31T23:59:59.1234567890Z",
        "2026-01-31T23:59:59+",
        "2026-01-31T23:59:59+24:00",
        "2026-01-31T23:59:59+01:60",
        "2026-01-31T23:59:59ZZ",
        "2026-01-31X23:59:59Z",
        "2026-01-31T2a:59:59Z",
        "2026-01-31T23:59:0:Z",
        "२०२६-०१-३१",
        "+2026-01-31",
        "nan",
        "inf",
        "-",
        ".5",
        "5.",
        "1e400",
        "99999999999999999999",
        "1 ",
        "0x10",
        "1_0",
        "true",
        "1e",
    ] {
        assert_eq!(read(text), Err(InstantFormat::Any.unreadable()), "{text:?}");
    }
    for real in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e19, -1e300] {
        assert_eq!(InstantFormat::Unix.read_real(real), Err(InstantFormat::Unix.unreadable()));
    }
    assert_eq!(InstantFormat::Unix.read_integer(i64::MAX), Err(InstantFormat::Unix.unreadable()));
    assert_eq!(InstantFormat::Unix.read_integer(i64::MIN), Err(InstantFormat::Unix.unreadable()));
}

#[test]
fn epoch_numbers_tell_their_unit_by_size() {
    let expected = Ok(utc("2023-11-14T22:13:20.123456Z"));
    assert_eq!(read("1700000000.123456"), expected);
    assert_eq!(read("1700000000.123456789"), expected);
    assert_eq!(read("+1700000000.123456"), expected);
    assert_eq!(read("1700000000123.456"), expected);
    assert_eq!(read("1700000000123456"), expected);
    assert_eq!(read("1700000000123456789"), expected);
    assert_eq!(read("1.700000000123456e9"), expected);
    assert_eq!(InstantFormat::Any.read_real(1_700_000_000.123_456), expected);
    assert_eq!(InstantFormat::Any.read_real(1_700_000_000_123.456), expected);
    assert_eq!(InstantFormat::Any.read_integer(1_700_000_000_123_456), expected);
    assert_eq!(InstantFormat::Any.read_integer(1_700_000_000_123_456_789), expected);
}

/// Dates, serial numbers of days and counts from other years are numbers as well.
#[test]
fn r6_w1_numbers_that_can_be_mistaken_are_not_read_without_a_declared_format() {
    for text in [
        "20260102",
        "20260102.0",
        "202601021530",
        "20260102153000",
        "20260102153000123",
        "2461043.1458",
        "2461043",
        "46024.5",
        "134118342000000000",
        "0",
        "1",
        "86400",
        "-1700000000",
        "99999999999",
        "2026",
    ] {
        let refused = Err(InstantFormat::Any.unreadable());
        assert_eq!(read(text), refused, "{text}");
        assert_eq!(InstantFormat::Any.read_real(text.parse().unwrap()), refused, "{text}");
        if let Ok(integer) = text.parse() {
            assert_eq!(InstantFormat::Any.read_integer(integer), refused, "{text}");
        }
    }
    let why = InstantFormat::Any.unreadable().to_string();
    assert!(why.contains("time_format") && why.contains("yyyymmdd") && why.contains("julian-day"), "{why}");
}

#[test]
fn w1_dates_as_digits_and_julian_days_are_read_as_declared() {
    use InstantFormat::{DateDigits, DateTimeDigits, JulianDay, UnixNanos};
    let at = |text: &str| Ok(utc(text));
    assert_eq!(DateDigits.read_text(b"20260102"), at("2026-01-02T00:00:00Z"));
    assert_eq!(DateDigits.read_integer(20_240_229), at("2024-02-29T00:00:00Z"));
    assert_eq!(DateDigits.read_real(20_260_102.0), at("2026-01-02T00:00:00Z"));
    assert_eq!(DateTimeDigits.read_text(b"20260102153001"), at("2026-01-02T15:30:01Z"));
    assert_eq!(DateTimeDigits.read_integer(20_161_231_235_960), at("2017-01-01T00:00:00Z"));
    assert_eq!(JulianDay.read_real(2_440_587.5), at("1970-01-01T00:00:00Z"));
    assert_eq!(JulianDay.read_integer(2_461_043), at("2026-01-02T12:00:00Z"));
    // The result of SQLite's julianday() for this instant.
    assert_eq!(JulianDay.read_real(2_461_043.145_833_333_5), at("2026-01-02T15:30:00Z"));
    assert_eq!(JulianDay.read_text(b"2461043.1458"), at("2026-01-02T15:29:57.120Z"));
    assert_eq!(UnixNanos.read_integer(1_700_000_000_123_456_789), at("2023-11-14T22:13:20.123456Z"));
    for (format, text) in [
        (DateDigits, "2026010"),
        (DateDigits, "020260102"),
        (DateDigits, "20261301"),
        (DateDigits, "20260230"),
        (DateDigits, "00000000"),
        (DateDigits, "-20260102"),
        (DateDigits, "2026-01-02"),
        (DateDigits, "20260102153000"),
        (DateTimeDigits, "20260102"),
        (DateTimeDigits, "20260102240000"),
        (DateTimeDigits, "20260102156000"),
        (DateTimeDigits, "20260102153061"),
        (JulianDay, "20260102"),
        (JulianDay, "-2461043.5"),
        (JulianDay, "2026-01-02"),
    ] {
        assert_eq!(format.read_text(text.as_bytes()), Err(format.unreadable()), "{format:?} {text}");
    }
    assert!(DateDigits.read_real(20_260_102.5).is_err() && DateDigits.read_integer(-20_260_102).is_err());
    assert!(DateTimeDigits.read_integer(20_260_102).is_err());
}

#[test]
fn instants_before_1970_are_cut_towards_the_past() {
    let expected = Ok(utc("1969-12-31T23:59:59.999999Z"));
    for text in ["-0.000001", "-0.0000001", "-0.0000000000001", "-0.0000010000"] {
        assert_eq!(InstantFormat::Unix.read_text(text.as_bytes()), expected);
    }
    assert_eq!(InstantFormat::Unix.read_real(-1e-9), expected);
    assert_eq!(InstantFormat::UnixMicros.read_text(b"-0.1"), expected);
    assert_eq!(InstantFormat::Unix.read_integer(-1), Ok(utc("1969-12-31T23:59:59Z")));
}

#[test]
fn a_declared_format_admits_no_other() {
    use InstantFormat::{Iso, Unix, UnixMicros, UnixMillis};
    let second = Ok(utc("1970-01-01T00:00:01Z"));
    assert_eq!(Unix.read_text(b"1"), second);
    assert_eq!(UnixMillis.read_integer(1_000), second);
    assert_eq!(UnixMillis.read_real(1_000.0), second);
    assert_eq!(UnixMicros.read_integer(1_000_000), second);
    let far = DateTime::from_timestamp(1_700_000_000_000, 0).unwrap();
    assert_eq!(Unix.read_integer(1_700_000_000_000), Ok(far));
    assert_eq!(Iso.read_text(b"1970-01-01T00:00:01Z"), second);
    for (format, text) in [
        (Iso, "1"),
        (Iso, "1970/01/01"),
        (Iso, "1700000000"),
        (Unix, "1970-01-01"),
        (UnixMillis, "1970-01-01T00:00:01Z"),
    ] {
        assert_eq!(format.read_text(text.as_bytes()), Err(format.unreadable()));
        let why = format.unreadable().to_string();
        assert!(why.contains(format.name().unwrap()) && why.contains("time_format"), "{why}");
    }
    assert_eq!((Iso.read_integer(1), Iso.read_real(1.0)), (Err(Iso.unreadable()), Err(Iso.unreadable())));
    for (name, format) in [("iso", Iso), ("unix", Unix), ("unix-ms", UnixMillis), ("unix-us", UnixMicros)] {
        assert_eq!(name.parse(), Ok(format));
    }
    for format in InstantFormat::DECLARED {
        assert_eq!(format.name().unwrap().parse(), Ok(format));
    }
    assert!("julian".parse::<InstantFormat>().unwrap_err().to_string().contains("unix-us"));
}

proptest! {
    #[test]
    fn dates_agree_with_chrono(year in 0i32..=9999, month in 0u32..=13, day in 0u32..=32) {
        let expected = NaiveDate::from_ymd_opt(year, month, day).map(|date| date.and_time(Default::default()).and_utc());
        prop_assert_eq!(read(&format!("{year:04}-{month:02}-{day:02}")).ok(), expected);
    }

    #[test]
    fn printed_instants_read_back(micros in -62_135_596_800_000_000i64..253_402_300_800_000_000, form in 0usize..4) {
        let at = DateTime::from_timestamp_micros(micros).unwrap();
        let forms = [SecondsFormat::AutoSi, SecondsFormat::Micros, SecondsFormat::Nanos];
        let text = forms.get(form).map_or_else(|| at.format("%F %T%.6f").to_string(), |form| at.to_rfc3339_opts(*form, true));
        prop_assert_eq!(read(&text), Ok(at));
        prop_assert_eq!(InstantFormat::Iso.read_text(text.as_bytes()), Ok(at));
        prop_assert_eq!(InstantFormat::UnixMicros.read_integer(micros), Ok(at));
    }

    #[test]
    fn microseconds_written_as_real_seconds_are_exact(micros in 0i64..4_000_000_000_000_000) {
        let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        let at = Ok(DateTime::from_timestamp_micros(micros).unwrap());
        prop_assert_eq!(InstantFormat::Unix.read_text(text.as_bytes()), at);
        prop_assert_eq!(InstantFormat::Unix.read_real(text.parse().unwrap()), at);
    }

    #[test]
    fn nothing_panics(text in prop::collection::vec(any::<u8>(), 0..40), near in "[0-9TZ:./, +eE-]{0,34}", integer: i64, real: f64) {
        for format in InstantFormat::DECLARED.into_iter().chain([InstantFormat::Any]) {
            let _ = (format.read_text(&text), format.read_text(near.as_bytes()));
            let _ = (format.read_integer(integer), format.read_real(real));
        }
    }
    /// A number is read in its own unit or not at all, and never as an instant of another unit.
    #[test]
    fn r6_w1_certain_numbers_are_those_of_1990_to_2099_in_their_own_unit(
        seconds in prop_oneof![-1_000_000_000i64..0, 100_000_000i64..9_000_000_000], factor in prop::sample::select(vec![1, 1_000, 1_000_000, 1_000_000_000])
    ) {
        let certain = (631_152_000..4_102_444_800).contains(&seconds);
        let expected = certain.then(|| DateTime::from_timestamp(seconds, 0).unwrap());
        prop_assert_eq!(InstantFormat::Any.read_integer(seconds * factor).ok(), expected);
        prop_assert_eq!(read(&(seconds * factor).to_string()).ok(), expected);
    }

    /// The range that is looked up in an index holds every number that counts.
    #[test]
    fn w1_numbers_of_a_window_lie_between_their_bounds(
        seconds in -62_000_000_000i64..253_000_000_000, length in 0i64..100_000_000, offset in -2_000_000i64..2_000_000,
        from_end: bool,
    ) {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let (start, end) = (at(seconds), at(seconds + length));
        let near = at(if from_end { seconds + length } else { seconds } + offset);
        let micros = near.timestamp_micros();
        for format in InstantFormat::DECLARED {
            let Some(bounds) = format.numbers_within(start, end) else { continue };
            let all = format.numbers().unwrap();
            let numbers = [
                near.timestamp(), near.timestamp_millis(), micros, micros.saturating_mul(1_000),
                near.format("%Y%m%d").to_string().parse().unwrap(), near.format("%Y%m%d%H%M%S").to_string().parse().unwrap(),
                near.timestamp().div_euclid(86_400) + 2_440_588, seconds,
            ];
            for number in numbers {
                let read = format.read_integer(number);
                prop_assert!(read.is_err() || all.contains(&number), "{:?} {}", format, number);
                let within = read.is_ok_and(|at| start <= at && at < end);
                prop_assert!(!within || bounds.contains(&number), "{:?} {} {:?}", format, number, bounds);
            }
        }
    }
}
