//! Where secrets are: in a file or an environment variable, and never in the configuration itself.

use std::path::{Path, PathBuf};

use crate::home::without_home;

/// The place of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SecretPlace {
    File(PathBuf),
    Env(String),
}

/// Returns the place of a secret that is given as `key_file` or `key_env`.
pub(super) fn optional(
    key: &str,
    file: Option<&String>,
    env: Option<&String>,
    folder: &Path,
) -> Result<Option<SecretPlace>, String> {
    match (file, env) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(format!("{key}_env: there is {key}_file too: leave one out")),
        (Some(path), None) => {
            let path = without_home(path).map_err(|why| format!("{key}_file: {why}"))?;
            Ok(Some(SecretPlace::File(folder.join(path))))
        }
        (None, Some(name)) if name.is_empty() || name.contains(['=', '\0', ' ']) => {
            Err(format!("{key}_env: write the name of an environment variable"))
        }
        (None, Some(name)) => Ok(Some(SecretPlace::Env(name.clone()))),
    }
}
