//! Applying templates to JSON lines, for sources that do not do so themselves.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::text::unescaped;
use super::{FieldValue, Filter, Template};
use crate::domain::record::prune::{self, Keys};
use crate::domain::record::selection::CategorySelection;
use crate::domain::record::{RecordBatch, RejectedContent, RejectedRecord};

impl Template {
    /// Returns the records of `batch` that match every filter, with the selected fields in the source's
    /// order. Rejected records and the count of bytes read stay. This is CPU work and runs on the workers.
    pub fn apply(&self, batch: &RecordBatch) -> RecordBatch {
        self.apply_seeing(batch, |_| ())
    }

    /// Applies the template, as [`apply`](Self::apply) does, and passes the lines of the records that match to `see`, with
    /// all of their fields: one or more at a time.
    pub(crate) fn apply_seeing(&self, batch: &RecordBatch, mut see: impl FnMut(&[u8])) -> RecordBatch {
        if self.filters.is_empty() {
            see(batch.lines());
        }
        if self.is_default() {
            return batch.clone();
        }
        let mut reading = Reading::new(self);
        batch.rewritten(|line, output| {
            let is_wanted = reading.rewrite(line, output) == Verdict::Wanted;
            if is_wanted && !self.filters.is_empty() {
                see(line);
            }
            is_wanted
        })
    }

    /// Returns the part of a bad record that may be reported, or `None` if its readable fields show that the
    /// job does not export it (rule E10). If the job exports only some records or fields, the content of an
    /// unreadable record is withheld, since it may be somebody else's.
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

/// The result of applying a template to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It is exported.
    Wanted,
    /// A filter excludes it.
    Unwanted,
    /// It is not a JSON object.
    Unreadable,
}

/// A template, prepared to be applied to many records.
struct Reading<'t> {
    selects: bool,
    /// The roles of the named fields, ordered by length, then by name: few keys of a record are as long as
    /// one of them, so most lookups end quickly.
    fields: Vec<(&'t [u8], Role)>,
    conditions: Vec<Condition<'t>>,
    scratch: Vec<u8>,
    keys: Keys,
}

/// The role of a named field.
#[derive(Default)]
struct Role {
    is_selected: bool,
    /// The index of the condition on it.
    condition: Option<usize>,
}

/// All filters on one field.
#[derive(Default)]
struct Condition<'t> {
    filters: Vec<&'t Filter>,
    /// Whether the record that is being read meets all of them.
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

    /// Appends the exported part of the record in `line`, or nothing if the record is not exported.
    fn rewrite(&mut self, line: &[u8], output: &mut Vec<u8>) -> Verdict {
        let start = output.len();
        output.push(b'{');
        // A condition whose field never comes is judged as for a missing field.
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
            // If the key comes twice, the last value overwrites the verdict of the first.
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

/// Appends a member, as it is spelled, to the object that begins at `start`.
fn push_member(output: &mut Vec<u8>, start: usize, key: &[u8], value: &[u8]) {
    if output.len() > start + 1 {
        output.push(b',');
    }
    output.push(b'"');
    output.extend_from_slice(key);
    output.extend_from_slice(b"\":");
    output.extend_from_slice(value);
}
