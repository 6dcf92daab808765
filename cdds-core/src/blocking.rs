//! Runs readers that block behind a stream that does not.
//!
//! Most clients of files and databases block: they read while the caller waits. A [`Source`](crate::Source) must not
//! do that where its stream is polled, since everything else on that thread would wait as well.
//! [`read_blocking`] gives such a reader a thread of its own, which hands over batches through a bounded channel: two
//! wait, one is being filled, one is with the consumer, so a read holds a few batches whatever the amount of data.
//! The stream ends only when the thread reports that it has read everything, so a thread that dies causes an error,
//! never a shorter export.
//!
//! ```
//! use cdds_core::domain::calendar::window::Window;
//! use cdds_core::{ReadRequest, RecordStream, SourceError, read_blocking};
//! use chrono::{DateTime, Utc};
//! use futures::executor::block_on;
//! use futures::stream::TryStreamExt;
//!
//! /// The records of a file with an instant and a name in each line.
//! async fn calls(
//!     text: &'static str,
//!     request: ReadRequest,
//! ) -> Result<RecordStream, SourceError> {
//!     read_blocking("calls", move |batches| {
//!         for (number, line) in text.lines().enumerate() {
//!             let bad = || SourceError::bad_record(format!("line {}", number + 1));
//!             let (at, caller) = line.split_once(' ').ok_or_else(bad)?;
//!             let at: DateTime<Utc> = at.parse().map_err(|_| bad())?;
//!             if request.wants(Some(at), None) {
//!                 let mut record = batches.builder().record(&request.place(None, Some(at)));
//!                 record.instant("at", at).text("caller", caller);
//!                 record.finish();
//!             }
//!             batches.record_read(line.len() as u64)?;
//!         }
//!         Ok(())
//!     })
//!     .await
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let text = "2026-03-01T09:00:00Z Ada\n2026-03-02T09:00:00Z Grace\n";
//! let window = Window::until("2026-03-02T00:00:00Z".parse()?);
//! let request = ReadRequest::new("default".parse()?, "call".parse()?, window);
//! let batches: Vec<_> = block_on(async { calls(text, request).await?.try_collect().await })?;
//! assert_eq!(batches[0].lines()[..], b"{\"at\":\"2026-03-01T09:00:00Z\",\"caller\":\"Ada\"}\n"[..]);
//! # Ok(())
//! # }
//! ```

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use futures::Stream;
use futures::channel::{mpsc, oneshot};

use crate::domain::record::{RecordBatch, RecordBatchBuilder};
use crate::ports::source::{RecordStream, SourceError, SourceErrorKind};

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
pub enum Stop {
    /// The stream was dropped: nobody is listening any more.
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
type Interrupt = Box<dyn FnOnce() + Send>;

enum Message {
    Batch(RecordBatch),
    Failed(SourceError),
    Complete,
}

/// Runs `work` on a thread of its own, and returns the stream of the batches that it fills. `name` is the source's, for
/// the thread and for errors.
///
/// The call waits until `work` has said that the source is open ([`Batches::opened`]), has handed over its first
/// batch, or has ended. `work` may block as it likes; it is held back while the consumer is slower.
///
/// # Errors
/// The error with which `work` ended before; [`SourceErrorKind::Unavailable`] if no thread can be started;
/// [`SourceErrorKind::Interrupted`] if it panicked. Later errors are the last item of the stream.
///
/// # Cancel safety
/// If the call or the stream is dropped, the next call of [`Batches::record_read`] returns [`Stop::Dropped`] at the
/// latest after 1,024 records, or when a batch is full. The thread ends when `work` does.
pub async fn read_blocking<F>(name: impl Into<String>, work: F) -> Result<RecordStream, SourceError>
where
    F: FnOnce(&mut Batches) -> Result<(), Stop> + Send + 'static,
{
    let name = name.into();
    // The channel holds one message more than this for each sender, so two batches wait.
    let (sender, receiver) = mpsc::channel(1);
    let (open_sender, open_receiver) = oneshot::channel();
    thread::Builder::new()
        .name(format!("read {name}"))
        .spawn(move || {
            let mut batches = Batches::new(sender, open_sender);
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
    Ok(Box::pin(Received { receiver, interrupt, ended: false, name }))
}

fn died(name: &str) -> SourceError {
    SourceError::new(SourceErrorKind::Interrupted, format!("the reader of {name} ended unexpectedly"))
}

/// The reader's end: the batch being filled, and the channel that takes it.
#[derive(Debug)]
pub struct Batches {
    builder: RecordBatchBuilder,
    silent_bytes: u64,
    records_until_check: u32,
    /// Remaining number of waits for the consumer; `None` for no limit.
    waits_left: Option<u32>,
    sender: mpsc::Sender<Message>,
    open_sender: Option<oneshot::Sender<Result<Option<Interrupt>, SourceError>>>,
    waker: Waker,
}

impl Batches {
    fn new(
        sender: mpsc::Sender<Message>,
        open_sender: oneshot::Sender<Result<Option<Interrupt>, SourceError>>,
    ) -> Self {
        Self {
            builder: RecordBatchBuilder::with_capacity(BATCH_CAPACITY),
            silent_bytes: 0,
            records_until_check: RECORDS_PER_CHECK,
            waits_left: None,
            sender,
            open_sender: Some(open_sender),
            // The thread of the reader made this, and nobody else waits with it.
            waker: Waker::from(Arc::new(Unpark(thread::current()))),
        }
    }

    /// Says that the source is open, so that [`read_blocking`] returns. What fails before this is an error of that
    /// call; what fails later is the last item of the stream. The first batch says it, too.
    ///
    /// # Errors
    /// [`Stop::Dropped`] if nobody waits for the stream any more.
    pub fn opened(&mut self) -> Result<(), Stop> {
        self.open(None)
    }

    /// Like [`opened`](Self::opened); `interrupt` is called, on the thread of the consumer, when the stream is
    /// dropped or has ended. It should make a call return in which the reader is blocked, and must not block itself.
    ///
    /// # Errors
    /// [`Stop::Dropped`] if nobody waits for the stream any more; `interrupt` is dropped then.
    pub fn opened_with(&mut self, interrupt: impl FnOnce() + Send + 'static) -> Result<(), Stop> {
        self.open(Some(Box::new(interrupt)))
    }

    fn open(&mut self, interrupt: Option<Interrupt>) -> Result<(), Stop> {
        match self.open_sender.take() {
            Some(sender) => sender.send(Ok(interrupt)).map_err(|_| Stop::Dropped),
            None => Ok(()),
        }
    }

    /// Returns the batch being filled.
    pub fn builder(&mut self) -> &mut RecordBatchBuilder {
        &mut self.builder
    }

    /// Reports that a record of this many bytes was read, whether or not it became part of the batch. Call it after
    /// each. Hands the batch over when it is full (512 KiB), and then waits for room.
    ///
    /// # Errors
    /// [`Stop::Dropped`] if the stream was dropped: return it.
    pub fn record_read(&mut self, bytes: u64) -> Result<(), Stop> {
        self.builder.add_bytes_read(bytes);
        self.silent_bytes += bytes;
        if self.builder.len_bytes() >= BATCH_BYTES || self.silent_bytes >= SILENT_BYTES_MAX {
            return self.flush();
        }
        self.records_until_check -= 1;
        if self.records_until_check == 0 { self.check() } else { Ok(()) }
    }

    /// Limits from now on how long the consumer may keep this reader waiting altogether; `None`, as at first, for no
    /// limit. After that, a batch for which there is no room stays here
    /// ([`is_kept_waiting`](Self::is_kept_waiting)). It is for a reader that holds a lock others wait for, and can put
    /// the remaining records elsewhere.
    pub fn wait_at_most(&mut self, patience: Option<Duration>) {
        let waits = |patience: Duration| u32::try_from(patience.as_millis() / WAIT.as_millis());
        self.waits_left = patience.map(|patience| waits(patience).unwrap_or(u32::MAX));
    }

    /// Whether a full batch is here because there was no room for it. Further records enlarge it.
    pub fn is_kept_waiting(&self) -> bool {
        self.builder.len_bytes() >= BATCH_BYTES
    }

    /// Checks whether it makes sense to go on.
    fn check(&mut self) -> Result<(), Stop> {
        self.records_until_check = RECORDS_PER_CHECK;
        if self.sender.is_closed() { Err(Stop::Dropped) } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Stop> {
        self.opened()?;
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
