//! From the source to stored parts: read, cut, compress in parallel, hand over in order.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::channel::mpsc;
use futures::future::try_join;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use super::attempt::SOURCE;
use super::pack::Press;
use super::store::{PartFinisher, PartWriter, StoredPart};
use crate::domain::cut::{CutFile, CutLimits, FileCutter};
use crate::domain::errors_file::ErrorsFile;
use crate::domain::execution::Execution;
use crate::domain::failure::{Failure, Step};
use crate::domain::handover::Handover;
use crate::domain::job::JobSettings;
use crate::domain::record::RecordBatch;
use crate::domain::template::Template;
use crate::engine::calls::items;
use crate::engine::heartbeat::Meter;
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
    let batches = items(Step::Read, SOURCE, batches);
    if pushed_down || template.is_default() {
        return batches;
    }
    let (workers, template) = (Arc::clone(&ports.workers), Arc::new(template.clone()));
    let applied = batches.and_then(move |batch| {
        let (workers, template) = (Arc::clone(&workers), Arc::clone(&template));
        async move { Ok(offload(&*workers, move || template.apply(&batch)).await?) }
    });
    applied.boxed()
}

/// Moves every record of `batches` into parts (rule A6: the outcome depends on the records alone). At most
/// `parallelism + 2` files are between the source and the store, one of them compressed already; the source waits while
/// they are. What one part takes to become durable is not waited for until the next one is written.
pub(super) async fn transfer(
    ports: &Ports,
    execution: &Execution,
    limits: CutLimits,
    meter: &Meter,
    (handover, batches): (Handover, Templated),
    press: Press,
    (writer, finisher): (PartWriter<'_>, PartFinisher<'_>),
) -> Result<Transferred, Failure> {
    let settings = &execution.settings;
    let files = Files {
        batches,
        handover,
        cutter: FileCutter::new(settings.data_type.clone(), limits),
        ended: false,
        closed: VecDeque::new(),
        errors: ErrorsFile::new(settings.policies.bad_records),
        settings,
        meter,
    };
    let writing = write(files, press, writer, ports.workers.parallelism());
    let (index, parts) = try_join(writing, finisher.run()).await?;
    Ok(Transferred { index, parts })
}

async fn write(
    mut files: Files<'_>,
    mut press: Press,
    mut writer: PartWriter<'_>,
    parallelism: NonZeroUsize,
) -> Result<PartIndex, Failure> {
    // It holds one more than its size, and the receiver has another one: the store may fall behind by a compressed
    // file before a worker has nothing to do.
    let (mut sender, mut pressed) = mpsc::channel(parallelism.get());
    let reading = async {
        // Room first: no file is read ahead of it. There is none only when writing has failed.
        while poll_fn(|context| sender.poll_ready(context)).await.is_ok() {
            press.room(|contents| files.cutter.give_back(contents)).await;
            let Some(file) = files.next().await? else { break };
            let _failed = sender.start_send(press.push(file));
        }
        drop(sender);
        Ok::<(), Failure>(())
    };
    let writing = async {
        while let Some(moves) = pressed.next().await {
            writer.apply(moves.await?).await?;
        }
        Ok::<(), Failure>(())
    };
    try_join(reading, writing).await?;
    let (index, moves) = press.finish().await?;
    writer.apply(moves).await?;
    Ok(index)
}

/// The source's records as a sequence of complete files; what could not be read comes last.
struct Files<'a> {
    batches: Templated,
    handover: Handover,
    cutter: FileCutter,
    /// Whether the source has; files may still be open.
    ended: bool,
    closed: VecDeque<CutFile>,
    errors: ErrorsFile,
    settings: &'a JobSettings,
    meter: &'a Meter,
}

impl Files<'_> {
    async fn next(&mut self) -> Result<Option<CutFile>, Failure> {
        let mut cut = Vec::new();
        loop {
            if let Some(file) = self.closed.pop_front() {
                return Ok(Some(file));
            }
            if self.ended {
                return Ok(self.cutter.finish().or_else(|| self.errors.take()));
            }
            match self.batches.next().await {
                Some(batch) => {
                    let batch = batch?;
                    self.handover.check(&batch, |place| self.cutter.knows(place))?;
                    for rejected in batch.rejected() {
                        let told = self.settings.template.tell(rejected.clone(), &self.settings.categories);
                        let Some(told) = told else { continue };
                        self.errors.push(&told)?;
                        self.meter.rejected.fetch_add(1, Ordering::Relaxed);
                    }
                    self.meter.records.fetch_add(batch.records() as u64, Ordering::Relaxed);
                    self.meter.undated.fetch_add(self.handover.undated(&batch), Ordering::Relaxed);
                    self.meter.bytes_read.fetch_add(batch.bytes_read(), Ordering::Relaxed);
                    self.cutter.push(&batch, &mut cut);
                }
                None => self.ended = true,
            }
            self.closed.extend(cut.drain(..));
        }
    }
}
