//! Servers of this machine, each with a folder in memory.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cdds_benches::Failure;
use tempfile::TempDir;

use super::line::{FAR, NEAR};

/// A server that ends with its value.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) port: u16,
    folder: TempDir,
    child: Child,
}

impl Server {
    /// Creates the folder of a server. Nothing that is measured shall be on a disk.
    pub(crate) fn folder() -> Result<TempDir, Failure> {
        Ok(tempfile::tempdir_in("/dev/shm")?)
    }

    /// Starts a server that stays in the foreground, and waits until it listens.
    pub(crate) fn start(folder: TempDir, port: u16, command: &mut Command) -> Result<Self, Failure> {
        let log = std::fs::File::create(folder.path().join("output"))?;
        // vsftpd writes its complaints to its standard input.
        command.stdin(log.try_clone()?).stdout(log.try_clone()?).stderr(log).current_dir(folder.path());
        let child = command.spawn().map_err(|why| {
            format!("{:?} does not start, `bash .ci/tools` installs it: {why}", command.get_program())
        })?;
        let mut server = Self { port, folder, child };
        while TcpStream::connect((FAR, port)).is_err() {
            if server.child.try_wait()?.is_some() {
                let told = std::fs::read(server.path("output"))?;
                return Err(format!("the server has ended: {}", String::from_utf8_lossy(&told)).into());
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

/// Finds consecutive ports at which nobody listens, at both ends of the line, and returns the first.
pub(crate) fn free_ports(count: u16) -> Result<u16, Failure> {
    for _ in 0..1_000 {
        let first = TcpListener::bind((FAR, 0))?.local_addr()?.port();
        let is_free = |port: u16| [FAR, NEAR].iter().all(|host| TcpListener::bind((*host, port)).is_ok());
        if first.checked_add(count).is_some_and(|end| (first..end).all(is_free)) {
            return Ok(first);
        }
    }
    Err("there are no free ports".into())
}

/// Where `.ci/tools` has put a program or the modules of one.
pub(crate) fn tool(path: &str) -> Result<PathBuf, Failure> {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools").join(path);
    tool.canonicalize().map_err(|why| format!("{path}: {why}: `bash .ci/tools` installs it").into())
}

/// Runs a program that must succeed.
pub(crate) fn run(command: &mut Command) -> Result<String, Failure> {
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{:?} has failed: {}", command.get_program(), output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
