//! Keys of data subjects, and identifiers sealed under them by AES-256-GCM.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use cdds_core::domain::id::SubjectKeyId;
use cdds_core::domain::subject::SealedIdentifiers;
use cdds_core::ports::subject_keys::{SubjectKey, SubjectKeys, SubjectKeysError, SubjectKeysErrorKind};
use zeroize::Zeroizing;

/// The purpose of the keys that encrypt, which are derived: the keys themselves make hashes.
const PURPOSE: &str = "cdds subject seal";

/// The keys of data subjects of a service, as the text of a file holds them: one a line, its name and 64 hexadecimal
/// digits, the current one first. Lines that begin with `#` and empty ones do not count.
///
/// ```
/// use cdds_core::ports::subject_keys::SubjectKeys as _;
/// use cdds_crypto::SubjectKeyRing;
///
/// let line = SubjectKeyRing::fresh(&"2027".parse()?)?;
/// let ring = SubjectKeyRing::parse(&format!("# keys of data subjects\n{}\n", *line))?;
/// assert_eq!(ring.current()?.id().as_str(), "2027");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SubjectKeyRing {
    keys: Vec<SubjectKey>,
}

/// Why a text holds no keys. Says nothing of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubjectKeyRingError {
    /// A line is not a name and 64 hexadecimal digits.
    #[error("line {line} is no key: write its name, a blank, and 64 hexadecimal digits")]
    Line {
        /// Its number, from 1.
        line: usize,
    },
    /// Two keys have the same name.
    #[error("line {line} has the name of an earlier key")]
    Twice {
        /// Its number, from 1.
        line: usize,
    },
    /// There is no key.
    #[error("there is no key in it")]
    Empty,
    /// No random numbers can be had.
    #[error("the system gives no random numbers")]
    Random,
}

impl SubjectKeyRing {
    /// Reads the text of a file of keys.
    ///
    /// # Errors
    /// [`SubjectKeyRingError`], which names a line and nothing in it.
    pub fn parse(text: &str) -> Result<Self, SubjectKeyRingError> {
        let mut keys: Vec<SubjectKey> = Vec::new();
        for (line, written) in (1..).zip(text.lines().map(str::trim)) {
            if written.is_empty() || written.starts_with('#') {
                continue;
            }
            let key = key(written).ok_or(SubjectKeyRingError::Line { line })?;
            if keys.iter().any(|known| known.id() == key.id()) {
                return Err(SubjectKeyRingError::Twice { line });
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(SubjectKeyRingError::Empty) } else { Ok(Self { keys }) }
    }

    /// Returns the line of a new random key.
    ///
    /// # Errors
    /// [`SubjectKeyRingError::Random`].
    pub fn fresh(id: &SubjectKeyId) -> Result<Zeroizing<String>, SubjectKeyRingError> {
        let mut secret = Zeroizing::new([0; SubjectKey::BYTES]);
        rand::fill(&mut *secret).map_err(|_| SubjectKeyRingError::Random)?;
        // As long as it will be: a text that grows leaves copies behind.
        let mut line = Zeroizing::new(String::with_capacity(id.as_str().len() + 1 + 2 * SubjectKey::BYTES));
        line.push_str(id.as_str());
        line.push(' ');
        for byte in *secret {
            for digit in [byte >> 4, byte & 15] {
                line.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
            }
        }
        Ok(line)
    }
}

/// Reads a line.
fn key(line: &str) -> Option<SubjectKey> {
    let (name, hex) = line.split_once(char::is_whitespace)?;
    let (pairs, rest) = hex.trim_start().as_bytes().as_chunks::<2>();
    if pairs.len() != SubjectKey::BYTES || !rest.is_empty() {
        return None;
    }
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let mut secret = Zeroizing::new([0; SubjectKey::BYTES]);
    for (byte, [high, low]) in secret.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(SubjectKey::new(SubjectKeyId::new(name).ok()?, *secret))
}

/// Returns the cipher of a key.
fn cipher(key: &SubjectKey) -> Result<LessSafeKey, SubjectKeysError> {
    let secret = Zeroizing::new(key.mac(PURPOSE, &[]));
    UnboundKey::new(&AES_256_GCM, &*secret).map(LessSafeKey::new).map_err(|_| failed("the key"))
}

fn failed(what: impl fmt::Display) -> SubjectKeysError {
    SubjectKeysError::new(SubjectKeysErrorKind::Crypto, format!("{what} cannot be used by the cipher"))
}

impl SubjectKeys for SubjectKeyRing {
    fn keys(&self) -> Result<Vec<SubjectKey>, SubjectKeysError> {
        Ok(self.keys.clone())
    }

    /// Seals under a random nonce, which comes first. One key seals less than 2³² requests (SP 800-38D, section 8.3).
    fn seal(&self, plain: &[u8], bound_to: &[u8]) -> Result<SealedIdentifiers, SubjectKeysError> {
        let key = self.current()?;
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| failed("a nonce"))?;
        let mut content = Zeroizing::new(plain.to_vec());
        let tag = cipher(&key)?
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound_to),
                &mut content,
            )
            .map_err(|_| failed("the text"))?;
        let bytes = [&nonce, content.as_slice(), tag.as_ref()].concat();
        Ok(SealedIdentifiers { key: key.id().clone(), bytes })
    }

    fn open(
        &self,
        sealed: &SealedIdentifiers,
        bound_to: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SubjectKeysError> {
        let key = self.key(&sealed.key)?;
        let altered = || {
            let why =
                format!("what was sealed under the key {} was changed, or is of something else", key.id());
            SubjectKeysError::new(SubjectKeysErrorKind::Altered, why)
        };
        let (nonce, content) = sealed.bytes.split_first_chunk::<NONCE_LEN>().ok_or_else(altered)?;
        let mut content = Zeroizing::new(content.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = cipher(&key)?.open_in_place(nonce, Aad::from(bound_to), &mut content);
        let len = opened.map_err(|_| altered())?.len();
        content.truncate(len);
        Ok(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(names: &[&str]) -> SubjectKeyRing {
        let lines =
            names.iter().zip(1_u8..).map(|(name, n)| format!("{name} {}\n", format!("{n:02x}").repeat(32)));
        SubjectKeyRing::parse(&lines.collect::<String>()).unwrap()
    }

    #[test]
    fn d6_files_of_keys_are_read_and_a_bad_line_is_named_without_its_contents() {
        let one = "1".repeat(64);
        let text = format!("# keys\n\nnew {one}\n  old\t{}\r\n", "aF".repeat(32));
        let ring = SubjectKeyRing::parse(&text).unwrap();
        let names: Vec<_> = ring.keys.iter().map(|key| key.id().to_string()).collect();
        assert_eq!(names, ["new", "old"]);
        assert_eq!(ring.current().unwrap().id().as_str(), "new");
        for (bad, expected) in [
            ("# none\n", SubjectKeyRingError::Empty),
            ("k1\n", SubjectKeyRingError::Line { line: 1 }),
            (&format!("k1 {}", &one[1..]), SubjectKeyRingError::Line { line: 1 }),
            (&format!("k1 {one}1"), SubjectKeyRingError::Line { line: 1 }),
            (&format!("k1 +{}", &one[1..]), SubjectKeyRingError::Line { line: 1 }),
            (&format!("k/1 {one}"), SubjectKeyRingError::Line { line: 1 }),
            (&format!("k1 {one}\nk1 {one}"), SubjectKeyRingError::Twice { line: 2 }),
        ] {
            let error = SubjectKeyRing::parse(bad).unwrap_err();
            assert_eq!(error, expected, "{bad}");
            assert!(!error.to_string().contains("111"), "{error}");
        }
        assert!(!format!("{ring:?}").contains("17, 17"), "{ring:?}");
    }

    #[test]
    fn d6_fresh_keys_differ_and_are_read_back() {
        let id = SubjectKeyId::new("k1").unwrap();
        let (one, other) = (SubjectKeyRing::fresh(&id).unwrap(), SubjectKeyRing::fresh(&id).unwrap());
        assert_ne!(one, other);
        let mac = |line: &str| SubjectKeyRing::parse(line).unwrap().current().unwrap().mac("test", &[]);
        assert_ne!(mac(&one), mac(&other));
    }

    #[test]
    fn d6_what_is_sealed_is_opened_by_its_key_for_what_it_belongs_to_and_unchanged() {
        let (plain, whole) = (b"+4930123".as_slice(), ring(&["k2", "k1"]));
        let sealed = whole.seal(plain, b"request 1").unwrap();
        assert_eq!(sealed.key.as_str(), "k2");
        assert!(!sealed.bytes.windows(4).any(|part| part == b"4930"));
        assert_ne!(
            sealed.bytes,
            whole.seal(plain, b"request 1").unwrap().bytes,
            "each has a nonce of its own"
        );
        assert_eq!(**whole.open(&sealed, b"request 1").unwrap(), *plain);
        let kind = |ring: &SubjectKeyRing, sealed: &SealedIdentifiers, bound_to: &[u8]| {
            ring.open(sealed, bound_to).unwrap_err().kind()
        };
        assert_eq!(kind(&whole, &sealed, b"request 2"), SubjectKeysErrorKind::Altered);
        for at in 0..sealed.bytes.len() {
            let mut altered = sealed.clone();
            altered.bytes[at] ^= 1;
            assert_eq!(kind(&whole, &altered, b"request 1"), SubjectKeysErrorKind::Altered, "byte {at}");
            altered.bytes.truncate(at);
            assert_eq!(kind(&whole, &altered, b"request 1"), SubjectKeysErrorKind::Altered, "{at} bytes");
        }
        // A new key comes first, and the earlier one still opens what it sealed.
        let next = SubjectKeyRing { keys: [ring(&["k3"]).keys, whole.keys.clone()].concat() };
        assert_eq!(**next.open(&sealed, b"request 1").unwrap(), *plain);
        let lost = SubjectKeyRing { keys: ring(&["k3"]).keys };
        assert_eq!(kind(&lost, &sealed, b"request 1"), SubjectKeysErrorKind::Unknown);
    }
}
