//! Remembers which keys the objects of a record have had.
//!
//! Almost no record has a key twice, but every record pays for the check. A key is therefore remembered as a
//! digest of 32 bits, in a table that is never emptied: each entry holds the number of its object, and
//! entries of earlier records count as free. Two keys with the same digest are taken for the same. A caller
//! that is told that a key is repeated must check again.

/// The memory of one builder, reused for each of its records.
#[derive(Debug, Default)]
pub(in crate::domain) struct Keys {
    /// A table with open addressing; its size is a power of two. The upper half of an entry is the number of
    /// the object, the lower half the digest of the key.
    table: Vec<u64>,
    /// The numbers of the first and of the latest object of the current record. Objects are numbered from 1.
    first: u32,
    last: u32,
    /// How many keys the current record has.
    count: usize,
}

/// An object of the current record.
#[derive(Debug, Clone, Copy)]
pub(in crate::domain) struct Object(u32);

/// The initial size, and the largest size that is kept for the next record.
const SLOTS_MIN: usize = 256;
const SLOTS_KEPT_MAX: usize = 1 << 14;

impl Keys {
    /// Forgets the previous record.
    pub(in crate::domain) fn begin_record(&mut self) {
        // Start afresh before the numbers of objects run out, and after a record of unusually many keys.
        if self.last > u32::MAX / 2 || self.table.len() > SLOTS_KEPT_MAX {
            *self = Self::default();
        }
        self.first = self.last + 1;
        self.count = 0;
    }

    pub(in crate::domain) fn begin_object(&mut self) -> Object {
        self.last = self.last.wrapping_add(1);
        Object(self.last)
    }

    /// Remembers a key of the object. Returns whether the object has not had it yet. Keys are passed as they
    /// are meant, without escapes.
    #[inline]
    pub(in crate::domain) fn is_new(&mut self, object: Object, key: &[u8]) -> bool {
        if self.count * 2 >= self.table.len() {
            self.grow();
        }
        let digest = digest(key);
        self.insert(u64::from(object.0) << 32 | u64::from(digest))
    }

    /// Whether the object has had this key.
    pub(in crate::domain) fn has(&self, object: Object, key: &[u8]) -> bool {
        let entry = u64::from(object.0) << 32 | u64::from(digest(key));
        let mut slot = self.slot(entry);
        while let Some(found) = self.table.get(slot).filter(|found| self.is_taken(**found)) {
            if *found == entry {
                return true;
            }
            slot = self.after(slot);
        }
        false
    }

    #[inline]
    fn insert(&mut self, entry: u64) -> bool {
        let mut slot = self.slot(entry);
        while let Some(found) = self.table.get_mut(slot) {
            if *found == entry {
                return false;
            }
            // The entry belongs to an earlier record, so the slot is free.
            if *found >> 32 < u64::from(self.first) {
                *found = entry;
                self.count += 1;
                return true;
            }
            slot = self.after(slot);
        }
        true
    }

    #[inline]
    fn is_taken(&self, entry: u64) -> bool {
        entry >> 32 >= u64::from(self.first)
    }

    #[inline]
    fn slot(&self, entry: u64) -> usize {
        // The objects of a record mostly have the same keys. The number of the object moves their entries
        // apart.
        let spread = (entry >> 32).wrapping_mul(0x9e37_79b9).wrapping_add(entry);
        usize::try_from(spread & 0xffff_ffff).unwrap_or_default() & self.table.len().wrapping_sub(1)
    }

    #[inline]
    fn after(&self, slot: usize) -> usize {
        (slot + 1) & self.table.len().wrapping_sub(1)
    }

    /// Doubles the table and moves the entries of the current record into it.
    #[cold]
    fn grow(&mut self) {
        let slots = (self.table.len() * 2).max(SLOTS_MIN);
        let before = std::mem::replace(&mut self.table, vec![0; slots]);
        self.count = 0;
        for entry in before {
            if self.is_taken(entry) {
                self.insert(entry);
            }
        }
    }
}

/// Returns a digest to which every byte contributes. It reads eight (or four) bytes from both ends, which may
/// overlap, since most keys are shorter than sixteen bytes.
#[inline]
fn digest(key: &[u8]) -> u32 {
    let (first, last) = match (key.first_chunk(), key.last_chunk(), key.first_chunk(), key.last_chunk()) {
        (Some(first), Some(last), ..) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        (.., Some(first), Some(last)) => {
            (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)))
        }
        _ => (key.iter().fold(0, |digits, byte| digits << 8 | u64::from(*byte)), 0),
    };
    // Spread over all bits, so that the length does not cancel a difference between letters.
    let length = (key.len() as u64).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mut digest = mix(first ^ length, last);
    if key.len() > 16 {
        let (middle, _) = key.as_chunks::<8>();
        for chunk in middle.iter().skip(1) {
            digest = mix(digest, u64::from_le_bytes(*chunk));
        }
    }
    u32::try_from(digest >> 32).unwrap_or_default()
}

#[inline]
fn mix(one: u64, other: u64) -> u64 {
    let half = one.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (half ^ half >> 32 ^ other).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn records_and_objects_have_their_own_keys() {
        let mut keys = Keys::default();
        for _ in 0..3 {
            keys.begin_record();
            let (outer, inner) = (keys.begin_object(), keys.begin_object());
            for object in [outer, inner] {
                assert!(!keys.has(object, b"id"));
                assert!(keys.is_new(object, b"id"));
                assert!(keys.has(object, b"id"));
                assert!(!keys.is_new(object, b"id"));
            }
        }
    }

    #[test]
    fn keys_that_differ_in_one_byte_differ() {
        for length in 1..70 {
            let mut keys = Keys::default();
            keys.begin_record();
            let object = keys.begin_object();
            let key = vec![b'k'; length];
            assert!(keys.is_new(object, &key));
            for at in 0..length {
                let mut other = key.clone();
                other[at] = b'x';
                assert!(keys.is_new(object, &other), "byte {at} of {length}");
            }
        }
    }

    #[test]
    fn a_record_of_many_keys_leaves_little_memory() {
        let mut keys = Keys::default();
        keys.begin_record();
        let object = keys.begin_object();
        let new = (0..100_000).filter(|n| keys.is_new(object, format!("key {n}").as_bytes())).count();
        assert!(new > 99_980, "hardly any of one digest, but {new}");
        assert!((0..100_000).all(|n| keys.has(object, format!("key {n}").as_bytes())));
        keys.begin_record();
        assert_eq!(keys.table.capacity(), 0);
    }

    proptest! {
        #[test]
        fn keys_are_remembered_as_a_set_remembers_them(
            records in prop::collection::vec(prop::collection::vec((0..3_usize, "[ab]{0,9}"), 0..300), 1..4)) {
            let mut keys = Keys::default();
            for record in records {
                keys.begin_record();
                let objects = [keys.begin_object(), keys.begin_object(), keys.begin_object()];
                let mut set = HashSet::new();
                for (object, key) in record {
                    let new = keys.is_new(objects[object], key.as_bytes());
                    prop_assert_eq!(new, set.insert((object, key)));
                }
            }
        }
    }
}
