//! Rule F6: cron expressions in their standard meaning.

mod field;
mod slots;

use chrono::{DateTime, Utc};

use crate::domain::violation::{Code, RuleViolation};
use field::{DAY_OF_MONTH, DAY_OF_WEEK, HOUR, MINUTE, MONTH};
use slots::Slots;

/// A cron expression of the five standard fields, separated by spaces: minute (0–59), hour (0–23), day of
/// month (1–31), month (1–12 or `jan`–`dec`) and day of week (0–7 or `sun`–`sat`; 0 and 7 are Sunday).
///
/// A field is `*` or a list, separated by commas, of numbers, ranges `a-b` and steps `*/n` and `a-b/n`. Names
/// may be in any case. `sun` is 0, but 7 at the end of a range, so `fri-sun` is a valid range.
///
/// Expressions that programs read differently are refused: those that restrict both day of month and day of
/// week (some programs require both to match, some either), `a/n` without a range, ranges that wrap around,
/// seconds and years, `?`, `L`, `W`, `#`, and macros like `@daily`. So is an expression that never matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronExpression {
    text: String,
    slots: Slots,
}

impl CronExpression {
    /// The longest expression, in characters. A list of every value of every field is shorter.
    pub const CHARS_MAX: usize = 512;

    /// Reads an expression.
    ///
    /// # Errors
    /// [`Code::InvalidCron`] if the expression is too long, not standard, ambiguous or never matches. The
    /// message names what is wrong and what to write instead.
    pub fn new(text: &str) -> Result<Self, RuleViolation> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let text = parts.join(" ");
        let [minute, hour, day_of_month, month, day_of_week] = five_fields(&text, &parts)?;
        if day_of_month != "*" && day_of_week != "*" {
            return Err(refusal(format!(
                "cron expression {text:?} restricts both day of month ({day_of_month}) and day of week \
                 ({day_of_week}), which programs interpret differently: write * for one of them, or make two \
                 jobs"
            )));
        }
        let slots = Slots {
            minutes: MINUTE.read(minute)?,
            hours: HOUR.read(hour)?,
            days: DAY_OF_MONTH.read(day_of_month)?,
            months: MONTH.read(month)?,
            weekdays: field::sunday_is_zero(DAY_OF_WEEK.read(day_of_week)?),
        };
        if slots.is_empty() {
            return Err(refusal(format!(
                "cron expression {text:?} never matches: no such month has such a day; change day of month \
                 ({day_of_month}) or month ({month})"
            )));
        }
        Ok(Self { text, slots })
    }

    /// Returns the expression as it was written, with single spaces.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the hour is a wildcard (`*`, `*/2`) or the list of all hours: such an expression means a rhythm
    /// rather than times of day (rule F9).
    pub(in crate::domain::calendar) fn is_due_every_hour(&self) -> bool {
        let hour = self.text.split(' ').nth(1);
        hour.is_some_and(|hour| hour.starts_with('*')) || self.slots.has_every_hour()
    }

    pub(super) fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.slots.next_after(after)
    }

    pub(super) fn last_before(&self, before: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.slots.last_before(before)
    }
}

fn refusal(why: String) -> RuleViolation {
    RuleViolation::new(Code::InvalidCron, why)
}

fn five_fields<'a>(text: &str, parts: &[&'a str]) -> Result<[&'a str; 5], RuleViolation> {
    let fields = "five fields, minute, hour, day of month, month and day of week, like 0 2 * * 1-5";
    if text.chars().count() > CronExpression::CHARS_MAX {
        return Err(refusal(format!(
            "the cron expression is longer than {} characters: write ranges and steps instead of lists",
            CronExpression::CHARS_MAX
        )));
    }
    if text.starts_with('@') {
        let instead = match text.to_ascii_lowercase().as_str() {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            _ => return Err(refusal(format!("cron macro {text:?} is not known: write {fields}"))),
        };
        return Err(refusal(format!("cron macro {text:?} is not supported: write {instead}")));
    }
    parts.try_into().map_err(|_| {
        let seconds = if parts.len() > 5 { " (no seconds, no years)" } else { "" };
        refusal(format!("cron expression {text:?} has {} fields: write {fields}{seconds}", parts.len()))
    })
}

#[cfg(test)]
mod tests;
