//! Signatures that identify the manifest that they belong to.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::ports::sealer::{ManifestSigner, SealerError};

/// Signs a manifest with its SHA-256 digest.
#[derive(Debug)]
pub(super) struct DigestSigner;

impl ManifestSigner for DigestSigner {
    fn sign(&self, manifest: &[u8], _signed_at: DateTime<Utc>) -> Result<Vec<u8>, SealerError> {
        Ok(Sha256::digest(manifest).to_vec())
    }
}
