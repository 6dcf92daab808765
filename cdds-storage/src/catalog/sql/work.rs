//! Work that workers claim, as the rule of picking walks it (rule N4): the same for notices and deliveries.

use std::collections::{BTreeMap, HashMap, HashSet};

use cdds_core::domain::id::{Owner, WorkerId};
use cdds_core::domain::work::pick::{Waiting, WorkRoom};
use cdds_core::ports::catalog::CatalogError;

use super::super::row::WorkColumns;
use super::database::{Database, Presence};
use super::driver::{self, Params, Row};
use super::fault::Fault;
use super::transaction::Transaction;

/// A place in the order of a target's work: `next_attempt_at` and id, as stored.
pub(super) type Place = (i64, String);

/// The place before all others.
pub(super) const FIRST: Place = (i64::MIN, String::new());

/// Reads the columns of work, which begin at `first` and are in the order of [`WorkColumns`].
pub(super) fn columns(row: &Row<'_>, first: usize) -> Result<WorkColumns, Fault> {
    Ok(WorkColumns {
        state: row.get(first)?,
        reason: row.get(first + 1)?,
        epoch: row.get(first + 2)?,
        attempts: row.get(first + 3)?,
        first_attempt_at: row.get(first + 4)?,
        last_attempt_at: row.get(first + 5)?,
        failure: row.get(first + 6)?,
        next_attempt_at: row.get(first + 7)?,
        worker: row.get(first + 8)?,
        lease_renewed_at: row.get(first + 9)?,
        lease_expires_at: row.get(first + 10)?,
        ended_at: row.get(first + 11)?,
    })
}

/// Claims whose workers are dead: ids and epochs, as stored.
#[derive(Debug, Default)]
pub(super) struct Orphans(HashSet<(String, i64)>);

impl Orphans {
    pub(super) fn has(&self, id: &impl ToString, epoch: u64) -> bool {
        i64::try_from(epoch).is_ok_and(|epoch| self.0.contains(&(id.to_string(), epoch)))
    }
}

/// Finds the claims whose workers are dead, among those of some rows: `SELECT id, epoch, worker`. Checks the workers' locks
/// outside of any transaction, as for executions. Looks only at workers that are on record, since those have taken a
/// lock; the lease of others decides.
pub(super) fn orphans<P: Params>(
    database: &impl Database,
    held: &str,
    values: &P,
    asking: &WorkerId,
) -> Result<Orphans, CatalogError> {
    let held = database.read("find what dead workers have left", |tx| claims(tx, held, values.clone()))?;
    let mut dead = HashMap::from([(asking.clone(), false)]);
    let mut orphans = HashSet::new();
    for (id, epoch, worker) in held {
        let is_dead = match dead.get(&worker) {
            Some(is_dead) => *is_dead,
            None => {
                // Each worker once, since a probe may wait for the folder.
                let is_dead = database.workers().is_dead(&worker)?;
                dead.insert(worker, is_dead);
                is_dead
            }
        };
        if is_dead {
            orphans.insert((id, epoch));
        }
    }
    Ok(Orphans(orphans))
}

fn claims(
    tx: &Transaction<'_>,
    held: &str,
    values: impl Params,
) -> Result<Vec<(String, i64, WorkerId)>, Fault> {
    let sql = format!(
        "SELECT h.id, h.epoch, h.worker FROM ({held}) h WHERE EXISTS (SELECT 1 FROM worker w WHERE w.id = h.worker)"
    );
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.query(values)?;
    let mut claims = Vec::new();
    while let Some(row) = &rows.next()? {
        // Whoever reads the rows one by one reports those that are not understood.
        let claim: driver::Result<(String, i64, String)> =
            row.get(0).and_then(|id| Ok((id, row.get(1)?, row.get(2)?)));
        if let Ok((id, epoch, worker)) = claim
            && let Ok(worker) = WorkerId::new(worker)
        {
            claims.push((id, epoch, worker));
        }
    }
    Ok(claims)
}

/// Returns the place of a row.
pub(super) fn place(row: &Row<'_>) -> Result<Place, Fault> {
    Ok((row.get("next_attempt_at")?, row.get("id")?))
}

/// A table of work in the transaction of a claim.
pub(super) trait Queue {
    /// A row that waits.
    type Item;
    /// The other side of the work.
    type Target: Ord + Clone;

    /// Returns the first owner after this one who has waiting work, as stored.
    fn next_owner(&mut self, after: &str) -> Result<Option<String>, Fault>;

    /// Returns the targets of an owner's waiting work.
    fn targets(&mut self, owner: &Owner) -> Result<Vec<Self::Target>, Fault>;

    /// Returns the first work for a target that may be taken, behind a place. Passes over rows that are not
    /// understood.
    fn head(
        &mut self,
        owner: &Owner,
        target: &Self::Target,
        behind: &Place,
    ) -> Result<Option<(Place, Self::Item)>, Fault>;

    /// Hands a row to the worker. Returns whether it could be taken.
    fn take(&mut self, item: Self::Item) -> Result<bool, Fault>;
}

/// The first work that may be taken for each of an owner's targets. The cost of a claim grows with the number of
/// targets, not with the work that waits for one of them.
type Heads<Q> = BTreeMap<Place, (<Q as Queue>::Target, <Q as Queue>::Item)>;

/// A claim under way.
pub(super) struct Picker<Q: Queue> {
    pub(super) queue: Q,
    heads: HashMap<Owner, Heads<Q>>,
}

impl<Q: Queue> Picker<Q> {
    pub(super) fn new(queue: Q) -> Self {
        Self { queue, heads: HashMap::new() }
    }

    fn heads(&mut self, owner: &Owner) -> Result<Heads<Q>, Fault> {
        let mut heads = Heads::<Q>::new();
        for target in self.queue.targets(owner)? {
            let head = self.queue.head(owner, &target, &FIRST)?;
            heads.extend(head.map(|(place, item)| (place, (target, item))));
        }
        Ok(heads)
    }
}

impl<Q: Queue> Waiting for Picker<Q> {
    type Error = Fault;
    type Target = Q::Target;

    fn next_owner(&mut self, after: Option<&Owner>) -> Result<Option<Owner>, Fault> {
        let mut name = after.map_or("", Owner::as_str).to_owned();
        loop {
            let Some(next) = self.queue.next_owner(&name)? else { return Ok(None) };
            match Owner::new(&next) {
                Ok(owner) => return Ok(Some(owner)),
                // Rows of an impossible owner are those of a newer program.
                Err(_) => name = next,
            }
        }
    }

    fn take_next(&mut self, owner: &Owner, room: &WorkRoom<Q::Target>) -> Result<Option<Q::Target>, Fault> {
        let mut heads = match self.heads.remove(owner) {
            Some(heads) => heads,
            None => self.heads(owner)?,
        };
        let mut taken = None;
        while let Some((place, (target, item))) = heads.pop_first() {
            // Room does not come back within a claim, so the rest of a full target is never read.
            if !room.has_room_for(&target) {
                continue;
            }
            let next = self.queue.head(owner, &target, &place)?;
            heads.extend(next.map(|(place, item)| (place, (target.clone(), item))));
            if self.queue.take(item)? {
                taken = Some(target);
                break;
            }
        }
        self.heads.insert(owner.clone(), heads);
        Ok(taken)
    }
}
