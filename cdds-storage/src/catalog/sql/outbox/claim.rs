//! Claims of notices, as the rule of picking walks them (rule N4).

use std::collections::BTreeSet;

use cdds_core::domain::id::{Owner, Subscriber};
use cdds_core::domain::notice::{Channel, Notice};
use cdds_core::domain::work::pick::{WorkRoom, pick};
use cdds_core::domain::work::row::WorkStatus;
use cdds_core::ports::catalog::{CatalogError, NoticeClaim};
use chrono::{DateTime, Utc};

use super::super::super::row::micros;
use super::super::database::Database;
use super::super::driver::{OptionalExtension, Statement, params};
use super::super::fault::Fault;
use super::super::health;
use super::super::transaction::Transaction;
use super::super::understood::{row_id, understood};
use super::super::work::{self, Orphans, Picker, Place, Queue, place};
use super::{COLUMNS, read, store};

const HELD: &str = "FROM notice n WHERE n.state = 'held' AND n.channel = ?1";

const NEXT_OWNER: &str =
    "SELECT min(n.owner) FROM notice n WHERE n.state = 'waiting' AND n.channel = ?1 AND n.owner > ?2";

const NEXT_SUBSCRIBER: &str = "SELECT min(n.subscriber) FROM notice n
     WHERE n.state = 'waiting' AND n.channel = ?1 AND n.owner = ?2 AND n.subscriber > ?3";

/// The notices for a subscriber that may be sent, behind a place.
const DUE: &str = "FROM notice n
     WHERE n.state = 'waiting' AND n.channel = ?1 AND n.owner = ?2 AND n.subscriber = ?3
       AND n.next_attempt_at <= ?4 AND (n.next_attempt_at, n.id) > (?5, ?6)
     ORDER BY n.next_attempt_at, n.id";

/// Finds the notices whose workers are dead. Call it before the transaction of the claim.
pub(in super::super) fn orphans(
    database: &impl Database,
    claim: &NoticeClaim,
) -> Result<Orphans, CatalogError> {
    let held = format!("SELECT n.id, n.epoch, n.worker {HELD}");
    work::orphans(database, &held, &[claim.channel.as_str()], &claim.worker)
}

/// Hands waiting notices to a worker, after taking over those whose worker is dead or whose lease has run out.
pub(in super::super) fn claim(
    tx: &Transaction<'_>,
    orphans: &Orphans,
    claim: &NoticeClaim,
    now: DateTime<Utc>,
) -> Result<Vec<Notice>, Fault> {
    let held = take_over(tx, orphans, claim, now)?;
    let room = WorkRoom::new(claim.limit, claim.per_subscriber, held);
    let turn = turn(tx, claim)?;
    let mut picker = Picker::new(NoticeQueue::new(tx, claim, now)?);
    let after = pick(&mut picker, turn.clone(), room)?;
    let taken = picker.queue.taken;
    // Written only if it has changed, so that a claim without work writes nothing.
    if let Some(owner) = after.filter(|after| Some(after) != turn.as_ref()) {
        tx.execute(
            "INSERT INTO notice_turn (channel, owner) VALUES (?1, ?2)
             ON CONFLICT (channel) DO UPDATE SET owner = excluded.owner",
            [claim.channel.as_str(), owner.as_str()],
        )?;
    }
    Ok(taken)
}

/// Counts a failed attempt for every held notice whose worker is dead or whose lease has run out. Returns the
/// subscribers of those that stay held.
fn take_over(
    tx: &Transaction<'_>,
    orphans: &Orphans,
    claim: &NoticeClaim,
    now: DateTime<Utc>,
) -> Result<Vec<Subscriber>, Fault> {
    let mut statement = tx.prepare(&format!("SELECT {COLUMNS} {HELD}"))?;
    let mut rows = statement.query([claim.channel.as_str()])?;
    let mut held = Vec::new();
    while let Some(row) = &rows.next()? {
        held.extend(understood("notice", &row_id(row), read(row))?);
    }
    let mut left = Vec::new();
    for notice in held {
        let work = notice.work.clone();
        let abandoned = match orphans.has(&work.id, work.epoch) {
            true => work.orphaned(&claim.retry, now),
            false => work.abandoned(&claim.retry, now),
        };
        match abandoned {
            Some(work) => {
                tracing::warn!(notice_id = %work.id, "the worker of a notice is dead or silent");
                store(tx, &Notice { work, ..notice })?;
            }
            None => left.push(notice.subscriber),
        }
    }
    Ok(left)
}

/// Returns the owner who was served last. An owner that cannot be decoded counts as none.
fn turn(tx: &Transaction<'_>, claim: &NoticeClaim) -> Result<Option<Owner>, Fault> {
    let sql = "SELECT owner FROM notice_turn WHERE channel = ?1";
    let owner: Option<String> = tx.query_row(sql, [claim.channel.as_str()], |row| row.get(0)).optional()?;
    Ok(owner.and_then(|owner| Owner::new(owner).ok()))
}

/// The waiting notices in the transaction of a claim, and what was taken so far.
struct NoticeQueue<'tx> {
    tx: &'tx Transaction<'tx>,
    claim: &'tx NoticeClaim,
    now: DateTime<Utc>,
    /// The endpoints to which nothing is sent.
    disabled: BTreeSet<Subscriber>,
    next_owner: Statement<'tx>,
    next_subscriber: Statement<'tx>,
    due: Statement<'tx>,
    taken: Vec<Notice>,
}

impl<'tx> NoticeQueue<'tx> {
    fn new(tx: &'tx Transaction<'tx>, claim: &'tx NoticeClaim, now: DateTime<Utc>) -> Result<Self, Fault> {
        Ok(Self {
            tx,
            claim,
            now,
            disabled: match claim.channel {
                Channel::Webhook => health::disabled_endpoints(tx)?,
                _ => BTreeSet::new(),
            },
            next_owner: tx.prepare(NEXT_OWNER)?,
            next_subscriber: tx.prepare(NEXT_SUBSCRIBER)?,
            due: tx.prepare(&format!("SELECT {COLUMNS} {DUE}"))?,
            taken: Vec::new(),
        })
    }
}

impl Queue for NoticeQueue<'_> {
    type Item = Notice;
    type Target = Subscriber;

    fn next_owner(&mut self, after: &str) -> Result<Option<String>, Fault> {
        let values = [self.claim.channel.as_str(), after];
        Ok(self.next_owner.query_row(values, |row| row.get(0))?)
    }

    fn targets(&mut self, owner: &Owner) -> Result<Vec<Subscriber>, Fault> {
        let (mut targets, mut name) = (Vec::new(), String::new());
        loop {
            let values = [self.claim.channel.as_str(), owner.as_str(), &name];
            let next: Option<String> = self.next_subscriber.query_row(values, |row| row.get(0))?;
            let Some(next) = next else { return Ok(targets) };
            // Rows of an impossible subscriber are those of a newer program.
            let subscriber = Subscriber::new(&next).ok();
            let is_wanted = |one: &Subscriber| !self.disabled.contains(one) && self.claim.audience.has(one);
            targets.extend(subscriber.filter(is_wanted));
            name = next;
        }
    }

    fn head(
        &mut self,
        owner: &Owner,
        subscriber: &Subscriber,
        behind: &Place,
    ) -> Result<Option<(Place, Notice)>, Fault> {
        let (channel, now) = (self.claim.channel.as_str(), micros(self.now));
        let (at, id) = behind;
        let mut rows = self.due.walk(params![channel, owner.as_str(), subscriber.as_str(), now, at, id])?;
        while let Some(row) = &rows.next()? {
            if let Some(notice) = understood("notice", &row_id(row), read(row))?
                && notice.work.status() == WorkStatus::Waiting
            {
                return Ok(Some((place(row)?, notice)));
            }
        }
        Ok(None)
    }

    fn take(&mut self, notice: Notice) -> Result<bool, Fault> {
        let NoticeClaim { worker, lease, .. } = self.claim;
        let Some(work) = notice.work.clone().taken(worker.clone(), self.now, *lease) else {
            return Ok(false);
        };
        let taken = Notice { work, ..notice };
        store(self.tx, &taken)?;
        self.taken.push(taken);
        Ok(true)
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use super::*;
    use crate::catalog::sqlite::plan::plan;

    #[test]
    fn n4_waiting_notices_are_found_in_steps() {
        for sql in [NEXT_OWNER.to_owned(), NEXT_SUBSCRIBER.to_owned(), format!("SELECT {COLUMNS} {DUE}")] {
            let steps = plan(&sql);
            assert!(steps[0].contains("n USING") && steps[0].contains("notice_waiting"), "{steps:?}");
            assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}");
        }
        let steps = plan(&format!("SELECT {COLUMNS} {HELD}"));
        assert_eq!(steps, ["SEARCH n USING INDEX notice_held (channel=?)"]);
    }
}
