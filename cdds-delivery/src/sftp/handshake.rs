//! The host key, which is compared before anything secret is sent (rule N3).

use std::sync::{Arc, OnceLock};

use cdds_core::ports::destination::{DestinationError, DestinationErrorKind, ServerIdentity};
use russh::client::{Config, Handle, Handler};
use russh::keys::{Algorithm, HashAlg, PublicKeyOrCertificate};
use russh::{AlgorithmKind, Preferred};
use tokio::net::TcpStream;

use super::failure::{broken_off, refused};
use crate::net::Line;

/// Compares the host key at the first key exchange, and at each later one.
pub(super) struct HostKeyCheck {
    expected: Option<ServerIdentity>,
    shown: Arc<OnceLock<ServerIdentity>>,
}

/// No handshake.
#[derive(Debug)]
pub(super) enum HandshakeError {
    /// Another key than the expected one.
    OtherKey { expected: ServerIdentity, shown: ServerIdentity },
    /// Anything else.
    Ssh(russh::Error),
}

impl From<russh::Error> for HandshakeError {
    fn from(why: russh::Error) -> Self {
        Self::Ssh(why)
    }
}

impl Handler for HostKeyCheck {
    type Error = HandshakeError;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let fingerprint = key.public_key().fingerprint(HashAlg::Sha256);
        let shown = ServerIdentity::new(fingerprint.to_string());
        let first = self.shown.get_or_init(|| shown.clone());
        match [self.expected.as_ref(), Some(first)].into_iter().flatten().find(|known| **known != shown) {
            Some(expected) => Err(HandshakeError::OtherKey { expected: expected.clone(), shown }),
            None => Ok(true),
        }
    }
}

/// Exchanges keys, and returns the identity that the server has proved. Call it within a runtime.
pub(super) async fn shake_hands(
    stream: TcpStream,
    place: &str,
    expected: Option<ServerIdentity>,
) -> Result<(Line, Handle<HostKeyCheck>, ServerIdentity), DestinationError> {
    let (line, stream) = Line::hold(stream).map_err(|why| broken_off(place, why.into()))?;
    let shown = Arc::default();
    let check = HostKeyCheck { expected, shown: Arc::clone(&shown) };
    let ssh = russh::client::connect_stream(Arc::new(config()), stream, check).await;
    let ssh = ssh.map_err(|why| not_shaken(place, why))?;
    let identity = shown.get().cloned();
    let identity = identity.ok_or_else(|| refused(format!("{place} has shown no host key")))?;
    Ok((line, ssh, identity))
}

fn config() -> Config {
    // A server that has RSA keys only would otherwise end with "wrong signature", which reads like an attack.
    let key = Preferred::DEFAULT
        .key
        .iter()
        .filter(|algorithm| !matches!(algorithm, Algorithm::Rsa { .. }))
        .cloned()
        .collect();
    Config { preferred: Preferred { key, ..Preferred::DEFAULT }, ..Config::default() }
}

fn not_shaken(place: &str, why: HandshakeError) -> DestinationError {
    match why {
        HandshakeError::OtherKey { expected, shown } => DestinationError::new(
            DestinationErrorKind::IdentityChanged,
            format!(
                "{place} shows the host key {shown}, and {expected} is expected: nothing was sent; ask the server's \
                 operators whether they changed it, and accept the new one only then"
            ),
        ),
        HandshakeError::Ssh(russh::Error::NoCommonAlgo { kind: AlgorithmKind::Key, theirs, .. }) => {
            refused(format!(
                "{place} has host keys of the kinds {} only, which are not supported: ask the server's operators to \
                 add an Ed25519 key (`ssh-keygen -A` makes it)",
                theirs.join(", ")
            ))
        }
        HandshakeError::Ssh(russh::Error::NoCommonAlgo { kind, theirs, .. }) => refused(format!(
            "{place} offers none of the {kind:?} algorithms that are supported, but {}: ask the server's operators \
             to enable newer ones",
            theirs.join(", ")
        )),
        HandshakeError::Ssh(why) => broken_off(place, why),
    }
}
