//! Erasures (rule D5): one transaction over a connection of its own, which is opened for it alone.
//!
//! A function of SQL tells which rows are about the person, so that the same code decides as for reads, and tables without
//! rowids are erased from as well. A dry run does everything and rolls it back: so its answer is that of the erasure, also
//! where something refuses it.

use std::path::PathBuf;

use cdds_core::domain::subject::{EraseRequest, Erased, ErasureRule, ON_HOLD, SubjectMatcher};
use cdds_core::ports::source::{SourceError, SourceErrorKind};
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior, ffi, params_from_iter};

use super::SqliteType;
use super::open::{BUSY_TIMEOUT, Database, Relation, quoted};
use super::rows::names;
use super::statement::{Condition, Statement, about, of_owner};

/// An erasure that is prepared.
#[derive(Debug)]
pub(super) struct Erasing {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) data_type: SqliteType,
    pub(super) rule: ErasureRule,
    pub(super) request: EraseRequest,
}

/// The name of the function that tells whether a field names the person: `cdds_names(number of the field, value)`.
const NAMES: &str = "cdds_names";

impl Erasing {
    /// Erases, or answers what an erasure would do.
    pub(super) fn run(&self) -> Result<Erased, SourceError> {
        let relation = self.relation()?;
        let mut connection = self.open().map_err(|error| self.failure(&error))?;
        let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = begun.map_err(|error| self.failure(&error))?;
        let erased = self.carry_out(&transaction, &relation)?;
        if self.request.dry_run {
            transaction.rollback().map_err(|error| self.failure(&error))?;
            return Ok(erased);
        }
        transaction.commit().map_err(|error| self.failure(&error))?;
        // What was erased is still in the log beside a database in WAL mode. Nobody waits for that: if others read
        // older states, it is emptied by whoever closes the database last.
        let _ = connection.busy_timeout(std::time::Duration::ZERO);
        let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        Ok(erased)
    }

    /// Looks the table up as reads do, before anything is opened for writing.
    fn relation(&self) -> Result<Relation, SourceError> {
        let database = Database::open(&self.path, &self.name)?;
        let relation = database.relation(&self.data_type)?;
        database.check_subjects(&self.data_type, &relation)?;
        database.check_columns(self.data_type.erased_columns(), &relation)?;
        Ok(relation)
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        // Its companion files are beside the file itself, not beside a link to it.
        let path = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "secure_delete", true)?;
        let person = SubjectMatcher::new(&self.data_type.subjects, &self.request.subject);
        // No view or trigger of the database may call it.
        let flags = FunctionFlags::SQLITE_UTF8
            | FunctionFlags::SQLITE_DETERMINISTIC
            | FunctionFlags::SQLITE_DIRECTONLY;
        connection.create_scalar_function(NAMES, 2, flags, move |context| {
            let field = usize::try_from(context.get::<i64>(0)?).unwrap_or(usize::MAX);
            Ok(names(&person, field, context.get_raw(1)))
        })?;
        Ok(connection)
    }

    fn carry_out(&self, transaction: &Transaction<'_>, relation: &Relation) -> Result<Erased, SourceError> {
        let failure = |error: rusqlite::Error| self.failure(&error);
        let found = self.found();
        if let ErasureRule::Keep { reason } = &self.rule {
            let records = count(transaction, found, relation).map_err(failure)?;
            return Ok(Erased::default().with_kept(reason, records));
        }
        let hold = self.data_type.hold.as_deref().map(on_hold);
        let held = match &hold {
            Some(hold) => {
                count(transaction, found.clone().and_sql(hold.clone()), relation).map_err(failure)?
            }
            None => 0,
        };
        let free = hold.iter().fold(found, |found, hold| found.and_sql(format!("NOT {hold}")));
        let Statement { sql, values } = free.clone().after(&self.change(relation));
        let changed = transaction.execute(&sql, params_from_iter(&values)).map_err(failure)?;
        // A trigger may have kept some without a word.
        if count(transaction, free, relation).map_err(failure)? > 0 {
            return Err(self.refused("a trigger of the database keeps some of them"));
        }
        let records = u64::try_from(changed).unwrap_or(u64::MAX);
        Ok(Erased { records, kept: Vec::new() }.with_kept(ON_HOLD, held))
    }

    /// Returns the condition that selects the owner's records about the person.
    fn found(&self) -> Condition {
        let owned = self.data_type.owner.field().map(|column| of_owner(column, &self.request.owner));
        let narrowed = about(&self.data_type.subjects, &self.request.subject);
        let named = self.data_type.subjects.iter().enumerate();
        let named: Vec<String> = named.map(|(field, subject)| is_named(field, &subject.name)).collect();
        let all = owned.into_iter().chain(narrowed).fold(Condition::default(), Condition::and_all);
        all.and_sql(format!("({})", named.join(" OR ")))
    }

    /// Returns the beginning of the statement that erases.
    fn change(&self, relation: &Relation) -> String {
        let ErasureRule::Empty { fields } = &self.rule else {
            return format!("DELETE FROM {}", relation.from);
        };
        let emptied = fields.iter().map(|field| {
            let column = quoted(field);
            // The other people whom a record names stay in it.
            match self.data_type.subjects.iter().position(|subject| subject.name == *field) {
                Some(number) => {
                    format!("{column} = CASE WHEN {} THEN NULL ELSE {column} END", is_named(number, field))
                }
                None => format!("{column} = NULL"),
            }
        });
        format!("UPDATE {} SET {}", relation.from, emptied.collect::<Vec<_>>().join(", "))
    }

    fn refused(&self, why: &str) -> SourceError {
        SourceError::new(SourceErrorKind::Refused, format!("{}: nothing is erased, since {why}", self.name))
    }

    /// Converts an error of SQLite. Those of constraints and triggers are told in own words: the database chooses
    /// theirs, and may put values in them.
    fn failure(&self, error: &rusqlite::Error) -> SourceError {
        let kind = match (error.sqlite_error_code(), error) {
            (Some(ErrorCode::ConstraintViolation), rusqlite::Error::SqliteFailure(code, _)) => {
                return self.refused(objection(*code));
            }
            (Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::CannotOpen), _) => {
                SourceErrorKind::Unavailable
            }
            (Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory), _) => {
                SourceErrorKind::Interrupted
            }
            _ => SourceErrorKind::Invalid,
        };
        let what = match error.sqlite_error_code() {
            Some(ErrorCode::ReadOnly) => "the database may not be written: give this program the right to",
            _ => "the database does not carry out the erasure",
        };
        let told = format!("{}: {what}", self.name);
        // A trigger may put values into what it has the database do, and so into the words of an error.
        match error.sqlite_error() {
            Some(code) => SourceError::with_source(kind, told, *code),
            None => SourceError::new(kind, told),
        }
    }
}

/// Says what objects to an erasure.
fn objection(error: ffi::Error) -> &'static str {
    match error.extended_code {
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
            "a foreign key of another table leads to one of the records: erase that table's records first, or, if none \
             of them has to stay, declare the key ON DELETE CASCADE"
        }
        ffi::SQLITE_CONSTRAINT_TRIGGER => "a trigger of the database forbids it",
        ffi::SQLITE_CONSTRAINT_NOTNULL => {
            "a column that would be emptied is NOT NULL: leave it out, or delete the records"
        }
        _ => "a constraint of the database forbids it",
    }
}

fn is_named(field: usize, column: &str) -> String {
    format!("{NAMES}({field}, {})", quoted(column))
}

/// Returns SQL that is true for a row on hold, and false for any other.
fn on_hold(column: &str) -> String {
    let column = quoted(column);
    format!("({column} IS NOT NULL AND CAST({column} AS TEXT) NOT IN ('', '0', '0.0', '-0.0', 'false'))")
}

fn count(transaction: &Transaction<'_>, rows: Condition, relation: &Relation) -> rusqlite::Result<u64> {
    let Statement { sql, values } = rows.statement("count(*)", &relation.from);
    let rows: i64 = transaction.query_row(&sql, params_from_iter(&values), |row| row.get(0))?;
    Ok(rows.unsigned_abs())
}
