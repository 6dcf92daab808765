//! Passwords and keys, which are looked up when they are used and never printed.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use zeroize::Zeroizing;

/// Where a secret comes from. It is read at each use, so that a new one needs no restart, and `Debug` shows the place
/// and never the secret.
#[derive(Clone)]
pub struct Secret(Place);

type Ask = Arc<dyn Fn() -> Result<String, String> + Send + Sync>;

#[derive(Clone)]
enum Place {
    Env(String),
    File(PathBuf),
    Ask(Ask),
}

/// A secret that cannot be read. Names its place, not what is there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The environment variable is not set, or is not text.
    #[error("the environment variable {name} is not set: set it to the secret")]
    Env {
        /// The variable.
        name: String,
    },
    /// The file cannot be read.
    #[error("the secret cannot be read from {}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// The host did not give it.
    #[error("the secret was not given: {why}")]
    Ask {
        /// Why, as the host says.
        why: String,
    },
    /// There is nothing in it.
    #[error("{place} holds an empty secret: put the secret there")]
    Empty {
        /// The place.
        place: String,
    },
}

impl Secret {
    /// Reads the secret from an environment variable.
    pub fn env(name: impl Into<String>) -> Self {
        Self(Place::Env(name.into()))
    }

    /// Reads the secret from a file. A byte order mark at its beginning and line ends at its end are not part of it.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Place::File(path.into()))
    }

    /// Asks the host. The error says why there is no secret, and is shown to people.
    pub fn ask(ask: impl Fn() -> Result<String, String> + Send + Sync + 'static) -> Self {
        Self(Place::Ask(Arc::new(ask)))
    }

    /// Reads the secret.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn read(&self) -> Result<Zeroizing<String>, SecretError> {
        let secret = match &self.0 {
            Place::Env(name) => std::env::var(name).map_err(|_| SecretError::Env { name: name.clone() })?,
            Place::File(path) => {
                let read = std::fs::read_to_string(path).map(Zeroizing::new);
                let text = read.map_err(|why| SecretError::File { path: path.clone(), why })?;
                text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']).to_owned()
            }
            Place::Ask(ask) => ask().map_err(|why| SecretError::Ask { why })?,
        };
        let secret = Zeroizing::new(secret);
        if secret.is_empty() {
            return Err(SecretError::Empty { place: self.to_string() });
        }
        Ok(secret)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Env(name) => write!(f, "the environment variable {name}"),
            Place::File(path) => write!(f, "{}", path.display()),
            Place::Ask(_) => f.write_str("the host"),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_from_its_place_and_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "\u{feff}s3cret\r\n").unwrap();
        let secret = Secret::file(&path);
        assert_eq!(*secret.read().unwrap(), "s3cret");
        std::fs::write(&path, "other").unwrap();
        assert_eq!(*secret.read().unwrap(), "other", "it is read anew");
        let asked = Secret::ask(|| Ok("s3cret".to_owned()));
        assert_eq!(*asked.read().unwrap(), "s3cret");
        for printed in [format!("{secret:?}"), format!("{asked:?}"), asked.to_string()] {
            assert!(!printed.contains("s3cret"), "{printed}");
        }
    }

    #[test]
    fn a_secret_that_is_missing_is_told_by_its_place() {
        let told = |secret: Secret| secret.read().unwrap_err().to_string();
        assert!(told(Secret::env("CDDS_NO_SUCH")).contains("CDDS_NO_SUCH"));
        assert!(told(Secret::file("/nowhere/at/all")).contains("/nowhere/at/all"));
        assert!(told(Secret::ask(|| Err("the vault is sealed".to_owned()))).contains("the vault is sealed"));
        assert!(told(Secret::ask(|| Ok(String::new()))).contains("empty"));
    }
}
