//! Rules E2, E16, N4: work that one worker at a time holds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

pub mod lease;
pub mod pick;
pub mod retry;
pub mod row;
pub mod turns;
pub mod worker;

use crate::domain::id::ExecutionId;

/// One claim of one piece of work: by default, of an execution. A guarded operation takes effect only while
/// its claim holds (invariant I6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence<Id = ExecutionId> {
    /// The piece of work.
    pub id: Id,
    /// Its epoch, which counts its claims.
    pub epoch: u64,
}

/// 64 random bits that are drawn for each claim and become part of the keys of what it stores (rule E16).
///
/// A catalog that was restored from a backup counts epochs again that it had already assigned. The nonce
/// tells the files of the two claims apart. Printed as 16 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce(pub u64);

/// Text that is not a [`Nonce`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a nonce has 16 lower-case hexadecimal digits")]
pub struct InvalidNonce;

impl Nonce {
    /// Draws a nonce from a fresh random UUID.
    pub fn of(id: Uuid) -> Self {
        // A random UUID has six fixed bits, none of them at the same place in both halves.
        let (high, low) = id.as_u64_pair();
        Self(high ^ low)
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Nonce {
    type Err = InvalidNonce;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 16 || !text.bytes().all(digit) {
            return Err(InvalidNonce);
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| InvalidNonce)
    }
}

impl Serialize for Nonce {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Nonce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The claim that stored a file, as the file's key names it (rule E16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Writer {
    /// The claim.
    pub fence: Fence,
    /// Its nonce. `None` in keys of versions that knew no nonces.
    pub nonce: Option<Nonce>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e16_a_nonce_is_printed_and_read_as_16_digits() {
        let nonce = Nonce(0xab);
        assert_eq!(nonce.to_string(), "00000000000000ab");
        assert_eq!("00000000000000ab".parse(), Ok(nonce));
        for bad in ["", "ab", "00000000000000AB", "+0000000000000ab", "00000000000000abc"] {
            assert_eq!(bad.parse::<Nonce>(), Err(InvalidNonce), "{bad:?}");
        }
    }

    #[test]
    fn e16_every_bit_of_a_nonce_is_random() {
        let drawn: Vec<u64> = (0..64).map(|_| Nonce::of(Uuid::new_v4()).0).collect();
        let (ever, always) = drawn.iter().fold((0, u64::MAX), |(or, and), one| (or | one, and & one));
        assert_eq!((ever, always), (u64::MAX, 0), "{drawn:x?}");
    }
}
