//! vsftpd over explicit TLS, for the user who runs this, and `curl`.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use cdds_benches::Failure;
use cdds_core::domain::id::DestinationId;
use cdds_core::ports::destination::Destination;
use cdds_delivery::ftp::FtpDestination;
use cdds_delivery::net::Net;
use cdds_delivery::net::tls::Roots;
use tokio::time::Instant;

use super::Pair;
use super::line::{FAR, NEAR};
use super::server::{Server, free_ports, run, tool};

/// Ports for data connections, of which vsftpd takes any.
const PASSIVE: u16 = 10;

pub(crate) struct Ftps {
    server: Server,
    roots: Vec<u8>,
}

impl Ftps {
    pub(crate) fn start() -> Result<Self, Failure> {
        let (folder, port) = (Server::folder()?, free_ports(1 + PASSIVE)?);
        let made = rcgen::generate_simple_self_signed([FAR.to_owned(), NEAR.to_owned()])?;
        let (roots, path) = (made.cert.pem().into_bytes(), folder.path().display().to_string());
        std::fs::write(folder.path().join("leaf.pem"), &roots)?;
        std::fs::write(folder.path().join("leaf.key"), made.signing_key.serialize_pem())?;
        for name in ["data", "data/empty"] {
            std::fs::create_dir(folder.path().join(name))?;
        }
        let user = run(Command::new("id").arg("-un"))?;
        let lines = format!(
            "listen=YES background=NO listen_address={FAR} listen_port={port} run_as_launching_user=YES \
             anonymous_enable=YES local_enable=NO no_anon_password=YES anon_root={path}/data anon_umask=022 \
             write_enable=YES anon_upload_enable=YES anon_mkdir_write_enable=YES anon_other_write_enable=YES \
             anon_world_readable_only=NO secure_chroot_dir={path}/data/empty seccomp_sandbox=NO isolate=NO \
             isolate_network=NO ftp_username={user} nopriv_user={user} pasv_min_port={} pasv_max_port={} ssl_enable=YES allow_anon_ssl=YES \
             force_anon_logins_ssl=YES force_anon_data_ssl=YES rsa_cert_file={path}/leaf.pem \
             rsa_private_key_file={path}/leaf.key ssl_ciphers=HIGH require_ssl_reuse=YES",
            port + 1,
            port + PASSIVE
        );
        let config = folder.path().join("vsftpd.conf");
        std::fs::write(&config, format!("{}\n", lines.split_whitespace().collect::<Vec<_>>().join("\n")))?;
        std::fs::set_permissions(&config, PermissionsExt::from_mode(0o600))?;
        let server = Server::start(folder, port, Command::new(tool("ftp/usr/sbin/vsftpd")?).arg(config))?;
        Ok(Self { server, roots })
    }
}

impl Pair for Ftps {
    fn names(&self) -> (&'static str, &'static str) {
        ("FTPS", "curl")
    }

    fn ports(&self) -> Vec<u16> {
        (self.server.port..=self.server.port + PASSIVE).collect()
    }

    fn destination(&self, host: &str, net: Net) -> Result<Box<dyn Destination>, Failure> {
        let destination = FtpDestination::new(DestinationId::new("bench")?, host, "anonymous", net)
            .with_port(self.server.port)
            .with_roots(Roots::pem(&self.roots)?);
        Ok(Box::new(destination))
    }

    fn theirs(&self, host: &str, source: &Path) -> Result<Duration, Failure> {
        let mut curl = Command::new("curl");
        // The same version of TLS as the destination's.
        curl.args(["--silent", "--show-error", "--ssl-reqd", "--tls-max", "1.2", "--user", "anonymous:"])
            .arg("--cacert")
            .arg(self.server.path("leaf.pem"))
            .arg("--upload-file")
            .arg(source)
            .arg(format!("ftp://{host}:{}/theirs", self.server.port));
        let began = Instant::now();
        run(&mut curl)?;
        Ok(began.elapsed())
    }
}
