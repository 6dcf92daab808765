//! From the source to stored parts: read, cut, compress in parallel, hand over in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::stream::{BoxStream, FuturesOrdered};
use futures::{StreamExt, TryStreamExt};

use super::heartbeat::Meter;
use super::parts::{PartStore, StoredPart};
use crate::domain::cut::{CutFile, CutLimits, FileCutter};
use crate::domain::errors_file::ErrorsFile;
use crate::domain::execution::Execution;
use crate::domain::failure::{Failure, Step};
use crate::domain::job::JobSettings;
use crate::domain::record::RecordBatch;
use crate::domain::template::Template;
use crate::ports::Ports;
use crate::ports::packager::PartIndex;
use crate::ports::source::SourceError;
use crate::ports::workers::offload;

/// What lies in the store once everything was read.
#[derive(Debug)]
pub(super) struct Transferred {
    pub(super) index: PartIndex,
    pub(super) parts: Vec<StoredPart>,
}

/// What a source has read.
pub(super) type Batches = BoxStream<'static, Result<RecordBatch, SourceError>>;

/// Batches that lack nothing but their files.
pub(super) type Templated = BoxStream<'static, Result<RecordBatch, Failure>>;

/// Applies the template to what the source has left of it to do (rule J4). One batch is with the workers at a
/// time, while others are being compressed.
pub(super) fn templated(
    ports: &Ports,
    template: &Template,
    pushed_down: bool,
    batches: Batches,
) -> Templated {
    let batches = batches.map_err(|error| Failure::of(Step::Read, &error));
    if pushed_down || template.is_default() {
        return batches.boxed();
    }
    let (workers, template) = (Arc::clone(&ports.workers), Arc::new(template.clone()));
    let applied = batches.and_then(move |batch| {
        let (workers, template) = (Arc::clone(&workers), Arc::clone(&template));
        async move { Ok(offload(&*workers, move || template.apply(&batch)).await?) }
    });
    applied.boxed()
}

/// Moves every record of `batches` into parts. At most `parallelism + 1` files are being compressed at
/// once; the source waits while they are (rule A6: the outcome depends on the records alone).
pub(super) async fn transfer(
    ports: &Ports,
    execution: &Execution,
    limits: CutLimits,
    meter: &Meter,
    batches: Templated,
    mut store: PartStore<'_>,
) -> Result<Transferred, Failure> {
    let settings = &execution.settings;
    let mut files = Files {
        batches,
        cutting: Cutting::Reading(Box::new(FileCutter::new(settings.data_type.clone(), limits))),
        closed: VecDeque::new(),
        errors: ErrorsFile::new(settings.policies.bad_records),
        settings,
        meter,
    };
    let in_flight_max = ports.workers.parallelism().get() + 1;
    let mut packing = FuturesOrdered::new();
    loop {
        while packing.len() < in_flight_max {
            let Some(file) = files.next().await? else { break };
            let packager = Arc::clone(&ports.packager);
            packing.push_back(offload(&*ports.workers, move || packager.pack(&file.path, &file.contents)));
        }
        match packing.next().await {
            Some(packed) => store.push(packed?.map_err(|e| Failure::of(Step::Pack, &e))?).await?,
            None => break,
        }
    }
    let (index, parts) = store.finish().await?;
    Ok(Transferred { index, parts })
}

/// The source's records as a sequence of complete files; what could not be read comes last.
struct Files<'a> {
    batches: Templated,
    cutting: Cutting,
    closed: VecDeque<CutFile>,
    errors: ErrorsFile,
    settings: &'a JobSettings,
    meter: &'a Meter,
}

/// Whether more records may come.
enum Cutting {
    Reading(Box<FileCutter>),
    /// The source has ended; these files were open.
    Closing(Box<dyn Iterator<Item = CutFile> + Send>),
}

impl Files<'_> {
    async fn next(&mut self) -> Result<Option<CutFile>, Failure> {
        let mut cut = Vec::new();
        loop {
            if let Some(file) = self.closed.pop_front() {
                return Ok(Some(file));
            }
            let cutter = match &mut self.cutting {
                Cutting::Closing(rest) => return Ok(rest.next().or_else(|| self.errors.take())),
                Cutting::Reading(cutter) => cutter,
            };
            match self.batches.next().await {
                Some(batch) => {
                    let batch = batch?;
                    for rejected in batch.rejected() {
                        let told = self.settings.template.tell(rejected.clone(), &self.settings.categories);
                        let Some(told) = told else { continue };
                        self.errors.push(&told)?;
                        self.meter.rejected.fetch_add(1, Ordering::Relaxed);
                    }
                    self.meter.records.fetch_add(batch.records() as u64, Ordering::Relaxed);
                    self.meter.bytes_read.fetch_add(batch.bytes_read(), Ordering::Relaxed);
                    cutter.push(&batch, &mut cut);
                }
                None => {
                    let rest = Cutting::Closing(Box::new(std::iter::empty()));
                    if let Cutting::Reading(cutter) = std::mem::replace(&mut self.cutting, rest) {
                        self.cutting = Cutting::Closing(Box::new(cutter.finish()));
                    }
                }
            }
            self.closed.extend(cut.drain(..));
        }
    }
}
