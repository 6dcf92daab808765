//! The keys of data subjects (rule D6): under them identifiers are sealed while a request is open, and hashed for ever.

use std::fmt::{self, Debug};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::error::{PortError, PortErrorKind};
use crate::domain::id::{ExecutionId, Owner, SubjectKeyId};
use crate::domain::subject::SealedIdentifiers;
use crate::domain::subject::filter::FilterKey;

/// A secret key with its name. `Debug` shows the name alone, and the secret is wiped from memory when it is dropped.
#[derive(Clone)]
pub struct SubjectKey {
    id: SubjectKeyId,
    secret: Zeroizing<[u8; Self::BYTES]>,
}

impl SubjectKey {
    /// The size of a secret.
    pub const BYTES: usize = 32;

    /// Names a secret, which must be random.
    pub fn new(id: SubjectKeyId, secret: [u8; Self::BYTES]) -> Self {
        Self { id, secret: Zeroizing::new(secret) }
    }

    /// Returns the name.
    pub fn id(&self) -> &SubjectKeyId {
        &self.id
    }

    /// Returns HMAC-SHA-256 of a message for one purpose. What is made for one purpose says nothing about another, and
    /// each part is preceded by its length, so that parts cannot be cut elsewhere.
    pub fn mac(&self, purpose: &'static str, parts: &[&[u8]]) -> [u8; 32] {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&*self.secret) else { return [0; 32] };
        for part in [&[purpose.as_bytes()], parts].concat() {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Returns the key of the filters of one set (rule D10).
    pub fn of_filters(&self, owner: &Owner, execution: ExecutionId) -> FilterKey {
        let parts: [&[u8]; 2] = [owner.as_str().as_bytes(), execution.0.as_bytes()];
        let values = self.mac("cdds subject filter", &parts);
        let mut first = [0; 16];
        first.copy_from_slice(&values[..16]);
        FilterKey::new(first, &self.mac("cdds subject filter file", &parts))
    }
}

impl Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubjectKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Keeps the keys of data subjects, apart from the catalog.
///
/// # Contract
/// A key stays for as long as hashes of it are on record: without it nobody can tell whether a person is among them. A
/// new key is [current](Self::current) from then on, and the earlier ones are still found.
///
/// # Errors
/// [`SubjectKeysErrorKind::None`] if there are no keys at all, [`SubjectKeysErrorKind::Unknown`] if this one is not
/// among them. No error holds anything of a key or of what was to be sealed or opened.
///
/// # Cancel safety
/// No method waits.
pub trait SubjectKeys: Debug + Send + Sync {
    /// Returns all keys, the current one first.
    ///
    /// # Errors
    /// [`SubjectKeysErrorKind::None`].
    fn keys(&self) -> Result<Vec<SubjectKey>, SubjectKeysError>;

    /// Returns the key under which everything new is sealed and hashed.
    ///
    /// # Errors
    /// [`SubjectKeysErrorKind::None`].
    fn current(&self) -> Result<SubjectKey, SubjectKeysError> {
        self.keys()?.into_iter().next().ok_or_else(none)
    }

    /// Returns a key by its name.
    ///
    /// # Errors
    /// [`SubjectKeysErrorKind::None`]; [`SubjectKeysErrorKind::Unknown`].
    fn key(&self, id: &SubjectKeyId) -> Result<SubjectKey, SubjectKeysError> {
        let unknown = || {
            let why = format!("the key {id} is not among those of subjects: bring it back from its backup");
            SubjectKeysError::new(SubjectKeysErrorKind::Unknown, why)
        };
        self.keys()?.into_iter().find(|key| key.id() == id).ok_or_else(unknown)
    }

    /// Encrypts and authenticates a text under the current key, bound to what it belongs to: it is opened for that
    /// alone.
    ///
    /// # Errors
    /// [`SubjectKeysErrorKind::None`]; [`SubjectKeysErrorKind::Crypto`].
    fn seal(&self, plain: &[u8], bound_to: &[u8]) -> Result<SealedIdentifiers, SubjectKeysError>;

    /// Opens what was sealed, under the key that it names.
    ///
    /// # Errors
    /// [`SubjectKeysErrorKind::None`]; [`SubjectKeysErrorKind::Unknown`]; [`SubjectKeysErrorKind::Altered`] if it was
    /// changed, or sealed for something else.
    fn open(
        &self,
        sealed: &SealedIdentifiers,
        bound_to: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SubjectKeysError>;
}

/// The keys of a service that takes no requests of data subjects: there are none.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSubjectKeys;

impl SubjectKeys for NoSubjectKeys {
    fn keys(&self) -> Result<Vec<SubjectKey>, SubjectKeysError> {
        Err(none())
    }

    fn seal(&self, _plain: &[u8], _bound_to: &[u8]) -> Result<SealedIdentifiers, SubjectKeysError> {
        Err(none())
    }

    fn open(
        &self,
        _sealed: &SealedIdentifiers,
        _bound_to: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SubjectKeysError> {
        Err(none())
    }
}

fn none() -> SubjectKeysError {
    SubjectKeysError::new(
        SubjectKeysErrorKind::None,
        "there is no key under which identifiers of data subjects could be kept: make one, and compose the service \
         with it",
    )
}

/// The kinds of error in keeping keys, sealing and opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubjectKeysErrorKind {
    /// There are no keys.
    None,
    /// This key is not among them.
    Unknown,
    /// What was to be opened is not what was sealed for this purpose.
    Altered,
    /// Where they are kept cannot be read.
    Unreadable,
    /// The cryptographic library failed.
    Crypto,
}

impl PortErrorKind for SubjectKeysErrorKind {
    fn is_retryable(self) -> bool {
        matches!(self, Self::Unreadable | Self::Crypto)
    }
}

/// An error of [`SubjectKeys`].
pub type SubjectKeysError = PortError<SubjectKeysErrorKind>;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: u8) -> SubjectKey {
        SubjectKey::new(SubjectKeyId::new("k1").unwrap(), [secret; 32])
    }

    #[test]
    fn d6_a_hash_depends_on_key_purpose_and_each_part() {
        let hash = key(1).mac("one", &[b"ab", b"c"]);
        assert_eq!(hash, key(1).mac("one", &[b"ab", b"c"]));
        let others = [
            key(2).mac("one", &[b"ab", b"c"]),
            key(1).mac("two", &[b"ab", b"c"]),
            key(1).mac("one", &[b"a", b"bc"]),
            key(1).mac("one", &[b"abc"]),
            key(1).mac("one", &[b"ab", b"c", b""]),
        ];
        assert!(others.iter().all(|other| *other != hash));
    }

    /// HMAC of these bytes by Python's `hmac`: stored hashes must be found again by every later version.
    #[test]
    fn d6_hashes_stay_what_they_are() {
        let hash = key(7).mac("subject", &[b"owner", b"phone", b"+4930123"]);
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "230200eaffcf1500abb3b46d3238a3f087abca82917209844c67864f5fda3890");
    }

    #[test]
    fn d6_a_key_shows_its_name_alone() {
        let shown = format!("{:?}", key(77));
        assert!(shown.contains("k1") && !shown.contains("77"), "{shown}");
    }

    #[test]
    fn d6_a_service_without_keys_says_so() {
        let refused = NoSubjectKeys.current().unwrap_err();
        assert_eq!(refused.kind(), SubjectKeysErrorKind::None);
        assert_eq!(NoSubjectKeys.seal(b"a", b"b").unwrap_err().kind(), SubjectKeysErrorKind::None);
    }
}
