//! Writes parts into the store.

mod uploads;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};

use self::uploads::Open;
pub(super) use self::uploads::Underway;
use super::attempt::Export;
use super::pack::StoreCommand;
use crate::domain::archive::artifact::Sha256Digest;
use crate::domain::execution::failure::{Failure, FailureKind, Step};
use crate::engine::calls::call;
use crate::engine::heartbeat::Meter;
use crate::keys;
use crate::ports::catalog::Writer;
use crate::ports::packager::PartOrdinal;
use crate::ports::sink::{Key, Sink, Stored};

/// The name of the store in the failure after it has panicked.
pub(super) const STORE: &str = "store";

/// A part in the store.
#[derive(Debug, Clone)]
pub(super) struct StoredPart {
    pub(super) ordinal: PartOrdinal,
    pub(super) key: Key,
    pub(super) bytes: u64,
    pub(super) sha256: Sha256Digest,
}

/// Returns the writer and the finisher of an export's parts. Parts are written one after another. While one
/// is made durable the next one is written, and no more than that.
pub(super) fn part_store(export: &Export) -> (PartWriter<'_>, PartFinisher<'_>) {
    stored_in(&export.shared.ports.sink, &export.underway, export.writer, &export.meter)
}

fn stored_in<'a>(
    sink: &'a Arc<dyn Sink>,
    underway: &'a Arc<Underway>,
    claim: Writer,
    meter: &'a Meter,
) -> (PartWriter<'a>, PartFinisher<'a>) {
    // Sending waits until the previous part is taken.
    let (sender, written) = mpsc::channel(0);
    let writer = PartWriter { sink, underway, claim, meter, upload: None, sender };
    (writer, PartFinisher { claim, meter, written })
}

/// A part whose bytes have all been passed to the store.
struct Written {
    ordinal: PartOrdinal,
    upload: Open,
    bytes: u64,
    sha256: Sha256Digest,
}

/// Writes parts into the store.
pub(super) struct PartWriter<'a> {
    sink: &'a Arc<dyn Sink>,
    underway: &'a Arc<Underway>,
    claim: Writer,
    meter: &'a Meter,
    upload: Option<(PartOrdinal, Open)>,
    sender: mpsc::Sender<Written>,
}

impl PartWriter<'_> {
    /// Carries out the commands, in order.
    pub(super) async fn apply(&mut self, commands: Vec<StoreCommand>) -> Result<(), Failure> {
        for one in commands {
            match one {
                StoreCommand::Open(ordinal) => {
                    let key = keys::part(self.claim, ordinal);
                    let upload = call(Step::Store, STORE, self.underway.begin(self.sink, &key)).await?;
                    self.upload = Some((ordinal, upload));
                }
                StoreCommand::Write(bytes) => self.write(bytes).await?,
                StoreCommand::Close { bytes, sha256 } => self.close(bytes, sha256).await?,
            }
        }
        Ok(())
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), Failure> {
        let (ordinal, upload) =
            self.upload.take().ok_or_else(|| Failure::internal(Step::Pack, "bytes came outside a part"))?;
        let count = bytes.len() as u64;
        self.upload = Some((ordinal, call(Step::Store, STORE, upload.write(bytes)).await?));
        self.meter.bytes_written.fetch_add(count, Ordering::Relaxed);
        Ok(())
    }

    async fn close(&mut self, bytes: u64, sha256: Sha256Digest) -> Result<(), Failure> {
        let (ordinal, upload) = self
            .upload
            .take()
            .ok_or_else(|| Failure::internal(Step::Pack, "a part was ended that was not open"))?;
        let written = Written { ordinal, upload, bytes, sha256 };
        self.sender
            .send(written)
            .await
            .map_err(|_| Failure::internal(Step::Pack, "nobody receives the parts that were written"))
    }
}

/// Makes parts durable.
pub(super) struct PartFinisher<'a> {
    claim: Writer,
    meter: &'a Meter,
    written: mpsc::Receiver<Written>,
}

impl PartFinisher<'_> {
    /// Returns the stored parts once the writer is dropped. Must be polled while parts are written.
    pub(super) async fn run(mut self) -> Result<Vec<StoredPart>, Failure> {
        let mut stored = Vec::new();
        while let Some(written) = self.written.next().await {
            stored.push(self.finish(written).await?);
            self.meter.parts.fetch_add(1, Ordering::Relaxed);
        }
        Ok(stored)
    }

    async fn finish(&self, written: Written) -> Result<StoredPart, Failure> {
        let Written { ordinal, upload, bytes, sha256 } = written;
        let stored = call(Step::Store, STORE, upload.finish()).await?;
        let key = keys::part(self.claim, ordinal);
        check_size(&key, bytes, stored)?;
        Ok(StoredPart { ordinal, key, bytes, sha256 })
    }
}

/// Checks that the store kept all bytes of a file.
///
/// # Errors
/// [`FailureKind::Corrupt`] if it did not.
pub(super) fn check_size(key: &Key, written: u64, stored: Stored) -> Result<(), Failure> {
    if stored.bytes == written {
        return Ok(());
    }
    Err(Failure {
        step: Step::Store,
        kind: FailureKind::Corrupt,
        message: format!("the store kept {} bytes of {key}, but {written} were written", stored.bytes),
        retryable: true,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use async_trait::async_trait;
    use futures::FutureExt;
    use futures::channel::oneshot;
    use futures::executor::block_on;
    use futures::future::{Shared, try_join};
    use futures::stream::BoxStream;
    use uuid::Uuid;

    use super::*;
    use crate::domain::id::ExecutionId;
    use crate::ports::catalog::{Fence, Nonce};
    use crate::ports::sink::{Prefix, SinkError, Stored, Upload};
    use crate::testing::MemorySink;

    type Gate = Shared<oneshot::Receiver<()>>;

    /// A store in which nothing is finished until the gate opens.
    #[derive(Debug)]
    struct GatedSink(MemorySink, Gate);

    #[async_trait]
    impl Sink for GatedSink {
        async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError> {
            Ok(Box::new(GatedUpload(self.0.begin(key).await?, self.1.clone())))
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
    struct GatedUpload(Box<dyn Upload>, Gate);

    #[async_trait]
    impl Upload for GatedUpload {
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

    fn part(ordinal: u32) -> [StoreCommand; 3] {
        let sha256 = Sha256Digest([0; 32]);
        [
            StoreCommand::Open(PartOrdinal(ordinal)),
            StoreCommand::Write(Bytes::from_static(b"ab")),
            StoreCommand::Close { bytes: 2, sha256 },
        ]
    }

    #[test]
    fn the_next_part_is_written_while_one_is_made_durable_and_no_more_than_that() {
        let (open, gate) = oneshot::channel();
        let memory = MemorySink::new();
        let sink: Arc<dyn Sink> = Arc::new(GatedSink(memory.clone(), gate.shared()));
        let underway = Arc::new(Underway::default());
        let meter = Meter::new(Duration::ZERO);
        let fence = Fence { id: ExecutionId(Uuid::from_u128(5)), epoch: 1 };
        let claim = Writer { fence, nonce: Some(Nonce(7)) };
        let (mut writer, finisher) = stored_in(&sink, &underway, claim, &meter);
        let writing = async {
            writer.apply((0..3).flat_map(part).collect()).await?;
            drop(writer);
            Ok(())
        };
        let mut storing = Box::pin(try_join(writing, finisher.run()));
        for _ in 0..10 {
            assert!(storing.as_mut().now_or_never().is_none());
        }
        // Unfinished uploads are listed too.
        assert_eq!(block_on(sink.list(&keys::claim(claim))).unwrap().len(), 2);
        assert_eq!(memory.objects().len(), 0);
        open.send(()).unwrap();
        let ((), stored) = block_on(storing).unwrap();
        assert_eq!(stored.iter().map(|part| part.ordinal.0).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(memory.objects().len(), 3);
    }
}
