//! Sealers that each break one clause, to show that the checks find it.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;
use sha2::{Digest, Sha256};

use super::{Clause, Person, SealerFixture};
use crate::ports::ids::Ids;
use crate::ports::sealer::{Sealer, SealerError, Sealing};
use crate::system::SystemIds;

planted! {
    /// A bug of the sealers that a [`PlantedFixture`] makes.
    enum Planted;
    /// Loses the last piece if it is the second or a later one.
    LosesLastPiece => Whole,
    /// Seals at most 64 KiB of each piece.
    TruncatesPieces => Whole,
    /// Loses the last 4 KiB of a part that is a multiple of them.
    DropsFullBlock => Whole,
    /// Only the first recipient can open a part.
    FirstRecipientOnly => EachRecipientOpens,
    /// Everybody is a recipient.
    AnybodyOpens => NobodyElseOpens,
    /// Encrypts nothing.
    PassesThrough => Hidden,
    /// Takes the same key each time.
    ReusesKey => FreshKeys,
    /// All parts of a sealer are at the same place of the key stream.
    SharesState => SealingsApart,
    /// Clears the output first.
    ReplacesOutput => Appends,
    /// The beginning of a part opens, whatever its length.
    NeedsNoFinish => UnfinishedStaysClosed,
    /// Forgets the end in the size that it announces.
    BoundTooSmall => SealedBytes,
    /// Announces less for larger contents.
    BoundFalls => SealedBytes,
    /// Announces a byte more.
    BoundNotExact => SealedBytesExact,
}

const KEY_BYTES: usize = 32;

/// Makes sealers that have one bug, or none. They show what the checks do, and protect nothing: their cipher is
/// a toy.
#[derive(Debug, Default)]
pub struct PlantedFixture {
    planted: Option<Planted>,
}

impl PlantedFixture {
    /// Creates a fixture whose sealers have this bug.
    pub fn new(planted: Planted) -> Self {
        Self { planted: Some(planted) }
    }

    /// Creates a fixture whose sealers have no bug.
    pub fn sound() -> Self {
        Self::default()
    }

    fn is(&self, planted: Planted) -> bool {
        self.planted == Some(planted)
    }
}

impl SealerFixture for PlantedFixture {
    fn sealer(&self, recipients: &[Person]) -> Result<Arc<dyn Sealer>, Box<dyn Error>> {
        let recipients = match self.planted {
            Some(Planted::FirstRecipientOnly) => recipients.iter().take(1).copied().collect(),
            Some(Planted::AnybodyOpens) => vec![Person::Anna, Person::Bert, Person::Eve],
            _ => recipients.to_vec(),
        };
        Ok(Arc::new(Toy { planted: self.planted, recipients, shared: Arc::default() }))
    }

    /// A part is the number of recipients, the key for each of them, the content, and a digest at the end.
    fn open(&self, sealed: &[u8], person: Person) -> Result<Vec<u8>, Box<dyn Error>> {
        let (count, rest) = sealed.split_first().ok_or("the part is empty")?;
        let keys = usize::from(*count) * 2 * KEY_BYTES;
        let (keys, rest) = rest.split_at_checked(keys).ok_or("the part ends among the keys")?;
        let mut keys = keys.chunks(2 * KEY_BYTES).map(|one| one.split_at(KEY_BYTES));
        let unwrapped = keys.find_map(|(wrapped, proof)| {
            let mut key = wrapped.to_vec();
            Stream::of(person_key(person).to_vec()).apply(&mut key);
            (digest(&[&key]) == *proof).then_some(key)
        });
        let key = unwrapped.ok_or("the part is not for this person")?;
        let content = match rest.split_last_chunk::<KEY_BYTES>() {
            _ if self.is(Planted::NeedsNoFinish) => rest,
            Some((content, end)) if *end == digest(&[&key, content]) => content,
            _ => return Err("the part has no end".into()),
        };
        let mut plain = content.to_vec();
        if !self.is(Planted::PassesThrough) {
            Stream::of(key).apply(&mut plain);
        }
        Ok(plain)
    }

    fn is_exact(&self) -> bool {
        true
    }
}

fn digest(parts: &[&[u8]]) -> [u8; KEY_BYTES] {
    let mut digest = Sha256::new();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize().into()
}

fn person_key(person: Person) -> [u8; KEY_BYTES] {
    digest(&[format!("{person:?}").as_bytes()])
}

/// A stream of bytes that a key yields, and the place in it.
#[derive(Debug, Clone)]
struct Stream {
    key: Vec<u8>,
    place: u64,
    /// The number of the block at hand, and its bytes.
    block: Option<(u64, [u8; KEY_BYTES])>,
}

impl Stream {
    fn of(key: Vec<u8>) -> Self {
        Self { key, place: 0, block: None }
    }

    fn apply(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            let (number, within) = (self.place / KEY_BYTES as u64, self.place % KEY_BYTES as u64);
            let block = match self.block {
                Some((at_hand, block)) if at_hand == number => block,
                _ => digest(&[&self.key, b"stream", &number.to_le_bytes()]),
            };
            self.block = Some((number, block));
            *byte ^= usize::try_from(within).map_or(0, |within| block[within]);
            self.place += 1;
        }
    }
}

#[derive(Debug)]
struct Toy {
    planted: Option<Planted>,
    recipients: Vec<Person>,
    /// The place of the last part in its key stream.
    shared: Arc<Mutex<u64>>,
}

impl Sealer for Toy {
    fn sealed_bytes(&self, plain: u64) -> u64 {
        let exact = 1 + 2 * (KEY_BYTES * self.recipients.len()) as u64 + plain + KEY_BYTES as u64;
        match self.planted {
            Some(Planted::BoundTooSmall) => exact - KEY_BYTES as u64,
            Some(Planted::BoundFalls) => exact + 10 * plain.abs_diff(5_000_000),
            Some(Planted::BoundNotExact) => exact + 1,
            _ => exact,
        }
    }

    fn begin(&self, out: &mut BytesMut) -> Result<Box<dyn Sealing>, SealerError> {
        let key = if self.planted == Some(Planted::ReusesKey) {
            vec![7; KEY_BYTES]
        } else {
            [SystemIds.next(), SystemIds.next()].map(uuid::Uuid::into_bytes).concat()
        };
        let mut begun = vec![u8::try_from(self.recipients.len()).unwrap_or(u8::MAX)];
        for person in &self.recipients {
            let mut wrapped = key.clone();
            Stream::of(person_key(*person).to_vec()).apply(&mut wrapped);
            begun.extend_from_slice(&wrapped);
            begun.extend_from_slice(&digest(&[&key]));
        }
        let sealing = ToySealing {
            planted: self.planted,
            stream: Stream::of(key.clone()),
            shared: self.shared.clone(),
            end: Sha256::new_with_prefix(&key),
            pieces: 0,
            sealed: 0,
            held: Vec::new(),
        };
        sealing.write(&begun, out);
        Ok(Box::new(sealing))
    }
}

#[derive(Debug)]
struct ToySealing {
    planted: Option<Planted>,
    stream: Stream,
    shared: Arc<Mutex<u64>>,
    end: Sha256,
    pieces: u32,
    sealed: usize,
    /// What is not written yet, as it is.
    held: Vec<u8>,
}

impl ToySealing {
    fn is(&self, planted: Planted) -> bool {
        self.planted == Some(planted)
    }

    fn write(&self, bytes: &[u8], out: &mut BytesMut) {
        if self.is(Planted::ReplacesOutput) {
            out.clear();
        }
        out.extend_from_slice(bytes);
    }

    fn seal(&mut self, mut plain: Vec<u8>, out: &mut BytesMut) {
        if self.is(Planted::SharesState) {
            let mut place = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            // A part of its own starts at the beginning.
            self.stream.place =
                if self.sealed == 0 { 0 } else { *place / KEY_BYTES as u64 * KEY_BYTES as u64 };
            *place = self.stream.place + plain.len() as u64;
        }
        self.sealed += plain.len();
        if !self.is(Planted::PassesThrough) {
            self.stream.apply(&mut plain);
        }
        self.end.update(&plain);
        self.write(&plain, out);
    }
}

impl Sealing for ToySealing {
    fn update(&mut self, plain: &[u8], out: &mut BytesMut) -> Result<(), SealerError> {
        let plain = match self.planted {
            Some(Planted::TruncatesPieces) => &plain[..plain.len().min(65_536)],
            _ => plain,
        };
        self.pieces += 1;
        match self.planted {
            // Holds back what it may have to lose.
            Some(Planted::LosesLastPiece) => {
                let before = std::mem::replace(&mut self.held, plain.to_vec());
                self.seal(before, out);
            }
            Some(Planted::DropsFullBlock) => {
                self.held.extend_from_slice(plain);
                let ready = self.held.len().saturating_sub(4_096);
                let rest = self.held.split_off(ready);
                let ready = std::mem::replace(&mut self.held, rest);
                self.seal(ready, out);
            }
            _ => self.seal(plain.to_vec(), out),
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, out: &mut BytesMut) -> Result<(), SealerError> {
        let held = std::mem::take(&mut self.held);
        let is_lost = match self.planted {
            Some(Planted::LosesLastPiece) => self.pieces > 1,
            Some(Planted::DropsFullBlock) => (self.sealed + held.len()).is_multiple_of(4_096),
            _ => false,
        };
        if !is_lost {
            self.seal(held, out);
        }
        if !self.is(Planted::NeedsNoFinish) {
            let end: [u8; KEY_BYTES] = self.end.clone().finalize().into();
            self.write(&end, out);
        }
        Ok(())
    }
}
