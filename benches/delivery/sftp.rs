//! OpenSSH's server, for the user who runs this, and OpenSSH's `sftp`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use cdds_benches::Failure;
use cdds_core::domain::id::DestinationId;
use cdds_core::ports::destination::Destination;
use cdds_delivery::net::Net;
use cdds_delivery::secret::Secret;
use cdds_delivery::sftp::SftpDestination;
use tokio::time::Instant;

use super::Pair;
use super::server::{Server, free_ports, run};

pub(crate) struct Ssh {
    server: Server,
    user: String,
}

impl Ssh {
    pub(crate) fn start() -> Result<Self, Failure> {
        let (folder, port) = (Server::folder()?, free_ports(1)?);
        for key in ["host.key", "user.key"] {
            let make = ["-q", "-t", "ed25519", "-N", "", "-f"];
            run(Command::new("ssh-keygen").args(make).arg(folder.path().join(key)))?;
        }
        let (path, config) = (folder.path().display().to_string(), folder.path().join("sshd.conf"));
        let lines = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {path}/host.key\nPidFile none\nStrictModes no\nUsePAM no\n\
             AuthorizedKeysFile {path}/user.key.pub\nSubsystem sftp internal-sftp\n"
        );
        std::fs::write(&config, lines)?;
        // For root, sshd leaves its privileges in this folder, which systemd makes.
        let _ = std::fs::create_dir_all("/run/sshd");
        let server =
            Server::start(folder, port, Command::new("/usr/sbin/sshd").args(["-D", "-e", "-f"]).arg(config))?;
        Ok(Self { server, user: run(Command::new("id").arg("-un"))? })
    }
}

impl Pair for Ssh {
    fn names(&self) -> (&'static str, &'static str) {
        ("SFTP", "sftp")
    }

    fn ports(&self) -> Vec<u16> {
        vec![self.server.port]
    }

    fn destination(&self, host: &str, net: Net) -> Result<Box<dyn Destination>, Failure> {
        let destination = SftpDestination::new(DestinationId::new("bench")?, host, &self.user, net)
            .with_port(self.server.port)
            .with_folder(self.server.path("").display().to_string())
            .with_key(Secret::file(self.server.path("user.key")));
        Ok(Box::new(destination))
    }

    fn theirs(&self, host: &str, source: &Path) -> Result<Duration, Failure> {
        let batch = self.server.path("batch");
        std::fs::write(
            &batch,
            format!("put {} {}\n", source.display(), self.server.path("theirs").display()),
        )?;
        let mut sftp = Command::new("sftp");
        sftp.args(["-q", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
            .args(["-o", "LogLevel=ERROR", "-P", &self.server.port.to_string(), "-i"])
            .arg(self.server.path("user.key"))
            .arg("-b")
            .arg(batch)
            .arg(format!("{}@{host}", self.user));
        let began = Instant::now();
        run(&mut sftp)?;
        Ok(began.elapsed())
    }
}
