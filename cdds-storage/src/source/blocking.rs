//! Runs blocking readers behind a non-blocking stream.
//!
//! One thread per read sends batches through a bounded channel: two wait, one is being filled, one is with
//! the consumer, so a read holds a few batches whatever the amount of data. The stream ends only when the
//! thread reports that it has read everything, so a thread that dies causes an error, never a shorter export.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use cdds_core::domain::record::{RecordBatch, RecordBatchBuilder};
use cdds_core::ports::source::{SourceError, SourceErrorKind};
use futures::Stream;
use futures::channel::{mpsc, oneshot};
use futures::stream::BoxStream;

/// Size at which a batch is handed over.
const BATCH_BYTES: usize = 512 * 1024;

/// Room for the last record of a batch, which may exceed its size.
const BATCH_CAPACITY: usize = BATCH_BYTES + 64 * 1024;

/// Maximum number of bytes to read and leave out before reporting progress.
const SILENT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// After this many records, a reader that hands over nothing checks whether anybody is still listening.
const RECORDS_PER_CHECK: u32 = 1024;

/// The assumed minimum length of a wait for the consumer. It is an estimate, so no clock is read.
const WAIT: Duration = Duration::from_millis(10);

/// The reason why a reader stops early.
#[derive(Debug)]
pub(super) enum Stop {
    /// Nobody is listening any more.
    Dropped,
    /// The reader cannot go on.
    Failed(SourceError),
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

/// Interrupts a blocking call of the reader from another thread.
pub(super) type Interrupt = Box<dyn FnOnce() + Send>;

enum Message {
    Batch(RecordBatch),
    Failed(SourceError),
    Complete,
}

/// Runs `work` on its own thread. Returns the stream once `work` has called [`Batches::opened`], or the error
/// with which it ended before.
pub(super) async fn read<F>(
    name: String,
    work: F,
) -> Result<BoxStream<'static, Result<RecordBatch, SourceError>>, SourceError>
where
    F: FnOnce(&mut Batches) -> Result<(), Stop> + Send + 'static,
{
    // The channel holds one message more than this for each sender, so two batches wait.
    let (sender, receiver) = mpsc::channel(1);
    let (open_sender, open_receiver) = oneshot::channel();
    let mut batches = Batches::new(sender, open_sender);
    thread::Builder::new()
        .name(format!("read {name}"))
        .spawn(move || {
            let result = work(&mut batches);
            batches.end(result);
        })
        .map_err(|error| {
            SourceError::with_source(
                SourceErrorKind::Unavailable,
                format!("cannot start a thread to read {name}"),
                error,
            )
        })?;
    // A thread that panics drops its sender, which shows here and in the stream as a channel that closed.
    let interrupt = open_receiver.await.map_err(|oneshot::Canceled| died(&name))??;
    Ok(Box::pin(Received { receiver, interrupt: Some(interrupt), ended: false, name }))
}

fn died(name: &str) -> SourceError {
    SourceError::new(SourceErrorKind::Interrupted, format!("the reader of {name} ended unexpectedly"))
}

/// The reader's end: the batch being filled, and the channel that takes it.
pub(super) struct Batches {
    builder: RecordBatchBuilder,
    silent_bytes: u64,
    records_until_check: u32,
    /// Remaining number of waits for the consumer; `None` for no limit.
    waits_left: Option<u32>,
    sender: mpsc::Sender<Message>,
    open_sender: Option<oneshot::Sender<Result<Interrupt, SourceError>>>,
    waker: Waker,
}

impl Batches {
    fn new(
        sender: mpsc::Sender<Message>,
        open_sender: oneshot::Sender<Result<Interrupt, SourceError>>,
    ) -> Self {
        Self {
            builder: RecordBatchBuilder::new(),
            silent_bytes: 0,
            records_until_check: RECORDS_PER_CHECK,
            waits_left: None,
            sender,
            open_sender: Some(open_sender),
            waker: Waker::noop().clone(),
        }
    }

    /// Reports that the source is open and reading begins. `interrupt` is called when the stream is dropped.
    pub(super) fn opened(&mut self, interrupt: Interrupt) -> Result<(), Stop> {
        self.builder = RecordBatchBuilder::with_capacity(BATCH_CAPACITY);
        self.waker = Waker::from(Arc::new(Unpark(thread::current())));
        match self.open_sender.take() {
            Some(sender) => sender.send(Ok(interrupt)).map_err(|_| Stop::Dropped),
            None => Ok(()),
        }
    }

    /// Returns the batch being filled.
    pub(super) fn builder(&mut self) -> &mut RecordBatchBuilder {
        &mut self.builder
    }

    /// Reports that a record of this size was read, whether or not it became part of the batch. Hands the
    /// batch over when it is full.
    pub(super) fn record_read(&mut self, bytes: u64) -> Result<(), Stop> {
        self.builder.add_bytes_read(bytes);
        self.silent_bytes += bytes;
        if self.builder.len_bytes() >= BATCH_BYTES || self.silent_bytes >= SILENT_BYTES_MAX {
            return self.flush();
        }
        self.records_until_check -= 1;
        if self.records_until_check == 0 { self.check() } else { Ok(()) }
    }

    /// Limits from now on how long the consumer may keep this reader waiting altogether; `None` for no limit.
    /// After that, a batch for which there is no room stays here
    /// ([`is_kept_waiting`](Self::is_kept_waiting)).
    #[cfg(feature = "sqlite")]
    pub(super) fn wait_at_most(&mut self, patience: Option<Duration>) {
        let waits = |patience: Duration| u32::try_from(patience.as_millis() / WAIT.as_millis());
        self.waits_left = patience.map(|patience| waits(patience).unwrap_or(u32::MAX));
    }

    /// Whether a full batch is here because there was no room for it. Further records enlarge it.
    #[cfg(feature = "sqlite")]
    pub(super) fn is_kept_waiting(&self) -> bool {
        self.builder.len_bytes() >= BATCH_BYTES
    }

    /// Checks whether it makes sense to go on.
    fn check(&mut self) -> Result<(), Stop> {
        self.records_until_check = RECORDS_PER_CHECK;
        if self.sender.is_closed() { Err(Stop::Dropped) } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Stop> {
        // Without room the batch stays and grows. The next record tries again.
        if self.builder.is_empty() || !self.has_room()? {
            return Ok(());
        }
        self.silent_bytes = 0;
        let batch = self.builder.take();
        self.send(Message::Batch(batch))
    }

    /// Waits for room in the channel, within the limit; returns whether there is any.
    fn has_room(&mut self) -> Result<bool, Stop> {
        let mut context = Context::from_waker(&self.waker);
        loop {
            match (self.sender.poll_ready(&mut context), &mut self.waits_left) {
                (Poll::Ready(Ok(())), _) => return Ok(true),
                (Poll::Ready(Err(_)), _) => return Err(Stop::Dropped),
                // A wake between the poll and this is not lost: it makes the next park return at once.
                (Poll::Pending, None) => thread::park(),
                (Poll::Pending, Some(0)) => return Ok(false),
                (Poll::Pending, Some(waits)) => {
                    *waits -= 1;
                    thread::park_timeout(WAIT);
                }
            }
        }
    }

    /// Sends a message for which there is room.
    fn send(&mut self, message: Message) -> Result<(), Stop> {
        self.sender.start_send(message).map_err(|_| Stop::Dropped)
    }

    /// Passes on the result of reading, after the remaining records.
    fn end(&mut self, result: Result<(), Stop>) {
        let last = match result {
            Ok(()) => Message::Complete,
            Err(Stop::Failed(error)) => match self.open_sender.take() {
                // If this fails, nobody is waiting for the answer any more.
                Some(sender) => return drop(sender.send(Err(error))),
                None => Message::Failed(error),
            },
            Err(Stop::Dropped) => return,
        };
        // The same applies here: a dropped stream needs no end.
        self.waits_left = None;
        let _ = self.flush().and_then(|()| self.has_room()).and_then(|_| self.send(last));
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The consumer's end.
struct Received {
    receiver: mpsc::Receiver<Message>,
    interrupt: Option<Interrupt>,
    ended: bool,
    name: String,
}

impl Stream for Received {
    type Item = Result<RecordBatch, SourceError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let message = std::task::ready!(Pin::new(&mut self.receiver).poll_next(context));
        // Only `Complete` may end the stream quietly. A closed channel means a dead thread, and records may
        // be missing.
        self.ended = !matches!(message, Some(Message::Batch(_)));
        Poll::Ready(match message {
            Some(Message::Batch(batch)) => Some(Ok(batch)),
            Some(Message::Failed(error)) => Some(Err(error)),
            Some(Message::Complete) => None,
            None => Some(Err(died(&self.name))),
        })
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        // Close first, so that the interrupted reader sees the reason why its call ended.
        self.receiver.close();
        if let Some(interrupt) = self.interrupt.take() {
            interrupt();
        }
    }
}

#[cfg(test)]
mod tests;
