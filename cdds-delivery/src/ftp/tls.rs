//! TLS, as FTP servers bear it.

use std::sync::Arc;

use cdds_core::ports::destination::DestinationError;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::SupportedProtocolVersion;
use tokio_rustls::rustls::version::{TLS12, TLS13};

use super::failure::refused;
use crate::net::tls::Roots;

/// Makes the settings of one control connection and of its data connections, which resume its session: those of
/// another one would take its tickets away.
pub(super) fn connector(roots: &Roots, is_tls13: bool) -> Result<TlsConnector, DestinationError> {
    let versions: &[&SupportedProtocolVersion] = if is_tls13 { &[&TLS13] } else { &[&TLS12] };
    let settings =
        roots.of_versions(versions).map_err(|why| refused("TLS cannot be set up").caused_by(why))?;
    Ok(Arc::new(settings).into())
}
