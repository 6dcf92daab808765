//! Templates over JSON lines, for what sources do not apply themselves.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::text::unescaped;
use super::{FieldValue, Filter, Template};
use crate::domain::record::prune::{self, Keys};
use crate::domain::record::selection::CategorySelection;
use crate::domain::record::{RecordBatch, RejectedContent, RejectedRecord};

impl Template {
    /// The records of `batch` that match every filter, with the selected fields, in their order. CPU work:
    /// runs on the workers. What was rejected, and how much was read, stays.
    pub fn apply(&self, batch: &RecordBatch) -> RecordBatch {
        if self.is_default() {
            return batch.clone();
        }
        let mut reading = Reading::new(self);
        batch.rewritten(|line, output| reading.rewrite(line, output) == Verdict::Wanted)
    }

    /// What may be told of a bad record; `None` if it is none that the job exports, as far as its fields can
    /// be read. Of a job that exports some records or some fields only, nothing is told of what cannot be
    /// read: it may be somebody else's.
    #[must_use]
    pub fn tell(&self, rejected: RejectedRecord, categories: &CategorySelection) -> Option<RejectedRecord> {
        let mut selected = Vec::new();
        let verdict = match rejected.content() {
            RejectedContent::Json(value) => Reading::new(self).rewrite(value, &mut selected),
            _ => Verdict::Unreadable,
        };
        match verdict {
            Verdict::Unwanted => None,
            Verdict::Wanted if self.fields.names().is_some() => {
                Some(rejected.with_content(RejectedContent::Json(Bytes::from(selected))))
            }
            Verdict::Unreadable if !self.is_default() || *categories != CategorySelection::All => {
                Some(rejected.with_content(RejectedContent::Withheld))
            }
            Verdict::Wanted | Verdict::Unreadable => Some(rejected),
        }
    }
}

/// What a template says of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It is exported.
    Wanted,
    /// A filter says no.
    Unwanted,
    /// It is no JSON object.
    Unreadable,
}

/// A template, ready to be asked about many records.
struct Reading<'t> {
    selects: bool,
    /// What the named fields are for, ordered by length, then by name: few keys of a record are as long as
    /// one that is looked for.
    fields: Vec<(&'t [u8], Role)>,
    conditions: Vec<Condition<'t>>,
    scratch: Vec<u8>,
    keys: Keys,
}

/// What a named field is for.
#[derive(Default)]
struct Role {
    is_selected: bool,
    /// The index of its condition.
    condition: Option<usize>,
}

/// All filters on one field.
#[derive(Default)]
struct Condition<'t> {
    filters: Vec<&'t Filter>,
    /// Of the record that is being read.
    is_met: bool,
}

impl Condition<'_> {
    fn see(&mut self, value: FieldValue<'_>) {
        self.is_met = self.filters.iter().all(|filter| filter.matches(value));
    }
}

impl<'t> Reading<'t> {
    fn new(template: &'t Template) -> Self {
        let mut fields: BTreeMap<(usize, &[u8]), Role> = BTreeMap::new();
        let order = |name: &'t str| (name.len(), name.as_bytes());
        for name in template.fields.names().unwrap_or_default() {
            fields.entry(order(name)).or_default().is_selected = true;
        }
        let mut conditions: Vec<Condition<'_>> = Vec::new();
        for filter in &template.filters {
            let role = fields.entry(order(filter.field())).or_default();
            let index = *role.condition.get_or_insert_with(|| {
                conditions.push(Condition::default());
                conditions.len() - 1
            });
            conditions[index].filters.push(filter);
        }
        let fields = fields.into_iter().map(|((_, name), role)| (name, role)).collect();
        Self {
            selects: template.fields.names().is_some(),
            fields,
            conditions,
            scratch: Vec::new(),
            keys: Keys::default(),
        }
    }

    /// Appends what is exported of the record in `line`; nothing if it is not.
    fn rewrite(&mut self, line: &[u8], output: &mut Vec<u8>) -> Verdict {
        let start = output.len();
        output.push(b'{');
        for condition in &mut self.conditions {
            condition.see(FieldValue::Missing);
        }
        let Self { fields, conditions, scratch, keys, .. } = self;
        scratch.clear();
        let read = prune::object_with(keys, line, scratch, |key, value| {
            let key_means = unescaped(key);
            let order = |name: &[u8]| name.len().cmp(&key_means.len()).then_with(|| name.cmp(&key_means));
            let Ok(index) = fields.binary_search_by(|(name, _)| order(name)) else { return };
            let role = &fields[index].1;
            // Of two values the last one counts.
            if let Some(condition) = role.condition {
                conditions[condition].see(FieldValue::Json(value));
            }
            if role.is_selected {
                push_member(output, start, key, value);
            }
        });
        let verdict = match read {
            Err(_) => Verdict::Unreadable,
            Ok(_) if self.conditions.iter().all(|condition| condition.is_met) => Verdict::Wanted,
            Ok(_) => Verdict::Unwanted,
        };
        if verdict != Verdict::Wanted {
            output.truncate(start);
            return verdict;
        }
        if self.selects {
            output.push(b'}');
        } else {
            output.truncate(start);
            output.extend_from_slice(&self.scratch);
        }
        verdict
    }
}

/// Appends a member to the object that begins at `start`, as it is spelled.
fn push_member(output: &mut Vec<u8>, start: usize, key: &[u8], value: &[u8]) {
    if output.len() > start + 1 {
        output.push(b',');
    }
    output.push(b'"');
    output.extend_from_slice(key);
    output.extend_from_slice(b"\":");
    output.extend_from_slice(value);
}
