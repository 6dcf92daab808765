//! Queries, and their columns that share a name.

use std::collections::BTreeSet;

use cdds_core::ports::source::SourceError;

use super::open::{Database, Relation, quoted};

impl Database {
    /// Returns the rows of a query. If several columns have the same name, the last one counts, at the place
    /// of the first (rule R7).
    pub(super) fn query(&self, query: &str) -> Result<Relation, SourceError> {
        let query = query.trim_end().trim_end_matches(';');
        // Prepare the query as it is rather than inside a larger statement, so that errors point at it.
        let (names, is_read_only) = self
            .prepared(query)
            .map_err(|error| self.refused("the query does not run: correct it", error))?;
        if !is_read_only || names.is_empty() {
            return Err(self.invalid("the query is not a SELECT: only those are run"));
        }
        let columns = distinct(&names);
        let mut seen = BTreeSet::new();
        if let Some(twice) = columns.iter().find(|column| !seen.insert(column.to_ascii_lowercase())) {
            return Err(self.invalid(&format!(
                "the query returns two columns {twice:?} that differ in case only, which SQL does not tell apart: name \
                 one with AS"
            )));
        }
        // On lines of its own, in case it ends with a comment.
        let mut from = format!("(\n{query}\n)");
        if columns.len() < names.len() {
            from = self.last_of_each(&from, &names, &columns).map_err(|error| self.failure(error))?;
        }
        let repeated = columns.iter().filter(|column| names.iter().filter(|name| name == column).count() > 1);
        Ok(Relation {
            repeated: repeated.cloned().collect(),
            from,
            columns,
            rowid: None,
            indexed: Vec::new(),
        })
    }

    /// Returns SQL that selects the last column of each name. Within another statement SQLite renames columns
    /// that share a name; ask SQLite for these names, since no rule defines them.
    fn last_of_each(&self, from: &str, names: &[String], columns: &[String]) -> rusqlite::Result<String> {
        let (inside, _) = self.prepared(&format!("SELECT * FROM {from}"))?;
        let selected = columns.iter().filter_map(|column| {
            let last = names.iter().rposition(|name| name == column)?;
            Some(format!("{} AS {}", quoted(inside.get(last)?), quoted(column)))
        });
        Ok(format!("(SELECT {} FROM {from})", selected.collect::<Vec<_>>().join(", ")))
    }
}

/// Returns each name once, at the place of its first occurrence.
fn distinct(names: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.iter().filter(|name| seen.insert(*name)).cloned().collect()
}
