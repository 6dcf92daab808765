//! The values of a filter with a list.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::decimal::Decimal;
use super::filter::Filter;
use super::invalid;
use crate::domain::violation::RuleViolation;

/// Different values in the order of their code points, so that two lists of the same values are the same
/// condition. Looking up a value takes a number of steps that grows with the logarithm of their count.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ValueList {
    texts: Vec<String>,
    /// The indices of those that are JSON numbers, by size.
    numbers: Vec<usize>,
}

impl ValueList {
    /// Creates the list for a filter on `field`. The error names no value.
    pub(super) fn new(field: &str, values: impl IntoIterator<Item = String>) -> Result<Self, RuleViolation> {
        let mut distinct = BTreeSet::new();
        let mut bytes = 0;
        for value in values {
            check_value(field, &value)?;
            let len = value.len();
            if distinct.insert(value) {
                bytes += len;
            }
            check_size(distinct.len(), bytes, || format!("the list of the filter on {field:?}"))?;
        }
        if distinct.is_empty() {
            return Err(invalid(format!("the list of the filter on {field:?} is empty: name a value")));
        }
        Ok(Self::sorted(distinct.into_iter().collect()))
    }

    fn sorted(texts: Vec<String>) -> Self {
        let numbers = texts.iter().enumerate();
        let numbers = numbers.filter_map(|(index, text)| Some((Decimal::parse(text.as_bytes())?, index)));
        let mut numbers: Vec<(Decimal<'_>, usize)> = numbers.collect();
        numbers.sort_by(|(one, _), (other, _)| one.compare(other));
        let numbers = numbers.into_iter().map(|(_, index)| index).collect();
        Self { texts, numbers }
    }

    pub(super) fn as_slice(&self) -> &[String] {
        &self.texts
    }

    pub(super) fn bytes(&self) -> usize {
        self.texts.iter().map(String::len).sum()
    }

    pub(super) fn has_text(&self, text: &[u8]) -> bool {
        self.texts.binary_search_by(|known| known.as_bytes().cmp(text)).is_ok()
    }

    pub(super) fn has_number(&self, number: &Decimal<'_>) -> bool {
        // Every index here is that of a number.
        let order = |index: &usize| {
            let known = self.texts.get(*index).and_then(|text| Decimal::parse(text.as_bytes()));
            known.map_or(Ordering::Less, |known| known.compare(number))
        };
        self.numbers.binary_search_by(order).is_ok()
    }
}

fn check_value(field: &str, value: &str) -> Result<(), RuleViolation> {
    match value.chars().count() {
        0 => Err(invalid(format!(
            "the list of the filter on {field:?} has an empty value, which equals nothing: leave it out"
        ))),
        1..=Filter::VALUE_CHARS_MAX => Ok(()),
        count => Err(invalid(format!(
            "the list of the filter on {field:?} has a value of {count} characters: use {} or fewer",
            Filter::VALUE_CHARS_MAX
        ))),
    }
}

/// Checks the number of listed values and their bytes, in one filter or in all of a job. Every execution
/// keeps a copy of the settings, so lists are much smaller than what one job could hold in memory.
pub(super) fn check_size(
    count: usize,
    bytes: usize,
    what: impl FnOnce() -> String,
) -> Result<(), RuleViolation> {
    if count > Filter::VALUES_MAX {
        let what = what();
        return Err(invalid(format!(
            "{what} has more than {} values: use fewer, or filter in the source",
            Filter::VALUES_MAX
        )));
    }
    if bytes > Filter::VALUES_BYTES_MAX {
        let what = what();
        return Err(invalid(format!(
            "{what} has values of more than {} KiB together: use fewer, or filter in the source",
            Filter::VALUES_BYTES_MAX >> 10
        )));
    }
    Ok(())
}

/// Reads the values of `field in …`: texts with commas between them, or a JSON array of texts, which keeps
/// commas and spaces. The error does not repeat the text.
pub(super) fn values(field: &str, text: &str) -> Result<Vec<String>, RuleViolation> {
    let text = text.trim();
    if text.starts_with('@') {
        return Err(invalid(format!(
            "the filter on {field:?} names a file, which only the command line reads: write the values, or a \
             JSON array if a value begins with @"
        )));
    }
    if text.starts_with('[') {
        return serde_json::from_str(text).map_err(|_| {
            invalid(format!(
                "the list of the filter on {field:?} is no array of texts: write it like [\"a,b\", \"c\"]"
            ))
        });
    }
    if text.is_empty() {
        return Ok(Vec::new());
    }
    Ok(text.split(',').map(|value| value.trim().to_owned()).collect())
}

/// Spells values so that [`values`] reads them back.
pub(super) fn spelled(texts: &[String]) -> String {
    let plain = texts.join(",");
    let is_plain = values("", &plain).is_ok_and(|read| read == texts);
    if is_plain { plain } else { serde_json::Value::from(texts).to_string() }
}
