//! From the source to complete files: read, apply the template, check, cut.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use super::attempt::Export;
use super::prepare::{Prepared, SOURCE};
use crate::domain::archive::cut::{CutFile, FileCutter};
use crate::domain::archive::errors_file::ErrorsFile;
use crate::domain::execution::failure::{Failure, Step};
use crate::domain::job::JobSettings;
use crate::domain::record::RecordBatch;
use crate::domain::record::handover::Handover;
use crate::domain::record::template::Template;
use crate::engine::calls::{call, items};
use crate::engine::heartbeat::Meter;
use crate::ports::Ports;
use crate::ports::source::SourceError;
use crate::ports::workers::offload;

/// The source's records as a sequence of complete files; the file of unreadable records comes last.
pub(super) struct Files<'a> {
    batches: Templated,
    handover: Handover,
    cutter: FileCutter,
    /// Whether the source has ended; files may still be open.
    ended: bool,
    closed: VecDeque<CutFile>,
    errors: ErrorsFile,
    settings: &'a JobSettings,
    meter: &'a Meter,
}

impl<'a> Files<'a> {
    /// Starts to read.
    pub(super) async fn read(export: &'a Export, prepared: &Prepared) -> Result<Self, Failure> {
        let Prepared { source, data_type, request, .. } = prepared;
        let settings = &export.execution.settings;
        let handover = Handover::new(&settings.source, data_type, request);
        let request = request.clone();
        let batches = call(Step::Read, SOURCE, async { source.read(request).await }).await?;
        Ok(Self {
            batches: templated(&export.shared.ports, &settings.template, data_type.pushes_down, batches),
            handover,
            cutter: FileCutter::new(settings.data_type.clone(), export.shared.settings.cut),
            ended: false,
            closed: VecDeque::new(),
            errors: ErrorsFile::new(settings.policies.bad_records),
            settings,
            meter: &export.meter,
        })
    }

    /// Takes back the buffer of a file that is compressed by now.
    pub(super) fn give_back(&mut self, contents: Vec<u8>) {
        self.cutter.give_back(contents);
    }

    pub(super) async fn next(&mut self) -> Result<Option<CutFile>, Failure> {
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

/// Batches as read from the source.
type Batches = BoxStream<'static, Result<RecordBatch, SourceError>>;

/// Batches after the template, ready to be cut into files.
type Templated = BoxStream<'static, Result<RecordBatch, Failure>>;

/// Applies the template, unless the source has already done so (rule J4). Batches go to the workers one at a
/// time, which keeps them in order; meanwhile other workers compress earlier ones.
fn templated(ports: &Ports, template: &Template, pushed_down: bool, batches: Batches) -> Templated {
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
