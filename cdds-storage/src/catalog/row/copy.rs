//! Copies that exports have made, and the filters that tell whom they name.

use std::collections::BTreeSet;

use cdds_core::domain::subject::copies::{FilterNote, Gap, PublishedSet};
use cdds_core::ports::catalog::CatalogError;
use cdds_core::ports::sink::Key;

use super::Reading;

/// The filters of a set.
#[derive(Debug)]
pub(in crate::catalog) struct FilterRow {
    pub(in crate::catalog) execution_id: String,
    pub(in crate::catalog) folder: String,
    pub(in crate::catalog) key_id: String,
    pub(in crate::catalog) filters: i64,
    pub(in crate::catalog) people: i64,
    pub(in crate::catalog) gaps: String,
}

/// Returns the stored form of gaps.
pub(in crate::catalog) fn gaps(gaps: &BTreeSet<Gap>) -> String {
    gaps.iter().map(|gap| gap.as_str()).collect::<Vec<_>>().join(" ")
}

impl FilterRow {
    pub(in crate::catalog) fn into_note(self) -> Result<FilterNote, CatalogError> {
        let row = Reading { table: "subject filter", id: &self.execution_id };
        let gap =
            |name: &str| Gap::parse(name).ok_or_else(|| row.corrupt(format_args!("unknown gap {name:?}")));
        let gaps = self.gaps.split_whitespace().map(gap).collect::<Result<_, _>>()?;
        let (key, folder) = (row.parse(&self.key_id)?, Key::new(self.folder));
        Ok(FilterNote::new(folder, key, row.number(self.filters)?, row.number(self.people)?).with_gaps(gaps))
    }
}

/// A set that was published.
#[derive(Debug)]
pub(in crate::catalog) struct PublishedRow {
    pub(in crate::catalog) execution_id: String,
    pub(in crate::catalog) job_id: String,
    pub(in crate::catalog) data_type: String,
    pub(in crate::catalog) slot: i64,
    pub(in crate::catalog) published_at: i64,
    pub(in crate::catalog) expires_at: i64,
    pub(in crate::catalog) removed_at: Option<i64>,
    pub(in crate::catalog) hold: bool,
    pub(in crate::catalog) filter: Option<FilterRow>,
}

impl PublishedRow {
    pub(in crate::catalog) fn into_set(self) -> Result<PublishedSet, CatalogError> {
        let row = Reading { table: "artifact set", id: &self.execution_id };
        let set = PublishedSet::new(
            row.parse(&self.execution_id)?,
            row.parse(&self.job_id)?,
            row.parse(&self.data_type)?,
        )
        .with_slot(row.at(self.slot)?)
        .with_published_at(row.at(self.published_at)?)
        .with_expires_at(row.at(self.expires_at)?)
        .with_removed_at(row.at_if(self.removed_at)?)
        .with_hold(self.hold);
        Ok(set.with_filter(self.filter.map(FilterRow::into_note).transpose()?))
    }
}
