//! Times and durations.

use chrono::TimeDelta;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// 30 days: the exact instant is shown elsewhere.
const MONTH: i64 = 30 * DAY;
const YEAR: i64 = 365 * DAY;

/// `in 5 h`, `3 min ago`, `now`: where an instant lies that is `ahead` of now. Whole units; of minutes one or more, of
/// larger ones at least two.
pub fn relative(ahead: TimeDelta) -> String {
    let seconds = ahead.num_seconds();
    let (count, unit) = match seconds.abs() {
        0 => return "now".to_owned(),
        few if few < MINUTE => (few, "s"),
        few if few < 2 * HOUR => (few / MINUTE, "min"),
        few if few < 2 * DAY => (few / HOUR, "h"),
        few if few < 2 * MONTH => (few / DAY, "d"),
        few if few < 2 * YEAR => (few / MONTH, "months"),
        many => (many / YEAR, "years"),
    };
    if seconds > 0 { format!("in {count} {unit}") } else { format!("{count} {unit} ago") }
}

/// `in 5 h`, `now`, `overdue by 3 h`: where the next start of a job lies that is `ahead` of now.
pub fn due(ahead: TimeDelta) -> String {
    if ahead.num_seconds() >= 0 {
        return relative(ahead);
    }
    let ago = relative(ahead);
    format!("overdue by {}", ago.strip_suffix(" ago").unwrap_or(&ago))
}

/// `30 ms`, `0.4 s`, `4 s`, `13 s`, `2 min 05 s`, `1 h 02 min`, `2 d 03 h`: how long something took or takes.
pub fn lasting(duration: TimeDelta) -> String {
    let seconds = duration.num_seconds().max(0);
    let two = |large: i64, large_unit: &str, small: i64, small_unit: &str| {
        format!("{large} {large_unit} {small:02} {small_unit}")
    };
    let millis = duration.subsec_millis().max(0);
    match seconds {
        0 if millis < 100 => format!("{millis} ms"),
        few if few < 10 && millis > 0 => format!("{few}.{} s", millis / 100),
        few if few < MINUTE => format!("{few} s"),
        few if few < HOUR => two(few / MINUTE, "min", few % MINUTE, "s"),
        few if few < DAY => two(few / HOUR, "h", few % HOUR / MINUTE, "min"),
        many => two(many / DAY, "d", many % DAY / HOUR, "h"),
    }
}

/// `1 min 13 s left`
pub fn remaining(seconds: u64) -> String {
    let left = i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds).unwrap_or(TimeDelta::MAX);
    if seconds == 0 { "0 s left".to_owned() } else { format!("{} left", lasting(left)) }
}

/// `12.345`: seconds as a number that programs can add.
pub fn seconds(duration: TimeDelta) -> String {
    format!("{}.{:03}", duration.num_seconds(), duration.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_told_from_now() {
        for (seconds, told) in [
            (0, "now"),
            (1, "in 1 s"),
            (-59, "59 s ago"),
            (-119, "1 min ago"),
            (120, "in 2 min"),
            (-3 * HOUR, "3 h ago"),
            (5 * HOUR + 59, "in 5 h"),
            (2 * DAY - 1, "in 47 h"),
            (-2 * DAY, "2 d ago"),
            (60 * DAY, "in 2 months"),
            (-730 * DAY, "2 years ago"),
        ] {
            assert_eq!(relative(TimeDelta::seconds(seconds)), told);
        }
        assert_eq!(relative(TimeDelta::MIN), format!("{} years ago", i64::MAX / 1_000 / YEAR));
    }

    #[test]
    fn a_start_that_has_passed_is_overdue() {
        for (seconds, told) in
            [(5 * HOUR, "in 5 h"), (0, "now"), (-59, "overdue by 59 s"), (-3 * HOUR, "overdue by 3 h")]
        {
            assert_eq!(due(TimeDelta::seconds(seconds)), told);
        }
    }

    #[test]
    fn durations_have_two_units_at_most() {
        for (millis, told) in [
            (0, "0 ms"),
            (99, "99 ms"),
            (100, "0.1 s"),
            (449, "0.4 s"),
            (4_000, "4 s"),
            (4_010, "4.0 s"),
            (13_900, "13 s"),
            (125_000, "2 min 05 s"),
            (3_720_000, "1 h 02 min"),
            (183_600_000, "2 d 03 h"),
            (-5, "0 ms"),
        ] {
            assert_eq!(lasting(TimeDelta::milliseconds(millis)), told);
        }
        assert_eq!((&*remaining(0), &*remaining(73)), ("0 s left", "1 min 13 s left"));
        assert!(remaining(u64::MAX).ends_with(" h left"));
        assert_eq!(seconds(TimeDelta::milliseconds(75_010)), "75.010");
    }
}
