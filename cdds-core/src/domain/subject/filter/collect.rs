//! From the records of an export to the filters of its set.

use std::collections::VecDeque;
use std::fmt;

use super::{FilterBuilder, FilterKey, KindHasher, SubjectFilter, ValueHash};
use crate::domain::subject::{IdentifierKind, SubjectValues};

/// Collects whom the records of a set name, in at most 16 MiB besides the filters that are waiting to be
/// [stored](Self::full).
pub struct SubjectCollector {
    key: FilterKey,
    seen: Vec<Seen>,
    recent: Recent,
    builder: FilterBuilder,
    full: VecDeque<SubjectFilter>,
}

impl SubjectCollector {
    /// Begins a set.
    pub fn new(key: FilterKey) -> Self {
        let (recent, builder) = (Recent::new(), FilterBuilder::default());
        Self { key, seen: Vec::new(), recent, builder, full: VecDeque::new() }
    }

    /// Returns the key.
    pub fn key(&self) -> &FilterKey {
        &self.key
    }

    /// Takes in what these lines of records hold ([`SubjectValues::each`]).
    pub fn see(&mut self, values: &SubjectValues, lines: &[u8]) {
        values.each(lines, |kind, value| self.take_in(kind, value));
    }

    /// Takes in what one JSON object holds, however it is written. Returns `false` if it is none.
    pub fn see_object(&mut self, values: &SubjectValues, object: &[u8]) -> bool {
        values.each_of_object(object, |kind, value| self.take_in(kind, value))
    }

    fn take_in(&mut self, kind: &IdentifierKind, value: &[u8]) {
        let seen = Seen::of(&mut self.seen, &self.key, kind);
        if self.recent.has(seen, value) {
            return;
        }
        let hasher = seen.hasher;
        if let Some(plain) = kind.plain(value) {
            self.insert(hasher.hash(plain));
        } else if let Some(normalised) = str::from_utf8(value).ok().and_then(|text| kind.normalise(text)) {
            self.insert(hasher.hash(normalised.as_bytes()));
        }
    }

    pub(super) fn insert(&mut self, hash: ValueHash) {
        self.builder.insert(hash);
        if self.builder.is_full() {
            self.full.push_back(self.builder.take());
        }
    }

    /// Returns the next filter that is full.
    pub fn full(&mut self) -> Option<SubjectFilter> {
        self.full.pop_front()
    }

    /// Returns the last filter; `None` if nobody was named since the one before. Those that are [full](Self::full) come
    /// first.
    pub fn last(&mut self) -> Option<SubjectFilter> {
        (!self.builder.hashes.is_empty()).then(|| self.builder.take())
    }
}

impl fmt::Debug for SubjectCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubjectCollector").field("values", &self.builder.hashes.len()).finish_non_exhaustive()
    }
}

/// A kind of which values have been seen.
struct Seen {
    kind: IdentifierKind,
    hasher: KindHasher,
    /// `None` for those beyond the first 256.
    number: Option<u8>,
    /// How many values have come since the last one that was remembered.
    strangers: u32,
}

impl Seen {
    fn of<'s>(seen: &'s mut Vec<Self>, key: &FilterKey, kind: &IdentifierKind) -> &'s mut Self {
        let place = seen.iter().position(|seen| seen.kind == *kind).unwrap_or_else(|| {
            let number = u8::try_from(seen.len()).ok();
            seen.push(Self { kind: kind.clone(), hasher: key.of_kind(kind), number, strangers: 0 });
            seen.len() - 1
        });
        &mut seen[place]
    }

    /// Returns the number of the kind if it is worth while to look for the next value among those that are remembered.
    /// Where each record names somebody else, one value in 16 tells whether that goes on.
    fn looks_back(&mut self) -> Option<u8> {
        self.strangers = self.strangers.wrapping_add(1);
        self.number.filter(|_| self.strangers < 64 || self.strangers.is_multiple_of(16))
    }
}

/// The number of values that are remembered, and the bytes of each: a longer one is not remembered.
const SLOTS: usize = 1 << 14;
const BYTES: usize = 46;

/// Values that have been seen of late, in the spelling of their records. Each has one place, from which the next one for
/// that place displaces it; values are compared whole, so that none is taken for another.
struct Recent {
    slots: Vec<Slot>,
}

#[derive(Clone, Copy)]
struct Slot {
    /// The bytes of the value, and 1 more; 0 for none.
    len: u8,
    /// The number of its kind.
    kind: u8,
    bytes: [u8; BYTES],
}

impl Recent {
    fn new() -> Self {
        Self { slots: vec![Slot { len: 0, kind: 0, bytes: [0; BYTES] }; SLOTS] }
    }

    /// Returns whether a value was remembered already, and remembers it. The same people come again and again, and mostly in
    /// the same spelling.
    fn has(&mut self, seen: &mut Seen, value: &[u8]) -> bool {
        let Some(kind) = seen.looks_back() else { return false };
        let Some(slot) = self.slots.get_mut(place(value)) else { return false };
        let Some(kept) = slot.bytes.get_mut(..value.len()) else { return false };
        // Less than 256, since the slot has fewer bytes.
        let len = u8::try_from(value.len() + 1).unwrap_or(0);
        if slot.len == len && slot.kind == kind && kept == value {
            seen.strangers = 0;
            return true;
        }
        kept.copy_from_slice(value);
        (slot.len, slot.kind) = (len, kind);
        false
    }
}

/// Returns the place of a value. Whoever chooses values for the same place makes an export slower, and nothing else.
fn place(value: &[u8]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = value.as_chunks::<8>();
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    let hash = words.iter().fold(value.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let rest = rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    // The upper bits, which depend on all others: as many as there are places.
    usize::try_from(mix(hash, rest) >> 50).unwrap_or(0)
}
