//! The server's process: how it is begun, and what it uses.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cdds_benches::Failure;

pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

/// What a process uses, by Linux.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) threads: u64,
    /// In KiB.
    pub(crate) memory: u64,
    /// The most since it was last forgotten, in KiB.
    pub(crate) memory_most: u64,
}

impl Server {
    /// Begins a server over the catalog and the store of a folder.
    pub(crate) fn begin(folder: &Path, megabytes: u64) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve").arg(folder).arg(megabytes.to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or("the server has no standard output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim_end().parse().map_err(|_| "the server did not begin")?;
        Ok(Self { child, address })
    }

    pub(crate) fn usage(&self) -> Result<Usage, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let figure = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let figure = line.and_then(|line| line.trim_end_matches("kB").trim().parse().ok());
            figure.ok_or_else(|| format!("the system does not tell {name}"))
        };
        Ok(Usage { threads: figure("Threads:")?, memory: figure("VmRSS:")?, memory_most: figure("VmHWM:")? })
    }

    /// Returns for how long it kept processors busy since it began.
    pub(crate) fn busy(&self) -> Result<Duration, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Behind its name, which may hold anything, and 11 more: user and system time, in hundredths of a second.
        let (_, rest) = stat.rsplit_once(')').ok_or("the system tells no times")?;
        let times: Vec<u64> =
            rest.split_whitespace().skip(11).take(2).filter_map(|time| time.parse().ok()).collect();
        Ok(Duration::from_millis(times.iter().sum::<u64>() * 10))
    }

    /// Has the most memory counted from now on.
    pub(crate) fn forget_most(&self) -> Result<(), Failure> {
        Ok(std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ended = self.child.wait();
    }
}
