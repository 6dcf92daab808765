//! Where the server listens: this machine alone, unless connections are encrypted.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::connections::Connections;
use crate::config::{Serve, Tls};
use crate::error::CliError;
use crate::input;

/// Listens at an address. Must be called on a runtime.
pub(super) fn listen(serve: &Serve, at: SocketAddr) -> Result<Connections, CliError> {
    let tls = serve.tls.as_ref().map(acceptor).transpose()?;
    if !at.ip().is_loopback() && tls.is_none() && !serve.behind_proxy {
        return Err(CliError::refused(
            "insecure_address",
            format!(
                "{at} is reached from other machines, and passwords would cross the network in the open: name \
                 serve.tls_certificate and serve.tls_key in cdds.toml, say serve.behind_proxy = true if a proxy ends TLS \
                 before it, or listen on 127.0.0.1"
            ),
        ));
    }
    let failed = |error| failed(at, &error);
    let listener = TcpListener::bind(at).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(failed)?;
    Ok(Connections::new(listener, address, tls))
}

/// Checks that one could listen at an address now.
pub(crate) fn check_free(at: SocketAddr) -> Result<(), CliError> {
    TcpListener::bind(at).map(drop).map_err(|error| failed(at, &error))
}

fn failed(at: SocketAddr, error: &std::io::Error) -> CliError {
    let why = "choose another address with --listen, port 0 takes a free one";
    CliError::failed("listen_failed", format!("cannot listen on {at}: {error}; {why}"))
}

fn acceptor(tls: &Tls) -> Result<TlsAcceptor, CliError> {
    let read = |file| input::read(file).map_err(|error| CliError::file("read", file, &error));
    let invalid = |why: String| {
        let files = format!("{} and {}", tls.certificate.display(), tls.key.display());
        CliError::config("invalid_config", format!("serve.tls_certificate and serve.tls_key: {files}: {why}"))
    };
    let (certificate, key) = (read(&tls.certificate)?, Zeroizing::new(read(&tls.key)?));
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&certificate).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| invalid("the first holds no certificate in PEM".to_owned()))?;
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|_| invalid("the second holds no private key in PEM without a passphrase".to_owned()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| invalid(error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
