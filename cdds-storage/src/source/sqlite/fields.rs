//! The columns of a type, and the indexes that lead to them.

use std::collections::BTreeMap;

use cdds_core::domain::subject::SubjectField;
use cdds_core::ports::source::{Field, FieldRole, Indexed, SourceError};

use super::open::{Database, Relation};
use super::statement::has_index;
use super::{SqliteRows, SqliteType};

/// The declared type of a column, and whether it belongs to the primary key.
type Declared = BTreeMap<String, (String, bool)>;

impl Database {
    /// Returns the fields that records of a type have, in the order of its columns.
    pub(super) fn fields(&self, data_type: &SqliteType) -> Result<Vec<Field>, SourceError> {
        let relation = self.relation(data_type)?;
        let indexes = Indexes::of(self, data_type, &relation)?;
        let declared = self.declared(data_type).map_err(|error| self.failure(error))?;
        let exported = relation.columns.iter().filter(|column| data_type.has_field(column));
        let field = |column: &String| {
            let field = Field::new(column.clone())
                .with_indexed(indexes.lead_to(column))
                .with_roles(data_type.roles(column, true));
            match declared.get(column) {
                Some((type_name, is_key)) => {
                    let field = field.with_roles(is_key.then_some(FieldRole::Key));
                    if type_name.is_empty() { field } else { field.with_declared(type_name.clone()) }
                }
                None => field,
            }
        };
        Ok(exported.map(field).collect())
    }

    /// Returns what the schema says about the columns of a table or a view. Columns of a query have no declaration.
    fn declared(&self, data_type: &SqliteType) -> rusqlite::Result<Declared> {
        let SqliteRows::Table(table) = &data_type.rows else { return Ok(Declared::new()) };
        let mut statement =
            self.connection().prepare("SELECT name, type, pk > 0 FROM pragma_table_xinfo(?1)")?;
        let columns = statement.query_map([table], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
        columns.collect()
    }

    /// Describes the columns by which a read by subject cannot look rows up (rule D1).
    pub(super) fn unindexed(&self, data_type: &SqliteType) -> Vec<String> {
        // If a type cannot be read, the read reports the reason.
        let Ok(relation) = self.relation(data_type) else { return Vec::new() };
        let Ok(indexes) = Indexes::of(self, data_type, &relation) else { return Vec::new() };
        let told = |field: &SubjectField| data_type.unindexed(field, indexes.lead_to(&field.name));
        data_type.subjects.iter().filter_map(told).collect()
    }
}

/// The indexes of a relation.
#[derive(Debug)]
struct Indexes<'d> {
    database: &'d Database,
    from: &'d str,
    /// Those of a table; of a view and a query the plan alone is known.
    listed: Vec<Listed>,
}

/// The beginning of an index.
#[derive(Debug)]
struct Listed {
    /// `None` for an expression.
    column: Option<String>,
    is_partial: bool,
    /// The statement that made it; empty if it belongs to a constraint.
    sql: String,
}

impl<'d> Indexes<'d> {
    fn of(
        database: &'d Database,
        data_type: &SqliteType,
        relation: &'d Relation,
    ) -> Result<Self, SourceError> {
        let listed = match &data_type.rows {
            SqliteRows::Table(table) => listed(database, table).map_err(|error| database.failure(error))?,
            SqliteRows::Query(_) => Vec::new(),
        };
        Ok(Self { database, from: &relation.from, listed })
    }

    /// Returns how the indexes serve a look-up in a column. SQLite itself says whether one does, by its plan.
    fn lead_to(&self, column: &str) -> Indexed {
        match has_index(self.database, self.from, column) {
            Ok(true) => return Indexed::Fully,
            Ok(false) => {}
            Err(_) => return Indexed::Unknown,
        }
        let begins =
            |index: &&Listed| index.column.as_deref().is_some_and(|first| first.eq_ignore_ascii_case(column));
        let in_expression = |index: &Listed| index.column.is_none() && names(&index.sql, column);
        let mut beginning = self.listed.iter().filter(begins).peekable();
        if beginning.peek().is_some() {
            // A whole one that the plan does not use is in another order.
            return if beginning.all(|index| index.is_partial) {
                Indexed::Partly
            } else {
                Indexed::Collation
            };
        }
        if self.listed.iter().any(in_expression) { Indexed::Expression } else { Indexed::No }
    }
}

/// Returns the beginnings of a table's indexes.
fn listed(database: &Database, table: &str) -> rusqlite::Result<Vec<Listed>> {
    let mut statement = database.connection().prepare(
        "SELECT x.name, l.partial, coalesce(s.sql, '') FROM pragma_index_list(?1) AS l, pragma_index_xinfo(l.name) AS x
            LEFT JOIN sqlite_schema AS s ON s.type = 'index' AND s.name = l.name WHERE x.seqno = 0",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Listed { column: row.get(0)?, is_partial: row.get(1)?, sql: row.get(2)? })
    };
    statement.query_map([table], read)?.collect()
}

/// Whether the column's name is a word within the parentheses of the statement that made an index.
fn names(sql: &str, column: &str) -> bool {
    let sql = sql.split_once('(').map_or("", |(_, expression)| expression).to_lowercase();
    let column = column.to_lowercase();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    sql.match_indices(&column).any(|(at, found)| {
        let (before, after) = (&sql[..at], &sql[at + found.len()..]);
        !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_an_expression_is_a_word_of_it() {
        let sql = "CREATE INDEX mail_by ON people (lower(email), mail_count + 1)";
        for (column, expected) in [("Email", true), ("mail_count", true), ("mail", false), ("people", false)]
        {
            assert_eq!(names(sql, column), expected, "{column}");
        }
    }
}
