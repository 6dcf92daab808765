//! Days of the week as they are typed, stored and printed.

use chrono::Weekday;

use crate::domain::violation::{Code, RuleViolation, quoted};

/// Returns the short name, `mon` to `sun`.
pub const fn weekday_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "mon",
        Weekday::Tue => "tue",
        Weekday::Wed => "wed",
        Weekday::Thu => "thu",
        Weekday::Fri => "fri",
        Weekday::Sat => "sat",
        Weekday::Sun => "sun",
    }
}

/// Reads `mon` to `sun` or a whole English name, in any case.
///
/// # Errors
/// [`Code::InvalidFrequency`] for anything else.
pub fn parse_weekday(text: &str) -> Result<Weekday, RuleViolation> {
    text.parse().map_err(|_| {
        RuleViolation::new(
            Code::InvalidFrequency,
            format!("{} is not a day of the week: write mon, tue, wed, thu, fri, sat or sun", quoted(text)),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f4_days_are_read_by_name_only() {
        for number in 0..7 {
            let day = Weekday::try_from(number).unwrap();
            assert_eq!(parse_weekday(weekday_name(day)), Ok(day));
        }
        assert_eq!(parse_weekday("TUESDAY"), Ok(Weekday::Tue));
        for bad in ["", "2", "tu", "dienstag", "tue "] {
            assert_eq!(parse_weekday(bad).unwrap_err().code(), Code::InvalidFrequency, "{bad:?}");
        }
    }
}
