//! Users and their passwords.

use std::fmt;
use std::str::FromStr;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, PasswordHasher, Version};
use cdds_core::{Owner, Principal, PrincipalName, Role};

use super::secret::NoRandomness;

/// The most memory that checking a password may take, in KiB: a hash with more is a mistake.
const MEMORY_KIB_MAX: u32 = 1 << 20;

/// Somebody who signs in by name and password.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct User {
    /// By which they sign in, and under which what they do is on record.
    pub name: PrincipalName,
    /// Of their password.
    pub hash: PasswordHash,
    /// Whose jobs and artifacts they see.
    pub owner: Owner,
    /// What they may do.
    pub role: Role,
}

impl User {
    /// Creates a user.
    pub const fn new(name: PrincipalName, hash: PasswordHash, owner: Owner, role: Role) -> Self {
        Self { name, hash, owner, role }
    }

    pub(super) fn principal(&self) -> Principal {
        Principal::new(self.name.clone(), self.owner.clone(), self.role)
    }
}

/// The memory in which a password is checked. It is used again: the allocator of glibc keeps such blocks when they are
/// freed, each for itself, so that memory grew with each try to sign in.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

/// A hash of a password by Argon2id (RFC 9106), written as `$argon2id$v=19$m=19456,t=2,p=1$…`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// A hash tells whoever has it whether a guess is right.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

/// A text is not the hash of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidHash;

impl fmt::Display for InvalidHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is not a hash by Argon2id: write what `cdds user hash` prints")
    }
}

impl std::error::Error for InvalidHash {}

impl PasswordHash {
    /// Hashes a password, with 19 MiB, two passes and a salt of its own. Takes some tens of milliseconds.
    ///
    /// # Errors
    /// [`NoRandomness`] if the operating system gives none.
    pub fn of(password: &str) -> Result<Self, NoRandomness> {
        let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|_| NoRandomness)?;
        Ok(Self(hash.to_string()))
    }

    /// Returns the text, which is to be kept like a password.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether it is the hash of a password. Takes some tens of milliseconds.
    pub(super) fn fits(&self, password: &str, memory: &mut Memory) -> bool {
        self.compared(password, memory).unwrap_or(false)
    }

    fn compared(&self, password: &str, memory: &mut Memory) -> Option<bool> {
        let hash = phc::PasswordHash::new(&self.0).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let version = hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
        let (salt, expected) = (hash.salt?, hash.hash?);
        let needed = params.block_count();
        if memory.0.len() < needed {
            memory.0.resize(needed, Block::default());
        }
        let blocks = memory.0.get_mut(..needed)?;
        let mut computed = vec![0; expected.len()];
        let argon2 = Argon2::new(Algorithm::Argon2id, version, params);
        let done =
            argon2.hash_password_into_with_memory(password.as_bytes(), &salt, &mut computed, &mut *blocks);
        blocks.fill(Block::default());
        // Outputs are compared in a time that does not depend on where they differ.
        Some(done.is_ok() && phc::Output::new(&computed).ok()? == expected)
    }
}

impl FromStr for PasswordHash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hash = phc::PasswordHash::new(text).map_err(|_| InvalidHash)?;
        let params = argon2::Params::try_from(&hash).map_err(|_| InvalidHash)?;
        let is_argon2id = hash.algorithm.as_str() == Algorithm::Argon2id.as_str();
        let is_whole = hash.salt.is_some() && hash.hash.is_some() && params.m_cost() <= MEMORY_KIB_MAX;
        if is_argon2id && is_whole { Ok(Self(text.to_owned())) } else { Err(InvalidHash) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_hash_alone_and_no_two_hashes_are_the_same() {
        let hash = PasswordHash::of("correct horse").unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert_eq!(hash.as_str().parse(), Ok(hash.clone()));
        let mut memory = Memory::default();
        let mut fits = |password: &str| hash.fits(password, &mut memory);
        assert!(fits("correct horse") && !fits("correct house") && !fits("") && fits("correct horse"));
        assert!(memory.0.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)), "nothing is left");
        assert_ne!(hash, PasswordHash::of("correct horse").unwrap());
        assert_eq!(format!("{hash:?}"), "PasswordHash");
    }

    /// Made by argon2-cffi, which calls the reference implementation.
    #[test]
    fn a_hash_of_another_program_with_other_costs_is_checked_in_memory_that_was_used_before() {
        let ours = PasswordHash::of("correct horse").unwrap();
        let mut memory = Memory::default();
        assert!(ours.fits("correct horse", &mut memory));
        let theirs = "$argon2id$v=19$m=1024,t=3,p=2$Bdk9LHAIncm37Sg/$roGlIEfTV34wZj4DwaS8+g";
        let theirs: PasswordHash = theirs.parse().unwrap();
        assert!(theirs.fits("correct horse", &mut memory) && !theirs.fits("correct house", &mut memory));
        assert!(ours.fits("correct horse", &mut memory));
    }

    #[test]
    fn what_is_no_hash_by_argon2id_is_refused() {
        let good = PasswordHash::of("x").unwrap();
        let good = good.as_str();
        for bad in [
            "secret",
            "",
            "$2y$10$abcdefghijklmnopqrstuv",
            &good.replace("argon2id", "argon2i"),
            &good.replace("m=19456", "m=1073741824"),
            good.rsplit_once('$').unwrap().0,
        ] {
            assert_eq!(bad.parse::<PasswordHash>(), Err(InvalidHash), "{bad}");
        }
    }
}
