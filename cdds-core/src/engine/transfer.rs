//! From the source to stored parts: read, cut, compress in parallel, hand over in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::StreamExt;
use futures::stream::{BoxStream, FuturesOrdered};

use super::heartbeat::Meter;
use super::parts::{PartStore, StoredPart};
use crate::domain::cut::{CutFile, CutLimits, FileCutter};
use crate::domain::execution::Execution;
use crate::domain::failure::{Failure, Step};
use crate::domain::record::RecordBatch;
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

/// Moves every record of `batches` into parts. At most `parallelism + 1` files are being compressed at
/// once; the source waits while they are (rule A6: the outcome depends on the records alone).
pub(super) async fn transfer(
    ports: &Ports,
    execution: &Execution,
    limits: CutLimits,
    meter: &Meter,
    batches: BoxStream<'static, Result<RecordBatch, SourceError>>,
    mut store: PartStore<'_>,
) -> Result<Transferred, Failure> {
    let mut files = Files {
        batches,
        cutting: Cutting::Reading(Box::new(FileCutter::new(execution.settings.data_type.clone(), limits))),
        closed: VecDeque::new(),
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

/// The source's records as a sequence of complete files.
struct Files<'a> {
    batches: BoxStream<'static, Result<RecordBatch, SourceError>>,
    cutting: Cutting,
    closed: VecDeque<CutFile>,
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
                Cutting::Closing(rest) => return Ok(rest.next()),
                Cutting::Reading(cutter) => cutter,
            };
            match self.batches.next().await {
                Some(batch) => {
                    let batch = batch.map_err(|error| Failure::of(Step::Read, &error))?;
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
