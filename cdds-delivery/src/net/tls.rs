//! Which certificates of servers are trusted.

use std::fmt;
use std::sync::Arc;
#[cfg(any(feature = "object", feature = "email", feature = "webhook"))]
use std::sync::OnceLock;

#[cfg(any(feature = "object", feature = "email", feature = "webhook"))]
use tokio_rustls::rustls::DEFAULT_VERSIONS;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, Error, RootCertStore, SupportedProtocolVersion};

/// The authorities that may vouch for a server: by default those that the machine trusts. Cheap to clone.
#[derive(Clone, Default)]
pub struct Roots {
    own: Option<Arc<[CertificateDer<'static>]>>,
    /// Made at the first use, since the machine's authorities are hundreds.
    #[cfg(any(feature = "object", feature = "email", feature = "webhook"))]
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

/// Certificates of authorities that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootsError {
    /// There is none.
    #[error("no certificate was found: put those of the authorities there in PEM form (BEGIN CERTIFICATE)")]
    None,
    /// One cannot be read.
    #[error("certificate {number} cannot be used: {why}")]
    Certificate {
        /// Which one, counted from 1.
        number: usize,
        /// Why.
        why: String,
    },
}

impl Roots {
    /// Trusts the authorities that the machine trusts.
    pub fn machine() -> Self {
        Self::default()
    }

    /// Trusts only the authorities whose certificates are in `pem`.
    ///
    /// # Errors
    /// [`RootsError`] if there is none, or one cannot be used.
    pub fn pem(pem: &[u8]) -> Result<Self, RootsError> {
        let mut own = Vec::new();
        let mut store = RootCertStore::empty();
        for (found, number) in CertificateDer::pem_slice_iter(pem).zip(1..) {
            let refuse = |why: String| RootsError::Certificate { number, why };
            let certificate = found.map_err(|why| refuse(why.to_string()))?;
            store.add(certificate.clone()).map_err(|why| refuse(why.to_string()))?;
            own.push(certificate);
        }
        if own.is_empty() {
            return Err(RootsError::None);
        }
        Ok(Self {
            own: Some(own.into()),
            #[cfg(any(feature = "object", feature = "email", feature = "webhook"))]
            config: Arc::default(),
        })
    }

    /// Returns the settings of a client.
    #[cfg(any(feature = "object", feature = "email", feature = "webhook"))]
    pub(crate) fn client(&self) -> Result<Arc<ClientConfig>, Error> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let config = self.of_versions(DEFAULT_VERSIONS)?;
        Ok(self.config.get_or_init(|| Arc::new(config)).clone())
    }

    /// Returns the settings of a client that speaks these versions, and that has sessions of its own.
    pub(crate) fn of_versions(
        &self,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<ClientConfig, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions)?;
        Ok(match &self.own {
            Some(own) => {
                let mut store = RootCertStore::empty();
                store.add_parsable_certificates(own.iter().cloned());
                builder.with_root_certificates(store).with_no_client_auth()
            }
            None => {
                let verifier = Arc::new(rustls_platform_verifier::Verifier::new(provider)?);
                builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
            }
        })
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.own {
            Some(own) => write!(f, "Roots({} of its own)", own.len()),
            None => f.write_str("Roots(the machine's)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_read_from_pem_and_what_is_none_is_refused() {
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = rcgen::CertificateParams::default().self_signed(&key).unwrap().pem();
        let both = format!("{pem}\nsome words\n{pem}");
        assert_eq!(format!("{:?}", Roots::pem(both.as_bytes()).unwrap()), "Roots(2 of its own)");
        assert!(matches!(Roots::pem(b"nothing"), Err(RootsError::None)));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let told = Roots::pem(format!("{pem}{broken}").as_bytes()).unwrap_err().to_string();
        assert!(told.starts_with("certificate 2 cannot be used"), "{told}");
    }

    #[cfg(any(feature = "object", feature = "email", feature = "webhook"))]
    #[test]
    fn a_client_is_made_once() {
        let roots = Roots::machine();
        assert!(Arc::ptr_eq(&roots.client().unwrap(), &roots.clone().client().unwrap()));
    }
}
