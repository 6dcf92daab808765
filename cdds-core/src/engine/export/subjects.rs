//! Whom the records of a set name: collected on the workers while records pass, and stored beside the parts as filters
//! (rule D10).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tracing::warn;

use super::attempt::Export;
use super::prepare::PreparedRead;
use crate::domain::execution::failure::{Failure, Step};
use crate::domain::id::SubjectKeyId;
use crate::domain::record::template::Template;
use crate::domain::record::{RecordBatch, RejectedContent, RejectedRecord};
use crate::domain::subject::SubjectValues;
use crate::domain::subject::copies::{FilterNote, Gap, filter_key};
use crate::domain::subject::filter::{SubjectCollector, SubjectFilter};
use crate::engine::calls::call_now;
use crate::keys;
use crate::ports::sink::Key;
use crate::ports::subject_keys::SubjectKeysErrorKind;

/// The people of an export whose types say which fields name them, by a service that has a key.
pub(super) struct Named {
    key: SubjectKeyId,
    folder: Key,
    collector: Arc<Mutex<SubjectCollector>>,
    filters: u32,
    values: u64,
    gaps: BTreeSet<Gap>,
}

/// Sees the records of one read.
#[derive(Clone)]
pub(super) struct Witness {
    values: Arc<SubjectValues>,
    collector: Arc<Mutex<SubjectCollector>>,
}

impl Named {
    /// Begins to collect; `None` if there is nothing to collect, or no key to do it with. An export does not fail because
    /// its key cannot be read: nobody can tell then whom the set names.
    pub(super) fn begin(export: &Export, reads: &[PreparedRead]) -> Result<Option<Self>, Failure> {
        if reads.iter().all(|read| read.data_type.subject_fields.is_empty()) {
            return Ok(None);
        }
        let current = || export.shared.ports.subject_keys.current();
        let key = match call_now(Step::Prepare, "subject keys", current)? {
            Ok(key) => key,
            Err(error) => {
                if error.kind() != SubjectKeysErrorKind::None {
                    warn!(
                        name: "subjects.unknown",
                        target: "cdds",
                        "nobody will be able to tell whom this set names: {}",
                        error.report()
                    );
                }
                return Ok(None);
            }
        };
        let collector = SubjectCollector::new(key.of_filters(&export.execution.owner, export.execution.id));
        Ok(Some(Self {
            key: key.id().clone(),
            folder: keys::filters(export.writer),
            collector: Arc::new(Mutex::new(collector)),
            filters: 0,
            values: 0,
            gaps: BTreeSet::new(),
        }))
    }

    /// Returns what sees the records of a read; `None` if its type does not say which fields name people.
    pub(super) fn witness(
        &mut self,
        PreparedRead { data_type, request, .. }: &PreparedRead,
    ) -> Option<Witness> {
        if data_type.subject_fields.is_empty() {
            self.gaps.insert(Gap::Undeclared);
            return None;
        }
        // A source that applies the template itself hands over no other fields than the job exports.
        let names = request.template.fields.names().filter(|_| data_type.pushes_down);
        let comes = |key: &str| names.is_none_or(|names| names.iter().any(|name| name == key));
        if !data_type.subject_fields.iter().all(|field| comes(&field.key())) {
            self.gaps.insert(Gap::LeftOut);
        }
        let values = Arc::new(SubjectValues::new(&data_type.subject_fields));
        Some(Witness { values, collector: Arc::clone(&self.collector) })
    }

    /// Takes in a record that could not be read, as far as the set tells of it.
    pub(super) fn rejected(&mut self, witness: &Witness, record: &RejectedRecord, told: &RejectedRecord) {
        let is_seen = match (told.content(), record.content()) {
            (RejectedContent::Withheld, _) => true,
            (_, RejectedContent::Json(json)) => self.collector().see_object(&witness.values, json),
            _ => false,
        };
        if !is_seen {
            self.gaps.insert(Gap::Unreadable);
        }
    }

    /// Returns the next filter that is full, with its key in the store.
    pub(super) fn full(&mut self) -> Option<(Key, Bytes)> {
        let filter = self.collector().full()?;
        Some(self.file(&filter))
    }

    /// Stores the last filter, and returns the note of all. Everything has been read by now.
    pub(super) async fn store(mut self, export: &Export) -> Result<FilterNote, Failure> {
        let last = self.collector().last();
        if let Some(filter) = last {
            let (key, file) = self.file(&filter);
            export.store(&key, file).await?;
        }
        let Self { key, folder, filters, values, gaps, .. } = self;
        Ok(FilterNote::new(folder, key, filters, values).with_gaps(gaps))
    }

    fn file(&mut self, filter: &SubjectFilter) -> (Key, Bytes) {
        let number = self.filters;
        let file = filter.to_bytes(self.collector().key(), &self.key, number);
        self.filters += 1;
        self.values += u64::from(filter.values());
        (filter_key(self.folder.as_str(), number), file.into())
    }

    fn collector(&self) -> MutexGuard<'_, SubjectCollector> {
        locked(&self.collector)
    }
}

/// Locks what one batch at a time uses. A batch that has panicked ends the attempt.
fn locked(collector: &Mutex<SubjectCollector>) -> MutexGuard<'_, SubjectCollector> {
    collector.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Witness {
    /// Sees the records of a batch that `template` leaves, with all of their fields, and applies it.
    pub(super) fn see(&self, batch: RecordBatch, template: Option<&Template>) -> RecordBatch {
        let mut collector = locked(&self.collector);
        let mut see = |lines: &[u8]| collector.see(&self.values, lines);
        match template {
            Some(template) => template.apply_seeing(&batch, see),
            None => {
                see(batch.lines());
                batch
            }
        }
    }
}
