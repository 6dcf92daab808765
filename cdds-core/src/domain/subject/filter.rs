//! Rule D10: whom the records of a set may be about, in less than two bytes a person.
//!
//! A Bloom filter (Bloom, 1970) over keyed hashes, of 12 bits and 8 probes for each value. Whoever was put in is found.
//! Of those who were not, (1 - e^(-8/12))^8 are found as well: one in 318.

mod collect;
mod form;

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use siphasher::sip::SipHasher24;

pub use self::collect::SubjectCollector;
pub use self::form::InvalidFilter;
use super::IdentifierKind;

/// The most values of one filter: 7/8 of 2^20, up to which a table of 9 MiB holds their hashes. A set that names more has
/// several filters.
pub const VALUES_MAX: usize = 7 << 17;

/// The bits for each value.
const BITS_PER_VALUE: usize = 12;

/// How many bits of each value are set.
const PROBES: u8 = 8;

/// The secret by which the filters of one set hash what names people. The filters of two sets have nothing in common,
/// also where they hold the same people.
#[derive(Clone)]
pub struct FilterKey {
    values: SipHasher24,
    files: Hmac<Sha256>,
}

/// The keyed hash of a value: SipHash-2-4 (Aumasson and Bernstein, 2012) of its kind and its normalised form, which nobody
/// can tell from chance without the key of 128 bits. An export makes one for each value that it meets, for which HMAC-SHA-256
/// would be too slow where processors have no instructions for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueHash(u64);

impl FilterKey {
    /// Takes two secrets that are made for the filters of one set alone: one for what names people, one for the files.
    pub fn new(values: [u8; 16], files: &[u8; 32]) -> Self {
        Self { values: SipHasher24::new_with_key(&values), files: keyed(files) }
    }

    /// Hashes a normalised value ([`IdentifierKind::normalise`]).
    pub fn hash(&self, kind: &IdentifierKind, value: &str) -> ValueHash {
        self.of_kind(kind).hash(value.as_bytes())
    }

    /// Begins the hashes of all values of a kind.
    fn of_kind(&self, kind: &IdentifierKind) -> KindHasher {
        let mut hasher = self.values;
        hasher.write(kind.as_str().as_bytes());
        // No kind has a NUL in it.
        hasher.write(b"\0");
        KindHasher(hasher)
    }

    /// Authenticates what precedes the tag in a file.
    fn tag(&self, bytes: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.files.clone();
        mac.update(bytes);
        mac
    }
}

/// Has taken in the kind of the values that it hashes.
#[derive(Clone, Copy)]
struct KindHasher(SipHasher24);

impl KindHasher {
    fn hash(mut self, value: &[u8]) -> ValueHash {
        self.0.write(value);
        ValueHash(self.0.finish())
    }
}

/// HMAC takes keys of any length, so that the default is never used.
fn keyed(secret: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret).unwrap_or_else(|_| Hmac::new(&Default::default()))
}

impl fmt::Debug for FilterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilterKey").finish_non_exhaustive()
    }
}

/// Hashes are as good as random, but could be compared with those of other sets if they were in a log.
impl fmt::Debug for ValueHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ValueHash")
    }
}

/// Takes a hash that is uniform already as it is.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Never called for a `ValueHash`, which is one number.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// The hashes of a filter to come, each once: at most 9 MiB, and half of that again while it grows.
#[derive(Default)]
struct FilterBuilder {
    hashes: HashSet<ValueHash, BuildHasherDefault<AsItIs>>,
}

impl FilterBuilder {
    fn insert(&mut self, hash: ValueHash) {
        self.hashes.insert(hash);
    }

    fn is_full(&self) -> bool {
        self.hashes.len() >= VALUES_MAX
    }

    /// Makes the filter, and begins the next one.
    fn take(&mut self) -> SubjectFilter {
        let mut filter = SubjectFilter::empty(u32::try_from(self.hashes.len()).unwrap_or(u32::MAX));
        for hash in self.hashes.drain() {
            for bit in filter.probes(hash) {
                if let Some(byte) = filter.bits.get_mut(bit / 8) {
                    *byte |= 1 << (bit % 8);
                }
            }
        }
        filter
    }
}

/// A filter of up to [`VALUES_MAX`] values.
#[derive(Clone, PartialEq, Eq)]
pub struct SubjectFilter {
    values: u32,
    bits: Vec<u8>,
}

impl SubjectFilter {
    fn empty(values: u32) -> Self {
        Self { values, bits: vec![0; bytes(values)] }
    }

    /// Returns the number of values that were put in.
    pub fn values(&self) -> u32 {
        self.values
    }

    /// Whether a value may have been put in: always `true` for one that was.
    pub fn may_hold(&self, hash: ValueHash) -> bool {
        self.probes(hash).all(|bit| self.bits.get(bit / 8).is_some_and(|byte| byte & (1 << (bit % 8)) != 0))
    }

    /// Returns the bits of a value by double hashing (Kirsch and Mitzenmacher, 2006) with the halves of its hash.
    fn probes(&self, ValueHash(hash): ValueHash) -> impl Iterator<Item = usize> + use<> {
        let bits = self.bits.len() as u64 * 8;
        // An odd step, so that the probes differ.
        let (first, step) = (hash >> 32, hash & 0xffff_ffff | 1);
        (0..u64::from(PROBES)).map(move |probe| {
            let at = (first + probe * step) & 0xffff_ffff;
            // Scaled to the number of bits, which is far below 2^32 (Lemire, 2019).
            usize::try_from((at * bits) >> 32).unwrap_or(0)
        })
    }
}

/// Returns the size of a filter of this many values in bytes.
fn bytes(values: u32) -> usize {
    (values as usize * BITS_PER_VALUE).div_ceil(8).max(8)
}

impl fmt::Debug for SubjectFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubjectFilter").field("values", &self.values).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
