//! How parts are encrypted, and for whom; how manifests are signed.

use std::fmt::Debug;
use std::sync::Arc;

use bytes::BytesMut;
use chrono::{DateTime, Utc};

use super::error::{PortError, PortErrorKind};
use crate::domain::recipient::{CertificateFacts, Recipient};

/// Seals parts for a fixed set of recipients.
///
/// # Contract
/// Each [`begin`](Sealer::begin) uses a fresh key. Sealing is sans-IO and may run on any thread.
///
/// # Errors
/// Only if the system's random generator fails.
///
/// # Cancel safety
/// Nothing waits. Dropping a [`Sealing`] means abort: what it wrote cannot be opened.
pub trait Sealer: Debug + Send + Sync {
    /// The exact or largest size of the sealed form of `plain` bytes.
    fn sealed_bytes(&self, plain: u64) -> u64;

    /// Starts one part; writes what comes before the content to `out`.
    ///
    /// # Errors
    /// [`SealerErrorKind::Crypto`].
    fn begin(&self, out: &mut BytesMut) -> Result<Box<dyn Sealing>, SealerError>;
}

/// One part being sealed.
pub trait Sealing: Debug + Send {
    /// Encrypts `plain`, in pieces of any size, and appends what is ready to `out`.
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
/// Pure functions of their arguments and the time given, except for fresh keys.
pub trait Certificates: Debug + Send + Sync {
    /// Checks a certificate as somebody supplied it (PEM or DER) and tells what it says (rule S2).
    ///
    /// # Errors
    /// [`SealerErrorKind::Certificate`] with the reason and the way out.
    fn inspect(&self, encoded: &[u8], now: DateTime<Utc>) -> Result<CertificateFacts, SealerError>;

    /// A sealer for these recipients, each checked again at `now` (rule S2).
    ///
    /// # Errors
    /// [`SealerErrorKind::Certificate`] naming the recipient that cannot be used.
    fn sealer(&self, recipients: &[Recipient], now: DateTime<Utc>) -> Result<Arc<dyn Sealer>, SealerError>;
}

/// Signs manifests with the service's own key (rule A5).
///
/// # Contract
/// The signature stands alone: it is stored beside the manifest, whose bytes stay as they are. It vouches for
/// them all, and for when they were signed.
///
/// # Errors
/// The execution fails with the error and publishes nothing: a service that signs never publishes a manifest
/// without a signature.
///
/// # Cancel safety
/// Nothing waits. Signing runs on a worker thread.
pub trait ManifestSigner: Debug + Send + Sync {
    /// The detached signature of a manifest, as a file of its own.
    ///
    /// # Errors
    /// [`SealerErrorKind::Certificate`] if the signer's own certificate does not count at `signed_at`;
    /// [`SealerErrorKind::Crypto`].
    fn sign(&self, manifest: &[u8], signed_at: DateTime<Utc>) -> Result<Vec<u8>, SealerError>;
}

/// What went wrong in sealing or signing.
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
