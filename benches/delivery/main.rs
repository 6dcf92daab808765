//! The destination SFTP beside OpenSSH's `sftp`: `delivery MEGABYTES ROUNDS`, on Linux with `sshd`.
//!
//! Both write the same bytes to the same server on this machine, in turn, straight and over a line that delays
//! everything by 25 ms each way. Nothing is on a disk. Only ratios within one run mean something.

#![allow(clippy::print_stdout, reason = "it tells what it measured")]

mod line;
mod server;

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use cdds_benches::Failure;
use cdds_core::domain::delivery::path::RemotePath;
use cdds_core::domain::id::DestinationId;
use cdds_core::ports::destination::Destination;
use cdds_delivery::net::{AddressPolicy, Net};
use cdds_delivery::secret::Secret;
use cdds_delivery::sftp::SftpDestination;
use futures::executor::block_on;
use tokio::time::Instant;

use self::server::Server;

/// From one end of the line to the other.
const DELAY: Duration = Duration::from_millis(25);

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let megabytes: usize = arguments.next().ok_or("how many megabytes?")?.parse()?;
    let rounds: usize = arguments.next().ok_or("how many rounds?")?.parse()?;
    let server = Server::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let delayed = runtime.block_on(line::delayed(server.port, DELAY))?;
    let contents = contents();
    let mut source = File::create(server.path("source"))?;
    for _ in 0..megabytes {
        source.write_all(&contents)?;
    }
    for (name, port) in [("straight", server.port), ("25 ms each way", delayed)] {
        for round in 1..=rounds {
            let ours = ours(&server, port, &contents, megabytes)?;
            let theirs = theirs(&server, port)?;
            let speed = |took: Duration| megabytes as f64 / took.as_secs_f64();
            println!(
                "{name}, round {round}: CDDS {:.1} MB/s, sftp {:.1} MB/s, ratio {:.2}",
                speed(ours),
                speed(theirs),
                theirs.as_secs_f64() / ours.as_secs_f64()
            );
        }
    }
    println!("memory at the peak, line and all: {:.1} MB", memory_peak()?);
    Ok(())
}

/// A megabyte that no compression makes small.
fn contents() -> Bytes {
    let mut random = fastrand::Rng::with_seed(1);
    std::iter::repeat_with(|| random.u8(..)).take(1_000_000).collect()
}

/// Signs in, writes and confirms.
fn ours(server: &Server, port: u16, contents: &Bytes, megabytes: usize) -> Result<Duration, Failure> {
    let net = Net::new()?.with_policy(AddressPolicy::any());
    let destination = SftpDestination::new(DestinationId::new("bench")?, "127.0.0.1", &server.user, net)
        .with_port(port)
        .with_folder(server.path("").display().to_string())
        .with_key(Secret::file(server.path("user.key")));
    let began = Instant::now();
    block_on(async {
        let mut session = destination.connect(None).await?.session;
        let mut upload = session.create(&RemotePath::new("ours")?).await?;
        for _ in 0..megabytes {
            upload.write(contents.clone()).await?;
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

/// The same by OpenSSH.
fn theirs(server: &Server, port: u16) -> Result<Duration, Failure> {
    let batch = format!("put {} {}\n", server.path("source").display(), server.path("theirs").display());
    std::fs::write(server.path("batch"), batch)?;
    let began = Instant::now();
    let status = Command::new("sftp")
        .args(["-q", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
        .args(["-o", "LogLevel=ERROR", "-P", &port.to_string(), "-i"])
        .arg(server.path("user.key"))
        .arg("-b")
        .arg(server.path("batch"))
        .arg(format!("{}@127.0.0.1", server.user))
        .stdout(Stdio::null())
        .status()?;
    if status.success() { Ok(began.elapsed()) } else { Err("sftp has failed".into()) }
}

/// Returns the most memory that this process has used, in megabytes.
fn memory_peak() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1.024 / 1_000.0)
}
