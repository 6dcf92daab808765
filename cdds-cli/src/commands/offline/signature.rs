//! Checks the signature over a manifest, which identifies who made the set (rule A5).

use std::io;
use std::path::{Path, PathBuf};

use cdds_crypto::{SignatureError, check_signature};
use chrono::SecondsFormat;

use super::published::Published;
use crate::error::CliError;
use crate::input;

/// A certificate whose key must have signed the manifest.
pub(super) struct Signer {
    path: PathBuf,
    certificate: Vec<u8>,
}

impl Signer {
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let certificate =
            input::read(path).map_err(|error| CliError::file("read the certificate", path, &error))?;
        Ok(Self { path: path.to_owned(), certificate })
    }

    /// Checks the signature beside the manifest of the set that a file belongs to. Returns when it was made.
    pub(super) fn check(&self, file: &Path, published: Option<&Published>) -> Result<String, CliError> {
        let published = published.ok_or_else(|| {
            let why =
                "there is no manifest beside it that names it, and only manifests are signed: fetch both";
            CliError::failed("not_signed", format!("{}: {why}", file.display()))
        })?;
        let path = beside(&published.path);
        let signature = input::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => CliError::failed(
                "not_signed",
                format!("there is no {}: fetch it, or ask the service to sign its manifests", path.display()),
            ),
            _ => CliError::file("read", &path, &error),
        })?;
        let facts = check_signature(&published.json, &signature, &self.certificate)
            .map_err(|error| self.refusal(&published.path, &error))?;
        let at = facts.signed_at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
        Ok(at.unwrap_or_else(|| "an unknown time".to_owned()))
    }

    fn refusal(&self, manifest: &Path, error: &SignatureError) -> CliError {
        let (file, code) = match error {
            SignatureError::Certificate { .. } => (self.path.as_path(), "invalid_certificate"),
            SignatureError::NotSigned => (manifest, "not_signed"),
            SignatureError::OtherKey => (manifest, "other_signer"),
            SignatureError::Changed => (manifest, "manifest_changed"),
            _ => (manifest, "invalid_signature"),
        };
        CliError::failed(code, format!("{}: {error}", file.display()))
    }
}

/// Returns the path of the signature: the manifest's whole name, and `.p7s`.
fn beside(manifest: &Path) -> PathBuf {
    let mut name = manifest.as_os_str().to_owned();
    name.push(".p7s");
    name.into()
}
