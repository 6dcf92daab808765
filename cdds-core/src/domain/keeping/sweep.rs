//! Rule E14: walks the old rows of a catalog, a page at a time.
//!
//! Every catalog brings its [`OldRecord`] and calls [`sweep`] in one transaction, so that all of them forget
//! the same rows in the same order.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Cutoffs, Facts, is_forgotten};

/// The most rows that one call looks at or removes. An execution goes as a whole, so the last one may exceed
/// it.
pub const ROWS_MAX: usize = 1_000;

/// A part of the record, in the order in which they are walked: a job can go once its executions are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Chapter {
    /// Executions that have ended, by their end.
    Ended,
    /// Executions that were deleted from the history, by their deletion.
    Deleted,
    /// Deleted jobs, by their deletion.
    Jobs,
    /// Notices that were sent or given up, by that instant.
    Notices,
    /// The audit, by the instant of its entries.
    Audit,
}

impl Chapter {
    /// Every chapter.
    pub const ALL: [Self; 5] = [Self::Ended, Self::Deleted, Self::Jobs, Self::Notices, Self::Audit];
}

/// A row that may be old enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldRow {
    /// Where it is.
    pub place: Place,
    /// What decides about it.
    pub facts: Facts,
}

/// A place in the record: the chapter, and within it the order by instant and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The chapter.
    pub chapter: Chapter,
    /// The instant by which the chapter is ordered.
    pub at: DateTime<Utc>,
    /// The id of the row, which breaks ties.
    pub id: Uuid,
}

/// The old rows of a catalog, as [`sweep`] walks them.
pub trait OldRecord {
    /// The error of the catalog.
    type Error;

    /// Returns up to `limit` rows of a chapter behind a place, in order, that are at or before the cutoff of
    /// that chapter: [`Cutoffs::gone`] for [`Chapter::Deleted`], [`Cutoffs::ended`] for the others.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    fn old(
        &mut self,
        chapter: Chapter,
        behind: Option<Place>,
        limit: usize,
    ) -> Result<Vec<OldRow>, Self::Error>;

    /// Removes a row. With an execution go the entries of its files and their downloads, and its notices.
    /// Returns the number of rows that went.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    fn remove(&mut self, place: Place) -> Result<usize, Self::Error>;
}

/// The result of one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// The number of rows that were removed.
    pub rows: usize,
    /// Where the next page goes on; `None` if nothing old is left behind this one.
    pub next: Option<Place>,
}

/// Removes the rows that are [forgotten](is_forgotten), behind a place and up to a page of `limit` rows. Rows
/// that stay count, too, so that each page is short.
///
/// # Errors
/// The first error of the catalog.
pub fn sweep<R: OldRecord>(
    record: &mut R,
    cutoffs: &Cutoffs,
    behind: Option<Place>,
    limit: usize,
) -> Result<Swept, R::Error> {
    let (mut room, mut rows) = (limit.max(1), 0);
    let left = Chapter::ALL.into_iter().filter(|one| behind.is_none_or(|behind| *one >= behind.chapter));
    for chapter in left {
        let behind = behind.filter(|behind| behind.chapter == chapter);
        for OldRow { place, facts } in record.old(chapter, behind, room)? {
            let removed = match is_forgotten(place.at, facts, cutoffs) {
                true => record.remove(place)?,
                false => 0,
            };
            rows += removed;
            room = room.saturating_sub(removed.max(1));
            if room == 0 {
                return Ok(Swept { rows, next: Some(place) });
            }
        }
    }
    Ok(Swept { rows, next: None })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use super::super::Files;
    use super::*;

    /// Rows with the number of rows that go with each of them.
    struct Rows(BTreeMap<Place, (Facts, usize)>);

    impl OldRecord for Rows {
        type Error = Infallible;

        fn old(
            &mut self,
            chapter: Chapter,
            behind: Option<Place>,
            limit: usize,
        ) -> Result<Vec<OldRow>, Infallible> {
            let of_chapter = self.0.iter().filter(|(place, _)| place.chapter == chapter);
            let rows = of_chapter.filter(|(place, _)| behind.is_none_or(|behind| **place > behind));
            Ok(rows.take(limit).map(|(place, (facts, _))| OldRow { place: *place, facts: *facts }).collect())
        }

        fn remove(&mut self, place: Place) -> Result<usize, Infallible> {
            Ok(self.0.remove(&place).map_or(0, |(_, rows)| rows))
        }
    }

    fn place(chapter: Chapter, number: u128) -> Place {
        Place { chapter, at: DateTime::UNIX_EPOCH, id: Uuid::from_u128(number) }
    }

    #[test]
    fn e14_pages_are_bounded_and_pass_what_stays() {
        let kept = Facts::Ended { files: Files::MayExist, is_needed: false };
        let goes = Facts::Ended { files: Files::None, is_needed: false };
        let entry = Facts::Audit { is_held: false };
        let mut rows = Rows(BTreeMap::new());
        rows.0.extend((0..20).map(|number| (place(Chapter::Ended, number), (kept, 1))));
        rows.0.extend((20..40).map(|number| (place(Chapter::Ended, number), (goes, 4))));
        rows.0.extend((0..7).map(|number| (place(Chapter::Audit, number), (entry, 1))));
        let cutoffs = Cutoffs { ended: DateTime::UNIX_EPOCH, gone: DateTime::UNIX_EPOCH };
        let (mut behind, mut pages) = (None, Vec::new());
        loop {
            let Swept { rows, next } = sweep(&mut rows, &cutoffs, behind, 10).unwrap();
            pages.push(rows);
            behind = next;
            if behind.is_none() {
                break;
            }
        }
        // Two pages of rows that stay; then three executions fill a page, which the third exceeds.
        assert_eq!(pages, [0, 0, 12, 12, 12, 12, 12, 12, 10, 5]);
        assert_eq!(rows.0.len(), 20, "{:?}", rows.0.keys());
    }
}
