//! The sources of a world in which people ask, as one program reaches them.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::{FutureExt, StreamExt};

use super::super::executor::give_way;
use super::super::faults::{Care, Faults};
use super::super::planted::PlantedBug;
use super::super::shared::lock;
use super::super::time::SECOND;
use super::town::{HELD, RowType};
use super::ward::{Ward, owners};
use crate::domain::id::TypeId;
use crate::domain::record::template::{FieldSelection, Template};
use crate::domain::record::{RecordBatch, RecordBatchBuilder};
use crate::domain::source::SourceDescription;
use crate::domain::subject::{EraseRequest, Erased};
use crate::ports::source::{Estimate, ReadRequest, RecordStream, Source, SourceError, SourceErrorKind};

/// Records in one batch.
const BATCH: usize = 8;

/// One of the sources.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) description: SourceDescription,
    pub(super) ward: Arc<Ward>,
    pub(super) faults: Faults,
    pub(super) bug: Option<PlantedBug>,
}

impl Desk {
    fn type_of(&self, data_type: &TypeId) -> Result<&'static RowType, SourceError> {
        let found = RowType::find(&self.description.id, data_type);
        found.ok_or_else(|| SourceError::missing("there is no such type"))
    }

    /// Reads at one instant, as from one transaction.
    fn records(&self, request: &ReadRequest) -> Result<Vec<RecordBatch>, SourceError> {
        let kind = self.type_of(&request.data_type)?;
        let town = lock(&self.ward.town);
        let mut numbers = town.of_type(&request.owner, kind, request.subject.as_ref());
        numbers.retain(|number| town.row(*number).is_some_and(|row| request.wants(Some(row.at), None)));
        if self.bug == Some(PlantedBug::CopyIncomplete) && request.subject.is_some() {
            numbers.pop();
        }
        // The planted bug: a source that leaves fields out and does not say so.
        let leaves_out = self.bug == Some(PlantedBug::FilterAfterTemplate);
        let template = match &request.template.fields {
            FieldSelection::Only(_) if leaves_out => {
                Template { fields: request.template.fields.clone(), filters: Vec::new() }
            }
            _ if kind.pushes_down => request.template.clone(),
            _ => Template::default(),
        };
        let mut batches = Vec::new();
        for numbers in numbers.chunks(BATCH) {
            let mut batch = RecordBatchBuilder::new();
            for (number, row) in numbers.iter().filter_map(|number| Some((*number, town.row(*number)?))) {
                let place = request.place(None, Some(row.at));
                let added = batch.raw_line(&place, row.line(number).as_bytes());
                added.map_err(|_| SourceError::invalid("a record is no JSON"))?;
            }
            let batch = batch.take();
            batches.push(if template.is_default() { batch } else { template.apply(&batch) });
        }
        Ok(batches)
    }

    /// Lets whoever waits for an erasure lose its claim meanwhile, and go on all the same.
    async fn takes_its_time(&self) {
        let shared = &self.ward.shared;
        if !shared.storms() || shared.profile.rates.busy == 0 {
            return;
        }
        let (what, length) = {
            let mut dice = lock(&self.faults.dice);
            (dice.below(50), dice.below(150) * SECOND)
        };
        match (what, shared.lives.get(self.faults.place)) {
            (0, Some(life)) => {
                life.pause_until(shared.timeline.elapsed() + 61 * SECOND + length);
                give_way().await;
            }
            (1..8, _) => shared.timeline.sleep(length).await,
            _ => {}
        }
    }

    /// Erases at one instant, as in one transaction.
    fn erases(&self, request: &EraseRequest) -> Result<Erased, SourceError> {
        let EraseRequest { owner, data_type, subject, dry_run, .. } = request;
        let kind = self.type_of(data_type)?;
        let now = self.ward.shared.timeline.elapsed();
        let town = lock(&self.ward.town);
        let mut found = town.of_type(owner, kind, Some(subject));
        // The planted bug: an erasure that does not go by the owner.
        if self.bug == Some(PlantedBug::ErasesOtherOwners) {
            found.extend(
                owners()
                    .iter()
                    .filter(|other| *other != owner)
                    .flat_map(|other| town.of_type(other, kind, Some(subject))),
            );
        }
        let (gone, told) = town.erasable(kind, &found);
        if kind.name == HELD && town.is_needed && !gone.is_empty() {
            let why = "a foreign key leads to one of the records";
            return Err(SourceError::new(SourceErrorKind::Refused, why));
        }
        drop(town);
        self.ward.erases(&self.faults, (kind, request), &gone, &told);
        if !dry_run {
            lock(&self.ward.town).erase(&gone, subject, now);
        }
        Ok(told)
    }
}

#[async_trait]
impl Source for Desk {
    fn describe(&self) -> &SourceDescription {
        &self.description
    }

    async fn estimate(&self, _request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        self.faults.around("source.estimate", Care::Busy, async { Ok(None) }).await
    }

    async fn complete_until(&self, _request: &ReadRequest) -> Result<Option<DateTime<Utc>>, SourceError> {
        self.faults.around("source.complete_until", Care::Busy, async { Ok(None) }).await
    }

    async fn erase(&self, request: EraseRequest) -> Result<Erased, SourceError> {
        let erase = async {
            if !request.dry_run {
                self.takes_its_time().await;
            }
            self.erases(&request)
        };
        self.faults.around("source.erase", Care::Busy, erase).await
    }

    async fn read(&self, request: ReadRequest) -> Result<RecordStream, SourceError> {
        let read = async { self.records(&request) };
        let batches = self.faults.around("source.read", Care::Busy, read).await?;
        let faults = self.faults.clone();
        let stream = futures::stream::iter(batches).then(move |batch| {
            let faults = faults.clone();
            async move {
                faults.work().await;
                faults.around("source.next", Care::Busy, async { Ok(batch) }).await
            }
            .boxed()
        });
        Ok(stream.boxed())
    }
}
