//! The file of API tokens beside the catalog.
//!
//! It holds digests and what they allow. It is replaced whole, so that a server that reads it meanwhile sees the old one
//! or the new one; a lock on a file beside it keeps two commands from losing each other's change.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cdds_console::accounts::Token;
use cdds_core::domain::access::{PrincipalName, Role};
use cdds_core::domain::id::Owner;
use cdds_storage::durable;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::error::CliError;
use crate::input;

/// Where tokens are kept.
#[derive(Debug, Clone)]
pub(crate) struct TokenFile(PathBuf);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    tokens: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    sha256: String,
    name: String,
    owner: String,
    role: String,
    created_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
}

impl From<&Token> for Row {
    fn from(token: &Token) -> Self {
        Self {
            sha256: token.digest(),
            name: token.name.to_string(),
            owner: token.owner.to_string(),
            role: token.role.as_str().to_owned(),
            created_at: token.created_at,
            expires_at: token.expires_at,
        }
    }
}

impl Row {
    fn token(self) -> Option<Token> {
        let (name, owner) = (PrincipalName::new(self.name).ok()?, Owner::new(self.owner).ok()?);
        let role = Role::parse(&self.role)?;
        let token = Token::from_parts(name, owner, role, self.created_at, &self.sha256)?;
        Some(token.with_expires_at(self.expires_at))
    }
}

impl TokenFile {
    /// Returns the file of a catalog: `cdds.db.tokens` beside `cdds.db`.
    pub(crate) fn beside(catalog: &Path) -> Self {
        Self(with_ending(catalog, ".tokens"))
    }

    /// Reads the tokens; there are none without a file.
    pub(crate) fn read(&self) -> Result<Vec<Token>, CliError> {
        let bytes = match input::read(&self.0) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(CliError::file("read", &self.0, &error)),
        };
        let form: Form = serde_json::from_slice(&bytes).map_err(|_| self.damaged())?;
        form.tokens.into_iter().map(|row| row.token().ok_or_else(|| self.damaged())).collect()
    }

    /// Changes the tokens. Waits for another command that is about to.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Vec<Token>)) -> Result<(), CliError> {
        let failed = |error: io::Error| CliError::file("write", &self.0, &error);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(with_ending(&self.0, ".lock"))
            .map_err(failed)?;
        lock.lock().map_err(failed)?;
        let mut tokens = self.read()?;
        change(&mut tokens);
        self.write(&tokens).map_err(failed)
    }

    fn write(&self, tokens: &[Token]) -> io::Result<()> {
        let form = Form { tokens: tokens.iter().map(Row::from).collect() };
        let folder = self.0.parent().unwrap_or(Path::new("."));
        // Such a file is for its owner alone from the beginning.
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec_pretty(&form)?)?;
        file.as_file().sync_all()?;
        file.persist(&self.0)?;
        durable::sync_folder(folder)
    }

    fn damaged(&self) -> CliError {
        let why = format!(
            "{}: this is not a file of tokens: remove it, and make the tokens anew",
            self.0.display()
        );
        CliError::failed("invalid_tokens", why)
    }

    /// Returns by which it is noticed that the file was replaced.
    pub(super) fn state(&self) -> Option<State> {
        state(&self.0)
    }
}

/// When a file was written, its size, and which of its name it is: the clocks of file systems are coarse.
pub(super) type State = (SystemTime, u64, u64);

/// Returns by which it is noticed that a file was changed; `None` without one.
pub(super) fn state(file: &Path) -> Option<State> {
    let known = std::fs::metadata(file).ok()?;
    #[cfg(unix)]
    let which = std::os::unix::fs::MetadataExt::ino(&known);
    #[cfg(not(unix))]
    let which = 0;
    Some((known.modified().ok()?, known.len(), which))
}

fn with_ending(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_two_at_a_time_are_both_kept_in_a_file_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::beside(&folder.path().join("cdds.db"));
        assert!(file.read().unwrap().is_empty());
        let add = |n: u32| {
            let name = PrincipalName::new(n.to_string()).unwrap();
            let (token, _) =
                Token::create(name, Owner::default(), Role::Viewer, DateTime::UNIX_EPOCH).unwrap();
            file.change(|tokens| tokens.push(token)).unwrap();
        };
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || (0..10).for_each(|n| add(thread * 10 + n)));
            }
        });
        assert_eq!(file.read().unwrap().len(), 40);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(folder.path().join("cdds.db.tokens")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::write(folder.path().join("cdds.db.tokens"), "{}").unwrap();
        assert_eq!(file.read().unwrap_err().code(), "invalid_tokens");
    }
}
