//! Secrets that are drawn at random, and their digests, which are all that is kept.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest as _, Sha256};

/// The operating system gives no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoRandomness;

impl fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the operating system gives no random numbers")
    }
}

impl std::error::Error for NoRandomness {}

/// 256 random bits, written in 43 characters that are safe in addresses, cookies and headers.
pub(super) struct Secret(String);

impl Secret {
    pub(super) fn new() -> Result<Self, NoRandomness> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(Self(Base64UrlUnpadded::encode_string(&bytes)))
    }

    /// Returns the secret with words before it that tell what it is.
    pub(super) fn named(self, prefix: &str) -> Self {
        Self(format!("{prefix}{}", self.0))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

/// The SHA-256 of a secret. A quick hash is enough, since nobody can guess 256 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    pub(super) fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Reads 64 hexadecimal digits.
    pub(super) fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let is_hex = text.len() == 64 && text.bytes().all(|c| c.is_ascii_hexdigit());
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        is_hex.then_some(Self(bytes))
    }

    pub(super) fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Compares in a time that does not depend on where they differ.
    pub(super) fn is(self, other: Self) -> bool {
        let differing = self.0.iter().zip(other.0).fold(0, |differing, (a, b)| differing | (a ^ b));
        std::hint::black_box(differing) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_digests_are_read_as_they_are_written() {
        let (one, other) = (Secret::new().unwrap(), Secret::new().unwrap());
        assert_eq!(one.as_str().len(), 43);
        assert!(one.as_str() != other.as_str() && !one.digest().is(other.digest()));
        let read = Digest::from_hex(&one.digest().to_hex()).unwrap();
        assert!(read.is(Digest::of(one.as_str())));
        for bad in ["", "0", &"g".repeat(64), &"0".repeat(66), &"+1".repeat(32)] {
            assert!(Digest::from_hex(bad).is_none(), "{bad}");
        }
    }
}
