//! One field of a cron expression, parsed into a set of bits.

use super::refusal;
use crate::domain::violation::RuleViolation;

/// The values that a field may hold. Each value is the bit of that number in a `u64`.
#[derive(Debug)]
pub(super) struct Field {
    name: &'static str,
    first: u32,
    last: u32,
    /// The names of the values from `first` on; empty if the field has only numbers.
    names: &'static [&'static str],
}

pub(super) const MINUTE: Field = Field { name: "minute", first: 0, last: 59, names: &[] };
pub(super) const HOUR: Field = Field { name: "hour", first: 0, last: 23, names: &[] };
pub(super) const DAY_OF_MONTH: Field = Field { name: "day of month", first: 1, last: 31, names: &[] };
pub(super) const MONTH: Field = Field {
    name: "month",
    first: 1,
    last: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
pub(super) const DAY_OF_WEEK: Field = Field {
    name: "day of week",
    first: 0,
    last: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

/// Maps days of the week 0–7 to 0–6: bit 7, which also means Sunday, becomes bit 0.
pub(super) const fn sunday_is_zero(days: u64) -> u64 {
    (days | days >> 7) & 0b111_1111
}

impl Field {
    /// Parses `*` or a list.
    pub(super) fn read(&self, text: &str) -> Result<u64, RuleViolation> {
        text.split(',').try_fold(0, |set, item| Ok(set | self.item(item)?))
    }

    /// Parses `*`, `a`, `a-b`, `*/n` or `a-b/n`.
    fn item(&self, item: &str) -> Result<u64, RuleViolation> {
        let (range, step) = match item.split_once('/') {
            None => (item, None),
            Some((range, step)) => (range, Some(step)),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (self.first, self.last),
            Some((first, last)) => self.range(item, first, last)?,
            None => {
                let value = self.value(item, range)?;
                // Programs disagree whether `a/n` runs to the end of the field or means `a` alone.
                if step.is_some() {
                    let instead = format!("{range}-{}/n, or {range} alone", self.last);
                    return Err(self.refuse(item, "a step needs a range", &instead));
                }
                (value, value)
            }
        };
        let step = step.map_or(Ok(1), |step| self.step(item, step))?;
        Ok((first..=last).step_by(step).fold(0, |set, value| set | 1 << value))
    }

    fn range(&self, item: &str, first: &str, last: &str) -> Result<(u32, u32), RuleViolation> {
        let (from, to) = (self.value(item, first)?, self.value(item, last)?);
        // `sun` is 0, so `fri-sun` would end before it starts; it ends on 7 instead. `sun-sun` stays one day
        // and does not become the whole week.
        let to = if from > 0 && last.eq_ignore_ascii_case("sun") { 7 } else { to };
        if from > to {
            let instead = format!("{first}-{} and {}-{last}, separated by a comma", self.last, self.first);
            return Err(self.refuse(item, "the range ends before it starts", &instead));
        }
        Ok((from, to))
    }

    /// Parses a step. A step beyond the field's last value would select only the first value of the range,
    /// which nobody means.
    fn step(&self, item: &str, step: &str) -> Result<usize, RuleViolation> {
        number(step)
            .filter(|step| (1..=self.last).contains(step))
            .and_then(|step| step.try_into().ok())
            .ok_or_else(|| {
                self.refuse(
                    item,
                    &format!("{step:?} is not a valid step"),
                    &format!("a step of 1 to {}", self.last),
                )
            })
    }

    fn value(&self, item: &str, text: &str) -> Result<u32, RuleViolation> {
        if let Some(value) = number(text) {
            return if (self.first..=self.last).contains(&value) {
                Ok(value)
            } else {
                Err(self.refuse(item, &format!("{value} is out of range"), &self.values()))
            };
        }
        let named = (self.first..).zip(self.names).find(|(_, name)| name.eq_ignore_ascii_case(text));
        named.map(|(value, _)| value).ok_or_else(|| match text {
            "?" => self.refuse(item, "? is not standard", "*"),
            "" => self.refuse(item, "a value is missing", &self.values()),
            _ => self.refuse(
                item,
                &format!("{text:?} is not one of its values{}", extension(text)),
                &self.values(),
            ),
        })
    }

    fn values(&self) -> String {
        match (self.names.first(), self.names.last()) {
            (Some(first), Some(last)) => format!("{} to {} or {first} to {last}", self.first, self.last),
            _ => format!("{} to {}", self.first, self.last),
        }
    }

    fn refuse(&self, item: &str, why: &str, instead: &str) -> RuleViolation {
        refusal(format!("cron field {}, {item:?}: {why}; write {instead}", self.name))
    }
}

/// Parses digits without a sign. A number too large for the type becomes `u32::MAX`, which is out of range in
/// every field.
fn number(text: &str) -> Option<u32> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().unwrap_or(u32::MAX))
}

/// Returns a hint if the text uses an extension of cron, or an empty string.
fn extension(text: &str) -> &'static str {
    let extended = text.contains('#') || text.ends_with(['L', 'W', 'l', 'w']);
    if extended {
        " (L, W and # are not standard; the frequency monthly can use a month's last day)"
    } else {
        ""
    }
}
