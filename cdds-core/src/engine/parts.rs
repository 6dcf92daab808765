//! Parts on their way into the store.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::heartbeat::Meter;
use super::keys;
use super::press::Move;
use crate::domain::artifact::Sha256Digest;
use crate::domain::failure::{Failure, FailureKind, Step};
use crate::ports::Ports;
use crate::ports::catalog::Fence;
use crate::ports::packager::PartOrdinal;
use crate::ports::sink::{Key, Upload};

/// A part as it lies in the store.
#[derive(Debug, Clone)]
pub(super) struct StoredPart {
    pub(super) ordinal: PartOrdinal,
    pub(super) key: Key,
    pub(super) bytes: u64,
    pub(super) sha256: Sha256Digest,
}

/// Writes parts into the store, one after another.
pub(super) struct PartStore<'a> {
    ports: &'a Ports,
    fence: Fence,
    meter: &'a Meter,
    upload: Option<(PartOrdinal, Box<dyn Upload>)>,
    stored: Vec<StoredPart>,
}

impl<'a> PartStore<'a> {
    pub(super) fn new(ports: &'a Ports, fence: Fence, meter: &'a Meter) -> Self {
        Self { ports, fence, meter, upload: None, stored: Vec::new() }
    }

    /// What lies in the store: every part, once the last move was applied.
    pub(super) fn into_stored(self) -> Vec<StoredPart> {
        self.stored
    }

    /// Does what is to be done, in order.
    pub(super) async fn apply(&mut self, moves: Vec<Move>) -> Result<(), Failure> {
        for one in moves {
            match one {
                Move::Open(ordinal) => {
                    let key = keys::part(self.fence, ordinal);
                    let upload = self.ports.sink.begin(&key).await;
                    self.upload = Some((ordinal, upload.map_err(|e| Failure::of(Step::Store, &e))?));
                }
                Move::Write(bytes) => self.write(bytes).await?,
                Move::Close { bytes, sha256 } => self.close(bytes, sha256).await?,
            }
        }
        Ok(())
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), Failure> {
        let (_, upload) = self.upload.as_mut().ok_or_else(|| internal("bytes came outside a part"))?;
        let count = bytes.len() as u64;
        upload.write(bytes).await.map_err(|error| Failure::of(Step::Store, &error))?;
        self.meter.bytes_written.fetch_add(count, Ordering::Relaxed);
        Ok(())
    }

    async fn close(&mut self, bytes: u64, sha256: Sha256Digest) -> Result<(), Failure> {
        let (ordinal, upload) =
            self.upload.take().ok_or_else(|| internal("a part ended that was not open"))?;
        let stored = upload.finish().await.map_err(|error| Failure::of(Step::Store, &error))?;
        let key = keys::part(self.fence, ordinal);
        if stored.bytes != bytes {
            return Err(Failure {
                step: Step::Store,
                kind: FailureKind::Corrupt,
                message: format!("the store kept {} bytes of {key}, {bytes} were written", stored.bytes),
                retryable: true,
            });
        }
        self.stored.push(StoredPart { ordinal, key, bytes, sha256 });
        self.meter.parts.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

pub(super) fn internal(what: &str) -> Failure {
    Failure { step: Step::Pack, kind: FailureKind::Internal, message: what.to_owned(), retryable: false }
}
