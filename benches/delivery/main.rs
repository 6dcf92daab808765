//! Destinations beside the programs that people use: `delivery MEGABYTES ROUNDS [KIND]`, on Linux, with what
//! `.ci/tools` installs.
//!
//! Both write the same bytes to the same server on this machine, in turn, straight and over a line that delays
//! everything by 25 ms each way. Nothing is on a disk. Only ratios within one run mean something.

#![allow(clippy::print_stdout, reason = "it tells what it measured")]

mod ftps;
mod line;
mod s3;
mod server;
mod sftp;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use cdds_benches::Failure;
use cdds_core::domain::delivery::path::RemotePath;
use cdds_core::ports::destination::Destination;
use cdds_delivery::net::{AddressPolicy, Net};
use futures::executor::block_on;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use self::ftps::Ftps;
use self::line::{FAR, NEAR};
use self::s3::S3;
use self::server::Server;
use self::sftp::Ssh;

/// From one end of the line to the other.
const DELAY: Duration = Duration::from_millis(25);

/// A server, the destination that writes to it, and the program that does the same.
trait Pair {
    /// Returns what the destination and the program are called.
    fn names(&self) -> (&'static str, &'static str);

    /// Returns all ports of the server.
    fn ports(&self) -> Vec<u16>;

    /// Returns the server as it is seen at an end of the line.
    fn destination(&self, host: &str, net: Net) -> Result<Box<dyn Destination>, Failure>;

    /// Has the program write the source, and returns how long it took.
    fn theirs(&self, host: &str, source: &Path) -> Result<Duration, Failure>;
}

/// Starts a server.
type Start = fn() -> Result<Box<dyn Pair>, Failure>;

const KINDS: [(&str, Start); 3] = [
    ("sftp", || Ok(Box::new(Ssh::start()?))),
    ("ftps", || Ok(Box::new(Ftps::start()?))),
    ("s3", || Ok(Box::new(S3::start()?))),
];

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let megabytes: usize = arguments.next().ok_or("how many megabytes?")?.parse()?;
    let rounds: usize = arguments.next().ok_or("how many rounds?")?.parse()?;
    let Some(kind) = arguments.next() else { return each_alone(megabytes, rounds) };
    let known = KINDS.iter().find(|(name, _)| *name == kind);
    let (_, start) = known.ok_or("the kinds are sftp, ftps and s3")?;
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (folder, contents) = (Server::folder()?, contents());
    let source = folder.path().join("source");
    let mut file = File::create(&source)?;
    for _ in 0..megabytes {
        file.write_all(&contents)?;
    }
    compare(start()?.as_ref(), &runtime, &source, &contents, (megabytes, rounds))
}

/// Measures one kind after the other, each in a process of its own: memory that one has used is not given back.
fn each_alone(megabytes: usize, rounds: usize) -> Result<(), Failure> {
    for (kind, _) in KINDS {
        let mut alone = Command::new(std::env::current_exe()?);
        let status = alone.args([&megabytes.to_string(), &rounds.to_string(), kind]).status()?;
        if !status.success() {
            return Err(format!("{kind} has failed").into());
        }
    }
    Ok(())
}

/// Has both write, and prints how long each took and how much memory the destination needed.
fn compare(
    pair: &dyn Pair,
    runtime: &Runtime,
    source: &Path,
    contents: &[u8],
    (megabytes, rounds): (usize, usize),
) -> Result<(), Failure> {
    for port in pair.ports() {
        runtime.block_on(line::delayed(port, DELAY))?;
    }
    let (our_name, their_name) = pair.names();
    for (way, host) in [("straight", FAR), ("25 ms each way", NEAR)] {
        for round in 1..=rounds {
            let destination = pair.destination(host, Net::new()?.with_policy(AddressPolicy::any()))?;
            forget_memory_peak()?;
            let ours = ours(destination.as_ref(), contents, megabytes)?;
            let memory = memory_peak()?;
            let theirs = pair.theirs(host, source)?;
            let speed = |took: Duration| megabytes as f64 / took.as_secs_f64();
            println!(
                "{our_name}, {way}, round {round}: CDDS {:.1} MB/s, {their_name} {:.1} MB/s, ratio {:.2}; \
                 memory at the peak, line and all: {memory:.1} MB",
                speed(ours),
                speed(theirs),
                theirs.as_secs_f64() / ours.as_secs_f64()
            );
        }
    }
    Ok(())
}

/// A megabyte that no compression makes small.
fn contents() -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(1);
    std::iter::repeat_with(|| random.u8(..)).take(1_000_000).collect()
}

/// Signs in, writes and confirms.
fn ours(destination: &dyn Destination, contents: &[u8], megabytes: usize) -> Result<Duration, Failure> {
    let began = Instant::now();
    block_on(async {
        let mut session = destination.connect(None).await?.session;
        let mut upload = session.create(&RemotePath::new("ours")?).await?;
        for _ in 0..megabytes {
            // A copy, since what is shared would take no memory.
            upload.write(Bytes::copy_from_slice(contents)).await?;
        }
        let stored = upload.finish().await?;
        if stored.bytes != (megabytes * contents.len()) as u64 {
            return Err("the server has another size".into());
        }
        session.close().await?;
        Ok::<_, Failure>(())
    })?;
    Ok(began.elapsed())
}

/// Lets the peak begin with what is in use now (proc_pid_clear_refs(5)).
fn forget_memory_peak() -> Result<(), Failure> {
    Ok(std::fs::write("/proc/self/clear_refs", "5")?)
}

/// Returns the most memory that this process has used, in megabytes.
fn memory_peak() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1.024 / 1_000.0)
}
