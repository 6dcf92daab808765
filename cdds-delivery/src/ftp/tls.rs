//! TLS, as FTP servers bear it.

use std::sync::Arc;

use cdds_core::ports::destination::DestinationError;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use super::failure::refused;

/// Makes the configuration of one control connection and of its data connections, which resume its session: those of
/// another one would take its tickets away.
pub(super) fn connector(roots: Option<&[u8]>, is_tls13: bool) -> Result<TlsConnector, DestinationError> {
    let versions: &[&SupportedProtocolVersion] = if is_tls13 { &[&TLS13] } else { &[&TLS12] };
    let begun = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let begun = begun.with_protocol_versions(versions);
    let begun = begun.map_err(|why| refused(format!("TLS cannot be set up: {why}")))?;
    let config = match roots {
        Some(pem) => begun.with_root_certificates(trusted(pem)?).with_no_client_auth(),
        None => begun
            .with_platform_verifier()
            .map_err(|why| {
                refused(format!("the certificates that this machine trusts cannot be read: {why}"))
            })?
            .with_no_client_auth(),
    };
    Ok(Arc::new(config).into())
}

fn trusted(pem: &[u8]) -> Result<RootCertStore, DestinationError> {
    let unreadable = |why: String| {
        refused(format!("the root certificates of the destination cannot be used: {why}: give them in PEM"))
    };
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|why| unreadable(why.to_string()))?;
        store.add(certificate).map_err(|why| unreadable(why.to_string()))?;
    }
    if store.is_empty() {
        return Err(unreadable("there are none".to_owned()));
    }
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_that_cannot_be_used_are_told() {
        for pem in ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let told = connector(Some(pem.as_bytes()), false).err().map(|error| error.report());
            assert!(told.as_ref().is_some_and(|told| told.contains("root certificates")), "{told:?}");
        }
        assert!(connector(None, true).is_ok());
    }
}
