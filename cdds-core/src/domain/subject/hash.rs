//! Rule D6: what stays of an identifier.

use std::fmt;

use super::IdentifierKind;
use crate::domain::id::SubjectKeyId;

/// The keyed hash of an identifier: whoever has the key can tell that an identifier is the same, and nobody can compute
/// the identifier from it. Without the key, not even by trying all telephone numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyedHash {
    /// The key that it was made with.
    pub key: SubjectKeyId,
    /// HMAC-SHA-256 (RFC 2104).
    pub digest: [u8; 32],
}

impl KeyedHash {
    /// Returns the digest as 64 lower-case hexadecimal digits.
    pub fn hex(&self) -> String {
        self.digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Puts a hash together from its key and its digest in hexadecimal. Returns `None` if that is no digest.
    pub fn from_hex(key: SubjectKeyId, hex: &str) -> Option<Self> {
        let mut digest = [0; 32];
        let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
        if pairs.len() != digest.len() || !rest.is_empty() {
            return None;
        }
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
            *byte = (digit(*high)? << 4) | digit(*low)?;
        }
        Some(Self { key, digest })
    }
}

/// Writes `key:digest`, as it is printed.
impl fmt::Display for KeyedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.key, self.hex())
    }
}

/// An identifier of a request, by its kind and its keyed hash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HashedIdentifier {
    /// The kind.
    pub kind: IdentifierKind,
    /// The hash of owner, kind and normalised value.
    pub hash: KeyedHash,
}

/// The identifiers of a request that is open, encrypted and authenticated under a key that is not in the catalog.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedIdentifiers {
    /// The key that opens them.
    pub key: SubjectKeyId,
    /// Whatever the holder of the keys makes of them.
    pub bytes: Vec<u8>,
}

/// Not even what is encrypted belongs in a log: it would outlive the request.
impl fmt::Debug for SealedIdentifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedIdentifiers").field("key", &self.key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d6_hashes_survive_their_printed_form() {
        let key = SubjectKeyId::new("k1").unwrap();
        let hash =
            KeyedHash { key: key.clone(), digest: std::array::from_fn(|at| u8::try_from(at * 7).unwrap()) };
        assert_eq!(KeyedHash::from_hex(key.clone(), &hash.hex()), Some(hash.clone()));
        assert!(hash.to_string().starts_with("k1:00070e15"), "{hash}");
        for bad in ["", "00", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64), &"+1".repeat(32)] {
            assert_eq!(KeyedHash::from_hex(key.clone(), bad), None, "{bad}");
        }
    }

    #[test]
    fn d6_what_is_sealed_is_not_shown() {
        let sealed = SealedIdentifiers { key: SubjectKeyId::new("k1").unwrap(), bytes: vec![222, 173] };
        assert!(!format!("{sealed:?}").contains("222"), "{sealed:?}");
    }
}
