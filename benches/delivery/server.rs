//! OpenSSH's server for the user who runs this.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use cdds_benches::Failure;
use tempfile::TempDir;

/// A server that ends with its value.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) user: String,
    folder: TempDir,
    child: Child,
}

impl Server {
    pub(crate) fn start() -> Result<Self, Failure> {
        let folder = tempfile::tempdir_in("/dev/shm")?;
        for key in ["host.key", "user.key"] {
            let make = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(folder.path().join(key))
                .status()?;
            if !make.success() {
                return Err("ssh-keygen makes no key".into());
            }
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let (path, config) = (folder.path().display().to_string(), folder.path().join("sshd.conf"));
        let lines = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {path}/host.key\nPidFile none\nStrictModes no\nUsePAM no\n\
             AuthorizedKeysFile {path}/user.key.pub\nSubsystem sftp internal-sftp\n"
        );
        std::fs::write(&config, lines)?;
        // For root, sshd leaves its privileges in this folder, which systemd makes.
        let _ = std::fs::create_dir_all("/run/sshd");
        let sshd =
            Command::new("/usr/sbin/sshd").args(["-D", "-f"]).arg(&config).stderr(Stdio::inherit()).spawn();
        let child =
            sshd.map_err(|why| format!("sshd does not start, `bash .ci/tools` installs it: {why}"))?;
        let user = String::from_utf8(Command::new("id").arg("-un").output()?.stdout)?.trim().to_owned();
        let mut server = Self { port, user, folder, child };
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if server.child.try_wait()?.is_some() {
                return Err("sshd has ended".into());
            }
            std::thread::yield_now();
        }
        Ok(server)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
