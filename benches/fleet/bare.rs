//! A bare queue: pgbench takes rows with `FOR UPDATE SKIP LOCKED`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use cdds_benches::Failure;

use crate::figures::{Figures, now};
use crate::filled::{DATABASE, Filled};

/// One row: the first that waits and that nobody has locked.
const SCRIPT: &str = "BEGIN;
SELECT id FROM public.bare WHERE status = 'queued' ORDER BY queue_at, id LIMIT 1 FOR UPDATE SKIP LOCKED \\gset
UPDATE public.bare SET status = 'in_progress', worker = 'w', started_at = 1 WHERE id = ':id';
COMMIT;
";

pub(crate) fn measure(filled: &Filled) -> Result<(), Failure> {
    Figures::title("pgbench, SKIP LOCKED, one row at a time");
    let one = "CREATE INDEX ON public.bare (queue_at, id) WHERE status = 'queued'";
    for (indexes, including, index) in [("one index", "DEFAULTS", one), ("our indexes", "INDEXES", one)] {
        for workers in filled.size.workers {
            filled.due()?;
            filled.run(&format!(
                "DROP TABLE IF EXISTS public.bare; CREATE TABLE public.bare (LIKE cdds.execution INCLUDING {including});
                 INSERT INTO public.bare SELECT * FROM cdds.execution; {index}; VACUUM (ANALYZE) public.bare"
            ))?;
            run(filled, *workers)?.print(&format!("{workers} clients, {indexes}"), "");
        }
    }
    Ok(())
}

/// Has pgbench take nine tenths of the rows, so that no client finds none.
fn run(filled: &Filled, clients: u32) -> Result<Figures, Failure> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("script");
    fs::write(&script, SCRIPT)?;
    let each = filled.size.due * 9 / 10 / clients;
    let begun = now();
    let threads = clients.min(2).to_string();
    let ran = Command::new("/usr/lib/postgresql/15/bin/pgbench")
        .args(["-n", "-h", &filled.socket()?, "-U", "postgres", "-f"])
        .arg(&script)
        .args([
            "-c",
            &clients.to_string(),
            "-j",
            &threads,
            "-t",
            &each.to_string(),
            "-l",
            "--log-prefix=took",
            DATABASE,
        ])
        .current_dir(folder.path())
        .output()?;
    let whole = begun.elapsed();
    if !ran.status.success() {
        return Err(String::from_utf8_lossy(&ran.stderr).into_owned().into());
    }
    let micros = latencies(folder.path())?;
    let taken =
        usize::try_from(filled.number("SELECT count(*) FROM public.bare WHERE status = 'in_progress'")?)?;
    if taken != micros.len() {
        return Err(format!("{taken} rows were taken by {} transactions", micros.len()).into());
    }
    Ok(Figures { micros, taken, whole: wall(&ran.stdout, whole) })
}

/// Returns how long the transactions took by pgbench itself, without its connections.
fn wall(said: &[u8], whole: Duration) -> Duration {
    let said = String::from_utf8_lossy(said);
    let figure = |name: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    let processed = said.lines().find_map(|line| {
        line.strip_prefix("number of transactions actually processed: ")?
            .split('/')
            .next()?
            .parse::<f64>()
            .ok()
    });
    match (processed, figure("tps = ")) {
        (Some(processed), Some(tps)) if tps > 0.0 => Duration::from_secs_f64(processed / tps),
        _ => whole,
    }
}

/// Returns how long each transaction took: the third column of pgbench's logs.
fn latencies(folder: &Path) -> Result<Vec<u64>, Failure> {
    let mut micros = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("took.")) {
            for line in fs::read_to_string(path)?.lines() {
                micros.push(line.split(' ').nth(2).ok_or("pgbench has another log")?.parse()?);
            }
        }
    }
    Ok(micros)
}
