//! Instants as two fields: a day, and a time of day as plain text of 24 hours.

use chrono::{DateTime, NaiveDate, NaiveTime, Timelike, Utc};

use crate::answers::Answers;
use crate::forms::Faults;
use crate::texts::job as texts;

/// What a field of a time takes: `02:00` or `2:00`, and finer where an instant is.
pub(crate) const TIME_PATTERN: &str = r"([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?";

/// Reads the fields `NAME-date` and `NAME-time`; a day without a time is its beginning.
pub(super) fn instant(answers: &Answers, name: &str, faults: &mut Faults) -> Option<DateTime<Utc>> {
    let (day, time) = (format!("{name}-date"), format!("{name}-time"));
    let read_time = match answers.one(&time).map(|text| read(text.trim())) {
        None => Some(NaiveTime::MIN),
        Some(None) => {
            faults.say(&time, texts::TIME_FORM);
            None
        }
        Some(read) => read,
    };
    match answers.one(&day) {
        None => {
            if answers.one(&time).is_some() {
                faults.say(&day, texts::DAY_TOO);
            }
            None
        }
        Some(text) => match text.trim().parse::<NaiveDate>() {
            Ok(date) => read_time.map(|time| date.and_time(time).and_utc()),
            Err(_) => {
                faults.say(&day, texts::DAY_FORM);
                None
            }
        },
    }
}

fn read(text: &str) -> Option<NaiveTime> {
    ["%H:%M", "%H:%M:%S%.f"].iter().find_map(|form| NaiveTime::parse_from_str(text, form).ok())
}

/// Spells an instant as those two fields, with only the digits needed.
pub(super) fn spelled(at: DateTime<Utc>) -> (String, String) {
    let form = match (at.nanosecond() / 1_000, at.second()) {
        (0, 0) => "%H:%M",
        (0, _) => "%H:%M:%S",
        _ => "%H:%M:%S%.6f",
    };
    (at.format("%Y-%m-%d").to_string(), at.format(form).to_string())
}
