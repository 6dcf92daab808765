//! One message over one connection to the mail server.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use cdds_core::ports::notifier::{NotifyError, NotifyErrorKind};
use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::ClientId;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

use super::begin::{self, Secured};
use super::{Security, Server};
use crate::net::Net;

/// How long the server may take to say goodbye. The message has been accepted by then.
const QUIT_MAX: Duration = Duration::from_secs(2);

/// Hands a message over to the server. To be polled in [`Net::run`].
pub(super) async fn submit(
    server: &Server,
    net: &Net,
    envelope: &Envelope,
    message: &[u8],
) -> Result<(), NotifyError> {
    let mut connection = connect(server, net).await?;
    // Only the server's own word that it takes no such mail is final: anything else is tried again, also when nobody
    // knows whether the message was taken.
    connection.send(envelope, message).await.map_err(|why| {
        let kind = if why.is_permanent() { NotifyErrorKind::Refused } else { NotifyErrorKind::Unavailable };
        NotifyError::with_source(kind, format!("{server} did not take the mail"), why)
    })?;
    let _ = tokio::time::timeout(QUIT_MAX, connection.quit()).await;
    Ok(())
}

/// Connects, secures the connection and signs in. What fails here is not the message's fault, so it is tried again.
async fn connect(server: &Server, net: &Net) -> Result<AsyncSmtpConnection, NotifyError> {
    let connected = net.connect(&server.host, server.port()).await;
    let stream =
        connected.map_err(|why| why.into_port(NotifyErrorKind::Unavailable, NotifyErrorKind::Unavailable))?;
    let (local, peer) = (address(stream.local_addr())?, address(stream.peer_addr())?);
    permitted(server.security, peer, server.credentials.is_some()).map_err(|what| {
        let context = format!("{server} is not on this machine, so {what}: use STARTTLS or TLS");
        NotifyError::new(NotifyErrorKind::Unavailable, context)
    })?;
    // Without a name of its own that others could look up, a client gives its address (RFC 5321 section 4.1.3).
    let hello = match local.to_canonical() {
        IpAddr::V4(v4) => ClientId::Ipv4(v4),
        IpAddr::V6(v6) => ClientId::Ipv6(v6),
    };
    let transport: Box<dyn AsyncTokioStream> = match server.security {
        Security::Tls => Box::new(Secured::greeted(secured(server, stream).await?)),
        Security::StartTls => {
            let mut stream = stream;
            let asked = begin::ask_for_tls(&mut stream, &hello).await;
            asked.map_err(|why| failed(server, "did not begin TLS (STARTTLS)", why))?;
            Box::new(Secured::ungreeted(secured(server, stream).await?))
        }
        Security::Loopback | Security::Open => Box::new(stream),
    };
    let connected = AsyncSmtpConnection::connect_with_transport(transport, &hello).await;
    let mut connection = connected.map_err(|why| failed(server, "did not greet", why))?;
    if let Some((user, password)) = &server.credentials {
        let password = password.read().map_err(|why| {
            NotifyError::with_source(
                NotifyErrorKind::Unavailable,
                format!("the password for {server} is missing"),
                why,
            )
        })?;
        let credentials = Credentials::new(user.clone(), password.to_string());
        let signed_in = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
        signed_in.map_err(|why| failed(server, "did not let us sign in", why))?;
    }
    Ok(connection)
}

/// Begins TLS, with a certificate of the server's name.
async fn secured(server: &Server, stream: TcpStream) -> Result<TlsStream<TcpStream>, NotifyError> {
    let config = server.roots.client().map_err(|why| {
        NotifyError::with_source(NotifyErrorKind::Unavailable, "the trusted certificates cannot be read", why)
    })?;
    let name = ServerName::try_from(server.host.clone());
    let name = name.map_err(|why| failed(server, "has no valid name", why))?;
    let connected = TlsConnector::from(config).connect(name, stream).await;
    connected.map_err(|why| failed(server, "cannot be reached over TLS: look at its certificate", why))
}

fn address(address: io::Result<SocketAddr>) -> Result<IpAddr, NotifyError> {
    address.map(|address| address.ip()).map_err(|why| {
        NotifyError::with_source(
            NotifyErrorKind::Unavailable,
            "the connection to the mail server broke off",
            why,
        )
    })
}

fn failed(
    server: &Server,
    what: &str,
    why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> NotifyError {
    NotifyError::with_source(NotifyErrorKind::Unavailable, format!("{server} {what}"), why)
}

/// Checks that what may be sent to a server at `peer` crosses no network in plain text that it must not cross.
fn permitted(security: Security, peer: IpAddr, has_password: bool) -> Result<(), &'static str> {
    let is_local = peer.to_canonical().is_loopback();
    match security {
        Security::Loopback if !is_local => Err("mail would cross the network unencrypted"),
        Security::Open if !is_local && has_password => {
            Err("the password would cross the network unencrypted")
        }
        Security::StartTls | Security::Tls | Security::Loopback | Security::Open => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n2_neither_mail_nor_password_crosses_a_network_in_plain_text_by_mistake() {
        let here = ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"];
        let elsewhere = ["10.0.0.1", "203.0.113.7", "::ffff:10.0.0.1", "2606:4700::1111"];
        for security in [Security::StartTls, Security::Tls, Security::Loopback, Security::Open] {
            for has_password in [false, true] {
                let may = |peer: &str| permitted(security, peer.parse().unwrap(), has_password).is_ok();
                assert!(here.iter().all(|peer| may(peer)), "{security:?}");
                let expected = match security {
                    Security::StartTls | Security::Tls => true,
                    Security::Loopback => false,
                    Security::Open => !has_password,
                };
                assert!(elsewhere.iter().all(|peer| may(peer) == expected), "{security:?} {has_password}");
            }
        }
    }
}
