//! The secrets of deliveries, which are read when they are used.

use std::path::Path;

use cdds_delivery::secret::Secret;

use super::super::secret::{self, SecretPlace};

/// Returns the secret whose place is given as `key_file` or `key_env`.
pub(super) fn optional(
    key: &str,
    file: Option<&String>,
    env: Option<&String>,
    folder: &Path,
) -> Result<Option<Secret>, String> {
    Ok(secret::optional(key, file, env, folder)?.map(|place| match place {
        SecretPlace::File(path) => Secret::file(path),
        SecretPlace::Env(name) => Secret::env(name),
    }))
}

/// Returns a secret that cannot be left out.
pub(super) fn needed(
    key: &str,
    file: Option<&String>,
    env: Option<&String>,
    folder: &Path,
) -> Result<Secret, String> {
    let place = optional(key, file, env, folder)?;
    place.ok_or_else(|| format!("say where its {key} is: add {key}_file or {key}_env"))
}
