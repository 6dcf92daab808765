//! The console under load: `load FOLDER small|full`, on Linux.
//!
//! A process of its own serves the console over the catalog `cdds.db` and the store of the folder, which are made if
//! they are missing, on a real socket, with an engine beside it. Then, one after the other:
//! - **Pages.** Each list is asked for by one client, by each filter and each order.
//! - **Exports.** The same export alone, beside one processor that is kept busy, and beside clients that look at lists
//!   and download files.
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
    export_rounds: usize,
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
    export_rounds: 1,
    clients: 20,
    pause: Duration::from_millis(100),
    slow: 64,
    slow_for: Duration::from_secs(3),
};

const FULL: Size = Size {
    megabytes: 1_200,
    page_rounds: 30,
    export_rounds: 3,
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
    let parts = export(&mut connection, "4MiB").await?.1;
    let whole = export(&mut connection, "2GiB").await?.1;
    let largest = whole.iter().max_by_key(|file| file.print.bytes).ok_or("nothing was exported")?;
    println!("{} parts, the largest file has {} bytes", parts.len(), largest.print.bytes);
    pages::measure(&server, &mut connection, size.page_rounds).await?;
    exports(&server, &mut connection, size, &parts).await?;
    slow_readers(&server, size, &parts, largest).await
}

/// Exports everything once. Returns how many seconds that took, and the files.
async fn export(connection: &mut Connection, split: &str) -> Result<(f64, Arc<[File]>), Failure> {
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
    let took = begun.elapsed().as_secs_f64();
    let id = text(&execution["id"])?;
    let files = connection.view(&format!("/api/v1/artifacts?execution={id}&limit=1000")).await?;
    let file = |file: &Value| {
        let print = Print {
            bytes: file["size"].as_u64().ok_or("no size")?,
            sha256: text(&file["sha256"])?.to_owned(),
        };
        Ok::<_, Failure>(File { path: format!("/api/v1/artifacts/{}/content", text(&file["id"])?), print })
    };
    let files = files["items"].as_array().ok_or("no files")?;
    Ok((took, files.iter().map(file).collect::<Result<_, _>>()?))
}

fn text(value: &Value) -> Result<&str, Failure> {
    value.as_str().ok_or_else(|| format!("no text: {value}").into())
}

/// Exports alone, beside a busy processor, and beside clients, in turns.
async fn exports(
    server: &Server,
    connection: &mut Connection,
    size: Size,
    parts: &Arc<[File]>,
) -> Result<(), Failure> {
    let mut figures = Figures::default();
    println!("\nexport: alone, beside one busy processor, beside {} clients, in seconds", size.clients);
    for _ in 0..size.export_rounds {
        let alone = export(connection, "4MiB").await?.0;
        let spinner = Spinner::begin();
        let spun = export(connection, "4MiB").await?.0;
        drop(spinner);
        server.forget_most()?;
        let before = server.usage()?;
        let begun = now();
        let crowd = Crowd::begin(server.address, size.clients, size.pause, parts);
        let crowded = export(connection, "4MiB").await?.0;
        let of_round = crowd.end().await?;
        let rate = of_round.count() as f64 / begun.elapsed().as_secs_f64();
        let after = server.usage()?;
        println!(
            "{alone:.2} {spun:.2} {crowded:.2}: {:.2} of that beside one busy processor; {rate:.0} requests a second; \
             {}",
            crowded / spun,
            told(before, after)
        );
        figures.merge(of_round);
    }
    figures.print(&format!("{} clients beside an export", size.clients));
    Ok(())
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
    let readers = Readers::begin(server.address, size.slow, largest).await?;
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
