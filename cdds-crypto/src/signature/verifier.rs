//! Checks the service's own signatures, for sets that are taken back into the catalog (rule E18).

use cdds_core::ports::sealer::{ManifestVerifier, SealerError, SealerErrorKind};

use super::check_signature;

/// Accepts manifests that were signed with the key of one certificate: the service's own.
#[derive(Debug, Clone)]
pub struct CmsVerifier {
    certificate: Vec<u8>,
}

impl CmsVerifier {
    /// Takes the certificate, PEM or DER, which is read when the first signature is checked.
    pub fn new(certificate: impl Into<Vec<u8>>) -> Self {
        Self { certificate: certificate.into() }
    }
}

impl ManifestVerifier for CmsVerifier {
    fn verify(&self, manifest: &[u8], signature: &[u8]) -> Result<(), SealerError> {
        match check_signature(manifest, signature, &self.certificate) {
            Ok(_) => Ok(()),
            Err(error) => Err(SealerError::new(SealerErrorKind::Certificate, error.to_string())),
        }
    }
}
