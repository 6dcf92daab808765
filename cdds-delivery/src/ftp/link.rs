//! A control connection, signed in.

use std::fmt;
use std::sync::Arc;

use cdds_core::domain::delivery::path::RemotePath;
use cdds_core::ports::destination::{DestinationError, DestinationErrorKind};
use suppaftp::tokio::{AsyncRustlsConnector, AsyncRustlsStream, ImplAsyncFtpStream, TransferStream};
use suppaftp::types::{FileType, Mode};
use suppaftp::{FtpError, Status};
use zeroize::Zeroizing;

use super::FtpSecurity;
use super::failure::{failed, is_full, is_no, refused};
use super::tls;
use crate::net::tls::Roots;
use crate::net::{ConnectError, Net};
use crate::secret::Secret;

/// A server and its user.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: Option<Secret>,
    pub(super) folder: String,
    pub(super) security: FtpSecurity,
    pub(super) roots: Roots,
    pub(super) is_tls13: bool,
}

impl Server {
    pub(super) fn new(host: String, user: String) -> Self {
        Self {
            host,
            port: 0,
            user,
            password: None,
            folder: String::new(),
            security: FtpSecurity::default(),
            roots: Roots::machine(),
            is_tls13: false,
        }
    }

    /// Returns a path as the server takes it.
    pub(super) fn path(&self, path: &RemotePath) -> String {
        match (self.folder.trim_end_matches('/'), path.as_str()) {
            ("", "") => if self.folder.is_empty() { "." } else { "/" }.to_owned(),
            ("", below) => {
                if self.folder.is_empty() {
                    below.to_owned()
                } else {
                    format!("/{below}")
                }
            }
            (folder, "") => folder.to_owned(),
            (folder, below) => format!("{folder}/{below}"),
        }
    }

    /// Returns an action for errors: "store in/x.zip at partner.example:21".
    pub(super) fn action(&self, verb: &str, path: &str) -> String {
        format!("{verb} {path} at {}:{}", self.host, self.port)
    }

    async fn password(&self) -> Result<Zeroizing<String>, DestinationError> {
        let Some(place) = self.password.clone() else { return Ok(Zeroizing::default()) };
        // Files may be slow.
        let read = tokio::task::spawn_blocking(move || place.read()).await;
        let unread =
            |why| DestinationError::with_source(DestinationErrorKind::Unavailable, "no secret read", why);
        read.map_err(unread)?.map_err(|why| refused(why.to_string()))
    }
}

pub(super) type Control = ImplAsyncFtpStream<AsyncRustlsStream>;
pub(super) type Transfer = TransferStream<AsyncRustlsStream>;

/// Transfers by one session of TLS 1.3: some servers give two tickets to each, and refuse data connections without.
const TRANSFERS_MAX_OF_TLS13: u32 = 2;

/// A signed-in control connection. After a transfer that failed it is dropped, since servers disagree what follows.
pub(super) struct Link {
    pub(super) control: Control,
    transfers: u32,
}

impl Link {
    /// Connects and signs in.
    pub(super) async fn open(server: &Arc<Server>, net: &Net) -> Result<Self, DestinationError> {
        let password = net.run(server.password()).await?;
        let mut control = connect(server, net).await?;
        let signing = async {
            let action = format!("sign in at {}:{}", server.host, server.port);
            let user = server.user.as_str();
            control.login(user, password.as_str()).await.map_err(|why| not_let_in(server, &action, why))?;
            // The type is text otherwise, in which line ends change.
            let typed = control.transfer_type(FileType::Binary).await;
            typed.map_err(|why| failed(&format!("set the binary type at {}", server.host), why))
        };
        net.run(signing).await?;
        Ok(Self { control, transfers: 0 })
    }

    /// Returns whether a further transfer needs another session.
    pub(super) fn is_used_up(&self, server: &Server) -> bool {
        server.is_tls13 && self.transfers >= TRANSFERS_MAX_OF_TLS13
    }

    pub(super) async fn store(&mut self, path: &str) -> Result<Transfer, FtpError> {
        let why = match self.control.put_with_stream(path).await {
            Ok(transfer) => {
                self.transfers += 1;
                return Ok(transfer);
            }
            Err(why) => why,
        };
        if !is_no(&why) || is_full(&why) {
            return Err(why);
        }
        // Its folder may be missing: each above it is created, unless it is there already.
        for (end, _) in path.match_indices('/').filter(|(end, _)| *end > 0) {
            match self.control.mkdir(&path[..end]).await {
                Err(why) if !matches!(why, FtpError::UnexpectedResponse(_)) => return Err(why),
                _ => {}
            }
        }
        self.transfers += 1;
        self.control.put_with_stream(path).await
    }

    pub(super) async fn retrieve(&mut self, path: &str) -> Result<Transfer, FtpError> {
        let transfer = self.control.retr_as_stream(path).await?;
        self.transfers += 1;
        Ok(transfer)
    }

    /// Returns the size of a file; `None` if there is none.
    pub(super) async fn size(&mut self, path: &str) -> Result<Option<u64>, FtpError> {
        match self.control.size(path).await {
            Ok(bytes) => Ok(Some(bytes as u64)),
            Err(why) if is_no(&why) => Ok(None),
            Err(why) => Err(why),
        }
    }

    /// Returns the names in a folder, without their paths: it is entered, because servers take the argument of NLST
    /// for options or patterns.
    pub(super) async fn names(&mut self, folder: &str) -> Result<Vec<String>, FtpError> {
        let home = self.control.pwd().await?;
        match self.control.cwd(folder).await {
            Ok(()) => {}
            Err(why) if is_no(&why) => return Ok(Vec::new()),
            Err(why) => return Err(why),
        }
        self.transfers += 1;
        let names = match self.control.nlst(None).await {
            Ok(names) => names,
            Err(why) if is_no(&why) => Vec::new(),
            Err(why) => return Err(why),
        };
        self.control.cwd(home).await?;
        let last = |name: String| name.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(names.into_iter().map(last).filter(|name| !matches!(name.as_str(), "" | "." | "..")).collect())
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("transfers", &self.transfers).finish_non_exhaustive()
    }
}

async fn connect(server: &Server, net: &Net) -> Result<Control, DestinationError> {
    let Server { host, port, .. } = server;
    let action = format!("connect to {host}:{port}");
    let unreachable =
        |why: ConnectError| why.into_port(DestinationErrorKind::Refused, DestinationErrorKind::Unavailable);
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let connector = || tls::connector(&server.roots, server.is_tls13).map(AsyncRustlsConnector::from);
    let mut control = match server.security {
        FtpSecurity::Plain => {
            let stream = net.connect(host, *port).await.map_err(unreachable)?;
            net.run(Control::connect_with_stream(stream)).await.map_err(|why| failed(&action, why))?
        }
        FtpSecurity::Explicit => {
            let (connector, stream) = (connector()?, net.connect(host, *port).await.map_err(unreachable)?);
            let securing =
                async { Control::connect_with_stream(stream).await?.into_secure(connector, name).await };
            net.run(securing).await.map_err(|why| failed(&format!("{action} by TLS"), why))?
        }
        FtpSecurity::Implicit => {
            // The crate connects by itself, to the addresses that were checked.
            let addresses = net.resolve(host, *port).await.map_err(unreachable)?;
            let connector = connector()?;
            let securing = async {
                let mut control =
                    Control::connect_secure_implicit(addresses.as_slice(), connector, name).await?;
                // As after AUTH (RFC 4217, section 9); the crate leaves it out here, and vsftpd insists.
                control.custom_command("PBSZ 0", &[Status::CommandOk]).await?;
                control.custom_command("PROT P", &[Status::CommandOk]).await?;
                Ok(control)
            };
            net.run(securing).await.map_err(|why| failed(&format!("{action} by TLS"), why))?
        }
    };
    let peer = control.get_ref().await.peer_addr();
    let is_v6 = peer.is_ok_and(|peer| peer.is_ipv6());
    // Data connections lead to the host of the control connection, whatever address it tells.
    control.set_passive_nat_workaround(true);
    control.set_mode(if is_v6 { Mode::ExtendedPassive } else { Mode::Passive });
    Ok(control)
}

fn not_let_in(server: &Server, action: &str, why: FtpError) -> DestinationError {
    let told = failed(action, why);
    if told.kind() != DestinationErrorKind::Refused {
        return told;
    }
    let Server { host, port, user, .. } = server;
    let context = format!(
        "{host}:{port} does not let the user {user} in: check user and password, and ask the server's operators"
    );
    refused(context).caused_by(told)
}
