//! Clients that look at lists and download files, each with pauses in between.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cdds_benches::Failure;
use fastrand::Rng;
use tokio::task::JoinHandle;

use crate::client::{Connection, Print};
use crate::figures::{Figures, now};

/// A file to download, and what it has to be.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) print: Print,
}

/// What clients look at, and how often in twenty times. The rest are downloads.
const LISTS: [(&str, &str, usize); 6] = [
    ("page of jobs", "/jobs", 5),
    ("page of failed jobs", "/jobs?latest_status=failed&sort=title", 2),
    ("page of history", "/history", 3),
    ("API: jobs", "/api/v1/jobs", 3),
    ("API: executions", "/api/v1/executions?limit=50", 2),
    ("API: artifacts", "/api/v1/artifacts?limit=50", 2),
];

pub(crate) struct Crowd {
    is_over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Result<Figures, Failure>>>,
}

impl Crowd {
    /// Lets clients begin, who pause between two requests for `pause` on average.
    pub(crate) fn begin(address: SocketAddr, count: usize, pause: Duration, files: &Arc<[File]>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let client =
            |seed: usize| client(address, seed as u64, pause, Arc::clone(files), Arc::clone(&is_over));
        Self { clients: (0..count).map(|seed| tokio::spawn(client(seed))).collect(), is_over }
    }

    /// Lets each client end its request, and returns how long the requests took.
    pub(crate) async fn end(self) -> Result<Figures, Failure> {
        self.is_over.store(true, Ordering::Relaxed);
        let mut figures = Figures::default();
        for client in self.clients {
            figures.merge(client.await??);
        }
        Ok(figures)
    }
}

async fn client(
    address: SocketAddr,
    seed: u64,
    pause: Duration,
    files: Arc<[File]>,
    is_over: Arc<AtomicBool>,
) -> Result<Figures, Failure> {
    let mut rng = Rng::with_seed(seed);
    let mut figures = Figures::default();
    // They do not come all at once.
    tokio::time::sleep(pause.mul_f64(rng.f64() * 2.0)).await;
    let mut connection = Connection::open(address).await?;
    while !is_over.load(Ordering::Relaxed) {
        let begun = now();
        let mut chosen = rng.usize(..20);
        let list = LISTS.into_iter().find(|(_, _, times)| match chosen.checked_sub(*times) {
            Some(rest) => {
                chosen = rest;
                false
            }
            None => true,
        });
        match list {
            Some((kind, path, _)) => {
                connection.get(path).await?;
                figures.add(kind, begun.elapsed());
            }
            None => {
                let file = &files[rng.usize(..files.len())];
                let got = connection.download(&file.path).await?;
                if got != file.print {
                    return Err(format!("{}: {got:?} in place of {:?}", file.path, file.print).into());
                }
                figures.add("download", begun.elapsed());
            }
        }
        tokio::time::sleep(pause.mul_f64(rng.f64() * 2.0)).await;
    }
    Ok(figures)
}
