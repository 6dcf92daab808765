//! Signers that each break one clause, to show that the checks find it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use super::{Clause, SignerFixture};
use crate::ports::sealer::{ManifestSigner, ManifestVerifier, SealerError, SealerErrorKind};

planted! {
    /// A bug of the signer and the verifier of a [`PlantedFixture`].
    enum Planted;
    /// Only the first signature verifies.
    SignsOnce => Verifies,
    /// Signs nothing where there is nothing to sign.
    SignsNoText => Verifies,
    /// Signs the first kilobyte.
    SignsBeginning => ChangedManifest,
    /// Signs the manifest as text, whose line breaks do not count.
    IgnoresLineBreaks => ChangedManifest,
    /// Accepts an empty signature.
    AcceptsNothing => ChangedSignature,
    /// Compares the bytes that are there.
    AcceptsBeginnings => ChangedSignature,
    /// Refuses with an error that a retry might mend.
    RefusesAsCrypto => RefusalKind,
    /// Signs at any time.
    SignsAlways => OutsideValidity,
}

/// A signer and a verifier that have one bug, or none. Their signature is a digest, which vouches for nothing.
#[derive(Debug, Default)]
pub struct PlantedFixture {
    planted: Option<Planted>,
}

impl PlantedFixture {
    /// Creates a fixture with this bug.
    pub fn new(planted: Planted) -> Self {
        Self { planted: Some(planted) }
    }

    /// Creates a fixture without a bug.
    pub fn sound() -> Self {
        Self::default()
    }

    fn toy(&self) -> Toy {
        Toy { planted: self.planted, has_signed: AtomicBool::new(false) }
    }
}

impl SignerFixture for PlantedFixture {
    fn signer(&self) -> Arc<dyn ManifestSigner> {
        Arc::new(self.toy())
    }

    fn verifier(&self) -> Arc<dyn ManifestVerifier> {
        Arc::new(self.toy())
    }

    fn signed_at(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn invalid_at(&self) -> Option<DateTime<Utc>> {
        Some(DateTime::UNIX_EPOCH + TimeDelta::days(1))
    }
}

#[derive(Debug)]
struct Toy {
    planted: Option<Planted>,
    has_signed: AtomicBool,
}

impl Toy {
    fn digest(&self, manifest: &[u8]) -> Vec<u8> {
        let signed: Vec<u8> = match self.planted {
            Some(Planted::SignsBeginning) => manifest.iter().copied().take(1_000).collect(),
            Some(Planted::IgnoresLineBreaks) => {
                manifest.iter().copied().filter(|byte| *byte != b'\r').collect()
            }
            _ => manifest.to_vec(),
        };
        Sha256::digest(&signed).to_vec()
    }
}

impl ManifestSigner for Toy {
    fn sign(&self, manifest: &[u8], signed_at: DateTime<Utc>) -> Result<Vec<u8>, SealerError> {
        if signed_at != DateTime::UNIX_EPOCH && self.planted != Some(Planted::SignsAlways) {
            return Err(SealerError::new(SealerErrorKind::Certificate, "the certificate has expired"));
        }
        let again = self.has_signed.swap(true, Ordering::SeqCst);
        match self.planted {
            Some(Planted::SignsOnce) if again => Ok(vec![0; 32]),
            Some(Planted::SignsNoText) if manifest.is_empty() => Ok(Vec::new()),
            _ => Ok(self.digest(manifest)),
        }
    }
}

impl ManifestVerifier for Toy {
    fn verify(&self, manifest: &[u8], signature: &[u8]) -> Result<(), SealerError> {
        let expected = self.digest(manifest);
        let verifies = match self.planted {
            Some(Planted::AcceptsNothing) if signature.is_empty() => true,
            Some(Planted::AcceptsBeginnings) => expected.starts_with(signature),
            _ => expected == signature,
        };
        if verifies {
            return Ok(());
        }
        let as_crypto = self.planted == Some(Planted::RefusesAsCrypto);
        let kind = if as_crypto { SealerErrorKind::Crypto } else { SealerErrorKind::Certificate };
        Err(SealerError::new(kind, "the signature does not belong to the manifest"))
    }
}
