//! Encryption of parts for recipients, and signing of manifests.

use std::fmt::Debug;
use std::sync::Arc;

use bytes::BytesMut;
use chrono::{DateTime, Utc};

use super::error::{PortError, PortErrorKind};
use crate::domain::recipient::{CertificateDetails, CertificateFacts, Recipient};

/// Seals parts for a fixed set of recipients.
///
/// # Contract
/// Each [`begin`](Sealer::begin) uses a fresh key. Sealing is sans-IO and may run on any thread.
///
/// # Errors
/// Only if the system's random generator fails.
///
/// # Cancel safety
/// No method waits. Dropping a [`Sealing`] aborts it: its output cannot be opened.
pub trait Sealer: Debug + Send + Sync {
    /// Returns the exact or largest size of `plain` bytes once sealed.
    fn sealed_bytes(&self, plain: u64) -> u64;

    /// Starts one part and writes the bytes that precede the content to `out`.
    ///
    /// # Errors
    /// [`SealerErrorKind::Crypto`].
    fn begin(&self, out: &mut BytesMut) -> Result<Box<dyn Sealing>, SealerError>;
}

/// One part being sealed.
pub trait Sealing: Debug + Send {
    /// Encrypts `plain`, in pieces of any size, and appends the output that is ready to `out`.
    ///
    /// # Errors
    /// [`SealerErrorKind::Crypto`].
    fn update(&mut self, plain: &[u8], out: &mut BytesMut) -> Result<(), SealerError>;

    /// Writes the padding and the end. Without this call the part cannot be opened.
    ///
    /// # Errors
    /// [`SealerErrorKind::Crypto`].
    fn finish(self: Box<Self>, out: &mut BytesMut) -> Result<(), SealerError>;
}

/// Reads certificates and makes sealers for them.
///
/// # Contract
/// Pure functions of their arguments and the given time, except for fresh keys.
pub trait Certificates: Debug + Send + Sync {
    /// Checks a supplied certificate (PEM or DER) and returns its facts (rule S2).
    ///
    /// # Errors
    /// [`SealerErrorKind::Certificate`] with the reason and a remedy.
    fn inspect(&self, encoded: &[u8], now: DateTime<Utc>) -> Result<CertificateFacts, SealerError>;

    /// Creates a sealer for these recipients, and checks each of them again at `now` (rule S2).
    ///
    /// # Errors
    /// [`SealerErrorKind::Certificate`] naming the recipient that cannot be used.
    fn sealer(&self, recipients: &[Recipient], now: DateTime<Utc>) -> Result<Arc<dyn Sealer>, SealerError>;

    /// Returns what people tell a stored certificate by, given its DER. Its validity is not checked. `None` stands
    /// for a certificate that cannot be read, and is the default.
    fn details(&self, _der: &[u8]) -> Option<CertificateDetails> {
        None
    }
}

/// [`Certificates`] of a service that seals nothing: every certificate is refused, and jobs are plaintext.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCertificates;

impl Certificates for NoCertificates {
    fn inspect(&self, _encoded: &[u8], _now: DateTime<Utc>) -> Result<CertificateFacts, SealerError> {
        Err(none())
    }

    fn sealer(&self, _recipients: &[Recipient], _now: DateTime<Utc>) -> Result<Arc<dyn Sealer>, SealerError> {
        Err(none())
    }
}

fn none() -> SealerError {
    SealerError::new(
        SealerErrorKind::Certificate,
        "nothing can be sealed here: use plaintext, or compose the service with certificates",
    )
}

/// Signs manifests with the service's own key (rule A5).
///
/// # Contract
/// The signature is detached: it is stored beside the manifest, whose bytes stay unchanged. It vouches for
/// all of those bytes and for the time of signing.
///
/// # Errors
/// The execution fails with the error and publishes nothing: a service that signs never publishes an unsigned
/// manifest.
///
/// # Cancel safety
/// No method waits. Signing runs on a worker thread.
pub trait ManifestSigner: Debug + Send + Sync {
    /// Returns the detached signature of a manifest, as a separate file.
    ///
    /// # Errors
    /// [`SealerErrorKind::Certificate`] if the signer's own certificate is not valid at `signed_at`;
    /// [`SealerErrorKind::Crypto`].
    fn sign(&self, manifest: &[u8], signed_at: DateTime<Utc>) -> Result<Vec<u8>, SealerError>;
}

/// Checks signatures of manifests against the service's own certificate (rules A5, E18).
///
/// # Cancel safety
/// No method waits.
pub trait ManifestVerifier: Debug + Send + Sync {
    /// Checks that the service has signed these bytes.
    ///
    /// # Errors
    /// [`SealerErrorKind::Certificate`] with the reason why the signature does not vouch for the manifest.
    fn verify(&self, manifest: &[u8], signature: &[u8]) -> Result<(), SealerError>;
}

/// The kinds of error in sealing and signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealerErrorKind {
    /// A certificate cannot be used; the context says why.
    Certificate,
    /// The cryptographic library failed.
    Crypto,
}

impl PortErrorKind for SealerErrorKind {
    fn is_retryable(self) -> bool {
        matches!(self, Self::Crypto)
    }
}

/// An error of a [`Sealer`], of [`Certificates`] or of a [`ManifestSigner`].
pub type SealerError = PortError<SealerErrorKind>;
