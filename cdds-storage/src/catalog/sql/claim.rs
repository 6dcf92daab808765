//! Claims: begins waiting executions as the rule picks them, together with their jobs (rules E2, J8, W4, W6).

use cdds_core::domain::execution::queue::{Room, pick};
use cdds_core::domain::id::{Owner, SourceId};
use cdds_core::domain::job::lifecycle;
use cdds_core::ports::catalog::{CatalogError, Claim, Claimed};
use chrono::{DateTime, Utc};

use super::super::row::micros;
use super::database::{Database, Look, Presence, Registration, Writing};
use super::driver::{self, Change, Row, params};
use super::executions::{self, Held};
use super::fault::Fault;
use super::queue::ahead::Ahead;
use super::queue::{Begun, SqliteQueue};
use super::takeover::Taken;
use super::transaction::Transaction;
use super::{jobs, takeover};

/// Assigns queued executions to a worker, after taking over those of dead workers.
pub(super) fn claim(database: &impl Database, claim: &Claim) -> Result<Claimed, CatalogError> {
    // A worker's first claim takes over everything under its name, so a second claim must not run
    // concurrently.
    let _one_at_a_time = database.claims();
    // Take the lock before the database names the worker: whoever finds the name must find the lock.
    let registration = database.workers().register(&claim.worker)?;
    let claimed = takeover::orphaned(database, registration, &claim.worker).and_then(|orphaned| {
        database.write(Writing::Claim, "claim work", |tx| {
            // Read with the write lock held: the wait for it may have been long.
            let Standing { now, turn, looked, mut ahead } = standing(tx, claim)?;
            // Take over first: what is queued again or ended gives back the room of its source, and its job.
            let (mut given_up, mut look, mut changes) = (Vec::new(), None, Vec::new());
            if looked.is_none_or(|looked| looked.is_past(now)) && database.is_to_look(now) {
                let taken = takeover::take_over(tx, &orphaned, claim, now)?;
                // What was read before is no longer so.
                ahead = ahead.filter(|_| !taken.has_changed);
                changes.extend(looked_for_all(tx, &taken));
                (given_up, look) = (taken.given_up, Some(taken.look));
            }
            let Begun { running, covered, .. } = begin(tx, claim, (turn.as_ref(), ahead), changes, now)?;
            Ok((look, Claimed { executions: running, given_up, covered }))
        })
    });
    let claimed = claimed.map(|(look, claimed)| {
        if let Some(look) = look {
            database.has_looked(look);
        }
        claimed
    });
    if claimed.is_err() && registration == Registration::Fresh {
        // The work of an earlier worker with this id has not been taken over yet, so the next claim must
        // again be the first one.
        database.workers().release(&claim.worker);
    }
    claimed
}

/// Returns what tells the other processes that this one has looked, so that one of them does it for all. Where nothing
/// runs it is left out, since a look costs less; and it is if the asker keeps what others have to take over.
fn looked_for_all(tx: &Transaction<'_>, taken: &Taken) -> Option<Change> {
    let first_expires_at = taken.look.first_expires_at.filter(|_| tx.is_far() && !taken.is_one_left)?;
    let sql = "INSERT INTO looked (\"only\", at, first_expires_at) VALUES (1, ?1, ?2)
         ON CONFLICT (\"only\") DO UPDATE SET at = excluded.at, first_expires_at = excluded.first_expires_at";
    Some(Change { sql: sql.to_owned(), values: params![micros(taken.look.at), first_expires_at] })
}

/// Picks executions, begins them and stores all of it, with other changes.
fn begin(
    tx: &Transaction<'_>,
    claim: &Claim,
    (turn, ahead): (Option<&Owner>, Option<Ahead>),
    changes: Vec<Change>,
    now: DateTime<Utc>,
) -> Result<Begun, Fault> {
    let running = running_of_sources(tx, claim, now)?;
    let count = |source: &SourceId| running.iter().filter(|one| *one == source.as_str()).count();
    let room = Room::new(claim.limit, &claim.source_limits, count);
    let ahead = match ahead {
        Some(ahead) => ahead,
        None if tx.is_far() => Ahead::read(tx, turn, &room, now)?,
        None => Ahead::default(),
    };
    let mut queue = SqliteQueue::new(tx, claim, ahead, now)?;
    let after = pick(&mut queue, turn.cloned(), room)?;
    let begun = queue.into_begun();
    // Written only if it has changed, so that a claim without work writes nothing.
    let after = after.filter(|after| Some(after) != turn);
    store(tx, claim, now, (&begun, after.as_ref()), changes)?;
    Ok(begun)
}

/// How a claim finds the queue.
struct Standing {
    now: DateTime<Utc>,
    /// The owner who was served last. One that cannot be decoded counts as none.
    turn: Option<Owner>,
    /// The last look for abandoned executions that is on record. Only processes that share a server keep one.
    looked: Option<Look>,
    /// What was read ahead at once; `None` if nothing was.
    ahead: Option<Ahead>,
}

/// Returns how the claim finds the queue. Over a network, reads ahead in the same message, unless it has to be known
/// first which sources are full.
fn standing(tx: &Transaction<'_>, claim: &Claim) -> Result<Standing, Fault> {
    let room = Room::new(claim.limit, &claim.source_limits, |_| 0);
    let mut ahead = (tx.is_far() && claim.limit > 0 && room.sources.is_empty()).then(Ahead::default);
    let (sql, values) = Ahead::query(None, &room, tx.own_now());
    let mut queries = vec![("SELECT owner FROM turn", Vec::new())];
    if tx.is_far() {
        queries.push(("SELECT at, first_expires_at FROM looked", Vec::new()));
    }
    if ahead.is_some() {
        queries.push((&*sql, values));
    }
    let (mut turn, mut looked) = (None, None);
    let now = tx.now_after(queries, |number, row| {
        match (number, &mut ahead) {
            (0, _) => turn = Owner::new(row.get::<String>(0)?).ok(),
            (1, _) => looked = look(row)?,
            (_, Some(ahead)) => ahead.add(row)?,
            _ => {}
        }
        Ok(())
    })?;
    if let Some(ahead) = &mut ahead {
        ahead.end(&room);
    }
    Ok(Standing { now, turn, looked, ahead })
}

/// Returns the look of a row; one beyond the calendar counts as none.
fn look(row: &Row<'_>) -> Result<Option<Look>, Fault> {
    let (at, first_expires_at) = (DateTime::from_timestamp_micros(row.get(0)?), row.get(1)?);
    Ok(at.map(|at| Look { at, first_expires_at: Some(first_expires_at) }))
}

/// Returns the sources of the running executions, if any source is limited. A row that is not understood
/// counts only as long as its lease holds: nobody will ever end it.
fn running_of_sources(tx: &Transaction<'_>, claim: &Claim, now: DateTime<Utc>) -> Result<Vec<String>, Fault> {
    if claim.source_limits.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "SELECT e.source FROM execution e
         WHERE e.status = 'in_progress' AND (e.worker = ?1 OR e.lease_expires_at > ?2)";
    let mut statement = tx.prepare(sql)?;
    let sources = statement.query_map(params![claim.worker.as_str(), micros(now)], |row| row.get(0))?;
    Ok(sources.collect::<driver::Result<_>>()?)
}

fn store(
    tx: &Transaction<'_>,
    claim: &Claim,
    now: DateTime<Utc>,
    (begun, turn): (&Begun, Option<&Owner>),
    mut changes: Vec<Change>,
) -> Result<(), Fault> {
    let held = Held::new(&claim.worker, now, claim.lease);
    // Rule J8: a one-time job is completed in the transaction that starts it. A covered execution has not started
    // anything.
    for job in begun.jobs.values() {
        let has_started = begun.running.iter().any(|execution| execution.job_id == job.id);
        let after = if has_started { lifecycle::started(job) } else { job.clone() };
        changes.push(jobs::storing(tx, &after, job.revision)?);
    }
    for execution in &begun.running {
        changes.push(executions::storing(tx, execution, Some(&held))?);
    }
    for execution in &begun.covered {
        changes.push(executions::storing(tx, execution, None)?);
    }
    changes.extend(turn.map(|owner| {
        Change {
            sql: "INSERT INTO turn (\"only\", owner) VALUES (1, ?1)
             ON CONFLICT (\"only\") DO UPDATE SET owner = excluded.owner"
                .to_owned(),
            values: params![owner.as_str()],
        }
    }));
    // Each was read in this transaction, and changes its row.
    if !changes.is_empty() {
        tx.execute_last(changes)?;
    }
    Ok(())
}
