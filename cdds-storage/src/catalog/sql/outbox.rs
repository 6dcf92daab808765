//! Notices: stored when an execution ends, or a set is about to expire or is recalled, claimed and settled by those who
//! send them (rules N2, N4, N5, N8, D11).

mod certificates;
mod claim;
mod expiring;
mod recall;

use cdds_core::domain::id::{ExecutionId, NoticeId, Owner};
use cdds_core::domain::notice::{Channel, Notice};
use cdds_core::domain::work::row::WorkOutcome;
use cdds_core::ports::catalog::query::{NoticeColumn, NoticeQuery, Page};
use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind, Fence};
use chrono::{DateTime, SubsecRound, Utc};

use super::super::row::{CertificateColumns, NoticeRow};
use super::driver::{self, OptionalExtension, Row, params};
use super::fault::{Fault, conflict};
use super::listing::Filter;
use super::order::{Key, Order, Ties};
use super::transaction::Transaction;
use super::understood::{row_id, understood};
use super::work;

pub(super) use self::certificates::tell_of_certificates;
pub(super) use self::claim::{claim, orphans};
pub(super) use self::expiring::tell_of_expiring;
pub(super) use self::recall::recall;

const COLUMNS: &str =
    "n.id, n.execution_id, n.job_id, n.owner, n.kind, n.at, n.subscriber, n.channel, n.state,
    n.reason, n.epoch, n.attempts, n.first_attempt_at, n.last_attempt_at, n.failure, n.next_attempt_at,
    n.worker, n.lease_renewed_at, n.lease_expires_at, n.ended_at, n.recipient, n.fingerprint, n.not_after, n.expires";

const TIES: Ties = Ties { at: "n.at", id: "n.id", part: None };

const OF_EXECUTION: &str = "FROM notice n WHERE n.execution_id = ?1";

/// Reads a notice from a row of [`COLUMNS`].
fn read(row: &Row<'_>) -> Result<Notice, Fault> {
    let row = NoticeRow {
        id: row.get(0)?,
        execution_id: row.get(1)?,
        job_id: row.get(2)?,
        owner: row.get(3)?,
        kind: row.get(4)?,
        at: row.get(5)?,
        subscriber: row.get(6)?,
        channel: row.get(7)?,
        work: work::columns(row, 8)?,
        certificate: certificate(row, 20)?,
    };
    Ok(row.into_notice()?)
}

/// Reads the columns of a certificate, which begin at `first`.
fn certificate(row: &Row<'_>, first: usize) -> driver::Result<CertificateColumns> {
    Ok(CertificateColumns {
        recipient: row.get(first)?,
        fingerprint: row.get(first + 1)?,
        not_after: row.get(first + 2)?,
        expires: row.get(first + 3)?,
    })
}

/// Stores notices in the transaction of what they tell. One that is on record was told, or will be. Returns how many
/// are new.
pub(super) fn insert(tx: &Transaction<'_>, notices: &[Notice]) -> Result<usize, Fault> {
    let mut stored = 0;
    for notice in notices {
        let row = NoticeRow::of(notice)?;
        stored += tx.execute(
            "INSERT INTO notice (id, execution_id, job_id, owner, kind, at, subscriber, channel, state, epoch,
                attempts, next_attempt_at, recipient, fingerprint, not_after, expires)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
             ON CONFLICT (id) DO NOTHING",
            params![
                row.id,
                row.execution_id,
                row.job_id,
                row.owner,
                row.kind,
                row.at,
                row.subscriber,
                row.channel,
                row.work.state,
                row.work.epoch,
                row.work.attempts,
                row.work.next_attempt_at,
                row.certificate.recipient,
                row.certificate.fingerprint,
                row.certificate.not_after,
                row.certificate.expires,
            ],
        )?;
    }
    Ok(stored)
}

/// Stores the state of a notice. The caller has read it in the same transaction.
fn store(tx: &Transaction<'_>, notice: &Notice) -> Result<(), Fault> {
    let NoticeRow { id, work, .. } = NoticeRow::of(notice)?;
    tx.execute(
        "UPDATE notice SET state = ?2, reason = ?3, epoch = ?4, attempts = ?5, first_attempt_at = ?6,
            last_attempt_at = ?7, failure = ?8, next_attempt_at = ?9, worker = ?10, lease_renewed_at = ?11,
            lease_expires_at = ?12, ended_at = ?13
         WHERE id = ?1",
        params![
            id,
            work.state,
            work.reason,
            work.epoch,
            work.attempts,
            work.first_attempt_at,
            work.last_attempt_at,
            work.failure,
            work.next_attempt_at,
            work.worker,
            work.lease_renewed_at,
            work.lease_expires_at,
            work.ended_at,
        ],
    )?;
    Ok(())
}

fn find(tx: &Transaction<'_>, id: &str) -> Result<Option<Notice>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM notice n WHERE n.id = ?1");
    let mut statement = tx.prepare(&sql)?;
    let found = statement.query_row([id], |row| Ok(read(row))).optional()?;
    found.transpose()
}

/// Ends an attempt, if its claim still holds.
pub(super) fn settle(
    tx: &Transaction<'_>,
    fence: Fence<NoticeId>,
    outcome: &WorkOutcome,
    now: DateTime<Utc>,
) -> Result<Notice, Fault> {
    let lost = |why: String| Fault::Refused(CatalogError::new(CatalogErrorKind::Fenced, why));
    let found = find(tx, &fence.id.to_string())?;
    let notice = found.ok_or_else(|| lost(format!("notice {} is gone", fence.id)))?;
    let work = notice.work.settled(fence.epoch, outcome, now);
    let settled = Notice { work: work.map_err(|error| lost(error.to_string()))?, ..notice };
    store(tx, &settled)?;
    Ok(settled)
}

/// Starts over with a notice that was told or given up.
pub(super) fn ask_again(
    tx: &Transaction<'_>,
    owner: &Owner,
    id: NoticeId,
    now: DateTime<Utc>,
) -> Result<Notice, Fault> {
    let found = find(tx, &id.to_string())?.filter(|notice| notice.work.owner == *owner);
    let notice = found.ok_or_else(|| conflict(format!("there is no notice {id}")))?;
    if let Some(execution) = notice.execution_id()
        && !is_kept(tx, execution)?
    {
        return Err(conflict(format!("the execution of notice {id} is gone")));
    }
    let again = notice.work.asked_again(now);
    let work = again.map_err(|why| conflict(format!("notice {id} cannot be sent again: {why}")))?;
    let waiting = Notice { work, ..notice };
    store(tx, &waiting)?;
    Ok(waiting)
}

/// Whether an execution is on record and was not deleted from the history.
fn is_kept(tx: &Transaction<'_>, execution: ExecutionId) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM execution WHERE id = ?1 AND deleted_at IS NULL";
    Ok(tx.query_row(sql, [execution.to_string()], |_| Ok(())).optional()?.is_some())
}

/// Gives up the notices of an execution that is deleted from the history. A notice that is not understood
/// stays as it is.
pub(super) fn cancel(tx: &Transaction<'_>, execution: ExecutionId, now: DateTime<Utc>) -> Result<(), Fault> {
    let mut statement = tx.prepare(&format!("SELECT {COLUMNS} {OF_EXECUTION}"))?;
    let mut rows = statement.query([execution.to_string()])?;
    let mut notices = Vec::new();
    while let Some(row) = &rows.next()? {
        notices.extend(understood("notice", &row_id(row), read(row))?);
    }
    for notice in notices {
        let work = notice.work.cancelled(now.trunc_subsecs(6));
        store(tx, &Notice { work, ..notice })?;
    }
    Ok(())
}

/// Lists an owner's notices. A notice that is not understood is left out.
pub(super) fn list(tx: &Transaction<'_>, owner: &Owner, query: &NoticeQuery) -> Result<Page<Notice>, Fault> {
    let (filter, order) = filter(owner, query);
    let page = filter.page(tx, &order, &query.slice)?;
    let mut items = Vec::with_capacity(page.ids.len());
    for id in &page.ids {
        items.extend(understood("notice", id, find(tx, id))?.flatten());
    }
    Ok(Page { items, total: page.total, next: page.next })
}

fn filter(owner: &Owner, query: &NoticeQuery) -> (Filter, Order) {
    let always = if query.for_host == Some(false) { "n.channel <> 'host'" } else { "TRUE" };
    // Covered, for the table has no row ids by which two indexes could be compared.
    let filter = Filter::new(("FROM notice n", "n.id"), ("n.owner", owner), always)
        .and_identified("n.id", query.id.map(|id| id.to_string()))
        .and_begins("n.id", query.id_begins.as_ref())
        .and_identified("n.execution_id", query.execution.map(|id| id.to_string()))
        .and_covered("n.job_id", query.job.map(|id| id.to_string()))
        .and_covered("n.kind", query.kind.map(|kind| kind.as_str().to_owned()))
        .and_covered("n.subscriber", query.subscriber.as_ref().map(ToString::to_string))
        .and_covered("n.channel", query.channel.map(|channel| channel.as_str().to_owned()))
        .and_covered("n.channel", (query.for_host == Some(true)).then(|| Channel::Host.as_str().to_owned()))
        .and_covered("n.state", query.status.map(|status| status.as_str().to_owned()))
        .and_indexed_between("n.at", query.at);
    // In the default order they have an index of their own. In others, those for the host would be passed over.
    let filter = match (query.for_host, query.sort.column) {
        (None | Some(true), _) | (_, NoticeColumn::At) => filter,
        (Some(false), _) => {
            let others = Channel::ALL.iter().filter(|channel| **channel != Channel::Host);
            let others = others.map(|channel| channel.as_str().to_owned()).collect();
            filter.and_covered_among("n.channel", others)
        }
    };
    (filter, key(query.sort.column).order(query.sort.descending, TIES))
}

fn key(column: NoticeColumn) -> Key {
    Key::of(match column {
        NoticeColumn::At => "n.at",
        NoticeColumn::Kind => "n.kind",
        NoticeColumn::Subscriber => "n.subscriber",
        NoticeColumn::Channel => "n.channel",
        NoticeColumn::Status => "n.state",
    })
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use cdds_core::domain::id::{JobId, Subscriber};
    use cdds_core::domain::notice::NoticeKind;
    use cdds_core::domain::work::row::WorkStatus;
    use cdds_core::ports::catalog::query::Sort;
    use uuid::Uuid;

    use super::*;
    use crate::catalog::sqlite::plan::plan;

    #[test]
    fn n4_lists_of_notices_are_read_in_the_order_of_an_index() {
        let (owner, all) = (Owner::default(), NoticeQuery::default);
        let walked = |query: NoticeQuery| {
            let (filter, order) = filter(&owner, &query);
            filter.walked_sql(&order, &query.slice)
        };
        let within = |query: NoticeQuery| {
            let (filter, order) = filter(&owner, &query);
            filter.walked_within_sql(&order, &query.slice)
        };
        let by = |column| all().with_sort(Sort { column, descending: false });
        let ada = Subscriber::new("ada@example.com").unwrap();
        let pages = [
            (walked(all()), "notice_listed"),
            (walked(all().with_for_host(false)), "notice_sent"),
            (walked(by(NoticeColumn::Kind)), "notice_by_kind"),
            (walked(by(NoticeColumn::Subscriber)), "notice_by_subscriber"),
            (walked(by(NoticeColumn::Channel)), "notice_by_channel"),
            (walked(by(NoticeColumn::Status)), "notice_by_state"),
            (within(all().with_status(WorkStatus::GivenUp)), "notice_by_state"),
            (within(all().with_job(JobId(Uuid::nil()))), "notice_by_job"),
            (within(all().with_kind(NoticeKind::Failed)), "notice_by_kind"),
            (within(all().with_subscriber(ada)), "notice_by_subscriber"),
            (within(all().with_channel(Channel::Email)), "notice_by_channel"),
            (within(all().with_for_host(true)), "notice_by_channel"),
        ];
        for (sql, index) in pages {
            let steps = plan(&sql[0]);
            assert!(steps[0].contains(&format!("USING COVERING INDEX {index} ")), "{index}: {steps:?}");
            assert_eq!((sql.len(), steps.len()), (1, 1), "{steps:?}");
        }
    }

    #[test]
    fn n4_the_notices_of_an_execution_are_found_by_it() {
        let steps = plan(&format!("SELECT {COLUMNS} {OF_EXECUTION}"));
        assert_eq!(steps, ["SEARCH n USING INDEX notice_of_execution (execution_id=?)"]);
    }
}
