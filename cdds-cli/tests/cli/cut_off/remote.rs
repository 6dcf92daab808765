//! The servers to which sets are delivered, with their steps.

use std::collections::BTreeMap;

use cdds_delivery::ftp::FtpSecurity;
use tempfile::TempDir;

use super::ftp_line;
use super::place::contents;
use crate::delivering::ftpd::Ftpd;
use crate::delivering::process::{self, Server, free_ports};
use crate::delivering::steps::Steps;
use crate::delivering::{ftpd, sshd};
use crate::support::Place;

/// A place to which sets are delivered.
pub(crate) trait Remote {
    /// Returns the lines of the configuration that make a folder of it the destination "partner".
    fn lines(&self, place: &Place, folder: &str) -> String;

    /// Returns what is in a folder.
    fn arrived(&self, place: &Place, folder: &str) -> BTreeMap<String, Vec<u8>>;
}

/// A server that tells its steps.
pub(crate) trait Telling: Remote {
    fn steps(&self) -> &Steps;

    fn server(&self) -> &Server;

    /// Kills the server with all its processes, and starts it again over what is on its disk.
    fn fall_and_rise(&mut self);
}

/// OpenSSH.
pub(crate) struct Sftp {
    steps: Steps,
    server: Option<Server>,
}

impl Sftp {
    pub(crate) fn start() -> Self {
        let (steps, [port]) = (Steps::listen(), free_ports());
        let server = Some(sshd::start_telling(process::folder(), port, &steps));
        Self { steps, server }
    }
}

impl Remote for Sftp {
    fn lines(&self, place: &Place, folder: &str) -> String {
        std::fs::write(place.path("password"), sshd::PASSWORD).unwrap();
        let port = self.server().port;
        format!(
            "\n[[destination]]\nid = \"partner\"\nurl = \"sftp://cdds@127.0.0.1:{port}/~/in/{folder}\"\n\
             password_file = \"password\"\nallow_private = true\n"
        )
    }

    fn arrived(&self, _: &Place, folder: &str) -> BTreeMap<String, Vec<u8>> {
        contents(&self.server().folder.path().join("data/in").join(folder))
    }
}

impl Telling for Sftp {
    fn steps(&self) -> &Steps {
        &self.steps
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    fn fall_and_rise(&mut self) {
        let server = self.server.take().unwrap();
        let port = server.port;
        let folder = server.killed();
        self.steps.forget_sessions();
        self.server = Some(sshd::start_telling(folder, port, &self.steps));
    }
}

/// pyftpdlib, over explicit TLS.
pub(crate) struct Ftps {
    steps: Steps,
    roots: String,
    renames: bool,
    server: Option<Server>,
}

impl Ftps {
    pub(crate) fn start() -> Self {
        Self::start_with(true)
    }

    /// Starts it, to be written to under final names.
    pub(crate) fn start_without_renames() -> Self {
        Self::start_with(false)
    }

    fn start_with(renames: bool) -> Self {
        let steps = Steps::listen();
        let ftpd::Ftpd { server, roots, .. } = ftpd::pyftpdlib_telling(&steps);
        Self { steps, roots, renames, server: Some(server) }
    }
}

impl Remote for Ftps {
    fn lines(&self, place: &Place, folder: &str) -> String {
        std::fs::write(place.path("password"), ftpd::PASSWORD).unwrap();
        std::fs::write(place.path("roots.pem"), &self.roots).unwrap();
        let port = self.server().port;
        format!(
            "\n[[destination]]\nid = \"partner\"\nurl = \"ftp://cdds@127.0.0.1:{port}/in/{folder}\"\n\
             tls = \"explicit\"\npassword_file = \"password\"\nauthorities = \"roots.pem\"\nallow_private = true\n\
             rename = {}\n",
            self.renames
        )
    }

    fn arrived(&self, _: &Place, folder: &str) -> BTreeMap<String, Vec<u8>> {
        contents(&self.server().folder.path().join("data/in").join(folder))
    }
}

impl Telling for Ftps {
    fn steps(&self) -> &Steps {
        &self.steps
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    fn fall_and_rise(&mut self) {
        let server = self.server.take().unwrap();
        let port = server.port;
        let folder = server.killed();
        self.steps.forget_sessions();
        self.server = Some(ftpd::pyftpdlib_telling_at(folder, port, &self.steps));
    }
}

/// A server that many people run, over explicit TLS. It stands behind a line that tells its steps.
pub(crate) struct RealFtps {
    make: FtpMake,
    steps: Steps,
    roots: String,
    server: Option<Server>,
    /// The near end of the line.
    port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FtpMake {
    Vsftpd,
    Proftpd,
}

impl FtpMake {
    const PROTOCOLS: &str = "TLSv1.2 TLSv1.3";

    fn start(self) -> Ftpd {
        match self {
            Self::Vsftpd => ftpd::vsftpd(FtpSecurity::Explicit),
            Self::Proftpd => ftpd::proftpd(FtpSecurity::Explicit, Self::PROTOCOLS),
        }
    }

    fn start_at(self, folder: TempDir, port: u16) -> Server {
        match self {
            Self::Vsftpd => ftpd::vsftpd_at(folder, port, FtpSecurity::Explicit),
            Self::Proftpd => ftpd::proftpd_at(folder, port, FtpSecurity::Explicit, Self::PROTOCOLS),
        }
    }

    /// Returns the only user of vsftpd, and the one that ProFTPD is given.
    const fn user(self) -> &'static str {
        match self {
            Self::Vsftpd => "anonymous",
            Self::Proftpd => "cdds",
        }
    }
}

impl RealFtps {
    pub(crate) fn start(make: FtpMake) -> Self {
        let (steps, Ftpd { server, roots, .. }) = (Steps::listen(), make.start());
        let port = ftp_line::line(server.port, server.folder.path(), &steps);
        Self { make, steps, roots, server: Some(server), port }
    }
}

impl Remote for RealFtps {
    fn lines(&self, place: &Place, folder: &str) -> String {
        std::fs::write(place.path("password"), ftpd::PASSWORD).unwrap();
        std::fs::write(place.path("roots.pem"), &self.roots).unwrap();
        let (user, port) = (self.make.user(), self.port);
        format!(
            "\n[[destination]]\nid = \"partner\"\nurl = \"ftp://{user}@127.0.0.1:{port}/in/{folder}\"\n\
             tls = \"explicit\"\npassword_file = \"password\"\nauthorities = \"roots.pem\"\nallow_private = true\n"
        )
    }

    fn arrived(&self, _: &Place, folder: &str) -> BTreeMap<String, Vec<u8>> {
        contents(&self.server().folder.path().join("data/in").join(folder))
    }
}

impl Telling for RealFtps {
    fn steps(&self) -> &Steps {
        &self.steps
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    fn fall_and_rise(&mut self) {
        let server = self.server.take().unwrap();
        let port = server.port;
        self.server = Some(self.make.start_at(server.killed(), port));
    }
}

/// A folder of this machine.
pub(crate) struct Folder;

impl Remote for Folder {
    fn lines(&self, place: &Place, folder: &str) -> String {
        std::fs::create_dir_all(place.path("share").join(folder)).unwrap();
        format!("\n[[destination]]\nid = \"partner\"\nurl = \"file:share/{folder}\"\n")
    }

    fn arrived(&self, place: &Place, folder: &str) -> BTreeMap<String, Vec<u8>> {
        contents(&place.path("share").join(folder))
    }
}
