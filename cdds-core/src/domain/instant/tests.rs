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
        // Leap days: every fourth year, not the hundredth, yes the four hundredth.
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
        let found = read(text);
        // Bare digits are seconds, whatever they look like.
        if text == "2026" {
            assert_eq!(found, Ok(DateTime::from_timestamp(2026, 0).unwrap()));
        } else {
            assert_eq!(found, Err(UnreadableInstant), "{text:?}");
        }
    }
    for real in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e19, -1e300] {
        assert_eq!(InstantFormat::Any.read_real(real), Err(UnreadableInstant));
    }
    assert_eq!(InstantFormat::Unix.read_integer(i64::MAX), Err(UnreadableInstant));
    assert_eq!(InstantFormat::Unix.read_integer(i64::MIN), Err(UnreadableInstant));
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
    assert_eq!(InstantFormat::Any.read_integer(99_999_999_999), Ok(utc("5138-11-16T09:46:39Z")));
    assert_eq!(InstantFormat::Any.read_integer(100_000_000_000), Ok(utc("1973-03-03T09:46:40Z")));
    assert_eq!(InstantFormat::Any.read_integer(0), Ok(DateTime::UNIX_EPOCH));
}

#[test]
fn instants_before_1970_are_cut_towards_the_past() {
    let expected = Ok(utc("1969-12-31T23:59:59.999999Z"));
    assert_eq!(read("-0.000001"), expected);
    assert_eq!(read("-0.0000001"), expected);
    assert_eq!(read("-0.0000000000001"), expected);
    assert_eq!(read("-0.0000010000"), expected);
    assert_eq!(InstantFormat::Any.read_real(-1e-9), expected);
    assert_eq!(InstantFormat::UnixMicros.read_text(b"-0.1"), expected);
    assert_eq!(InstantFormat::Any.read_integer(-1), Ok(utc("1969-12-31T23:59:59Z")));
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
    for refused in [
        Iso.read_integer(1),
        Iso.read_real(1.0),
        Iso.read_text(b"1"),
        Iso.read_text(b"1970/01/01"),
        Unix.read_text(b"1970-01-01"),
        UnixMillis.read_text(b"1970-01-01T00:00:01Z"),
    ] {
        assert_eq!(refused, Err(UnreadableInstant));
    }
    for (name, format) in [("iso", Iso), ("unix", Unix), ("unix-ms", UnixMillis), ("unix-us", UnixMicros)] {
        assert_eq!(name.parse(), Ok(format));
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
        use InstantFormat::{Any, Iso, Unix, UnixMicros, UnixMillis};
        for format in [Any, Iso, Unix, UnixMillis, UnixMicros] {
            let _ = (format.read_text(&text), format.read_text(near.as_bytes()));
            let _ = (format.read_integer(integer), format.read_real(real));
        }
    }
}
