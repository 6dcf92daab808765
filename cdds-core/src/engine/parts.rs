//! From packed files to stored parts: lay out, seal, digest, upload.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};

use super::heartbeat::Meter;
use super::keys;
use crate::domain::artifact::Sha256Digest;
use crate::domain::failure::{Failure, FailureKind, Step};
use crate::ports::Ports;
use crate::ports::catalog::Fence;
use crate::ports::packager::{ArchiveWriter, Packed, PartEvent, PartIndex, PartOrdinal};
use crate::ports::sealer::{Sealer, Sealing};
use crate::ports::sink::{Key, Upload};
use crate::ports::workers::offload;

/// A part as it lies in the store.
#[derive(Debug, Clone)]
pub(super) struct StoredPart {
    pub(super) ordinal: PartOrdinal,
    pub(super) key: Key,
    pub(super) bytes: u64,
    pub(super) sha256: Sha256Digest,
}

/// Takes packed files in order and stores the parts they make up.
pub(super) struct PartStore<'a> {
    ports: &'a Ports,
    fence: Fence,
    meter: &'a Meter,
    /// `None` only while a worker has it.
    press: Option<Press>,
    upload: Option<(PartOrdinal, Box<dyn Upload>)>,
    stored: Vec<StoredPart>,
}

impl<'a> PartStore<'a> {
    pub(super) fn new(
        ports: &'a Ports,
        fence: Fence,
        meter: &'a Meter,
        writer: Box<dyn ArchiveWriter>,
        sealer: Option<Arc<dyn Sealer>>,
    ) -> Self {
        let envelope = Envelope { sealer, sealing: None, hasher: Sha256::new(), bytes: 0 };
        let press = Press { writer, envelope };
        Self { ports, fence, meter, press: Some(press), upload: None, stored: Vec::new() }
    }

    /// Appends one file.
    pub(super) async fn push(&mut self, file: Packed) -> Result<(), Failure> {
        let press = self.take_press()?;
        let (press, moves) = offload(&*self.ports.workers, move || press.push(file)).await?;
        self.press = Some(press);
        self.apply(moves?).await
    }

    /// Writes the directory and closes the last part; the parts are all stored when this returns.
    pub(super) async fn finish(mut self) -> Result<(PartIndex, Vec<StoredPart>), Failure> {
        let press = self.take_press()?;
        let (index, moves) = offload(&*self.ports.workers, move || press.finish()).await??;
        self.apply(moves).await?;
        Ok((index, self.stored))
    }

    fn take_press(&mut self) -> Result<Press, Failure> {
        self.press.take().ok_or_else(|| internal("the archive was used after it failed"))
    }

    async fn apply(&mut self, moves: Vec<Move>) -> Result<(), Failure> {
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

fn internal(what: &str) -> Failure {
    Failure { step: Step::Pack, kind: FailureKind::Internal, message: what.to_owned(), retryable: false }
}

/// The CPU work on parts; travels to a worker and back.
struct Press {
    writer: Box<dyn ArchiveWriter>,
    envelope: Envelope,
}

/// Seals and digests the open part.
struct Envelope {
    sealer: Option<Arc<dyn Sealer>>,
    sealing: Option<Box<dyn Sealing>>,
    hasher: Sha256,
    bytes: u64,
}

/// What is to be done with the store.
enum Move {
    Open(PartOrdinal),
    Write(Bytes),
    Close { bytes: u64, sha256: Sha256Digest },
}

impl Press {
    fn push(mut self, file: Packed) -> (Self, Result<Vec<Move>, Failure>) {
        let mut events = Vec::new();
        let moves = self
            .writer
            .push(file, &mut events)
            .map_err(|error| Failure::of(Step::Pack, &error))
            .and_then(|()| self.envelope.seal(events));
        (self, moves)
    }

    fn finish(mut self) -> Result<(PartIndex, Vec<Move>), Failure> {
        let mut events = Vec::new();
        let index = self.writer.finish(&mut events).map_err(|error| Failure::of(Step::Pack, &error))?;
        Ok((index, self.envelope.seal(events)?))
    }
}

impl Envelope {
    fn seal(&mut self, events: Vec<PartEvent>) -> Result<Vec<Move>, Failure> {
        let mut moves = Vec::with_capacity(events.len());
        for event in events {
            match event {
                PartEvent::Opened(ordinal) => {
                    moves.push(Move::Open(ordinal));
                    (self.hasher, self.bytes) = (Sha256::new(), 0);
                    if let Some(sealer) = &self.sealer {
                        let mut out = BytesMut::new();
                        self.sealing = Some(sealer.begin(&mut out).map_err(|e| Failure::of(Step::Seal, &e))?);
                        self.emit(out.freeze(), &mut moves);
                    }
                }
                PartEvent::Data(plain) => match self.sealing.as_mut() {
                    None => self.emit(plain, &mut moves),
                    Some(sealing) => {
                        let mut out = BytesMut::with_capacity(plain.len() + 1024);
                        sealing.update(&plain, &mut out).map_err(|e| Failure::of(Step::Seal, &e))?;
                        self.emit(out.freeze(), &mut moves);
                    }
                },
                PartEvent::Closed(_) => {
                    if let Some(sealing) = self.sealing.take() {
                        let mut out = BytesMut::new();
                        sealing.finish(&mut out).map_err(|e| Failure::of(Step::Seal, &e))?;
                        self.emit(out.freeze(), &mut moves);
                    }
                    let sha256 = Sha256Digest(self.hasher.finalize_reset().into());
                    moves.push(Move::Close { bytes: self.bytes, sha256 });
                }
            }
        }
        Ok(moves)
    }

    fn emit(&mut self, bytes: Bytes, moves: &mut Vec<Move>) {
        if !bytes.is_empty() {
            self.hasher.update(&bytes);
            self.bytes += bytes.len() as u64;
            moves.push(Move::Write(bytes));
        }
    }
}
