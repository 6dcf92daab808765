//! A folder of an SSH server, by version 3 of the SSH File Transfer Protocol (draft-ietf-secsh-filexfer-02).
//!
//! Files are written with up to 64 requests of 32 KiB on their way, so that a link of 50 ms carries some 30 MiB/s.
//! Users are let in by an Ed25519 or ECDSA key, by a password, or by both one after the other. RSA keys are not
//! supported, neither the user's nor the host's: the errors say so.

mod ended;
mod failure;
mod handshake;
mod login;
mod read;
mod remote;
mod session;
mod upload;

use std::fmt;

use async_trait::async_trait;
use cdds_core::domain::id::DestinationId;
use cdds_core::domain::source::Visibility;
use cdds_core::ports::destination::{
    Connection, Destination, DestinationDescription, DestinationError, DestinationKind, Naming,
    ServerIdentity,
};

use self::login::Login;
use self::remote::Remote;
use self::session::SftpSession;
use crate::net::Net;
use crate::secret::Secret;

/// The port of SSH (RFC 4251, section 1).
const PORT: u16 = 22;

/// A folder of an SSH server.
///
/// The server is known by the SHA-256 fingerprint of its host key, `SHA256:…` as `ssh-keygen -l` prints it. What the
/// engine pins is what was seen first; [`with_host_key`](Self::with_host_key) says it beforehand. A server with
/// several host keys shows its Ed25519 key, and one of ECDSA if it has none.
///
/// ```no_run
/// use cdds_core::domain::id::DestinationId;
/// use cdds_delivery::net::Net;
/// use cdds_delivery::secret::Secret;
/// use cdds_delivery::sftp::SftpDestination;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let id = DestinationId::new("partner")?;
/// let partner = SftpDestination::new(id, "sftp.partner.example", "cdds", Net::new()?)
///     .with_key(Secret::file("/etc/cdds/partner.key"))
///     .with_passphrase(Secret::env("PARTNER_PASSPHRASE"))
///     .with_folder("inbound/contacts");
/// # let _ = partner;
/// # Ok(())
/// # }
/// ```
pub struct SftpDestination {
    description: DestinationDescription,
    host: String,
    port: u16,
    folder: String,
    login: Login,
    host_key: Option<ServerIdentity>,
    net: Net,
}

impl SftpDestination {
    /// Describes a server, at port 22, and the folder in which its user begins. A password or a key must be added.
    pub fn new(id: DestinationId, host: impl Into<String>, user: impl Into<String>, net: Net) -> Self {
        let host = host.into();
        let description = DestinationDescription::new(id, DestinationKind::Sftp, host.clone(), String::new());
        let login = Login { user: user.into(), password: None, key: None, passphrase: None };
        Self { description, host, port: PORT, folder: String::new(), login, host_key: None, net }.addressed()
    }

    /// Replaces the port.
    #[must_use]
    pub fn with_port(self, port: u16) -> Self {
        Self { port, ..self }.addressed()
    }

    /// Replaces the folder below which everything is written: `/srv/in` on the server, or `in` below the folder in
    /// which the user begins. It is created if it is missing.
    #[must_use]
    pub fn with_folder(self, folder: impl Into<String>) -> Self {
        Self { folder: folder.into(), ..self }.addressed()
    }

    /// Signs in with a password. It also answers a server that asks for it by "keyboard-interactive" (RFC 4256).
    #[must_use]
    pub fn with_password(mut self, password: Secret) -> Self {
        self.login.password = Some(password);
        self
    }

    /// Signs in with a private key, which is tried before the password: Ed25519 or ECDSA, in the forms of OpenSSH,
    /// PKCS #8 or PuTTY.
    #[must_use]
    pub fn with_key(mut self, key: Secret) -> Self {
        self.login.key = Some(key);
        self
    }

    /// Sets the passphrase that the private key is encrypted with.
    #[must_use]
    pub fn with_passphrase(mut self, passphrase: Secret) -> Self {
        self.login.passphrase = Some(passphrase);
        self
    }

    /// Sets the fingerprint of the host key, `SHA256:…`. It takes precedence over the one that the engine has pinned.
    #[must_use]
    pub fn with_host_key(self, host_key: ServerIdentity) -> Self {
        Self { host_key: Some(host_key), ..self }
    }

    /// Replaces the name shown to people, which is the host otherwise.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.description.title = title.into();
        self
    }

    /// Replaces the owners who see it.
    #[must_use]
    pub fn with_visibility(mut self, visibility: Visibility) -> Self {
        self.description.visibility = visibility;
        self
    }

    /// Writes files under their final names at once, for servers that do not let the user rename ([`Naming::Direct`]).
    #[must_use]
    pub fn without_rename(mut self) -> Self {
        self.description.naming = Naming::Direct;
        self
    }

    /// Puts together the address that people see.
    fn addressed(mut self) -> Self {
        let Self { host, port, folder, .. } = &self;
        let home = if folder.is_empty() || folder.starts_with('/') { "" } else { "/~/" };
        self.description.address = format!("sftp://{host}:{port}{home}{folder}");
        self
    }
}

#[async_trait]
impl Destination for SftpDestination {
    fn describe(&self) -> &DestinationDescription {
        &self.description
    }

    async fn connect(&self, pinned: Option<&ServerIdentity>) -> Result<Connection, DestinationError> {
        let place = format!("{}:{}", self.host, self.port);
        let credentials = self.net.run(self.login.read()).await?;
        let stream = self.net.connect(&self.host, self.port).await.map_err(failure::unreachable)?;
        let expected = self.host_key.as_ref().or(pinned).cloned();
        let opening = async {
            let (line, mut ssh, identity) = handshake::shake_hands(stream, &place, expected).await?;
            credentials.sign_in(&mut ssh, &place).await?;
            let remote = Remote::open(line, ssh, &place, self.folder.clone()).await?;
            Ok((remote, identity))
        };
        let (remote, identity) = self.net.run(opening).await?;
        let session = Box::new(SftpSession::new(remote, self.net.clone()));
        Ok(Connection { session, identity: Some(identity) })
    }
}

impl fmt::Debug for SftpDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SftpDestination")
            .field("description", &self.description)
            .field("login", &self.login)
            .field("host_key", &self.host_key)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_tells_its_address_and_no_secret() {
        let net = Net::new().unwrap();
        let begun = SftpDestination::new(DestinationId::new("p").unwrap(), "h.example", "cdds", net);
        assert_eq!(begun.describe().address, "sftp://h.example:22");
        let relative = begun.with_port(2222).with_folder("in");
        assert_eq!(relative.describe().address, "sftp://h.example:2222/~/in");
        let absolute = relative.with_folder("/srv/in").with_password(Secret::ask(|| Ok("s3cret".to_owned())));
        assert_eq!(absolute.describe().address, "sftp://h.example:2222/srv/in");
        assert!(!format!("{absolute:?}").contains("s3cret"));
    }
}
