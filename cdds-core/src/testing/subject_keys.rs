//! Keys of data subjects for tests.

use std::sync::{Mutex, PoisonError};

use zeroize::Zeroizing;

use crate::domain::id::SubjectKeyId;
use crate::domain::subject::SealedIdentifiers;
use crate::domain::violation::RuleViolation;
use crate::ports::subject_keys::{SubjectKey, SubjectKeys, SubjectKeysError, SubjectKeysErrorKind};

/// Keys in memory, of which anybody can compute the secrets. What is sealed is not in the clear, and changes are noticed.
#[derive(Debug, Default)]
pub struct MemorySubjectKeys {
    keys: Mutex<Vec<SubjectKey>>,
}

impl MemorySubjectKeys {
    /// Has one key with this name.
    ///
    /// # Errors
    /// If that is no name.
    pub fn with_key(name: &str) -> Result<Self, RuleViolation> {
        let keys = Self::default();
        keys.add(name)?;
        Ok(keys)
    }

    /// Adds a key, which is current from now on.
    ///
    /// # Errors
    /// If that is no name.
    pub fn add(&self, name: &str) -> Result<(), RuleViolation> {
        let id = SubjectKeyId::new(name)?;
        let secret = SubjectKey::new(id.clone(), [7; SubjectKey::BYTES]).mac("secret", &[name.as_bytes()]);
        self.locked().insert(0, SubjectKey::new(id, secret));
        Ok(())
    }

    /// Loses all keys.
    pub fn lose(&self) {
        self.locked().clear();
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<SubjectKey>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of bytes of a tag.
const TAG: usize = 32;

/// Hides bytes, or shows them again.
fn hidden(key: &SubjectKey, bytes: &[u8], bound_to: &[u8]) -> Vec<u8> {
    let blocks = bytes.chunks(32).enumerate();
    let hidden = blocks.flat_map(|(number, block)| {
        let mask = key.mac("mask", &[bound_to, &number.to_be_bytes()]);
        block.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect::<Vec<u8>>()
    });
    hidden.collect()
}

impl SubjectKeys for MemorySubjectKeys {
    fn keys(&self) -> Result<Vec<SubjectKey>, SubjectKeysError> {
        let keys = self.locked().clone();
        if keys.is_empty() {
            return Err(SubjectKeysError::new(SubjectKeysErrorKind::None, "the keys are lost"));
        }
        Ok(keys)
    }

    fn seal(&self, plain: &[u8], bound_to: &[u8]) -> Result<SealedIdentifiers, SubjectKeysError> {
        let key = self.current()?;
        let mut bytes = hidden(&key, plain, bound_to);
        bytes.extend(key.mac("tag", &[bound_to, plain]));
        Ok(SealedIdentifiers { key: key.id().clone(), bytes })
    }

    fn open(
        &self,
        sealed: &SealedIdentifiers,
        bound_to: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SubjectKeysError> {
        let key = self.key(&sealed.key)?;
        let altered = || SubjectKeysError::new(SubjectKeysErrorKind::Altered, "this was not sealed so");
        let split = sealed.bytes.len().checked_sub(TAG).ok_or_else(altered)?;
        let (hidden_bytes, tag) = sealed.bytes.split_at(split);
        let plain = Zeroizing::new(hidden(&key, hidden_bytes, bound_to));
        if key.mac("tag", &[bound_to, &plain]) == *tag { Ok(plain) } else { Err(altered()) }
    }
}
