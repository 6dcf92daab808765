//! The fields of a source's types, with the shape of their values.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use futures::future::{Either, select};
use futures::{FutureExt, StreamExt};

use super::{SourceChecks, TIME_MAX, panicked_words, supported};
use crate::domain::access::{Action, Principal};
use crate::domain::calendar::window::Window;
use crate::domain::id::{Owner, SourceId, TypeId};
use crate::domain::record::mask::masked;
use crate::domain::record::prune;
use crate::domain::source::{BadRecordMode, Field, FieldRole, ReadRequest};
use crate::ports::source::{DataType, Source, SourceError};
use crate::ports::workers::offload;
use crate::service::access::check;
use crate::service::{Entity, ServiceError};

/// After how many records, or bytes of them, a sample is large enough, and the largest record that is looked at.
const RECORDS_MAX: usize = 200;
const BYTES_MAX: usize = 1 << 20;
const RECORD_BYTES_MAX: usize = 16 << 10;

/// The most fields of a type that are found in records alone: keys may be values.
const SEEN_MAX: usize = 500;

/// The fields of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TypeFields {
    /// The type.
    pub data_type: TypeId,
    /// The fields: those that the source names, in its order, and then those that its records were seen to have.
    pub fields: Vec<SeenField>,
    /// Why these are not all that could be known: the source failed, or was too slow. One sentence, without anything of a
    /// record.
    pub failed: Option<String>,
}

/// A field, and how its values look.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeenField {
    /// What the source knows of it.
    pub field: Field,
    /// The kinds of value that it was seen to have, each once; empty if no record was seen that has it.
    pub kinds: Vec<ValueKind>,
    /// The first value of it that was seen, masked (rule F8a), of a text what is between the quotes; `None` if there was
    /// none.
    pub masked: Option<String>,
}

impl SeenField {
    fn of(field: Field) -> Self {
        Self { field, kinds: Vec::new(), masked: None }
    }
}

/// A kind of value of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueKind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// True or false.
    Truth,
    /// A list.
    List,
    /// An object.
    Object,
    /// Null.
    Nothing,
}

impl ValueKind {
    /// Returns the kind of a value, as it is spelled.
    fn of(value: &[u8]) -> Self {
        match value.first() {
            Some(b'"') => Self::Text,
            Some(b'{') => Self::Object,
            Some(b'[') => Self::List,
            Some(b't' | b'f') => Self::Truth,
            Some(b'n') | None => Self::Nothing,
            Some(_) => Self::Number,
        }
    }
}

/// What was seen of a field.
#[derive(Debug, Default)]
struct Seen {
    kinds: Vec<ValueKind>,
    masked: Option<String>,
}

/// What was seen of each field, and the names in the order in which they came.
#[derive(Debug, Default)]
struct Sample {
    names: Vec<String>,
    seen: BTreeMap<String, Seen>,
}

impl Sample {
    fn look_at(&mut self, record: &[u8]) {
        let mut members = Vec::new();
        // A batch holds valid records only.
        let _valid = prune::object(record, &mut Vec::new(), |key, value| members.push((key, value)));
        for (key, value) in members {
            let spelled = [b"\"", key, b"\""].concat();
            let Ok(name) = serde_json::from_slice::<String>(&spelled) else { continue };
            if !self.seen.contains_key(&name) {
                if self.names.len() >= SEEN_MAX {
                    continue;
                }
                self.names.push(name.clone());
            }
            let seen = self.seen.entry(name).or_default();
            let kind = ValueKind::of(value);
            if !seen.kinds.contains(&kind) {
                seen.kinds.push(kind);
            }
            if seen.masked.is_none() && !matches!(value, b"null" | b"\"\"" | b"[]" | b"{}") {
                let shape = masked(value);
                // Masked text holds no quotes but those around it.
                let inside = shape.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
                seen.masked = Some(inside.map_or_else(|| shape.clone(), str::to_owned));
            }
        }
    }
}

impl SourceChecks {
    /// Returns the fields of each type of a source, or of the type `only`, for a person of the principal's owner who
    /// chooses among them. Stores nothing.
    ///
    /// Names, declared types and indexes are those of [`Source::fields`]; fields that it does not name are those that the
    /// type declares and that its records are seen to have. How values look is seen in at most 200 of the first records
    /// of everything until now, masked as in a sample (rule F8a), and only for those who may create jobs.
    ///
    /// It asks for ten seconds at most, one type after the other, and drops each read as soon as it has enough. A panic of
    /// the source is a failure of its type.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] without [`Action::See`]; [`ServiceError::NotFound`] for a source that the owner does not
    /// see (rule J16), and for a type that it does not have; [`ServiceError::Refused`] for a source that is registered as
    /// unsupported (rule J2). A source that fails is no error, but is told with its type.
    pub async fn fields(
        &self,
        by: &Principal,
        id: &SourceId,
        only: Option<&TypeId>,
    ) -> Result<Vec<TypeFields>, ServiceError> {
        check(&self.ports, by, Action::See, None).await?;
        let sources = self.ports.sources.for_owner(&by.owner);
        let source = supported(sources, id)?;
        let types = &source.describe().types;
        if let Some(only) = only.filter(|only| types.iter().all(|known| known.id != **only)) {
            return Err(ServiceError::not_found(Entity::DataType, only));
        }
        let sampled = by.check(Action::CreateJob).is_ok();
        let now = self.ports.catalog.now().await?;
        let mut over = self.ports.clock.sleep(TIME_MAX);
        let (mut found, mut is_over) = (Vec::new(), false);
        for data_type in types.iter().filter(|known| only.is_none_or(|only| known.id == *only)) {
            let window = sampled.then(|| Window::until(now));
            let asking =
                AssertUnwindSafe(self.fields_of(source, data_type, &by.owner, window)).catch_unwind();
            let answer = match is_over {
                true => None,
                false => match select(std::pin::pin!(asking), &mut over).await {
                    Either::Left((answer, _)) => {
                        Some(answer.unwrap_or_else(|_| failed(data_type, panicked_words())))
                    }
                    Either::Right(_) => None,
                },
            };
            is_over |= answer.is_none();
            let too_slow = || failed(data_type, "the source did not answer within ten seconds".to_owned());
            found.push(answer.unwrap_or_else(too_slow));
        }
        Ok(found)
    }

    /// Asks for the fields of a type, and reads a sample of the window, if there is one.
    async fn fields_of(
        &self,
        source: &dyn Source,
        data_type: &DataType,
        owner: &Owner,
        window: Option<Window>,
    ) -> TypeFields {
        if let Err(refusal) = source.describe().check_owner(&data_type.id, owner) {
            return failed(data_type, refusal.to_string());
        }
        let mut sample = Sample::default();
        let named = source.fields(owner, &data_type.id).await;
        let read = match window {
            Some(window) => {
                let request = ReadRequest::new(owner.clone(), data_type.id.clone(), window);
                self.look(source, request.with_bad_records(BadRecordMode::Report), &mut sample).await
            }
            None => Ok(()),
        };
        let (named, why) = match (named, read) {
            // The message names a place and never a record; its causes may name files and hosts.
            (Err(error), _) => (None, Some(error.to_string())),
            (Ok(named), read) => (named, read.err().map(|error| error.to_string())),
        };
        TypeFields { failed: why, ..merged(data_type, named.unwrap_or_default(), sample) }
    }

    /// Looks at the first records of a read.
    async fn look(
        &self,
        source: &dyn Source,
        request: ReadRequest,
        sample: &mut Sample,
    ) -> Result<(), SourceError> {
        let (mut records, mut bytes) = (0, 0);
        let mut batches = source.read(request).await?;
        while let Some(batch) = batches.next().await {
            let batch = batch?;
            bytes += batch.lines_bytes();
            let (looked_at, mut looking) = (records, std::mem::take(sample));
            // Masking is work of the processor.
            let looked = offload(&*self.ports.workers, move || {
                let fitting = batch.iter().filter(|record| record.line.len() <= RECORD_BYTES_MAX);
                let mut count = 0;
                for record in fitting.take(RECORDS_MAX - looked_at) {
                    looking.look_at(record.line);
                    count += 1;
                }
                (looking, count)
            });
            let Ok((looked, count)) = looked.await else { return Ok(()) };
            *sample = looked;
            records += count;
            if records >= RECORDS_MAX || bytes >= BYTES_MAX {
                break;
            }
        }
        Ok(())
    }
}

/// Joins what the source names, what the type declares, and what was seen.
fn merged(data_type: &DataType, named: Vec<Field>, mut sample: Sample) -> TypeFields {
    let mut fields: Vec<SeenField> = named.into_iter().map(SeenField::of).collect();
    let declared = data_type.fields.iter().flatten();
    for name in declared.chain(&sample.names) {
        if fields.iter().all(|known| known.field.name != *name) {
            let field = Field::new(name.clone());
            fields.push(SeenField::of(
                field.with_roles(FieldRole::of_subjects(&data_type.subject_fields, name)),
            ));
        }
    }
    for known in &mut fields {
        let seen = sample.seen.remove(&known.field.name).unwrap_or_default();
        (known.kinds, known.masked) = (seen.kinds, seen.masked);
    }
    TypeFields { data_type: data_type.id.clone(), fields, failed: None }
}

fn failed(data_type: &DataType, why: String) -> TypeFields {
    TypeFields { failed: Some(why), ..merged(data_type, Vec::new(), Sample::default()) }
}
