//! Tokens of programs that call the API.

use std::fmt;

use cdds_core::{Owner, Principal, PrincipalName, Role};
use chrono::{DateTime, Utc};

use super::secret::{Digest, NoRandomness, Secret};

/// Tells people, and programs that look for secrets in the wrong places, what this is.
const PREFIX: &str = "cdds_";

/// A token: its digest, and what it allows. The token itself is known to whoever it was given.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Token {
    /// By which people tell it from others.
    pub name: PrincipalName,
    /// Whose jobs and artifacts it is for.
    pub owner: Owner,
    /// What it allows.
    pub role: Role,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on it is no longer taken.
    pub expires_at: Option<DateTime<Utc>>,
    digest: Digest,
}

/// By which a token is named: the first digits of its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenId(String);

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("name", &self.name).field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl Token {
    /// Makes a token. Returns it with its text, which is given out once and kept nowhere.
    ///
    /// # Errors
    /// [`NoRandomness`] if the operating system gives none.
    pub fn create(
        name: PrincipalName,
        owner: Owner,
        role: Role,
        created_at: DateTime<Utc>,
    ) -> Result<(Self, String), NoRandomness> {
        let secret = Secret::new()?.named(PREFIX);
        let token = Self { name, owner, role, created_at, expires_at: None, digest: secret.digest() };
        Ok((token, secret.as_str().to_owned()))
    }

    /// Reads a token from what was kept of it: the digest in 64 hexadecimal digits. Returns `None` if it is none.
    pub fn from_parts(
        name: PrincipalName,
        owner: Owner,
        role: Role,
        created_at: DateTime<Utc>,
        digest: &str,
    ) -> Option<Self> {
        let digest = Digest::from_hex(digest)?;
        Some(Self { name, owner, role, created_at, expires_at: None, digest })
    }

    /// Sets when it ends.
    #[must_use]
    pub fn with_expires_at(self, expires_at: Option<DateTime<Utc>>) -> Self {
        Self { expires_at, ..self }
    }

    /// Returns the digest, by which it is recognised.
    pub fn digest(&self) -> String {
        self.digest.to_hex()
    }

    /// Returns by which it is named in lists.
    pub fn id(&self) -> TokenId {
        TokenId(self.digest.to_hex().chars().take(12).collect())
    }

    /// Returns whether it is taken at an instant.
    pub fn is_valid(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }

    pub(super) fn is(&self, digest: Digest) -> bool {
        self.digest.is(digest)
    }

    /// On record, a token is told from a user of the same name.
    pub(super) fn principal(&self) -> Principal {
        let name = PrincipalName::new(format!("token:{}", self.name)).unwrap_or_else(|_| self.name.clone());
        Principal::new(name, self.owner.clone(), self.role)
    }
}
