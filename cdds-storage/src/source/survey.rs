//! Checks whether records have the keys that their type declares: an instant, a category, a data subject.
//!
//! A reader does not treat a key that no record has as an error: the records then have no instant, and no
//! window ever includes them. So a test read counts the keys and explains the consequences for jobs.

use std::collections::BTreeMap;

use cdds_core::domain::record::RecordBatch;
use serde_json::{Map, Value};

use super::config::TypeConfig;

/// The keys that a type's records were found to have, in records read as by a job with timeframe `all`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    time: Option<Key>,
    changed: Option<Key>,
    category: Option<(Key, Vec<String>)>,
    subject: Vec<Key>,
    /// SQLite ignores the case of column names; JSON readers do not.
    caseless: bool,
    records: u64,
    bad_records: u64,
    bad_examples: Vec<BadExample>,
    undeclared: BTreeMap<String, u64>,
    undeclared_records: u64,
}

/// A key, and the number of records with a non-empty value for it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    name: String,
    found: u64,
}

impl Key {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), found: 0 }
    }

    fn see<'r>(&mut self, record: &'r Map<String, Value>, caseless: bool) -> Option<&'r Value> {
        let same = |key: &str| key == self.name || (caseless && key.eq_ignore_ascii_case(&self.name));
        let (_, value) = record.iter().find(|(key, _)| same(key))?;
        self.found += 1;
        Some(value)
    }
}

/// An unreadable record: its position and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadExample {
    /// "calls.jsonl line 17", "row 5 (rowid 9)".
    pub position: String,
    /// The reason; it contains nothing from the record.
    pub reason: String,
}

impl<R> TypeConfig<R> {
    /// Starts an empty survey of this type.
    pub fn survey(&self, caseless: bool) -> Survey {
        let category = self.category.as_ref();
        Survey {
            time: self.time.as_ref().map(|time| Key::new(&time.column)),
            changed: self.changed.as_ref().map(|changed| Key::new(&changed.column)),
            category: category.map(|category| (Key::new(&category.column), category.values.clone())),
            subject: self.subjects.iter().map(|field| Key::new(&field.key())).collect(),
            caseless,
            records: 0,
            bad_records: 0,
            bad_examples: Vec::new(),
            undeclared: BTreeMap::new(),
            undeclared_records: 0,
        }
    }
}

impl Survey {
    /// Number of records that suffice if each key was found in at least one of them.
    pub const RECORDS: u64 = 10_000;

    /// Maximum number of records read to find a key.
    pub const RECORDS_MAX: u64 = 1_000_000;

    /// Maximum number of examples kept of bad records and of undeclared categories.
    const EXAMPLES_MAX: usize = 5;

    /// Counts the records of a batch.
    pub fn take(&mut self, batch: &RecordBatch) {
        for rejected in batch.rejected() {
            self.bad_records += 1;
            if self.bad_examples.len() < Self::EXAMPLES_MAX {
                let (position, reason) = (rejected.position().to_owned(), rejected.reason().to_owned());
                self.bad_examples.push(BadExample { position, reason });
            }
        }
        for record in batch.iter() {
            self.records += 1;
            if let Ok(record) = serde_json::from_slice::<Map<String, Value>>(record.line) {
                self.look_at(&record);
            }
        }
    }

    fn look_at(&mut self, record: &Map<String, Value>) {
        for key in self.time.iter_mut().chain(&mut self.changed).chain(&mut self.subject) {
            key.see(record, self.caseless);
        }
        let Some((key, declared)) = &mut self.category else { return };
        let value = match key.see(record, self.caseless) {
            Some(Value::String(text)) => text.clone(),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
            _ => return,
        };
        if !declared.contains(&value) {
            self.undeclared_records += 1;
            if self.undeclared.len() < Self::EXAMPLES_MAX || self.undeclared.contains_key(&value) {
                *self.undeclared.entry(value).or_default() += 1;
            }
        }
    }

    /// Whether more records would add information.
    pub fn wants_more(&self) -> bool {
        let read = self.records + self.bad_records;
        let mut keys = self.keys();
        read < Self::RECORDS || (read < Self::RECORDS_MAX && keys.any(|(_, key)| key.found == 0))
    }

    /// Returns the number of records read, without bad ones.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Returns the number of records without an event instant; `None` if the type declares none.
    pub fn without_event_instant(&self) -> Option<u64> {
        self.time.as_ref().map(|key| self.records - key.found)
    }

    /// Returns the number of records without an instant of their last change; `None` if the type declares
    /// none.
    pub fn without_change_instant(&self) -> Option<u64> {
        self.changed.as_ref().map(|key| self.records - key.found)
    }

    /// Returns the number of records with undeclared categories, which are exported under "all" (rule A1).
    pub fn undeclared_categories(&self) -> u64 {
        self.undeclared_records
    }

    /// Returns the number of unreadable records (rule E10).
    pub fn bad_records(&self) -> u64 {
        self.bad_records
    }

    /// Returns the first of them.
    pub fn bad_examples(&self) -> &[BadExample] {
        &self.bad_examples
    }

    /// Returns some of the undeclared categories, each with its number of records.
    pub fn undeclared_examples(&self) -> impl Iterator<Item = (&str, u64)> {
        self.undeclared.iter().map(|(category, records)| (category.as_str(), *records))
    }

    /// Returns the fault that keeps jobs from exporting these records: all of them lack the declared instant,
    /// so no window could ever include one (rule W7).
    pub fn fault(&self) -> Option<String> {
        let time = self.time.as_ref().filter(|time| self.records > 0 && time.found == 0)?;
        Some(format!(
            "none of the {} records read has {:?}, the declared time: no window ever holds a record without an event \
             instant. Correct time, or leave it out and export with the timeframe all",
            self.records, time.name
        ))
    }

    /// Returns oddities that do not keep any job from its work.
    pub fn warnings(&self) -> Vec<String> {
        let nowhere = |(what, key): (&str, &Key)| {
            let records = self.records;
            (key.found == 0 && records > 0).then(|| {
                format!("none of the {records} records read has {:?}, the declared {what}: correct it, or leave it out", key.name)
            })
        };
        let event_missing = self.fault().is_some();
        let others = self.keys().filter(|(what, _)| *what != "time" || !event_missing);
        let mut warnings: Vec<String> = others.filter_map(nowhere).collect();
        match self.without_event_instant() {
            Some(count) if count > 0 && !event_missing => warnings.push(format!(
                "{count} of the {} records read have no event instant: only the timeframe all exports them",
                self.records
            )),
            _ => {}
        }
        if self.undeclared_records > 0 {
            let examples = self.undeclared.keys().map(|value| {
                let beginning: String = value.chars().take(40).collect();
                format!("{beginning:?}")
            });
            warnings.push(format!(
                "{} of the {} records read are of categories that are not declared ({}{}) and are exported under all",
                self.undeclared_records,
                self.records,
                examples.collect::<Vec<_>>().join(", "),
                if self.undeclared.len() == Self::EXAMPLES_MAX { ", …" } else { "" },
            ));
        }
        warnings
    }

    fn keys(&self) -> impl Iterator<Item = (&'static str, &Key)> {
        let named = |what, key| (what, key);
        let time = self.time.iter().map(move |key| named("time", key));
        let changed = self.changed.iter().map(move |key| named("changed", key));
        let category = self.category.iter().map(move |(key, _)| named("category", key));
        time.chain(changed).chain(category).chain(self.subject.iter().map(move |key| named("subject", key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::config::CategoryConfig;
    use cdds_core::domain::id::TypeId;
    use cdds_core::domain::record::instant::InstantFormat;
    use cdds_core::domain::record::{Place, RecordBatchBuilder, RejectedRecord};
    use cdds_core::domain::subject::SubjectField;

    fn survey(caseless: bool) -> Survey {
        let media = CategoryConfig {
            name: "media".to_owned(),
            column: "media".to_owned(),
            values: vec!["voice".to_owned(), "7".to_owned()],
        };
        let config = TypeConfig::new(TypeId::new("call").unwrap(), ())
            .with_time("At", InstantFormat::Any)
            .with_changed("changed", InstantFormat::Any)
            .with_category(media)
            .with_subject(SubjectField::new("customer", "customer-id".parse().unwrap()));
        config.survey(caseless)
    }

    fn batch(records: &[&str]) -> RecordBatch {
        let mut builder = RecordBatchBuilder::new();
        for record in records {
            builder.raw_line(&Place::of(None, None), record.as_bytes()).unwrap();
        }
        builder.take()
    }

    #[test]
    fn w7_what_records_lack_is_counted() {
        let mut survey = survey(true);
        survey.take(&batch(&[
            r#"{"at":"2026-01-01","media":"voice"}"#,
            r#"{"at":"2026-01-01","changed":"2026-01-02","media":7}"#,
            r#"{"at":null,"media":"fax"}"#,
            r#"{"media":"telex"}"#,
        ]));
        assert_eq!((survey.records(), survey.without_event_instant()), (4, Some(2)));
        assert_eq!((survey.without_change_instant(), survey.undeclared_categories()), (Some(3), 2));
        assert_eq!(survey.undeclared_examples().collect::<Vec<_>>(), [("fax", 1), ("telex", 1)]);
        let told = survey.warnings().join("; ");
        assert!(
            told.contains("\"customer\"") && told.contains("\"fax\"") && told.contains("2 of the 4"),
            "{told}"
        );
        assert_eq!(survey.fault(), None);
        assert!(survey.wants_more());
    }

    #[test]
    fn w7_a_time_that_no_record_has_is_a_fault() {
        let mut survey = survey(false);
        assert_eq!((survey.fault(), survey.warnings()), (None, Vec::new()), "nothing is there yet");
        survey.take(&batch(&[r#"{"at":"2026-01-01","changed":"2026-01-01","media":"voice","customer":1}"#]));
        let told = survey.fault().unwrap();
        assert!(told.contains("\"At\"") && told.contains("none of the 1 records"), "{told}");
        assert_eq!(survey.warnings(), Vec::<String>::new());
    }

    #[test]
    fn e10_bad_records_are_named_as_far_as_they_are_few() {
        let mut survey = survey(false);
        let mut builder = RecordBatchBuilder::new();
        for number in 0..20 {
            builder.reject(RejectedRecord::new(format!("line {number}"), "bad", b"secret"));
        }
        survey.take(&builder.take());
        assert_eq!((survey.records(), survey.bad_records(), survey.bad_examples().len()), (0, 20, 5));
        assert_eq!(survey.bad_examples()[1].position, "line 1");
    }

    #[test]
    fn a_read_ends_when_every_key_was_found_and_in_any_case() {
        let mut found = survey(false);
        let whole = r#"{"At":"2026-01-01","changed":"2026-01-01","media":"voice","customer":1}"#;
        let many = batch(&vec![whole; 10_000]);
        found.take(&many);
        assert!(!found.wants_more());
        let mut missing = survey(true);
        missing.take(&batch(&vec![r#"{"id":1}"#; 10_000]));
        assert!(missing.wants_more());
        (1..100).for_each(|_| missing.take(&many));
        assert!(!missing.wants_more());
    }
}
