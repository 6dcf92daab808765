//! Seals and digests the bytes of parts, in order.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};

use super::{SEALER, StoreCommand};
use crate::domain::archive::artifact::Sha256Digest;
use crate::domain::execution::failure::{Failure, Step};
use crate::engine::calls::call_now;
use crate::ports::packager::PartEvent;
use crate::ports::sealer::{Sealer, Sealing};

/// The size of the pieces that are sealed: half of a core's cache. Buffers of one size do not fragment the
/// process's memory.
const SEALED_AT_ONCE_BYTES: usize = 256 << 10;

/// Seals and digests the open part.
pub(super) struct PartSealer {
    sealer: Option<Arc<dyn Sealer>>,
    sealing: Option<Box<dyn Sealing>>,
    hasher: Sha256,
    bytes: u64,
}

impl PartSealer {
    /// Creates a sealer of parts; without a `sealer` the parts stay plaintext.
    pub(super) fn new(sealer: Option<Arc<dyn Sealer>>) -> Self {
        Self { sealer, sealing: None, hasher: Sha256::new(), bytes: 0 }
    }

    pub(super) fn seal(&mut self, events: Vec<PartEvent>) -> Result<Vec<StoreCommand>, Failure> {
        let mut commands = Vec::with_capacity(events.len());
        for event in events {
            match event {
                PartEvent::Opened(ordinal) => {
                    commands.push(StoreCommand::Open(ordinal));
                    (self.hasher, self.bytes) = (Sha256::new(), 0);
                    if let Some(sealer) = &self.sealer {
                        let mut out = BytesMut::new();
                        let sealing = call_now(Step::Seal, SEALER, || sealer.begin(&mut out))?;
                        self.sealing = Some(sealing.map_err(|e| Failure::of(Step::Seal, &e))?);
                        self.emit(out.freeze(), &mut commands);
                    }
                }
                PartEvent::Data(plain) => self.seal_data(plain, &mut commands)?,
                PartEvent::Closed(_) => {
                    if let Some(sealing) = self.sealing.take() {
                        let mut out = BytesMut::new();
                        let finished = call_now(Step::Seal, SEALER, || sealing.finish(&mut out))?;
                        finished.map_err(|e| Failure::of(Step::Seal, &e))?;
                        self.emit(out.freeze(), &mut commands);
                    }
                    let sha256 = Sha256Digest(self.hasher.finalize_reset().into());
                    commands.push(StoreCommand::Close { bytes: self.bytes, sha256 });
                }
            }
        }
        Ok(commands)
    }

    fn seal_data(&mut self, plain: Bytes, commands: &mut Vec<StoreCommand>) -> Result<(), Failure> {
        let Some(mut sealing) = self.sealing.take() else {
            self.emit(plain, commands);
            return Ok(());
        };
        for piece in plain.chunks(SEALED_AT_ONCE_BYTES) {
            let mut out = BytesMut::with_capacity(SEALED_AT_ONCE_BYTES + 1024);
            let sealed = call_now(Step::Seal, SEALER, || sealing.update(piece, &mut out))?;
            sealed.map_err(|e| Failure::of(Step::Seal, &e))?;
            self.emit(out.freeze(), commands);
        }
        self.sealing = Some(sealing);
        Ok(())
    }

    fn emit(&mut self, bytes: Bytes, commands: &mut Vec<StoreCommand>) {
        if !bytes.is_empty() {
            self.hasher.update(&bytes);
            self.bytes += bytes.len() as u64;
            commands.push(StoreCommand::Write(bytes));
        }
    }
}
