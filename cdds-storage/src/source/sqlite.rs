//! Tables and queries of a SQLite database, which is only read, but for erasures.

mod equal;
mod erase;
mod estimate;
mod fields;
mod open;
mod query;
mod rows;
mod spool;
mod statement;
mod strays;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use cdds_core::blocking::{Batches, Stop, read_blocking};
use cdds_core::domain::id::{Owner, SourceId, TypeId};
use cdds_core::ports::source::{
    EraseRequest, Erased, Estimate, Field, ReadRequest, RecordStream, Source, SourceDescription, SourceError,
    Visibility,
};

use super::config::{self, TypeConfig};
use super::owners;
use super::selection::Selection;
use erase::Erasing;
use open::{Database, Relation};
use rows::{Columns, Reader};
use strays::Strays;

/// The location of a type's records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqliteRows {
    /// All rows of a table or a view.
    Table(String),
    /// The rows of a query. If several columns have the same name, the last one counts (rule R7).
    Query(String),
}

/// A data type in a SQLite database.
pub type SqliteType = TypeConfig<SqliteRows>;

/// The configuration of a [`SqliteSource`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteConfig {
    /// The identifier under which jobs name the source.
    pub id: SourceId,
    /// The name shown to people.
    pub title: String,
    /// The database file. `{owner}` in a path of valid UTF-8 stands for the owner (rule J16).
    pub path: PathBuf,
    /// The data types.
    pub types: Vec<SqliteType>,
    /// How many executions may read the source at the same time (rule E2); `None` for no limit.
    pub max_concurrent: Option<NonZeroU32>,
    /// The owners who see the source (rule J16).
    pub visibility: Visibility,
}

impl SqliteConfig {
    /// Configures a source over this database, without data types and without a limit of executions.
    pub fn new(id: SourceId, title: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self {
            id,
            title: title.into(),
            path: path.into(),
            types: Vec::new(),
            max_concurrent: None,
            visibility: Visibility::default(),
        }
    }

    /// Adds a data type.
    #[must_use]
    pub fn with_type(mut self, data_type: SqliteType) -> Self {
        self.types.push(data_type);
        self
    }

    /// Limits how many executions may read the source at the same time (rule E2).
    #[must_use]
    pub fn with_max_concurrent(self, max_concurrent: NonZeroU32) -> Self {
        Self { max_concurrent: Some(max_concurrent), ..self }
    }

    /// Replaces the owners who see the source (rule J16).
    #[must_use]
    pub fn with_visibility(self, visibility: Visibility) -> Self {
        Self { visibility, ..self }
    }

    /// Returns the database of an owner.
    fn path_of(&self, source: &str, owner: &Owner) -> Result<PathBuf, SourceError> {
        match self.path.to_str() {
            Some(path) => owners::path_of(source, path, owner).map(PathBuf::from),
            None => Ok(self.path.clone()),
        }
    }
}

/// Reads tables and queries of a SQLite database.
///
/// The columns become keys in their order. INTEGER and REAL become numbers, TEXT text, BLOB Base64, and NULL
/// is left out (rule A2). A read sees one state of the database, whatever is written meanwhile, and rows come
/// in the order in which SQLite finds them. Each row's instant is checked here, whatever type the database
/// stores it as; a declared [`InstantFormat`](cdds_core::domain::record::instant::InstantFormat) lets an
/// index on its column narrow down the rows beforehand. The database also narrows them down by category and
/// by filters for equality. Templates are applied here (rule J4), so columns that nobody asks for are not
/// read.
///
/// Nothing is left beside the database, and no lock on it lasts as long as an export. In rollback journal
/// mode a reader keeps its application from committing, so rows are set aside in a temporary file when the
/// consumer keeps the read waiting for more than a second (in `SQLITE_TMPDIR`, `TMPDIR` or `/var/tmp`; at
/// most half of the room there). The application then waits only as long as SQLite takes to find the rows. In
/// WAL mode it never waits. A database in WAL mode that nobody has open is read without any lock; if its
/// application opens it and writes meanwhile, the read ends as
/// [`Interrupted`](cdds_core::ports::source::SourceErrorKind::Interrupted), to be retried.
///
/// Values are compared byte by byte, whatever the collations of the columns, which may be the application's
/// own.
///
/// A row is a bad record (rule E10) if its instant cannot be read, even where no window would find it, or if
/// a column that is looked at has text that is not UTF-8. Other rows that the database skips are not looked
/// at.
///
/// If a type names the column of the owner (rule J16), the database compares it with the owner, and each row
/// is checked again here. An index on it spares SQLite the rows of others.
/// A read by subject (rule D1) compares each row here. The database narrows the rows down beforehand if all fields that
/// may name the person are [stored normalised](cdds_core::domain::subject::StoredForm::Normalised); an index on each
/// spares SQLite the rows of others. Texts and whole numbers name people; BLOBs name nobody.
///
/// An erasure (rule D5) opens the database for writing, for as long as it lasts, and waits up to five seconds for the
/// application's own transactions. It is one transaction with foreign keys on, so their actions are carried out and
/// their objections heard; a deferred one objects only when the erasure commits, and not in a dry run. What is deleted
/// is overwritten with zeros. It is `Refused` too if a trigger keeps a record. Whoever runs it must own the files beside a
/// database in WAL mode as its application does.
///
/// With `{owner}` in the path, each owner has a database of its own; if there is none, reads fail as for any
/// missing database. On a file system that takes two names for the same, such as one that ignores case, give
/// owners names that differ in more than that.
#[derive(Debug)]
pub struct SqliteSource {
    config: SqliteConfig,
    description: SourceDescription,
    /// In bytes; `None` for half of the available room. Tests set less.
    set_aside_max: Option<u64>,
}

impl SqliteSource {
    /// Creates a source over this database, which is opened when a read begins.
    ///
    /// # Errors
    /// [`SourceErrorKind::Invalid`](cdds_core::ports::source::SourceErrorKind::Invalid) if there are no data
    /// types, two with the same name, one that is shared although each owner has a database of its own
    /// (rule J16), or one whose rule of erasure is not possible (rule D5).
    pub fn new(config: SqliteConfig) -> Result<Self, SourceError> {
        config::check_erasures(&config.id, &config.types, |rows| matches!(rows, SqliteRows::Table(_)))?;
        let path = |_| config.path.to_str().unwrap_or_default();
        let mut description = config::describe(&config.id, &config.title, &config.types, true, path)?;
        description.max_concurrent = config.max_concurrent;
        description.visibility = config.visibility.clone();
        Ok(Self { config, description, set_aside_max: None })
    }

    fn reading(&self, request: &ReadRequest) -> Result<Reading, SourceError> {
        let data_type = config::find(&self.config.id, &self.config.types, &request.data_type)?;
        let name = format!("{} {}", self.config.id, data_type.id);
        Ok(Reading {
            path: self.config.path_of(&name, &request.owner)?,
            name,
            data_type: data_type.clone(),
            selection: Selection::new(data_type, request)?,
            request: request.clone(),
            set_aside_max: self.set_aside_max,
        })
    }
}

#[async_trait]
impl Source for SqliteSource {
    fn describe(&self) -> &SourceDescription {
        &self.description
    }

    async fn estimate(&self, request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        let reading = self.reading(request)?;
        if request.subject.is_some() {
            return Ok(None);
        }
        blocking::unblock(move || reading.estimate()).await
    }

    async fn remarks(&self, owner: &Owner) -> Result<Vec<String>, SourceError> {
        let config = self.config.clone();
        let path = config.path_of(config.id.as_str(), owner)?;
        blocking::unblock(move || {
            let database = Database::open(&path, config.id.as_str())?;
            let is_locked = database.is_locked().then(|| locked(&path));
            let repeated = config.types.iter().filter_map(|data_type| repeated(&database, data_type));
            let unindexed = config.types.iter().flat_map(|data_type| database.unindexed(data_type));
            Ok(is_locked.into_iter().chain(repeated).chain(unindexed).collect())
        })
        .await
    }

    async fn fields(&self, owner: &Owner, data_type: &TypeId) -> Result<Option<Vec<Field>>, SourceError> {
        let data_type = config::find(&self.config.id, &self.config.types, data_type)?.clone();
        let name = format!("{} {}", self.config.id, data_type.id);
        let path = self.config.path_of(&name, owner)?;
        blocking::unblock(move || {
            let database = Database::open(&path, &name)?;
            database.fields(&data_type).map(Some).map_err(|error| database.explained(error))
        })
        .await
    }

    async fn faults(&self, owner: &Owner, data_type: &TypeId) -> Result<Vec<String>, SourceError> {
        let data_type = config::find(&self.config.id, &self.config.types, data_type)?.clone();
        let name = format!("{} {}", self.config.id, data_type.id);
        let path = self.config.path_of(&name, owner)?;
        blocking::unblock(move || {
            let database = Database::open(&path, &name)?;
            database.faults(&data_type).map_err(|error| database.explained(error))
        })
        .await
    }

    async fn erase(&self, request: EraseRequest) -> Result<Erased, SourceError> {
        let data_type = config::find(&self.config.id, &self.config.types, &request.data_type)?;
        let Some(rule) = data_type.erasure.clone() else {
            return Err(SourceError::unsupported(&self.config.id, &data_type.id));
        };
        let name = format!("{} {}", self.config.id, data_type.id);
        let path = self.config.path_of(&name, &request.owner)?;
        let erasing = Erasing { name, path, data_type: data_type.clone(), rule, request };
        blocking::unblock(move || erasing.run()).await
    }

    async fn read(&self, request: ReadRequest) -> Result<RecordStream, SourceError> {
        let reading = self.reading(&request)?;
        read_blocking(reading.name.clone(), move |batches| reading.run(batches)).await
    }
}

/// Describes how an export affects the database's application.
fn locked(path: &Path) -> String {
    format!(
        "{} uses a rollback journal: while an export selects its rows, the database's application cannot \
         write, for about as long as SQLite takes to run the query; larger exports are then held in {}, not \
         in the database. If the application runs `PRAGMA journal_mode = WAL` once, it can write at any time",
        path.display(),
        spool::folder().display()
    )
}

/// Describes the columns of a query that are not exported because another has the same name.
fn repeated(database: &Database, data_type: &SqliteType) -> Option<String> {
    // If a type cannot be read, the read reports the reason.
    let columns = database.relation(data_type).ok()?.repeated;
    (!columns.is_empty()).then(|| {
        format!(
            "type {}: the query returns more than one column {}: only the last one of a name is exported; \
             rename the others with AS to export them too",
            data_type.id,
            columns.join(" and ")
        )
    })
}

/// One read.
#[derive(Debug)]
struct Reading {
    name: String,
    path: PathBuf,
    data_type: SqliteType,
    selection: Selection,
    request: ReadRequest,
    set_aside_max: Option<u64>,
}

impl Reading {
    fn run(&self, batches: &mut Batches) -> Result<(), Stop> {
        let database = Database::open(&self.path, &self.name)?;
        match self.read(&database, batches) {
            Err(Stop::Failed(error)) => Err(database.explained(error).into()),
            other => other,
        }
    }

    fn read(&self, database: &Database, batches: &mut Batches) -> Result<(), Stop> {
        let relation = database.relation(&self.data_type)?;
        database.check_template(&self.request.template, &relation)?;
        if self.request.subject.is_some() {
            database.check_subjects(&self.data_type, &relation)?;
        }
        let keys = statement::columns(&self.data_type, &relation, &self.request);
        let statements = statement::select(&self.data_type, &relation, &keys, &self.request);
        let columns = self.columns(&relation, &keys);
        database.interruptible(|| {
            let interrupt = database.interrupt_handle();
            batches.opened_with(move || interrupt.interrupt())?;
            let mut reader = Reader::new(database, &columns, &self.selection, batches, self.set_aside_max)?;
            for statement in &statements {
                reader.scan(statement, None)?;
            }
            self.read_strays(database, &relation, &keys, &mut reader)?;
            self.count_undated(&relation, &mut reader)?;
            reader.finish()
        })
    }

    fn columns(&self, relation: &Relation, keys: &[String]) -> Columns {
        Columns::new(&self.data_type, keys.to_vec(), relation.rowid.is_some(), &self.request)
    }

    /// Reads the rows whose instants are invalid, in order to reject them, unless a window's statement
    /// already finds them.
    fn read_strays(
        &self,
        database: &Database,
        relation: &Relation,
        keys: &[String],
        reader: &mut Reader<'_>,
    ) -> Result<(), Stop> {
        for (column, statements) in statement::strays(&self.data_type, relation, keys, &self.request) {
            let mut strays = Strays::new(relation, &column);
            while let Some(text) = strays.next(database).map_err(|error| database.failure(error))? {
                for statement in &statements {
                    reader.scan(statement, Some(&text))?;
                }
            }
        }
        Ok(())
    }

    /// Counts the rows without an instant that a window's statements skip (rule W7). Reads only the columns
    /// that decide whether a row is asked for.
    fn count_undated(&self, relation: &Relation, reader: &mut Reader<'_>) -> Result<(), Stop> {
        let keys = statement::deciding_columns(&self.data_type, relation, &self.request);
        let columns = self.columns(relation, &keys);
        for statement in statement::undated(&self.data_type, relation, &keys, &self.request) {
            reader.count(&statement, &columns)?;
        }
        Ok(())
    }

    fn estimate(&self) -> Result<Option<Estimate>, SourceError> {
        let database = Database::open(&self.path, &self.name)?;
        let estimate = database
            .relation(&self.data_type)
            .and_then(|relation| estimate::estimate(&database, &self.data_type, &relation, &self.request));
        estimate.map_err(|error| database.explained(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cdds_core::domain::calendar::window::Window;
    use cdds_core::domain::id::{Owner, TypeId};
    use futures::TryStreamExt;
    use futures::executor::block_on;

    #[test]
    fn what_cannot_be_set_aside_at_once_is_in_several_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("source.db");
        let rows = "CREATE TABLE contacts (n INTEGER PRIMARY KEY, pad);
             WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 40000)
             INSERT INTO contacts SELECT n, printf('%0100d', n) FROM s";
        rusqlite::Connection::open(&path).unwrap().execute_batch(rows).unwrap();
        let id = TypeId::new("contact").unwrap();
        let types = vec![SqliteType::new(id.clone(), SqliteRows::Table("contacts".to_owned()))];
        let (source, title) = (SourceId::new("contacts").unwrap(), "Contacts".to_owned());
        let mut config = SqliteConfig::new(source, title, path);
        config.types = types;
        let mut source = SqliteSource::new(config).unwrap();
        source.set_aside_max = Some(100_000);
        let window = Window::until("9000-01-01T00:00:00Z".parse().unwrap());
        let mut expected = 0_i64;
        block_on(async {
            let mut stream = source.read(ReadRequest::new(Owner::default(), id, window)).await.unwrap();
            while let Some(batch) = stream.try_next().await.unwrap() {
                // Longer than the patience of a reader that blocks others.
                if expected == 0 {
                    std::thread::park_timeout(std::time::Duration::from_millis(1_500));
                }
                for record in batch.iter() {
                    expected += 1;
                    let record: serde_json::Value = serde_json::from_slice(record.line).unwrap();
                    assert_eq!(record["n"], expected);
                }
            }
        });
        assert_eq!(expected, 40_000);
    }
}
