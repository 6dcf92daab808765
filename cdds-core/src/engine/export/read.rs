//! From the source to complete files: read, apply the template, check, cut.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use super::attempt::Export;
use super::prepare::{Prepared, PreparedRead, SOURCE};
use super::subject::Indexing;
use super::subjects::{Named, Witness};
use crate::domain::archive::cut::{CutFile, FileCutter};
use crate::domain::archive::errors_file::ErrorsFile;
use crate::domain::execution::failure::{Failure, Step};
use crate::domain::record::RecordBatch;
use crate::domain::record::handover::Handover;
use crate::domain::subject::ShownFields;
use crate::engine::calls::{call, items};
use crate::ports::Ports;
use crate::ports::source::{ReadRequest, SourceError};
use crate::ports::workers::offload;

/// The records of every read as a sequence of complete files; the file of unreadable records comes last, and behind it the
/// page of a copy for a data subject.
pub(super) struct Files<'a> {
    export: &'a Export,
    /// The reads that have not begun, in the order of the settings (rule A6).
    ahead: std::slice::Iter<'a, PreparedRead>,
    /// The read that is under way; `None` once all have ended. There is never more than one.
    open: Option<OpenRead>,
    /// The number of records of each read that has begun.
    records: Vec<u64>,
    closed: VecDeque<CutFile>,
    errors: ErrorsFile,
    /// Whom the records name, if that can be told.
    named: Option<Named>,
    /// The page of a copy for a data subject, until it is returned.
    indexing: Option<Indexing>,
}

/// A read under way.
struct OpenRead {
    batches: Templated,
    handover: Handover,
    cutter: FileCutter,
    witness: Option<Witness>,
    /// The request, which says what of a rejected record may be reported.
    request: ReadRequest,
    /// The fields that a copy for a data subject shows; `None` for all.
    shown: Option<Arc<ShownFields>>,
    /// Whether the source has ended; files may still be open.
    ended: bool,
}

impl<'a> Files<'a> {
    /// Starts to read.
    pub(super) async fn read(
        export: &'a Export,
        prepared: &'a Prepared,
        indexing: Option<Indexing>,
    ) -> Result<Self, Failure> {
        let mut files = Self {
            export,
            ahead: prepared.reads.iter(),
            open: None,
            records: Vec::with_capacity(prepared.reads.len()),
            closed: VecDeque::new(),
            errors: ErrorsFile::new(export.execution.settings.policies.bad_records),
            named: Named::begin(export, &prepared.reads)?,
            indexing,
        };
        files.begin_next().await?;
        Ok(files)
    }

    /// Takes back the buffer of a file that is compressed by now.
    pub(super) fn give_back(&mut self, contents: Vec<u8>) {
        if let Some(open) = &mut self.open {
            open.cutter.give_back(contents);
        }
    }

    /// Returns the number of records of each read, in the order of the settings, and whom they name.
    pub(super) fn into_ended(self) -> (Vec<u64>, Option<Named>) {
        (self.records, self.named)
    }

    pub(super) async fn next(&mut self) -> Result<Option<CutFile>, Failure> {
        loop {
            if let Some(file) = self.closed.pop_front() {
                self.note(&file);
                return Ok(Some(file));
            }
            let Some(open) = &mut self.open else {
                return Ok(self.errors.take().or_else(|| self.indexing.take().map(Indexing::file)));
            };
            if !open.ended {
                self.read_batch().await?;
            } else if let Some(file) = open.cutter.finish() {
                self.note(&file);
                return Ok(Some(file));
            } else {
                self.begin_next().await?;
            }
        }
    }

    /// Notes a file of the read under way, which has begun last.
    fn note(&mut self, file: &CutFile) {
        let read = self.records.len().saturating_sub(1);
        if let Some(indexing) = &mut self.indexing {
            indexing.note(read, file);
        }
    }

    /// Ends the read under way and begins the next one, if there is one.
    async fn begin_next(&mut self) -> Result<(), Failure> {
        // Before the next one, since a source may allow one read at a time.
        self.open = None;
        let Some(read) = self.ahead.next() else { return Ok(()) };
        let witness = self.named.as_mut().and_then(|named| named.witness(read));
        self.open = Some(OpenRead::begin(self.export, read, witness).await?);
        self.records.push(0);
        Ok(())
    }

    /// Reads the next batch of the open read.
    async fn read_batch(&mut self) -> Result<(), Failure> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let Some(batch) = open.batches.next().await else {
            open.ended = true;
            return Ok(());
        };
        let (batch, meter) = (batch?, &self.export.meter);
        open.handover.check(&batch, |place| open.cutter.knows(place))?;
        for rejected in batch.rejected() {
            let ReadRequest { template, categories, .. } = &open.request;
            let Some(told) = template.tell(rejected.clone(), categories) else { continue };
            self.errors.push(&told)?;
            if let (Some(named), Some(witness)) = (&mut self.named, &open.witness) {
                named.rejected(witness, rejected, &told);
            }
            meter.rejected.fetch_add(1, Ordering::Relaxed);
        }
        let records = batch.records() as u64;
        if let Some(count) = self.records.last_mut() {
            *count += records;
        }
        meter.records.fetch_add(records, Ordering::Relaxed);
        meter.undated.fetch_add(open.handover.undated(&batch), Ordering::Relaxed);
        meter.bytes_read.fetch_add(batch.bytes_read(), Ordering::Relaxed);
        // Only now that whole records have shown whom they are about.
        let batch = match open.shown.clone() {
            Some(shown) => offload(&*self.export.shared.ports.workers, move || shown.of(&batch)).await?,
            None => batch,
        };
        let mut cut = Vec::new();
        open.cutter.push(&batch, &mut cut);
        self.closed.extend(cut);
        // Stored as they come, so that memory does not grow with the records.
        while let Some((key, filter)) = self.named.as_mut().and_then(Named::full) {
            self.export.store(&key, filter).await?;
        }
        Ok(())
    }
}

impl OpenRead {
    /// Starts to read one data type.
    async fn begin(export: &Export, read: &PreparedRead, witness: Option<Witness>) -> Result<Self, Failure> {
        let PreparedRead { source, source_id, data_type, request, folder, shown } = read;
        let settings = &export.execution.settings;
        let batches = call(Step::Read, SOURCE, async { source.read(request.clone()).await }).await?;
        let cutter = FileCutter::new(request.data_type.clone(), export.shared.settings.cut);
        Ok(Self {
            batches: templated(&export.shared.ports, read, witness.clone(), batches),
            handover: Handover::new(source_id, data_type, request),
            cutter: match folder {
                Some(folder) => cutter.in_folder(folder),
                None if settings.reads.only().is_some() => cutter,
                None => cutter.below_type(),
            },
            witness,
            request: request.clone(),
            shown: shown.clone(),
            ended: false,
        })
    }
}

/// Batches as read from the source.
type Batches = BoxStream<'static, Result<RecordBatch, SourceError>>;

/// Batches after the template, ready to be cut into files.
type Templated = BoxStream<'static, Result<RecordBatch, Failure>>;

/// Applies the template, unless the source has already done so (rule J4), and shows the records to the witness before
/// they lose fields (rule D10). Batches go to the workers one at a time, which keeps them in order; meanwhile other workers
/// compress earlier ones.
fn templated(ports: &Ports, read: &PreparedRead, witness: Option<Witness>, batches: Batches) -> Templated {
    let batches = items(Step::Read, SOURCE, batches);
    let template = &read.request.template;
    let applies = !read.data_type.pushes_down && !template.is_default();
    if !applies && witness.is_none() {
        return batches;
    }
    let template = applies.then(|| Arc::new(template.clone()));
    let workers = Arc::clone(&ports.workers);
    let applied = batches.and_then(move |batch| {
        let (workers, template, witness) = (Arc::clone(&workers), template.clone(), witness.clone());
        let apply = move || match (&witness, &template) {
            (Some(witness), template) => witness.see(batch, template.as_deref()),
            (None, Some(template)) => template.apply(&batch),
            (None, None) => batch,
        };
        async move { Ok(offload(&*workers, apply).await?) }
    });
    applied.boxed()
}
