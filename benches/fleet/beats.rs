//! Signs of life beside an old snapshot, which keeps the server from removing what they leave.

use cdds_benches::Failure;

use crate::figures::Figures;
use crate::filled::{DATABASE, Filled};
use crate::worker::{Task, together};

/// How many processes have the running executions.
const WORKERS: u32 = 4;

pub(crate) fn measure(filled: &Filled) -> Result<(), Failure> {
    let (running, beats) = (filled.size.running, filled.size.beats);
    Figures::title(&format!("{running} running, {beats} beats of each"));
    let without = round(filled, false)?;
    let held = round(filled, true)?;
    println!("claims with the snapshot held: {:.0} % of those without", 100.0 * held / without);
    Ok(())
}

/// Renews all, then measures claims. Returns their number a second.
fn round(filled: &Filled, is_held: bool) -> Result<f64, Failure> {
    filled.due()?;
    let snapshot = filled.server.within(async {
        let client = filled.server.client(DATABASE).await;
        if is_held {
            let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM cdds.turn";
            client.batch_execute(begin).await?;
        }
        Ok::<_, tokio_postgres::Error>(client)
    })?;
    let snapshots = if is_held { "an old snapshot" } else { "no old snapshot" };
    let count = usize::try_from(filled.size.running / WORKERS)?;
    let done = together(filled, WORKERS, Task::Beat { count, beats: filled.size.beats })?;
    // A call renews all executions of a process.
    let renewed = usize::try_from(filled.size.running * filled.size.beats)?;
    let figures = Figures { taken: renewed, ..done.figures };
    figures.print(&format!("beats, {snapshots}"), &format!("   {:.1} MiB a process", done.memory));
    let all = usize::try_from(filled.size.due / 4)?;
    let claims = together(filled, 1, Task::Claim { limit: 1, all })?;
    claims.figures.print(&format!("claims after them, {snapshots}"), &size(filled)?);
    drop(snapshot);
    Ok(claims.figures.per_second())
}

/// Returns how large the table of executions is, and how many of its updates found room in their page.
fn size(filled: &Filled) -> Result<String, Failure> {
    let megabytes = filled.number("SELECT pg_total_relation_size('cdds.execution') / 1048576")?;
    Ok(format!("   executions: {megabytes} MiB"))
}
