//! Artifact sets: publishing, listing, downloading (rules A7, A8).

use cdds_core::domain::archive::artifact::ArtifactSet;
use cdds_core::domain::id::{ArtifactId, ExecutionId, Owner};
use cdds_core::ports::catalog::query::{ArtifactColumn, ArtifactOverview, ArtifactQuery, Page};
use chrono::{DateTime, Utc};

use super::super::row::{ArtifactOverviewRow, ArtifactRow, StoredRow, fold, integer, micros};
use super::driver::{self, OptionalExtension, Row, params};
use super::fault::Fault;
use super::listing::Filter;
use super::order::{Key, Ties};
use super::transaction::Transaction;

const COLUMNS: &str = "a.id, a.owner, a.execution_id, a.job_id, a.data_type, a.name, a.part, a.parts,
    a.\"key\", a.bytes, a.sha256, a.created_at, a.expires_at, a.hold";

/// Number of [`COLUMNS`].
const COLUMNS_COUNT: usize = 14;

const FILES: &str = "FROM artifact a";

/// Neither the file nor its set has been removed.
const LIVE: &str = "a.live";

/// Files with equal keys are sorted by when they were made, then by set, then by part.
const TIES: Ties = Ties { at: "a.created_at", id: "a.execution_id", part: Some("a.part") };

/// Selects the file that meets a condition, with the additional columns of a list.
fn overview_of(condition: &str) -> String {
    format!(
        "SELECT {COLUMNS}, EXISTS (SELECT 1 FROM job j WHERE j.id = a.job_id AND j.state = 'deleted'),
         a.downloads,
         (SELECT max(d.at) FROM download d WHERE d.artifact_id = a.id) {FILES} WHERE {condition}"
    )
}

fn artifact_row(row: &Row<'_>) -> driver::Result<ArtifactRow> {
    Ok(ArtifactRow {
        id: row.get(0)?,
        owner: row.get(1)?,
        execution_id: row.get(2)?,
        job_id: row.get(3)?,
        data_type: row.get(4)?,
        name: row.get(5)?,
        part: row.get(6)?,
        parts: row.get(7)?,
        key: row.get(8)?,
        bytes: row.get(9)?,
        sha256: row.get(10)?,
        created_at: row.get(11)?,
        expires_at: row.get(12)?,
        hold: row.get(13)?,
    })
}

fn overview_row(row: &Row<'_>) -> driver::Result<ArtifactOverviewRow> {
    Ok(ArtifactOverviewRow {
        artifact: artifact_row(row)?,
        job_deleted: row.get(COLUMNS_COUNT)?,
        downloads: row.get(COLUMNS_COUNT + 1)?,
        last_downloaded_at: row.get(COLUMNS_COUNT + 2)?,
    })
}

pub(super) fn insert(
    tx: &Transaction<'_>,
    execution: ExecutionId,
    set: &ArtifactSet,
    published_at: DateTime<Utc>,
) -> Result<(), Fault> {
    let expires_at = set.artifacts.iter().map(|artifact| artifact.expires_at).max().unwrap_or(published_at);
    let signature = set.signature.as_ref();
    tx.execute(
        "INSERT INTO artifact_set (execution_id, manifest_name, manifest_key, manifest_bytes,
                                   manifest_sha256, published_at, expires_at, signature_name,
                                   signature_key, signature_bytes, signature_sha256)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            execution.to_string(),
            set.manifest.name,
            set.manifest.key.as_str(),
            integer(set.manifest.bytes),
            set.manifest.sha256.to_string(),
            micros(published_at),
            micros(expires_at),
            signature.map(|signature| &signature.name),
            signature.map(|signature| signature.key.as_str()),
            signature.map(|signature| integer(signature.bytes)),
            signature.map(|signature| signature.sha256.to_string()),
        ],
    )?;
    let mut statement = tx.prepare(
        "INSERT INTO artifact (id, owner, execution_id, job_id, data_type, name, name_folded, part, parts,
                               \"key\", bytes, sha256, created_at, expires_at, hold)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?;
    for artifact in &set.artifacts {
        statement.execute(params![
            artifact.id.to_string(),
            artifact.owner.as_str(),
            artifact.execution_id.to_string(),
            artifact.job_id.to_string(),
            artifact.types.to_string(),
            artifact.name,
            fold(&artifact.name),
            artifact.part,
            artifact.parts,
            artifact.key.as_str(),
            integer(artifact.bytes),
            artifact.sha256.to_string(),
            micros(artifact.created_at),
            micros(artifact.expires_at),
            artifact.hold,
        ])?;
    }
    Ok(())
}

pub(super) fn list(
    tx: &Transaction<'_>,
    owner: &Owner,
    query: &ArtifactQuery,
) -> Result<Page<ArtifactOverview>, Fault> {
    let order = key(query.sort.column).order(query.sort.descending, TIES);
    let page = filter(tx, owner, query)?.page(tx, &order, &query.slice)?;
    // By the row id, which every index has.
    let sql = overview_of("a.rowid = CAST(?1 AS BIGINT)");
    let items = tx.rows_of(&sql, &page.ids, |row| Ok(overview_row(row)?.into_overview()?))?;
    Ok(Page { items, total: page.total, next: page.next })
}

fn filter(tx: &Transaction<'_>, owner: &Owner, query: &ArtifactQuery) -> Result<Filter, Fault> {
    let filter = Filter::new((FILES, "CAST(a.rowid AS TEXT)"), ("a.owner", owner), LIVE)
        .and_begins("a.id", query.id_begins.as_ref())
        .and_identified("a.job_id", query.job.map(|job| job.to_string()))
        .and_identified("a.execution_id", query.execution.map(|execution| execution.to_string()))
        .and_indexed_between("a.created_at", query.created)
        .and_indexed_between("a.expires_at", query.expires)
        .and_indexed_range("a.bytes", (query.bytes_min.map(integer), query.bytes_max.map(integer)))
        .and_covered("a.hold", query.hold)
        .and_mostly("(a.hold OR a.expires_at > ?)", query.available_at.map(micros));
    filter.and_named(tx, query.search.as_deref().map(fold))?.and_type(
        tx,
        "a.data_type",
        query.data_type.as_ref(),
    )
}

fn key(column: ArtifactColumn) -> Key {
    match column {
        // By the name of the set, which its id decides: by the names of files `.z100` would come before `.z11`.
        ArtifactColumn::Name => Key::of("a.execution_id"),
        ArtifactColumn::Type => Key::of("a.data_type"),
        ArtifactColumn::CreatedAt => Key::of("a.created_at"),
        ArtifactColumn::Size => Key::of("a.bytes"),
        ArtifactColumn::Part => Key::of("a.part"),
        ArtifactColumn::RemainingDays => Key::of("a.expires_at"),
        ArtifactColumn::Downloads => Key::of("a.downloads"),
    }
}

pub(super) fn find(
    tx: &Transaction<'_>,
    owner: &Owner,
    id: ArtifactId,
) -> Result<Option<ArtifactOverview>, Fault> {
    let sql = format!("{} AND a.owner = ?2 AND {LIVE}", overview_of("a.id = ?1"));
    let row = tx.query_row(&sql, [&id.to_string(), owner.as_str()], overview_row).optional()?;
    Ok(row.map(ArtifactOverviewRow::into_overview).transpose()?)
}

/// Returns the set of an execution without removed files, unless the whole set was removed.
pub(super) fn set(
    tx: &Transaction<'_>,
    owner: &Owner,
    execution: ExecutionId,
) -> Result<Option<ArtifactSet>, Fault> {
    set_where(tx, owner, execution, ["AND s.removed_at IS NULL", "AND a.removed_at IS NULL"])
}

/// Returns the set of an execution that is in the history as it was published, with what was removed since.
pub(super) fn set_as_published(
    tx: &Transaction<'_>,
    owner: &Owner,
    execution: ExecutionId,
) -> Result<Option<ArtifactSet>, Fault> {
    set_where(tx, owner, execution, ["AND e.deleted_at IS NULL", ""])
}

/// Reads a set under these conditions on its row and on those of its files.
fn set_where(
    tx: &Transaction<'_>,
    owner: &Owner,
    execution: ExecutionId,
    [of_set, of_files]: [&str; 2],
) -> Result<Option<ArtifactSet>, Fault> {
    let sql = format!(
        "SELECT s.execution_id, s.manifest_name, s.manifest_key, s.manifest_bytes, s.manifest_sha256,
                s.signature_name, s.signature_key, s.signature_bytes, s.signature_sha256
         FROM artifact_set s JOIN execution e ON e.id = s.execution_id
         WHERE s.execution_id = ?1 AND e.owner = ?2 {of_set}"
    );
    let set = tx
        .query_row(&sql, [&execution.to_string(), owner.as_str()], |row| {
            let manifest = StoredRow {
                execution_id: row.get(0)?,
                name: row.get(1)?,
                key: row.get(2)?,
                bytes: row.get(3)?,
                sha256: row.get(4)?,
            };
            let signature = match row.get(5)? {
                Some(name) => Some(StoredRow {
                    execution_id: row.get(0)?,
                    name,
                    key: row.get(6)?,
                    bytes: row.get(7)?,
                    sha256: row.get(8)?,
                }),
                None => None,
            };
            Ok((manifest, signature))
        })
        .optional()?;
    let Some((manifest, signature)) = set else {
        return Ok(None);
    };
    let sql =
        format!("SELECT {COLUMNS} FROM artifact a WHERE a.execution_id = ?1 {of_files} ORDER BY a.part");
    let mut statement = tx.prepare(&sql)?;
    let rows = statement.query_map([execution.to_string()], artifact_row)?;
    let artifacts = rows.map(|row| Ok(row?.into_artifact()?)).collect::<Result<_, Fault>>()?;
    let signature = signature.map(StoredRow::into_signature).transpose()?;
    Ok(Some(ArtifactSet { manifest: manifest.into_manifest()?, signature, artifacts }))
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use cdds_core::ports::catalog::query::{Cursor, Slice, Sort, SortKey};

    use cdds_core::system::SystemClock;

    use super::*;
    use crate::catalog::sqlite::plan::{empty, plan};

    #[test]
    fn a_page_of_files_walks_the_index_of_its_column() {
        let after = Cursor { key: SortKey::Number(7), at: 5, id: "an id".to_owned(), part: 3 };
        for column in ArtifactColumn::ALL {
            let query = ArtifactQuery::default().with_sort(Sort { column: *column, descending: true });
            let order = key(*column).order(true, TIES);
            let index = match column {
                ArtifactColumn::Name => "artifact_list_name (",
                ArtifactColumn::Type => "artifact_list_type (",
                ArtifactColumn::CreatedAt => "artifact_list (",
                ArtifactColumn::Size => "artifact_list_size (",
                ArtifactColumn::Part => "artifact_list_part (",
                ArtifactColumn::RemainingDays => "artifact_list_expiry (",
                ArtifactColumn::Downloads => "artifact_list_downloads (",
            };
            for after in [None, Some(after.clone())] {
                let slice = Slice { after, limit: 100 };
                let filter = filter(
                    &Transaction::sqlite(empty().transaction().unwrap(), &SystemClock::new()),
                    &Owner::default(),
                    &query,
                )
                .unwrap();
                for sql in filter.walked_sql(&order, &slice) {
                    let steps = plan(&sql);
                    assert!(
                        steps[0].contains(&format!("a USING COVERING INDEX {index}owner=?")),
                        "{column:?} {steps:?}"
                    );
                    // Parts of one set are sorted among themselves.
                    let sorted = steps.iter().skip(1).all(|step| step.contains("B-TREE FOR LAST "));
                    assert!(sorted, "{column:?} {steps:?}");
                }
            }
        }
    }

    #[test]
    fn files_on_hold_are_sorted_by_any_column_out_of_one_index() {
        for column in ArtifactColumn::ALL {
            let query = ArtifactQuery::default().with_hold(Some(true));
            let filter = filter(
                &Transaction::sqlite(empty().transaction().unwrap(), &SystemClock::new()),
                &Owner::default(),
                &query,
            )
            .unwrap();
            let order = key(*column).order(true, TIES);
            for sql in filter.gathered_sql(&order, &Slice::first(100)) {
                let steps = plan(&sql);
                let index = "a USING COVERING INDEX artifact_list_hold (hold=? AND owner=?)";
                assert!(steps[0].contains(index), "{column:?} {steps:?}");
            }
        }
    }
}
