//! A worker's process: `worker SOCKET NAME claim LIMIT ALL` claims until so many executions are claimed or none is left;
//! `worker SOCKET NAME beat COUNT BEATS` claims so many and renews them. Both begin when a line comes in, and print what
//! they took; a line without more says how much memory it was at most.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use cdds_benches::Failure;
use cdds_core::domain::execution::Execution;
use cdds_core::domain::execution::progress::Progress;
use cdds_core::domain::id::WorkerId;
use cdds_core::ports::catalog::{Beat, Claim, Directive, Nonce, WorkQueue};
use cdds_core::ports::ids::Ids;
use cdds_core::system::SystemIds;
use cdds_storage::catalog::PostgresCatalog;
use futures::executor::block_on;

use crate::figures::{Figures, now};
use crate::filled::{Filled, LEASE, open};

/// What a process does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Task {
    /// Claims so many executions at a time, all that there are or so many.
    Claim { limit: usize, all: usize },
    /// Claims so many executions, and renews them so often.
    Beat { count: usize, beats: u32 },
}

/// What several processes did together.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) figures: Figures,
    /// The most memory of one of them, in MiB.
    pub(crate) memory: f64,
}

/// Has processes work at the same time, and waits for their ends.
pub(crate) fn together(filled: &Filled, count: u32, task: Task) -> Result<Done, Failure> {
    let mut processes = Vec::new();
    for number in 0..count {
        processes.push(Process::begin(&filled.socket()?, number, task)?);
    }
    let begun = now();
    for process in &mut processes {
        process.go()?;
    }
    let (mut done, mut ids) = (Done::default(), HashSet::new());
    for process in &mut processes {
        process.report(&mut done, &mut ids)?;
    }
    done.figures.whole = begun.elapsed();
    done.figures.taken = ids.len();
    Ok(done)
}

struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn begin(socket: &str, number: u32, task: Task) -> Result<Self, Failure> {
        let words = match task {
            Task::Claim { limit, all } => ["claim".to_owned(), limit.to_string(), all.to_string()],
            Task::Beat { count, beats } => ["beat".to_owned(), count.to_string(), beats.to_string()],
        };
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["worker", socket, &format!("worker-{number}")]).args(words);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or("a worker has no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = lines.next().ok_or("a worker has not begun")??;
        if ready == "ready" { Ok(Self { child, lines }) } else { Err(ready.into()) }
    }

    fn go(&mut self) -> Result<(), Failure> {
        Ok(self.child.stdin.as_mut().ok_or("a worker has no standard input")?.write_all(b"go\n")?)
    }

    fn report(&mut self, done: &mut Done, ids: &mut HashSet<String>) -> Result<(), Failure> {
        for line in self.lines.by_ref() {
            let line = line?;
            match line.split_once(' ') {
                Some(("call", micros)) => done.figures.micros.push(micros.parse()?),
                Some(("took", id)) if ids.insert(id.to_owned()) => {}
                Some(("memory", kilobytes)) => {
                    done.memory = done.memory.max(f64::from(kilobytes.parse::<u32>()?) / 1_024.0);
                }
                _ => return Err(format!("a worker says {line:?}").into()),
            }
        }
        if self.child.wait()?.success() { Ok(()) } else { Err("a worker has failed".into()) }
    }
}

/// Works in this process.
pub(crate) fn work(words: &[&str]) -> Result<(), Failure> {
    let [socket, name, task, first, second] = words else {
        return Err("a worker is started by this program".into());
    };
    let (catalog, worker) = (open(socket)?, WorkerId::new(*name)?);
    println!("ready");
    std::io::stdin().read_line(&mut String::new())?;
    let micros = match *task {
        "claim" => claim(&catalog, &worker, first.parse()?, second.parse()?)?,
        _ => beat(&catalog, &worker, first.parse()?, second.parse()?)?,
    };
    for micros in micros {
        println!("call {micros}");
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    let most =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("the system tells no memory")?;
    println!("memory {}", most.trim_end_matches("kB").trim());
    Ok(())
}

/// Claims once, and prints what it took.
fn claim_once(catalog: &PostgresCatalog, worker: &WorkerId, limit: usize) -> Result<Vec<Execution>, Failure> {
    let claim = Claim::new(worker.clone(), Nonce::of(SystemIds.next()), LEASE, limit);
    Ok(block_on(catalog.claim(&claim))?.executions)
}

fn tell(executions: &[Execution]) {
    for execution in executions {
        println!("took {}", execution.id);
    }
}

fn claim(
    catalog: &PostgresCatalog,
    worker: &WorkerId,
    limit: usize,
    all: usize,
) -> Result<Vec<u64>, Failure> {
    let (mut micros, mut taken) = (Vec::new(), Vec::new());
    while taken.len() < all {
        let begun = now();
        let claimed = claim_once(catalog, worker, limit.min(all - taken.len()))?;
        if claimed.is_empty() {
            break;
        }
        micros.push(u64::try_from(begun.elapsed().as_micros())?);
        taken.extend(claimed);
    }
    tell(&taken);
    Ok(micros)
}

fn beat(catalog: &PostgresCatalog, worker: &WorkerId, count: usize, beats: u32) -> Result<Vec<u64>, Failure> {
    let running = claim_once(catalog, worker, count)?;
    tell(&running);
    let mut micros = Vec::new();
    for round in 0..beats {
        let progress = Progress { records: u64::from(round) * 1_000, ..Progress::default() };
        let beats: Vec<Beat> =
            running.iter().map(|execution| Beat { fence: execution.fence(), progress }).collect();
        let begun = now();
        let told = block_on(catalog.beat(worker, LEASE, &beats))?;
        micros.push(u64::try_from(begun.elapsed().as_micros())?);
        if told.iter().any(|directive| *directive != Directive::Continue) {
            return Err("a running execution was lost".into());
        }
    }
    Ok(micros)
}
