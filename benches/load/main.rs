//! The console under load: `load FOLDER small|full`, on Linux.
//!
//! A process of its own serves the console over the catalog `cdds.db` and the store of the folder, which are made if
//! they are missing, on a real socket, with an engine beside it. Then, one after the other:
//! - **Pages.** Each list is asked for by one client, by each filter and each order.
//! - **Exports.** The same export beside one processor that is kept busy, and beside clients that look at lists and
//!   download files, by turns, and the ratio of the medians.
//! - **Slow readers.** Clients alone, and beside readers of 1 KiB a second.
//!
//! It fails if any request does, if a downloaded file is not the published one, or if slow readers hold threads. How
//! long things take is printed, and judged by people: only ratios within one run mean something.

#![allow(clippy::print_stdout, reason = "it tells what it measured")]

mod client;
mod crowd;
mod figures;
mod pages;
mod process;
mod server;
mod slow;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cdds_benches::Failure;
use serde_json::{Value, json};

use self::client::{Connection, Print};
use self::crowd::{Crowd, File};
use self::figures::{Figures, now};
use self::process::{Server, Usage};
use self::slow::Readers;

/// How much is done.
#[derive(Debug, Clone, Copy)]
struct Size {
    /// Of the records.
    megabytes: u64,
    /// How often each page is asked for.
    page_rounds: u32,
    /// How often an export is measured beside a busy processor, and beside clients.
    export_rounds: usize,
    /// How long a run of exports takes at least when nobody else works.
    export_for: Duration,
    clients: usize,
    /// Between two requests of a client.
    pause: Duration,
    slow: usize,
    /// How long the clients go on beside slow readers.
    slow_for: Duration,
}

const SMALL: Size = Size {
    megabytes: 20,
    page_rounds: 1,
    export_rounds: 2,
    export_for: Duration::from_secs(1),
    clients: 20,
    pause: Duration::from_millis(100),
    slow: 64,
    slow_for: Duration::from_secs(3),
};

const FULL: Size = Size {
    megabytes: 1_200,
    page_rounds: 30,
    export_rounds: 7,
    export_for: Duration::from_secs(10),
    clients: 200,
    pause: Duration::from_secs(4),
    slow: 200,
    slow_for: Duration::from_secs(30),
};

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (folder, size) = match words[..] {
        ["serve", folder, megabytes] => return server::serve(Path::new(folder), megabytes.parse()?),
        [folder, "small"] => (folder, SMALL),
        [folder, "full"] => (folder, FULL),
        _ => return Err("load FOLDER small|full".into()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(Path::new(folder), size))
}

async fn measure(folder: &Path, size: Size) -> Result<(), Failure> {
    let server = Server::begin(folder, size.megabytes)?;
    let mut connection = Connection::open(server.address).await?;
    // What is downloaded: parts of some MB, and a file that nobody reads to its end in time.
    let parts = export(&mut connection, "4MiB").await?.files;
    let whole = export(&mut connection, "2GiB").await?.files;
    let largest = whole.iter().max_by_key(|file| file.print.bytes).ok_or("nothing was exported")?;
    println!("{} parts, the largest file has {} bytes", parts.len(), largest.print.bytes);
    pages::measure(&server, &mut connection, size.page_rounds).await?;
    exports(&server, &mut connection, size, &parts).await?;
    slow_readers(&server, size, &parts, largest).await
}

/// An export that has ended.
struct Exported {
    execution: String,
    seconds: f64,
    files: Arc<[File]>,
}

/// Exports everything once.
async fn export(connection: &mut Connection, split: &str) -> Result<Exported, Failure> {
    let job = json!({
        "title": "Contacts", "source": "contacts", "type": "contact", "run": "once", "plaintext": true,
        "split-size": split,
    });
    let begun = now();
    let job = connection.post("/api/v1/jobs", &job).await?;
    let id = text(&job["id"])?;
    let execution = loop {
        let found = connection.view(&format!("/api/v1/executions?job={id}")).await?;
        match found["items"][0]["status"].as_str() {
            Some("finished") => break found["items"][0].clone(),
            None | Some("queued" | "in_progress") => tokio::time::sleep(Duration::from_millis(20)).await,
            Some(_) => return Err(format!("the export did not finish: {found}").into()),
        }
    };
    let seconds = begun.elapsed().as_secs_f64();
    let execution = text(&execution["id"])?.to_owned();
    let files = connection.view(&format!("/api/v1/artifacts?execution={execution}&limit=1000")).await?;
    let file = |file: &Value| {
        let print = Print {
            bytes: file["size"].as_u64().ok_or("no size")?,
            sha256: text(&file["sha256"])?.to_owned(),
        };
        Ok::<_, Failure>(File { path: format!("/api/v1/artifacts/{}/content", text(&file["id"])?), print })
    };
    let files = files["items"].as_array().ok_or("no files")?;
    Ok(Exported { execution, seconds, files: files.iter().map(file).collect::<Result<_, _>>()? })
}

fn text(value: &Value) -> Result<&str, Failure> {
    value.as_str().ok_or_else(|| format!("no text: {value}").into())
}

/// Exports beside one busy processor and beside clients, by turns, each for long enough to mean something.
///
/// An export that takes less than [`Size::export_for`] alone is repeated, so that a run takes as long.
async fn exports(
    server: &Server,
    connection: &mut Connection,
    size: Size,
    parts: &Arc<[File]>,
) -> Result<(), Failure> {
    let alone = run(connection, 1).await?;
    let mut times = 1;
    while alone * f64::from(times) < size.export_for.as_secs_f64() {
        times += 1;
    }
    println!("\nan export takes {alone:.2} s alone; a run is {times} of them, one after the other");
    println!(
        "{:>5} {:>12} {:>18} {:>8} {:>14}",
        "round",
        "busy core s",
        format!("{} clients s", size.clients),
        "ratio",
        "requests a s"
    );
    let mut figures = Figures::default();
    let (mut spun, mut crowded) = (Vec::new(), Vec::new());
    server.forget_most()?;
    let before = server.usage()?;
    for round in 0..size.export_rounds {
        let mut requests = 0.0;
        // Whichever comes second finds a machine that is as warm, and neighbours that may have come or gone.
        for is_crowded in [round % 2 == 1, round % 2 == 0] {
            if is_crowded {
                let crowd = Crowd::begin(server.address, size.clients, size.pause, parts);
                // All of them are there.
                tokio::time::sleep(size.pause * 2).await;
                let begun = now();
                crowded.push(run(connection, times).await?);
                let of_round = crowd.end().await?;
                requests = of_round.count() as f64 / (begun.elapsed() + size.pause * 2).as_secs_f64();
                figures.merge(of_round);
            } else {
                let spinner = Spinner::begin();
                spun.push(run(connection, times).await?);
                drop(spinner);
            }
        }
        let (spun, crowded) = (spun[round], crowded[round]);
        println!("{round:>5} {spun:>12.2} {crowded:>18.2} {:>8.3} {requests:>14.0}", crowded / spun);
    }
    let (spun, crowded) = (median(&mut spun), median(&mut crowded));
    println!(
        "ratio of medians: {:.3} ({crowded:.2} s beside {} clients, {spun:.2} s beside one busy core)",
        crowded / spun,
        size.clients
    );
    println!("{}", told(before, server.usage()?));
    figures.print(&format!("{} clients beside an export", size.clients));
    Ok(())
}

/// Exports everything some times, one after the other, and deletes each set. Returns how many seconds the exports took.
async fn run(connection: &mut Connection, times: u32) -> Result<f64, Failure> {
    let mut took = 0.0;
    for _ in 0..times {
        let exported = export(connection, "4MiB").await?;
        took += exported.seconds;
        connection.delete(&format!("/api/v1/sets/{}", exported.execution)).await?;
    }
    Ok(took)
}

/// Returns the middle of some figures, or the mean of the two in the middle.
fn median(figures: &mut [f64]) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    let middle = figures.len() / 2;
    if figures.len() % 2 == 1 { figures[middle] } else { f64::midpoint(figures[middle - 1], figures[middle]) }
}

fn told(before: Usage, after: Usage) -> String {
    format!(
        "memory {} MiB before, {} after, {} at most; threads {} before, {} after",
        before.memory / 1024,
        after.memory / 1024,
        after.memory_most / 1024,
        before.threads,
        after.threads
    )
}

/// Keeps one processor busy as long as it lives.
struct Spinner(Arc<AtomicBool>);

impl Spinner {
    fn begin() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_over);
        std::thread::spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        Self(is_over)
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Has clients go on for a while. Returns how long their requests took, and the most that the server used.
async fn clients(
    server: &Server,
    size: Size,
    parts: &Arc<[File]>,
) -> Result<(Figures, Usage, Usage), Failure> {
    server.forget_most()?;
    let before = server.usage()?;
    let crowd = Crowd::begin(server.address, size.clients, size.pause, parts);
    let (begun, mut most) = (now(), before);
    while begun.elapsed() < size.slow_for {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let usage = server.usage()?;
        most = Usage { threads: most.threads.max(usage.threads), ..usage };
    }
    Ok((crowd.end().await?, before, most))
}

/// Clients alone, and beside slow readers.
async fn slow_readers(
    server: &Server,
    size: Size,
    parts: &Arc<[File]>,
    largest: &File,
) -> Result<(), Failure> {
    let (mut alone, before, without) = clients(server, size, parts).await?;
    alone.print(&format!("{} clients", size.clients));
    println!("{}", told(before, without));
    let before = server.usage()?;
    let readers = Readers::begin(server.address, size.slow, largest).await?;
    // As much as it ever is was read ahead for each of them.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let held = server.usage()?.memory.saturating_sub(before.memory) / size.slow as u64;
    println!("\neach of {} slow readers holds {held} KiB", size.slow);
    let (mut beside, before, with) = clients(server, size, parts).await?;
    beside.print(&format!("{} clients beside {} slow readers", size.clients, size.slow));
    println!("{}", told(before, with));
    readers.end().await?;
    // Each reader that held a thread would be seen.
    let most = without.threads + size.slow as u64 / 2;
    if with.threads > most {
        let held = format!("{} threads beside slow readers, {} without", with.threads, without.threads);
        return Err(held.into());
    }
    Ok(())
}
