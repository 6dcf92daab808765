//! The uploads of one attempt. An export may be dropped at any await, but the store continues with a call
//! that it has received: a file that it finishes later would belong to nobody. So calls that are pending when
//! the export is dropped are left here and brought to their end before anybody lists the files to remove.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};

use crate::engine::calls::{Panicked, contained_async};
use crate::ports::sink::{Key, Sink, SinkError, SinkErrorKind, Stored, Upload};

/// The store calls that an export has left pending.
#[derive(Default)]
pub(in crate::engine::export) struct Underway {
    left: Mutex<Vec<BoxFuture<'static, ()>>>,
}

impl Underway {
    /// Starts an upload.
    ///
    /// # Errors
    /// Those of the store.
    pub(in crate::engine::export) async fn begin(
        self: &Arc<Self>,
        sink: &Arc<dyn Sink>,
        key: &Key,
    ) -> Result<Open, SinkError> {
        let (sink, key, underway) = (Arc::clone(sink), key.clone(), Arc::downgrade(self));
        let begin = {
            let underway = Weak::clone(&underway);
            async move { Ok(Open { upload: Some(sink.begin(&key).await?), underway }) }
        };
        keep(&underway, begin).await
    }

    fn leave(&self, work: BoxFuture<'static, ()>) {
        self.left().push(work);
    }

    /// Waits until nothing is pending: every call has succeeded or failed, and every unfinished upload is
    /// aborted. Ignores errors, since the store lists the remains.
    ///
    /// # Cancel safety
    /// Dropping the future drops the work that is not done by then.
    pub(in crate::engine::export) async fn wind_down(&self) {
        loop {
            // Again until nothing is left: a call that has ended may drop an `Open`, which leaves its abort
            // here.
            let left = std::mem::take(&mut *self.left());
            if left.is_empty() {
                return;
            }
            // Work that panics has ended too.
            let _ended: Vec<Result<(), Panicked>> = join_all(left.into_iter().map(contained_async)).await;
        }
    }

    /// Locks a list that is replaced whole, so a panic elsewhere leaves it usable.
    fn left(&self) -> MutexGuard<'_, Vec<BoxFuture<'static, ()>>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a future of `work` that leaves it with `underway` if the future is dropped.
fn keep<T: Send + 'static>(
    underway: &Weak<Underway>,
    work: impl Future<Output = T> + Send + 'static,
) -> Kept<T> {
    Kept { work: Some(work.boxed()), underway: Weak::clone(underway) }
}

/// Work with the store that somebody awaits.
struct Kept<T: Send + 'static> {
    work: Option<BoxFuture<'static, T>>,
    underway: Weak<Underway>,
}

impl<T: Send + 'static> Future for Kept<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // Work that has panicked is gone.
        let Some(mut work) = self.work.take() else { return Poll::Pending };
        // Taken out while it is polled: if it panics, `drop` must not leave it to be polled again.
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.work = Some(work);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Kept<T> {
    fn drop(&mut self) {
        if let (Some(work), Some(underway)) = (self.work.take(), self.underway.upgrade()) {
            underway.leave(work.map(drop).boxed());
        }
    }
}

/// An open upload. If it is dropped before it is finished, it is left to be aborted.
#[derive(Debug)]
pub(in crate::engine::export) struct Open {
    upload: Option<Box<dyn Upload>>,
    /// Weak, since this upload may itself be left there: a strong reference would form a cycle.
    underway: Weak<Underway>,
}

impl Open {
    /// Appends bytes and returns the upload; after an error the upload is left to be aborted.
    ///
    /// # Errors
    /// Those of the store.
    pub(in crate::engine::export) async fn write(mut self, bytes: Bytes) -> Result<Self, SinkError> {
        let (mut upload, underway) = (self.take()?, Weak::clone(&self.underway));
        let write = async move {
            let result = upload.write(bytes).await;
            let open = Self { upload: Some(upload), underway };
            result.map(|()| open)
        };
        keep(&self.underway, write).await
    }

    /// Makes the object visible and durable.
    ///
    /// # Errors
    /// Those of the store.
    pub(in crate::engine::export) async fn finish(mut self) -> Result<Stored, SinkError> {
        let upload = self.take()?;
        // Left to finish rather than to abort: the store may have begun to make the object visible.
        keep(&self.underway, async move { upload.finish().await }).await
    }

    fn take(&mut self) -> Result<Box<dyn Upload>, SinkError> {
        let upload = self.upload.take();
        upload.ok_or_else(|| SinkError::new(SinkErrorKind::Unavailable, "the upload has ended already"))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let (Some(upload), Some(underway)) = (self.upload.take(), self.underway.upgrade()) {
            underway.leave(async move { drop(upload.abort().await) }.boxed());
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use futures::channel::oneshot;
    use futures::executor::block_on;
    use futures::stream::BoxStream;

    use super::*;
    use crate::ports::sink::Prefix;
    use crate::testing::MemorySink;

    /// A store that finishes an upload only when its gate opens.
    #[derive(Debug)]
    struct SlowSink(MemorySink, Mutex<Option<oneshot::Receiver<()>>>);

    #[async_trait]
    impl Sink for SlowSink {
        async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
            let gate = self.1.lock().unwrap().take().unwrap();
            Ok(Box::new(SlowUpload(self.0.begin(key).await?, gate)))
        }

        async fn read(
            &self,
            key: &Key,
            from: u64,
        ) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError> {
            self.0.read(key, from).await
        }

        async fn delete(&self, key: &Key) -> Result<(), SinkError> {
            self.0.delete(key).await
        }

        async fn list(&self, prefix: &Prefix) -> Result<Vec<Key>, SinkError> {
            self.0.list(prefix).await
        }
    }

    #[derive(Debug)]
    struct SlowUpload(Box<dyn Upload>, oneshot::Receiver<()>);

    #[async_trait]
    impl Upload for SlowUpload {
        async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
            self.0.write(bytes).await
        }

        async fn finish(self: Box<Self>) -> Result<Stored, SinkError> {
            self.1.await.unwrap();
            self.0.finish().await
        }

        async fn abort(self: Box<Self>) -> Result<(), SinkError> {
            self.0.abort().await
        }
    }

    fn slow() -> (oneshot::Sender<()>, MemorySink, Arc<dyn Sink>) {
        let (open, gate) = oneshot::channel();
        let memory = MemorySink::new();
        let sink = SlowSink(memory.clone(), Mutex::new(Some(gate)));
        (open, memory, Arc::new(sink))
    }

    #[test]
    fn e8_what_is_being_finished_when_it_is_dropped_is_finished_before_anybody_looks() {
        let (open, memory, sink) = slow();
        let underway = Arc::new(Underway::default());
        let upload = block_on(underway.begin(&sink, &Key::new("e/1/0"))).unwrap();
        let mut finishing = Box::pin(upload.finish());
        assert!(finishing.as_mut().now_or_never().is_none());
        drop(finishing);
        let mut winding_down = Box::pin(underway.wind_down());
        assert!(winding_down.as_mut().now_or_never().is_none(), "it is under way");
        open.send(()).unwrap();
        block_on(winding_down);
        assert_eq!(memory.objects().len(), 1, "it cannot land later");
    }

    #[test]
    fn e8_what_was_begun_is_aborted() {
        let (_open, memory, sink) = slow();
        let underway = Arc::new(Underway::default());
        let upload = block_on(underway.begin(&sink, &Key::new("e/1/0"))).unwrap();
        drop(block_on(upload.write(Bytes::from_static(b"ab"))).unwrap());
        assert_eq!(block_on(sink.list(&Prefix::new("e"))).unwrap().len(), 1);
        block_on(underway.wind_down());
        assert!(block_on(sink.list(&Prefix::new("e"))).unwrap().is_empty());
        assert!(memory.objects().is_empty());
    }

    #[test]
    fn what_is_left_does_not_keep_itself_alive() {
        let (open, memory, sink) = slow();
        let underway = Arc::new(Underway::default());
        let upload = block_on(underway.begin(&sink, &Key::new("e/1/0"))).unwrap();
        let mut finishing = Box::pin(upload.finish());
        assert!(finishing.as_mut().now_or_never().is_none());
        drop(finishing);
        drop(underway);
        assert!(open.is_canceled() && memory.objects().is_empty());
    }
}
