//! Servers: each in a name space of its own, so that users and full disks are seen by nobody else.

use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::yield_now;

use tempfile::TempDir;

/// The user who owns what is delivered: "nobody" of Debian.
pub(crate) const UID: u32 = 65534;

/// The first port of servers, and how many there are.
const FIRST_PORT: u16 = 12_000;
const PORTS: u16 = 20_000;

/// A server that ends with its value.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) folder: TempDir,
    child: Child,
}

impl Server {
    /// Runs a command of the shell, which ends by `exec` of the server, in a name space of mounts.
    pub(crate) fn run(folder: TempDir, port: u16, script: &str) -> Self {
        assert!(
            std::process::Command::new("id").arg("-u").output().unwrap().stdout == b"0\n",
            "these tests start servers with users of their own, and so have to be run by root"
        );
        let log = std::fs::File::create(folder.path().join("output")).unwrap();
        // vsftpd writes its complaints to its standard input.
        let child = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-ec", script])
            .current_dir(folder.path())
            .stdin(log.try_clone().unwrap())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self { port, folder, child };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = server.child.try_wait().unwrap() {
                panic!("the server has ended ({status}): {}", server.output());
            }
            yield_now();
        }
        server
    }

    /// Kills the server with all its processes, and returns its folder for the next one.
    pub(crate) fn killed(mut self) -> TempDir {
        // None of them may begin another one meanwhile.
        self.signal("STOP", true);
        let other = tempfile::tempdir().unwrap();
        std::mem::replace(&mut self.folder, other)
    }

    /// Asks the server to end, waits until it has, and returns its folder for the next one.
    pub(crate) fn ended(mut self) -> TempDir {
        self.signal("TERM", true);
        let _ = self.child.wait();
        let other = tempfile::tempdir().unwrap();
        std::mem::replace(&mut self.folder, other)
    }

    pub(crate) fn output(&self) -> String {
        let read = std::fs::read(self.folder.path().join("output"));
        String::from_utf8_lossy(&read.unwrap_or_default()).into_owned()
    }

    /// Sends a signal to the processes that the server has begun, and to itself if `all`.
    pub(crate) fn signal(&self, name: &str, all: bool) {
        let mut processes = descendants(self.child.id());
        if all {
            processes.insert(self.child.id());
        }
        assert!(!processes.is_empty());
        for process in processes {
            Command::new("kill").args([format!("-{name}"), process.to_string()]).status().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for process in descendants(self.child.id()) {
            let _ = Command::new("kill").args(["-KILL", &process.to_string()]).stderr(Stdio::null()).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the processes below one.
fn descendants(of: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::from([of]);
    let processes: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|process: u32| {
            let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            // pid (name) state parent …; the name may contain anything.
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((process, parent))
        })
        .collect();
    loop {
        let before = found.len();
        found.extend(
            processes
                .iter()
                .filter(|(_, parent)| found.contains(parent))
                .map(|(p, _)| *p)
                .collect::<Vec<_>>(),
        );
        if found.len() == before {
            found.remove(&of);
            return found;
        }
    }
}

/// Returns ports at which nobody listens. They are below those that the system hands out by itself (32768, on Linux), so
/// that no connection, and no listener of another test, gets one before the server does.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    // Tests are processes of their own: each begins elsewhere.
    let begin = std::process::id().wrapping_mul(31) % u32::from(PORTS);
    let begin = u16::try_from(begin).unwrap();
    [(); N].map(|()| {
        loop {
            let tried = TRIED.fetch_add(1, Ordering::Relaxed);
            let port = FIRST_PORT + begin.wrapping_add(tried) % PORTS;
            if TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return port;
            }
        }
    })
}

/// Creates a folder that every user may enter, with the folder `data` that [`UID`] owns.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::os::unix::fs::chown(&data, Some(UID), Some(UID)).unwrap();
    folder
}

/// Returns a program, or says what installs it.
pub(crate) fn needed(path: &Path) -> &Path {
    assert!(path.exists(), "{} is missing: `bash .ci/tools` installs it", path.display());
    path
}

/// Runs a program that must succeed, and returns what it prints.
pub(crate) fn output_of(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
