//! Requests of data subjects (rules D2, D6, D8, D9).

use std::collections::BTreeSet;

use cdds_core::domain::execution::Execution;
use cdds_core::domain::id::{Owner, SubjectRequestId};
use cdds_core::domain::subject::HashedIdentifier;
use cdds_core::domain::subject::request::{RequestStatus, SubjectRequest};
use cdds_core::ports::catalog::query::{Page, SubjectRequestColumn, SubjectRequestQuery};
use chrono::{DateTime, Utc};

use super::super::row::{HashRow, StepColumns, SubjectRow, integer};
use super::driver::{self, OptionalExtension, Row, Value, params, params_from_iter};
use super::fault::{Fault, conflict, constraint};
use super::listing::Filter;
use super::order::{Key, Order, Ties};
use super::subject_tasks;
use super::transaction::Transaction;
use super::understood::understood;

const COLUMNS: [&str; 25] = [
    "id",
    "owner",
    "version",
    "kind",
    "state",
    "scope",
    "sealed_by",
    "sealed",
    "received_at",
    "received_by",
    "due_at",
    "evidence_who",
    "evidence_how",
    "verified_at",
    "verified_by",
    "approved_at",
    "approved_by",
    "extended_at",
    "extended_by",
    "ended_at",
    "ended_by",
    "reason",
    "handover",
    "handed_over_at",
    "handed_over_by",
];

const TIES: Ties = Ties { at: "s.received_at", id: "s.id", part: None };

/// Stores a new request, unless it repeats an open one, whose id it returns. Then nothing is stored.
pub(super) fn insert(
    tx: &Transaction<'_>,
    request: &SubjectRequest,
    store_audit: impl FnOnce() -> Result<(), Fault>,
) -> Result<Option<SubjectRequestId>, Fault> {
    if let Some(open) = repeated(tx, request)? {
        return Ok(Some(open));
    }
    let marks: Vec<String> = (1..=COLUMNS.len()).map(|number| format!("?{number}")).collect();
    let sql = format!("INSERT INTO subject_request ({}) VALUES ({})", COLUMNS.join(", "), marks.join(", "));
    tx.execute(&sql, params_from_iter(values(SubjectRow::of(request)?)))
        .map_err(constraint(format!("subject request {} is already on record", request.id)))?;
    let id = request.id.to_string();
    for (place, identifier) in (0_i64..).zip(&request.identifiers) {
        let HashRow { kind, key_id, digest } = HashRow::of(identifier);
        tx.execute(
            "INSERT INTO subject_hash (request_id, place, kind, key_id, digest) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![id.clone(), place, kind, key_id, digest],
        )?;
    }
    store_audit()?;
    Ok(None)
}

/// Replaces a request by a later state of it, and gives up its tasks if it has ended with that.
pub(super) fn change(
    tx: &Transaction<'_>,
    request: &SubjectRequest,
    expected: u64,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let sets = (2..).zip(&COLUMNS[1..]).map(|(number, column)| format!("{column} = ?{number}"));
    let sql = format!(
        "UPDATE subject_request SET {} WHERE id = ?1 AND owner = ?2 AND version = ?{}",
        sets.collect::<Vec<_>>().join(", "),
        COLUMNS.len() + 1
    );
    let mut values = values(SubjectRow::of(request)?);
    values.push(integer(expected).into());
    match tx.execute(&sql, params_from_iter(values))? {
        1 if request.status().is_open() => Ok(()),
        1 => subject_tasks::cancel(tx, request.id, now),
        _ => Err(conflict(format!("subject request {}", request.id))),
    }
}

/// Changes the request that a published set answers (rule D9).
pub(super) fn answer(
    tx: &Transaction<'_>,
    published: &Execution,
    request: Option<SubjectRequestId>,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    if request != published.settings.request {
        return Err(conflict(format!("execution {} answers another request", published.id)));
    }
    let Some(id) = request else { return Ok(()) };
    let before =
        find(tx, &published.owner, id)?.ok_or_else(|| conflict(format!("subject request {id} is gone")))?;
    let version = before.version;
    let after = before.handed_over(published.id, at).map_err(|refused| conflict(refused.to_string()))?;
    change(tx, &after, version, at)
}

/// Returns a request of an owner.
pub(super) fn find(
    tx: &Transaction<'_>,
    owner: &Owner,
    id: SubjectRequestId,
) -> Result<Option<SubjectRequest>, Fault> {
    Ok(read(tx, &id.to_string())?.filter(|request| request.owner == *owner))
}

/// Lists an owner's requests. One that is not understood is left out.
pub(super) fn list(
    tx: &Transaction<'_>,
    owner: &Owner,
    query: &SubjectRequestQuery,
) -> Result<Page<SubjectRequest>, Fault> {
    let (filter, order) = filter(owner, query);
    let page = filter.page(tx, &order, &query.slice)?;
    let mut items = Vec::with_capacity(page.ids.len());
    for id in &page.ids {
        items.extend(understood("subject request", id, read(tx, id))?.flatten());
    }
    Ok(Page { items, total: page.total, next: page.next })
}

/// Returns the first open request that a new one repeats, as the rule says (rule D8).
fn repeated(tx: &Transaction<'_>, new: &SubjectRequest) -> Result<Option<SubjectRequestId>, Fault> {
    let mut ids = BTreeSet::new();
    for identifier in &new.identifiers {
        let HashRow { kind, key_id, digest } = HashRow::of(identifier);
        let mut statement = tx.prepare(WITH_HASH)?;
        let found = statement.query_map(params![digest, key_id, kind], |row| row.get::<String>(0))?;
        ids.extend(found.collect::<Result<Vec<String>, _>>()?);
    }
    let mut open = Vec::new();
    for id in &ids {
        let known = understood("subject request", id, read(tx, id))?.flatten();
        open.extend(known.filter(|known| known.is_repeated_by(new)));
    }
    Ok(open.iter().min_by_key(|open| (open.received.at, open.id)).map(|open| open.id))
}

const WITH_HASH: &str = "SELECT request_id FROM subject_hash WHERE digest = ?1 AND key_id = ?2 AND kind = ?3";

fn filter(owner: &Owner, query: &SubjectRequestQuery) -> (Filter, Order) {
    let states = |open: bool| {
        let wanted = RequestStatus::ALL.iter().filter(move |status| status.is_open() == open);
        wanted.map(|status| status.as_str().to_owned()).collect::<Vec<_>>()
    };
    // Covered, for the table has no row ids by which two indexes could be compared.
    let filter = Filter::new(("FROM subject_request s", "s.id"), ("s.owner", owner), "TRUE")
        .and_begins("s.id", query.id_begins.as_ref())
        .and_covered("s.state", query.status.map(|status| status.as_str().to_owned()))
        .and_covered("s.kind", query.kind.map(|kind| kind.as_str().to_owned()));
    let filter = match query.open {
        Some(open) => filter.and_covered_among("s.state", states(open)),
        None => filter,
    };
    let key = Key::of(match query.sort.column {
        SubjectRequestColumn::ReceivedAt => "s.received_at",
        SubjectRequestColumn::DueAt => "s.due_at",
    });
    (filter, key.order(query.sort.descending, TIES))
}

/// Returns a request of any owner.
pub(super) fn read(tx: &Transaction<'_>, id: &str) -> Result<Option<SubjectRequest>, Fault> {
    let sql = format!("SELECT {} FROM subject_request WHERE id = ?1", COLUMNS.join(", "));
    let Some(row) = tx.query_row(&sql, [id], subject_row).optional()? else { return Ok(None) };
    Ok(Some(row.into_request(identifiers(tx, id)?)?))
}

fn identifiers(tx: &Transaction<'_>, id: &str) -> Result<Vec<HashedIdentifier>, Fault> {
    let sql = "SELECT kind, key_id, digest FROM subject_hash WHERE request_id = ?1 ORDER BY place";
    let mut statement = tx.prepare(sql)?;
    let rows = statement
        .query_map([id], |row| Ok(HashRow { kind: row.get(0)?, key_id: row.get(1)?, digest: row.get(2)? }))?;
    rows.map(|row| Ok(row?.into_identifier(id)?)).collect()
}

/// Returns the values of a row in the order of its columns.
fn values(row: SubjectRow) -> Vec<Value> {
    vec![
        row.id.into(),
        row.owner.into(),
        row.version.into(),
        row.kind.into(),
        row.state.into(),
        row.scope.into(),
        row.sealed_by.into(),
        row.sealed.into(),
        row.received.at.into(),
        row.received.by.into(),
        row.due_at.into(),
        row.evidence_who.into(),
        row.evidence_how.into(),
        row.verified.at.into(),
        row.verified.by.into(),
        row.approved.at.into(),
        row.approved.by.into(),
        row.extended.at.into(),
        row.extended.by.into(),
        row.ended.at.into(),
        row.ended.by.into(),
        row.reason.into(),
        row.handover.into(),
        row.handed_over_at.into(),
        row.handed_over_by.into(),
    ]
}

fn subject_row(row: &Row<'_>) -> driver::Result<SubjectRow> {
    let step =
        |at: usize| -> driver::Result<_> { Ok(StepColumns { at: row.get(at)?, by: row.get(at + 1)? }) };
    Ok(SubjectRow {
        id: row.get(0)?,
        owner: row.get(1)?,
        version: row.get(2)?,
        kind: row.get(3)?,
        state: row.get(4)?,
        scope: row.get(5)?,
        sealed_by: row.get(6)?,
        sealed: row.get(7)?,
        received: step(8)?,
        due_at: row.get(10)?,
        evidence_who: row.get(11)?,
        evidence_how: row.get(12)?,
        verified: step(13)?,
        approved: step(15)?,
        extended: step(17)?,
        ended: step(19)?,
        reason: row.get(21)?,
        handover: row.get(22)?,
        handed_over_at: row.get(23)?,
        handed_over_by: row.get(24)?,
    })
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use cdds_core::domain::subject::request::RequestKind;
    use cdds_core::ports::catalog::query::Sort;

    use super::*;
    use crate::catalog::sqlite::plan::plan;

    #[test]
    fn d8_a_repeated_request_is_found_by_the_hashes_of_its_identifiers() {
        let steps = plan(WITH_HASH);
        let index = "subject_hash_found (digest=? AND key_id=? AND kind=?)";
        assert_eq!(steps, [format!("SEARCH subject_hash USING COVERING INDEX {index}")]);
    }

    #[test]
    fn d2_lists_of_requests_are_read_in_the_order_of_an_index() {
        let (owner, all) = (Owner::default(), SubjectRequestQuery::default);
        let walked = |query: SubjectRequestQuery| {
            let (filter, order) = filter(&owner, &query);
            filter.walked_sql(&order, &query.slice)
        };
        let within = |query: SubjectRequestQuery| {
            let (filter, order) = filter(&owner, &query);
            filter.walked_within_sql(&order, &query.slice)
        };
        let due = Sort { column: SubjectRequestColumn::DueAt, descending: false };
        let pages = [
            (walked(all()), "subject_request_listed"),
            (walked(all().with_sort(due)), "subject_request_by_due"),
            (within(all().with_status(RequestStatus::Refused)), "subject_request_by_state"),
            (within(all().with_kind(RequestKind::Erasure)), "subject_request_by_kind"),
        ];
        for (sql, index) in pages {
            let steps = plan(&sql[0]);
            assert!(steps[0].contains(&format!("USING COVERING INDEX {index} ")), "{index}: {steps:?}");
            assert_eq!((sql.len(), steps.len()), (1, 1), "{steps:?}");
        }
    }
}
