//! FTP servers: vsftpd, ProFTPD, Pure-FTPd and pyftpdlib.

use std::path::PathBuf;
use std::process::Command;

use cdds_core::domain::id::DestinationId;
use cdds_delivery::ftp::{FtpDestination, FtpSecurity};
use cdds_delivery::net::tls::Roots;
use cdds_delivery::net::{AddressPolicy, Net};
use cdds_delivery::secret::Secret;
use tempfile::TempDir;

use super::process::{Server, UID, folder, free_ports, needed, output_of};
use super::steps::Steps;

pub(crate) const PASSWORD: &str = "correct horse";

/// A server, and the certificate that it shows.
#[derive(Debug)]
pub(crate) struct Ftpd {
    pub(crate) server: Server,
    pub(crate) roots: String,
    security: FtpSecurity,
}

impl Ftpd {
    /// Returns the server as a destination. It is trusted by its certificate.
    pub(crate) fn destination(&self) -> FtpDestination {
        self.untrusted().with_roots(self.trusted())
    }

    fn trusted(&self) -> Roots {
        Roots::pem(self.roots.as_bytes()).unwrap()
    }

    /// Returns the server as a destination that trusts what the machine trusts.
    pub(crate) fn untrusted(&self) -> FtpDestination {
        let net = Net::new().unwrap().with_policy(AddressPolicy::any());
        FtpDestination::new(DestinationId::new("partner").unwrap(), "127.0.0.1", "cdds", net)
            .with_port(self.server.port)
            .with_security(self.security)
            .with_password(Secret::ask(|| Ok(PASSWORD.to_owned())))
    }
}

/// Where `.ci/tools` has put the servers, whose packages cannot be installed side by side.
fn program(path: &str) -> String {
    let tools = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/tools/ftp/usr");
    needed(&tools.join(path)).canonicalize().unwrap().display().to_string()
}

/// Creates a folder with `leaf.pem` and `leaf.key`, all of [`UID`].
fn with_certificate() -> (TempDir, String) {
    let folder = folder();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    for (name, text) in
        [("leaf.pem", &certificate), ("leaf.key", &key), ("both.pem", &format!("{key}{certificate}"))]
    {
        owned(&folder, name, text);
    }
    (folder, certificate)
}

/// Writes a file that nobody but [`UID`] reads.
fn owned(folder: &TempDir, name: &str, text: &str) {
    use std::os::unix::fs::{PermissionsExt, chown};
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    chown(&path, Some(UID), Some(UID)).unwrap();
}

/// The file system "full" has four megabytes. The server is a process of [`UID`].
fn script(server: &str) -> String {
    format!(
        "mkdir -p data/full; mount -t tmpfs -o size=4m,mode=777 full data/full
        exec setpriv --reuid={UID} --regid={UID} --clear-groups {server}"
    )
}

/// Starts vsftpd, which lets everybody in, asks for resumed sessions, and takes a connection that breaks off for what
/// it is. It tells an address of somebody else for its data connections.
pub(crate) fn vsftpd(security: FtpSecurity) -> Ftpd {
    let (folder, roots) = with_certificate();
    let [port] = free_ports();
    Ftpd { server: vsftpd_at(folder, port, security), roots, security }
}

/// Starts it in a folder with a certificate, in which one may have been before.
pub(crate) fn vsftpd_at(folder: TempDir, port: u16, security: FtpSecurity) -> Server {
    let path = folder.path().display().to_string();
    let yes = |is: bool| if is { "YES" } else { "NO" };
    let (tls, implicit) = (yes(security != FtpSecurity::Plain), yes(security == FtpSecurity::Implicit));
    let lines = format!(
        "listen=YES background=NO listen_address=127.0.0.1 listen_port={port} run_as_launching_user=YES \
         anonymous_enable=YES local_enable=NO no_anon_password=YES anon_root={path}/data anon_umask=022 \
         write_enable=YES anon_upload_enable=YES anon_mkdir_write_enable=YES anon_other_write_enable=YES \
         anon_world_readable_only=NO secure_chroot_dir={path}/data/empty seccomp_sandbox=NO isolate=NO \
         isolate_network=NO ftp_username=nobody nopriv_user=nobody pasv_address=192.0.2.7 ssl_enable={tls} \
         allow_anon_ssl={tls} force_anon_logins_ssl={tls} force_anon_data_ssl={tls} implicit_ssl={implicit} \
         rsa_cert_file={path}/leaf.pem rsa_private_key_file={path}/leaf.key ssl_ciphers=HIGH \
         require_ssl_reuse=YES strict_ssl_read_eof=YES strict_ssl_write_shutdown=NO"
    );
    owned(&folder, "vsftpd.conf", &format!("{}\n", lines.split_whitespace().collect::<Vec<_>>().join("\n")));
    Server::run(folder, port, &script(&format!("{} {path}/vsftpd.conf", program("sbin/vsftpd"))))
}

/// Returns vsftpd as a destination, with its only user.
pub(crate) fn on_vsftpd(ftpd: &Ftpd) -> FtpDestination {
    let net = Net::new().unwrap().with_policy(AddressPolicy::any());
    FtpDestination::new(DestinationId::new("partner").unwrap(), "127.0.0.1", "anonymous", net)
        .with_port(ftpd.server.port)
        .with_security(ftpd.security)
        .with_roots(ftpd.trusted())
}

/// Starts ProFTPD, which asks for resumed sessions.
pub(crate) fn proftpd(security: FtpSecurity, protocols: &str) -> Ftpd {
    let ((folder, roots), [port]) = (with_certificate(), free_ports());
    Ftpd { server: proftpd_at(folder, port, security, protocols), roots, security }
}

/// Starts it in a folder with a certificate, in which one may have been before.
pub(crate) fn proftpd_at(folder: TempDir, port: u16, security: FtpSecurity, protocols: &str) -> Server {
    let path = folder.path().display().to_string();
    let engine = if security == FtpSecurity::Plain { "off" } else { "on" };
    let implicit = if security == FtpSecurity::Implicit { "TLSOptions UseImplicitSSL" } else { "" };
    let lines = format!(
        "LoadModule mod_tls.c\nTLSEngine {engine}\nTLSProtocol {protocols}\nTLSRequired {engine}\n\
         TLSECCertificateFile {path}/leaf.pem\nTLSECCertificateKeyFile {path}/leaf.key\n{implicit}\n"
    );
    proftpd_with(folder, port, &lines)
}

/// Starts the SFTP of ProFTPD, which answers with codes that the protocol does not have.
pub(crate) fn mod_sftp() -> Server {
    let (folder, [port]) = (folder(), free_ports());
    let path = folder.path().display().to_string();
    output_of(
        Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(folder.path().join("host")),
    );
    owned(&folder, "host.key", &std::fs::read_to_string(folder.path().join("host")).unwrap());
    proftpd_with(
        folder,
        port,
        &format!("LoadModule mod_sftp.c\nSFTPEngine on\nSFTPHostKey {path}/host.key\n"),
    )
}

fn proftpd_with(folder: TempDir, port: u16, lines: &str) -> Server {
    let path = folder.path().display().to_string();
    let hash = output_of(Command::new("openssl").args(["passwd", "-6", PASSWORD]));
    owned(&folder, "users", &format!("cdds:{hash}:{UID}:{UID}::{path}/data:/bin/false\n"));
    let modules = program("lib/proftpd");
    let config = format!(
        "ModulePath {modules}\n{lines}ServerType standalone\nDefaultAddress 127.0.0.1\nSocketBindTight on\n\
         Port {port}\nUser nobody\nGroup nogroup\nUseReverseDNS off\nUseIPv6 off\nRequireValidShell off\n\
         WtmpLog off\nAuthOrder mod_auth_file.c\nAuthUserFile {path}/users\nScoreboardFile {path}/run/scoreboard\n\
         PidFile {path}/run/pid\nSystemLog {path}/run/log\nDelayTable none\nTransferLog none\nAllowOverwrite on\n"
    );
    owned(&folder, "proftpd.conf", &config);
    let run = folder.path().join("run");
    std::fs::create_dir_all(&run).unwrap();
    std::os::unix::fs::chown(&run, Some(UID), Some(UID)).unwrap();
    let server = script(&format!("{} -n -c {path}/proftpd.conf", program("sbin/proftpd")));
    Server::run(folder, port, &server)
}

/// Starts Pure-FTPd, which is a process of root.
pub(crate) fn pure_ftpd(security: FtpSecurity) -> Ftpd {
    pure_ftpd_with(security, None)
}

/// Starts Pure-FTPd, and lets its user have two megabytes.
pub(crate) fn pure_ftpd_with_quota(security: FtpSecurity) -> Ftpd {
    pure_ftpd_with(security, Some(2 << 20))
}

fn pure_ftpd_with(security: FtpSecurity, limit: Option<u64>) -> Ftpd {
    let (folder, roots) = with_certificate();
    let ([port], path) = (free_ports(), folder.path().display().to_string());
    let level = if security == FtpSecurity::Plain { 0 } else { 3 };
    let (server, users) = (program("sbin/pure-ftpd"), program("bin/pure-pw"));
    // `useradd` chooses a hash that takes this machine seconds, or minutes, at each login.
    let hash = output_of(Command::new("openssl").args(["passwd", "-6", PASSWORD]));
    let quota = limit.map(|bytes| bytes.to_string()).unwrap_or_default();
    let account = format!("cdds:{hash}:{UID}:{UID}::{path}/data/./:::::::{quota}:::::\n");
    owned(&folder, "users", &account);
    let certificate = format!("{path}/leaf.pem,{path}/leaf.key");
    let script = format!(
        "mkdir -p data/full; mount -t tmpfs -o size=4m,mode=777 full data/full
        {users} mkdb {path}/db -f {path}/users
        exec {server} -S 127.0.0.1,{port} -A -E -l puredb:{path}/db -Y {level} -2 {certificate} -H -g {path}/pid"
    );
    Ftpd { server: Server::run(folder, port, &script), roots, security }
}

/// Starts pyftpdlib, which lets its user rename and tells its steps.
pub(crate) fn pyftpdlib_telling(steps: &Steps) -> Ftpd {
    let (folder, roots) = with_certificate();
    let [port] = free_ports();
    Ftpd { server: pyftpdlib_telling_at(folder, port, steps), roots, security: FtpSecurity::Explicit }
}

/// Starts it in a folder in which one has been before.
pub(crate) fn pyftpdlib_telling_at(folder: TempDir, port: u16, steps: &Steps) -> Server {
    let path = folder.path().display().to_string();
    owned(&folder, "server.py", include_str!("ftp_steps.py"));
    let told = format!("{port} {} {path} '{PASSWORD}'", steps.port);
    let python = format!("env PYTHONPATH={} python3 {path}/server.py {told}", pyftpdlib_packages());
    Server::run(folder, port, &script(&python))
}

fn pyftpdlib_packages() -> String {
    let packages = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/tools/pyftpdlib");
    needed(&packages).canonicalize().unwrap().display().to_string()
}

/// Starts pyftpdlib, which does not let its user rename.
pub(crate) fn pyftpdlib() -> Ftpd {
    let (folder, roots) = with_certificate();
    let ([port], path) = (free_ports(), folder.path().display().to_string());
    let packages = pyftpdlib_packages();
    let program = format!(
        "from pyftpdlib.authorizers import DummyAuthorizer\n\
         from pyftpdlib.handlers import TLS_FTPHandler as Handler\n\
         from pyftpdlib.servers import FTPServer\n\
         Handler.authorizer = DummyAuthorizer()\n\
         Handler.authorizer.add_user('cdds', '{PASSWORD}', '{path}/data', perm='elradmwMT')\n\
         Handler.certfile = '{path}/both.pem'\n\
         Handler.tls_control_required = Handler.tls_data_required = True\n\
         Handler.auth_failed_timeout = 0\n\
         FTPServer(('127.0.0.1', {port}), Handler).serve_forever()\n"
    );
    owned(&folder, "server.py", &program);
    let python = format!("env PYTHONPATH={packages} python3 {path}/server.py");
    Ftpd { server: Server::run(folder, port, &script(&python)), roots, security: FtpSecurity::Explicit }
}
