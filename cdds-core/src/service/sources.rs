//! Whether sources answer, and what fields they have.

mod fields;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::future::{Either, select};
use futures::{FutureExt, StreamExt};

use super::access::check;
use super::{Entity, ServiceError};
use crate::domain::access::{Action, Principal};
use crate::domain::calendar::window::Window;
use crate::domain::id::{SourceId, TypeId};
use crate::domain::source::{BadRecordMode, Estimate, ReadRequest};
use crate::domain::violation::{Code, RuleViolation};
use crate::ports::Ports;
use crate::ports::source::{DataType, OwnersSources, RegisteredSource, Source, SourceError};

pub use self::fields::{SeenField, TypeFields, ValueKind};

/// How long a source is asked.
const TIME_MAX: Duration = Duration::from_secs(10);

/// After how many records, or bytes of them, a type was read far enough.
const RECORDS_MAX: u64 = 1_000;
const BYTES_MAX: usize = 1 << 20;

/// The most unreadable records of a type that are named.
const EXAMPLES_MAX: usize = 5;

/// Asks sources whether they can be read, for owners; each call names one, by its principal.
#[derive(Debug, Clone)]
pub struct SourceChecks {
    ports: Ports,
}

/// What a source answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceCheck {
    /// Its types, in the order in which it describes them.
    pub types: Vec<TypeCheck>,
    /// Its remarks for people who export from it; empty if they cannot be read.
    pub remarks: Vec<String>,
}

/// What a source answered about one of its types.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TypeCheck {
    /// The type.
    pub data_type: TypeId,
    /// The answer.
    pub answer: TypeAnswer,
    /// How long it took.
    pub took: Duration,
}

/// Where a record is that cannot be read, and why: nothing of the record itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadExample {
    /// Its position: "calls.jsonl line 17", "row 5 (rowid 9)".
    pub position: String,
    /// The reason.
    pub reason: String,
}

/// Whether the records of a type can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypeAnswer {
    /// Records were read from the first one on.
    Read {
        /// How many records were read.
        records: u64,
        /// How many were reported as unreadable (rule E10).
        bad_records: u64,
        /// Where the first few of these are, and why each cannot be read.
        bad_examples: Vec<BadExample>,
        /// Whether these are all that there are.
        is_all: bool,
        /// How much there is in all, if the source knows.
        estimate: Option<Estimate>,
    },
    /// The source failed, lacks something that the type declares ([`Source::faults`]), or may not be read by this owner:
    /// the message.
    Failed(String),
    /// There was no answer within ten seconds, for all types together.
    TooSlow,
}

impl SourceCheck {
    /// Whether every type could be read.
    pub fn is_well(&self) -> bool {
        self.types.iter().all(|one| matches!(one.answer, TypeAnswer::Read { bad_records: 0, .. }))
    }
}

impl SourceChecks {
    /// Creates the service over these ports.
    pub fn new(ports: &Ports) -> Self {
        Self { ports: ports.clone() }
    }

    /// Reads the beginning of each type of a source for the principal's owner, as a job with the timeframe `all` would,
    /// and asks for an estimate of the whole. Returns what came of it, and no record. Stores nothing.
    ///
    /// It asks for ten seconds at most, one type after the other, and drops each read after 1,000 records or 1 MiB. A
    /// panic of the source is a failure of its type. It does not count among the reads of a source that allows only some
    /// at a time (rule E2).
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] without [`Action::CreateJob`]; [`ServiceError::NotFound`] for a source that the owner
    /// does not see (rule J16); [`ServiceError::Refused`] for one that is registered as unsupported (rule J2).
    pub async fn check(&self, by: &Principal, id: &SourceId) -> Result<SourceCheck, ServiceError> {
        check(&self.ports, by, Action::CreateJob, None).await?;
        let sources = self.ports.sources.for_owner(&by.owner);
        let source = supported(sources, id)?;
        let now = self.ports.catalog.now().await?;
        let mut over = self.ports.clock.sleep(TIME_MAX);
        let mut found = SourceCheck { types: Vec::new(), remarks: Vec::new() };
        let mut is_over = false;
        for data_type in &source.describe().types {
            let began = self.ports.clock.monotonic();
            let request = ReadRequest::new(by.owner.clone(), data_type.id.clone(), Window::until(now))
                .with_bad_records(BadRecordMode::Report);
            let asking = AssertUnwindSafe(asked(source, data_type, request)).catch_unwind();
            let answer = match is_over {
                true => TypeAnswer::TooSlow,
                false => match select(std::pin::pin!(asking), &mut over).await {
                    Either::Left((answer, _)) => answer.unwrap_or_else(|_| panicked()),
                    Either::Right(_) => TypeAnswer::TooSlow,
                },
            };
            is_over |= answer == TypeAnswer::TooSlow;
            let took = self.ports.clock.monotonic().saturating_sub(began);
            found.types.push(TypeCheck { data_type: data_type.id.clone(), answer, took });
        }
        let remarks = AssertUnwindSafe(source.remarks(&by.owner)).catch_unwind();
        if !is_over && let Either::Left((Ok(Ok(remarks)), _)) = select(std::pin::pin!(remarks), over).await {
            found.remarks = remarks;
        }
        Ok(found)
    }
}

/// Returns a source that the owner sees.
fn supported<'a>(sources: OwnersSources<'a>, id: &SourceId) -> Result<&'a dyn Source, ServiceError> {
    match sources.find(id) {
        None => Err(ServiceError::not_found(Entity::Source, id)),
        Some(RegisteredSource::Unsupported { reason, .. }) => {
            Err(RuleViolation::new(Code::UnsupportedSource, reason.clone()).into())
        }
        Some(RegisteredSource::Supported(source)) => Ok(&**source),
    }
}

fn panicked() -> TypeAnswer {
    TypeAnswer::Failed(panicked_words())
}

fn panicked_words() -> String {
    "the source broke off in the middle of a call: see the log of the service".to_owned()
}

/// Reads the beginning of a type.
async fn asked(source: &dyn Source, data_type: &DataType, request: ReadRequest) -> TypeAnswer {
    if let Err(refusal) = source.describe().check_owner(&data_type.id, &request.owner) {
        return TypeAnswer::Failed(refusal.to_string());
    }
    // If the source does not answer, the read says why.
    let faults = source.faults(&request.owner, &request.data_type).await.unwrap_or_default();
    if !faults.is_empty() {
        return TypeAnswer::Failed(faults.join("; "));
    }
    match read(source, request).await {
        Ok(answer) => answer,
        // The message names a place and never a record; its causes may name files and hosts.
        Err(error) => TypeAnswer::Failed(error.to_string()),
    }
}

async fn read(source: &dyn Source, request: ReadRequest) -> Result<TypeAnswer, SourceError> {
    let estimate = source.estimate(&request).await?;
    let (mut records, mut bad_records, mut bytes, mut is_all) = (0, 0, 0, true);
    let mut bad_examples = Vec::new();
    let mut batches = source.read(request).await?;
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        records += batch.iter().len() as u64;
        bad_records += batch.rejected().len() as u64;
        let named = batch.rejected().iter().take(EXAMPLES_MAX - bad_examples.len());
        bad_examples.extend(
            named.map(|bad| BadExample {
                position: bad.position().to_owned(),
                reason: bad.reason().to_owned(),
            }),
        );
        bytes += batch.lines_bytes();
        if records >= RECORDS_MAX || bytes >= BYTES_MAX {
            is_all = false;
            break;
        }
    }
    Ok(TypeAnswer::Read { records, bad_records, bad_examples, is_all, estimate })
}
