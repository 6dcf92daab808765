//! OpenSSH's server with a user of its own.

use std::path::Path;
use std::process::Command;

use cdds_core::domain::id::DestinationId;
use cdds_delivery::net::{AddressPolicy, Net};
use cdds_delivery::secret::Secret;
use cdds_delivery::sftp::SftpDestination;
use tempfile::TempDir;

use super::process::{Server, UID, folder, free_ports, needed, output_of};
use super::steps::Steps;

pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const PASSPHRASE: &str = "battery staple";

/// How a server differs from the usual one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    /// The kind of the host key; Ed25519 if it is empty.
    pub(crate) host_key: &'static str,
    /// Further lines of the configuration.
    pub(crate) lines: &'static str,
    /// A command of the shell that comes before the server.
    pub(crate) before: &'static str,
    /// Whether it shows the host key of the server that was there before.
    pub(crate) keeps_key: bool,
}

pub(crate) fn start(options: Options) -> Server {
    let [port] = free_ports();
    start_at(folder(), port, options)
}

/// Starts a server that tells its steps, in a folder in which one may have been before.
pub(crate) fn start_telling(folder: TempDir, port: u16, steps: &Steps) -> Server {
    let program = folder.path().join("sftp_steps.py");
    std::fs::write(&program, include_str!("sftp_steps.py")).unwrap();
    let command = format!("ForceCommand python3 {} {}", program.display(), steps.port);
    start_at(folder, port, Options { lines: command.leak(), keeps_key: true, ..Options::default() })
}

/// Starts a server in a folder in which one may have been before.
pub(crate) fn start_at(folder: TempDir, port: u16, options: Options) -> Server {
    needed(Path::new("/usr/sbin/sshd"));
    let path = folder.path().display().to_string();
    let host_key = if options.host_key.is_empty() { "ed25519" } else { options.host_key };
    let key = folder.path().join("host.key");
    if !(options.keeps_key && key.exists()) {
        let _ = std::fs::remove_file(&key);
        make_key(&key, host_key, "");
    }
    if !folder.path().join("user.key").exists() {
        make_key(&folder.path().join("user.key"), "ed25519", PASSPHRASE);
    }
    let hash = output_of(Command::new("openssl").args(["passwd", "-6", PASSWORD]));
    let accounts = |file: &str, line: String| {
        let before = std::fs::read_to_string(format!("/etc/{file}")).unwrap();
        std::fs::write(folder.path().join(file), format!("{before}{line}\n")).unwrap();
    };
    accounts("passwd", format!("cdds:x:{UID}:{UID}::{path}/data:/bin/sh"));
    accounts("shadow", format!("cdds:{hash}:20000:0:99999:7:::"));
    let lines = options.lines;
    let config = format!(
        "{lines}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {path}/host.key\nPidFile none\nStrictModes no\n\
         AuthorizedKeysFile {path}/user.key.pub\nUsePAM no\nPasswordAuthentication yes\nMaxStartups 100\n\
         LogLevel DEBUG\nSubsystem sftp internal-sftp\nForceCommand internal-sftp\n"
    );
    std::fs::write(folder.path().join("sshd.conf"), config).unwrap();
    // The file system "full" has four megabytes.
    let script = format!(
        "mkdir -p /run/sshd data/full
        mount --bind passwd /etc/passwd; mount --bind shadow /etc/shadow
        mount -t tmpfs -o size=4m,mode=777 full data/full
        {}
        exec /usr/sbin/sshd -D -e -f \"$PWD/sshd.conf\"",
        options.before
    );
    Server::run(folder, port, &script)
}

fn make_key(path: &Path, kind: &str, passphrase: &str) {
    output_of(Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", passphrase, "-f"]).arg(path));
}

/// Returns the fingerprint of the host key, as OpenSSH prints it.
pub(crate) fn fingerprint(server: &Server) -> String {
    let told =
        output_of(Command::new("ssh-keygen").arg("-lf").arg(server.folder.path().join("host.key.pub")));
    told.split(' ').nth(1).unwrap().to_owned()
}

pub(crate) fn destination(server: &Server) -> SftpDestination {
    let net = Net::new().unwrap().with_policy(AddressPolicy::any());
    SftpDestination::new(DestinationId::new("partner").unwrap(), "127.0.0.1", "cdds", net)
        .with_port(server.port)
}

pub(crate) fn with_password(server: &Server) -> SftpDestination {
    destination(server).with_password(Secret::ask(|| Ok(PASSWORD.to_owned())))
}
