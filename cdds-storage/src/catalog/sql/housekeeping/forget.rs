//! Removes old rows, a page at a time (rule E14). Every page is read out of an index in its order.

use cdds_core::domain::keeping::sweep::{Chapter, OldRecord, OldRow, Place, Swept, sweep};
use cdds_core::domain::keeping::{Cutoffs, Facts, Files};
use cdds_core::ports::catalog::Forget;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::super::super::row::{corrupt, micros};
use super::super::copies;
use super::super::driver::{Row, params};
use super::super::fault::Fault;
use super::super::transaction::Transaction;
use super::super::understood::{row_id, understood};

/// Removes a page of old rows.
pub(in super::super) fn forget(tx: &Transaction<'_>, page: &Forget) -> Result<Swept, Fault> {
    sweep(&mut Old { tx, cutoffs: page.cutoffs }, &page.cutoffs, page.behind, page.limit)
}

/// The columns that tell what became of the files of an execution, and its set.
const SET: &str = "s.execution_id IS NOT NULL AS has_set, s.removal_confirmed_at AS gone_since";

/// Whether the job of an execution needs it. The newest and the last success are looked up in an index each;
/// a job may have neither.
const NEEDED: &str = "EXISTS (SELECT 1 FROM job j WHERE j.id = e.job_id AND j.state <> 'deleted')
    AND coalesce(e.id IN (
        (SELECT n.id FROM execution n
         WHERE n.job_id = e.job_id AND n.status <> 'skipped' AND n.deleted_at IS NULL
         ORDER BY n.created_at DESC, n.slot DESC, n.id DESC LIMIT 1),
        (SELECT l.id FROM execution l
         WHERE l.job_id = e.job_id AND l.status IN ('finished', 'finished_with_errors')
           AND l.deleted_at IS NULL
         ORDER BY l.finished_at DESC, l.id DESC LIMIT 1)), FALSE)";

/// Whether the set of an execution, whose id is put in place of `{}`, is on hold.
fn held(execution: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM artifact h JOIN artifact_set s ON s.execution_id = h.execution_id
                 WHERE h.execution_id = {execution} AND h.hold
                   AND h.removed_at IS NULL AND s.removed_at IS NULL)"
    )
}

/// The statement for the old rows of a chapter: ?1 is the cutoff, (?2, ?3) the place behind which they begin.
fn rows_of(chapter: Chapter) -> String {
    match chapter {
        Chapter::Ended => format!(
            "SELECT e.id, e.finished_at AS at, {SET}, {NEEDED} AS stays
             FROM execution e LEFT JOIN artifact_set s ON s.execution_id = e.id
             WHERE e.deleted_at IS NULL AND e.finished_at <= ?1 AND (e.finished_at, e.id) > (?2, ?3)
             ORDER BY e.finished_at, e.id"
        ),
        Chapter::Deleted => format!(
            "SELECT e.id, e.deleted_at AS at, {SET}, FALSE AS stays
             FROM execution e LEFT JOIN artifact_set s ON s.execution_id = e.id
             WHERE e.deleted_at <= ?1 AND (e.deleted_at, e.id) > (?2, ?3)
             ORDER BY e.deleted_at, e.id"
        ),
        Chapter::Jobs => "SELECT j.id, j.updated_at AS at, FALSE AS has_set, NULL AS gone_since,
                j.unsettled IS NOT NULL OR EXISTS (SELECT 1 FROM execution e WHERE e.job_id = j.id) AS stays
             FROM job j
             WHERE j.state = 'deleted' AND j.updated_at <= ?1 AND (j.updated_at, j.id) > (?2, ?3)
             ORDER BY j.updated_at, j.id"
            .to_owned(),
        Chapter::Notices => format!(
            "SELECT n.id, n.ended_at AS at, FALSE AS has_set, NULL AS gone_since, {} AS stays
             FROM notice n
             WHERE n.ended_at <= ?1 AND (n.ended_at, n.id) > (?2, ?3)
             ORDER BY n.ended_at, n.id",
            held("n.execution_id")
        ),
        Chapter::Audit => format!(
            "SELECT d.id, d.at AS at, FALSE AS has_set, NULL AS gone_since,
                d.object_id IS NOT NULL AND {} AS stays
             FROM audit d
             WHERE d.at <= ?1 AND (d.at, d.id) > (?2, ?3)
             ORDER BY d.at, d.id",
            held("coalesce((SELECT f.execution_id FROM artifact f WHERE f.id = d.object_id), d.object_id)")
        ),
    }
}

/// The old rows, in the transaction of a page.
struct Old<'tx> {
    tx: &'tx Transaction<'tx>,
    cutoffs: Cutoffs,
}

impl OldRecord for Old<'_> {
    type Error = Fault;

    fn old(&mut self, chapter: Chapter, behind: Option<Place>, limit: usize) -> Result<Vec<OldRow>, Fault> {
        let until = if chapter == Chapter::Deleted { self.cutoffs.gone } else { self.cutoffs.ended };
        let (at, id) = behind.map_or((i64::MIN, String::new()), |at| (micros(at.at), at.id.to_string()));
        let mut statement = self.tx.prepare(&rows_of(chapter))?;
        let mut rows = statement.walk(params![micros(until), at, id])?;
        let mut old = Vec::new();
        // The limit is counted here, so that rows that are passed over do not use it up.
        while old.len() < limit
            && let Some(row) = &rows.next()?
        {
            old.extend(understood("old row", &row_id(row), read(chapter, row))?);
        }
        Ok(old)
    }

    fn remove(&mut self, place: Place) -> Result<usize, Fault> {
        let id = place.id.to_string();
        if matches!(place.chapter, Chapter::Ended | Chapter::Deleted) {
            copies::leave(self.tx, &id, self.tx.now()?)?;
        }
        let statements: &[&str] = match place.chapter {
            // Whatever refers to a row goes before it.
            Chapter::Ended | Chapter::Deleted => &[
                "DELETE FROM download WHERE artifact_id IN (SELECT id FROM artifact WHERE execution_id = ?1)",
                "DELETE FROM artifact WHERE execution_id = ?1",
                "DELETE FROM artifact_set WHERE execution_id = ?1",
                "DELETE FROM notice WHERE execution_id = ?1",
                "DELETE FROM delivery WHERE execution_id = ?1",
                "DELETE FROM execution WHERE id = ?1",
            ],
            Chapter::Jobs => &["DELETE FROM job WHERE id = ?1"],
            Chapter::Notices => &["DELETE FROM notice WHERE id = ?1"],
            Chapter::Audit => &["DELETE FROM audit WHERE id = ?1"],
        };
        let mut removed = 0;
        for sql in statements {
            removed += self.tx.execute(sql, [&id])?;
        }
        Ok(removed)
    }
}

fn read(chapter: Chapter, row: &Row<'_>) -> Result<OldRow, Fault> {
    let id: String = row.get("id")?;
    let stays: bool = row.get("stays")?;
    let (has_set, gone_since): (bool, Option<i64>) = (row.get("has_set")?, row.get("gone_since")?);
    let at = |at| {
        let instant = DateTime::from_timestamp_micros(at);
        instant.ok_or_else(|| corrupt("old row", &id, format_args!("{at} µs is not an instant")))
    };
    let files = match (has_set, gone_since) {
        (false, _) => Files::None,
        (true, None) => Files::MayExist,
        (true, Some(since)) => Files::GoneSince(at(since)?),
    };
    let facts = match chapter {
        Chapter::Ended => Facts::Ended { files, is_needed: stays },
        Chapter::Deleted => Facts::Deleted { files },
        Chapter::Jobs => Facts::Job { is_referenced: stays },
        Chapter::Notices => Facts::Notice { is_held: stays },
        Chapter::Audit => Facts::Audit { is_held: stays },
    };
    let at: DateTime<Utc> = at(row.get("at")?)?;
    let id = Uuid::parse_str(&id).map_err(|error| corrupt("old row", &id, error))?;
    Ok(OldRow { place: Place { chapter, at, id }, facts })
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use super::*;
    use crate::catalog::sqlite::plan::plan;

    #[test]
    fn e14_old_rows_are_read_in_the_order_of_an_index() {
        for (chapter, index) in [
            (Chapter::Ended, "execution_ended ((finished_at,id)>(?,?) AND finished_at<?)"),
            (Chapter::Deleted, "execution_deleted ((deleted_at,id)>(?,?) AND deleted_at<?)"),
            (Chapter::Jobs, "job_deleted ((updated_at,id)>(?,?) AND updated_at<?)"),
            (Chapter::Notices, "notice_ended ((ended_at,id)>(?,?) AND ended_at<?)"),
            (Chapter::Audit, "audit_by_age ((at,id)>(?,?) AND at<?)"),
        ] {
            let steps = plan(&rows_of(chapter));
            assert!(steps[0].starts_with("SEARCH") && steps[0].ends_with(index), "{steps:?}");
            assert!(!steps.iter().any(|step| step.contains("SCAN")), "nothing is searched whole: {steps:?}");
            // The last success breaks ties between successes of the same microsecond.
            let sorted = steps.iter().filter(|step| step.contains("TEMP B-TREE"));
            assert!(sorted.clone().all(|step| step.contains("LAST TERM")), "{steps:?}");
            assert_eq!(sorted.count(), usize::from(chapter == Chapter::Ended), "{steps:?}");
        }
    }

    #[test]
    fn e14_nothing_is_searched_whole_for_what_refers_to_a_row() {
        // Foreign keys are checked by the same indexes.
        let of_job = plan("SELECT rowid FROM execution WHERE job_id = ?1");
        assert!(of_job[0].starts_with("SEARCH execution"), "{of_job:?}");
    }
}
