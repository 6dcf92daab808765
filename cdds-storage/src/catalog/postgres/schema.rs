//! Numbered migrations, embedded in the program.
//!
//! The table `migration` says which were applied and when. Each is one transaction, and one process at a time migrates.
//! The table `reader` holds the oldest version whose programs may still use the schema, so that a fleet can be updated
//! one process after the other: the new program expands the schema in a way that the old one works with, and a later
//! version contracts it, once no old program is left, and raises this number.

use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind};

use super::super::sql::driver::DriverError;
use super::super::sql::fault::Fault;
use super::connect::{Connection, Connections};

/// The migrations in order, each with a note; the first one has number 1. Released migrations never change.
const MIGRATIONS: &[(&str, &str)] = &[
    ("the whole catalog", include_str!("migrations/0001_initial.sql")),
    ("faster claims and signs of life", include_str!("migrations/0002_claims.sql")),
    ("requests of data subjects", include_str!("migrations/0003_subjects.sql")),
    ("time zones", include_str!("migrations/0004_zones.sql")),
    ("erasures of data subjects", include_str!("migrations/0005_subject_tasks.sql")),
    ("filters of sets", include_str!("migrations/0006_filters.sql")),
    ("copies for data subjects", include_str!("migrations/0007_handed_over.sql")),
];

/// The name of the lock under which the schema is changed: "CDDS" in ASCII.
const LOCK: i32 = 0x4344_4453;

/// Brings the schema up to date. Waits for no lock if it already is.
pub(super) fn migrate(connections: &Connections) -> Result<(), Fault> {
    let connection = connections.connection()?;
    let schema = connections.schema();
    // Transactions of a session end with it, whatever happens here.
    if state(&connection, schema)?.is_current(schema)? {
        connection.give_back();
        return Ok(());
    }
    // The lock in a statement of its own, so that the next one sees what its last holder has stored.
    let begin = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL search_path = \"{schema}\"; \
         SELECT pg_advisory_xact_lock({LOCK}, hashtext('{schema}'))"
    );
    connection.batch(&begin)?;
    let found = state(&connection, schema)?;
    if !found.is_current(schema)? {
        if found == State::Missing {
            connection.batch(&first(schema))?;
        }
        for (number, (note, sql)) in (1_i64..).zip(MIGRATIONS) {
            if number > found.version() {
                connection.batch(sql)?;
                connection
                    .batch(&format!("INSERT INTO migration (number, note) VALUES ({number}, '{note}')"))?;
            }
        }
    }
    connection.batch("COMMIT")?;
    connection.give_back();
    Ok(())
}

/// Returns the statements that create the schema, and the table of its migrations.
fn first(schema: &str) -> String {
    format!(
        "CREATE SCHEMA IF NOT EXISTS \"{schema}\"; \
         CREATE TABLE migration (number BIGINT PRIMARY KEY, note TEXT NOT NULL, \
             applied_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp())"
    )
}

/// What the schema holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing.
    Missing,
    /// Tables, and none of them says which version it is.
    Foreign,
    Version {
        number: i64,
        /// The oldest version whose programs may use it.
        oldest_reader: i64,
    },
}

impl State {
    fn version(self) -> i64 {
        match self {
            Self::Missing | Self::Foreign => 0,
            Self::Version { number, .. } => number,
        }
    }

    /// Whether nothing is to be done.
    ///
    /// # Errors
    /// If the schema is not one of a catalog, or if a newer program has changed it beyond what this one can use.
    fn is_current(self, schema: &str) -> Result<bool, Fault> {
        let newest = newest();
        match self {
            Self::Missing => Ok(false),
            Self::Foreign => Err(Fault::Refused(CatalogError::new(
                CatalogErrorKind::Corrupt,
                format!(
                    "the schema {schema} holds tables of another program: name another one for the catalog"
                ),
            ))),
            Self::Version { number, oldest_reader } if number > newest && oldest_reader > newest => {
                Err(Fault::Refused(CatalogError::new(
                    CatalogErrorKind::NewerSchema,
                    format!(
                        "the catalog of PostgreSQL ({schema}) has schema version {number}, this program knows versions \
                         up to {newest}: use a newer version of the program"
                    ),
                )))
            }
            Self::Version { number, .. } => Ok(number >= newest),
        }
    }
}

/// Returns the number of the last migration.
fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

fn state(connection: &Connection<'_>, schema: &str) -> Result<State, DriverError> {
    let tables = format!(
        "SELECT count(*), count(*) FILTER (WHERE c.relname = 'migration') FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '{schema}'"
    );
    let (all, migrations) = numbers(connection, &tables)?;
    if migrations == 0 {
        return Ok(if all == 0 { State::Missing } else { State::Foreign });
    }
    let version = format!(
        "SELECT (SELECT coalesce(max(number), 0) FROM \"{schema}\".migration),
            (SELECT coalesce(max(oldest), 0) FROM \"{schema}\".reader)"
    );
    let (number, oldest_reader) = numbers(connection, &version)?;
    Ok(State::Version { number, oldest_reader })
}

/// Returns the two numbers of a query's only row.
fn numbers(connection: &Connection<'_>, sql: &str) -> Result<(i64, i64), DriverError> {
    let rows = connection.run(|client| client.query_typed(sql, &[]))?;
    let row = rows.first().ok_or(DriverError::NoRow)?;
    let number = |column: usize| row.try_get(column).map_err(DriverError::Postgres);
    Ok((number(0)?, number(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(state: State) -> Result<bool, CatalogErrorKind> {
        state.is_current("cdds").map_err(|fault| fault.into_postgres_error("open", "cdds").kind())
    }

    #[test]
    fn a_newer_schema_is_used_as_long_as_it_can_be() {
        let of =
            |ahead, reader| State::Version { number: newest() + ahead, oldest_reader: newest() + reader };
        assert_eq!(answer(of(-1, -1)), Ok(false));
        assert_eq!(answer(of(0, 0)), Ok(true));
        assert_eq!(answer(of(3, 0)), Ok(true));
        assert_eq!(answer(of(3, 1)), Err(CatalogErrorKind::NewerSchema));
        assert_eq!(answer(State::Missing), Ok(false));
        assert_eq!(answer(State::Foreign), Err(CatalogErrorKind::Corrupt));
    }
}
