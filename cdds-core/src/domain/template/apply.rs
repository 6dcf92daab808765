//! Templates over JSON lines, for what sources do not apply themselves.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::text::unescaped;
use super::{FieldValue, Filter, Template};
use crate::domain::prune;
use crate::domain::record::{RecordBatch, RejectedContent, RejectedRecord};

impl Template {
    /// The records of `batch` that match every filter, with the selected fields, in their order. CPU work:
    /// runs on the workers. What was rejected, and how much was read, stays.
    pub fn apply(&self, batch: &RecordBatch) -> RecordBatch {
        if self.is_default() {
            return batch.clone();
        }
        let mut reading = Reading::new(self);
        batch.rewritten(|line, output| reading.rewrite(line, output))
    }

    /// What may be told of a bad record: of a job that exports some fields only, no others. What is no JSON
    /// object is withheld then.
    #[must_use]
    pub fn withhold(&self, rejected: RejectedRecord) -> RejectedRecord {
        if self.fields.names().is_none() {
            return rejected;
        }
        let content = match rejected.content() {
            RejectedContent::Json(value) if value.starts_with(b"{") => self.selected(value),
            _ => None,
        };
        rejected.with_content(content.map_or(RejectedContent::Withheld, RejectedContent::Json))
    }

    /// The selected members of a JSON object; none if it is not one.
    fn selected(&self, object: &[u8]) -> Option<Bytes> {
        let selection = Self { fields: self.fields.clone(), filters: Vec::new() };
        let mut output = Vec::new();
        Reading::new(&selection).rewrite(object, &mut output).then(|| Bytes::from(output))
    }
}

/// A template, ready to be asked about many records.
struct Reading<'t> {
    selects: bool,
    /// What the named fields are for, ordered by length, then by name: few keys of a record are as long as
    /// one that is looked for.
    fields: Vec<(&'t [u8], Role)>,
    conditions: Vec<Condition<'t>>,
    scratch: Vec<u8>,
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
        Self { selects: template.fields.names().is_some(), fields, conditions, scratch: Vec::new() }
    }

    /// Appends what is exported of the record in `line`; nothing and false if it is not.
    fn rewrite(&mut self, line: &[u8], output: &mut Vec<u8>) -> bool {
        let start = output.len();
        output.push(b'{');
        for condition in &mut self.conditions {
            condition.see(FieldValue::Missing);
        }
        let Self { fields, conditions, scratch, .. } = self;
        scratch.clear();
        let read = prune::object(line, scratch, |key, value| {
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
        if read.is_err() || !self.conditions.iter().all(|condition| condition.is_met) {
            output.truncate(start);
            return false;
        }
        if self.selects {
            output.push(b'}');
        } else {
            output.truncate(start);
            output.extend_from_slice(&self.scratch);
        }
        true
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
