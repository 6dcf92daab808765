//! Tables and queries of a SQLite database, which is only read.

mod equal;
mod open;
mod rows;
mod statement;
mod strays;

use std::path::PathBuf;

use async_trait::async_trait;
use cdds_core::domain::id::SourceId;
use cdds_core::domain::record::RecordBatch;
use cdds_core::ports::source::{Description, Estimate, ReadRequest, Source, SourceError};
use futures::stream::BoxStream;

use super::blocking::{self, Batches, Stop};
use super::config::{self, TypeConfig};
use super::selection::Selection;
use open::{Database, Relation};
use strays::Strays;

/// Where the records of a type are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqliteRows {
    /// All rows of a table or a view.
    Table(String),
    /// The rows of a query; the columns need distinct names.
    Query(String),
}

/// A data type in a SQLite database.
pub type SqliteType = TypeConfig<SqliteRows>;

/// How a [`SqliteSource`] is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteConfig {
    /// The identifier under which jobs name the source.
    pub id: SourceId,
    /// The name shown to people.
    pub title: String,
    /// The database file.
    pub path: PathBuf,
    /// The data types.
    pub types: Vec<SqliteType>,
}

/// Reads tables and queries of a SQLite database.
///
/// The columns become keys in their order; INTEGER and REAL become numbers, TEXT text, BLOB Base64, and
/// NULL is left out (rule A2). A read sees one state of the database, whatever is written meanwhile, and
/// rows come in the order in which SQLite finds them. Each row's instant is checked here, whatever the
/// database stores it as; a declared [`InstantFormat`](cdds_core::domain::instant::InstantFormat) lets
/// an index on its column narrow down the rows beforehand. Categories and filters for equality are narrowed
/// down by the database too. Templates are applied here (rule J4): columns that nobody asks for are not read.
///
/// A row whose instant cannot be read, or with text that is not UTF-8 in a column that is looked at, is a bad
/// record (rule E10), also where no window would come upon its instant. Rows that the database has passed over are
/// not looked at otherwise.
#[derive(Debug)]
pub struct SqliteSource {
    config: SqliteConfig,
    description: Description,
}

impl SqliteSource {
    /// A source over this database, which is opened when a read begins.
    ///
    /// # Errors
    /// [`SourceErrorKind::Invalid`](cdds_core::ports::source::SourceErrorKind::Invalid) if there are no
    /// data types, or two of the same name.
    pub fn new(config: SqliteConfig) -> Result<Self, SourceError> {
        let description = config::describe(&config.id, &config.title, &config.types, true)?;
        Ok(Self { config, description })
    }

    fn reading(&self, request: &ReadRequest) -> Result<Reading, SourceError> {
        let data_type = config::find(&self.config.id, &self.config.types, &request.data_type)?;
        Ok(Reading {
            name: format!("{} {}", self.config.id, data_type.id),
            path: self.config.path.clone(),
            data_type: data_type.clone(),
            selection: Selection::new(data_type, request)?,
            request: request.clone(),
        })
    }
}

#[async_trait]
impl Source for SqliteSource {
    fn describe(&self) -> &Description {
        &self.description
    }

    async fn estimate(&self, request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        let reading = self.reading(request)?;
        ::blocking::unblock(move || reading.estimate()).await
    }

    async fn read(
        &self,
        request: ReadRequest,
    ) -> Result<BoxStream<'static, Result<RecordBatch, SourceError>>, SourceError> {
        let reading = self.reading(&request)?;
        blocking::read(reading.name.clone(), move |batches| reading.run(batches)).await
    }
}

/// One read.
#[derive(Debug)]
struct Reading {
    name: String,
    path: PathBuf,
    data_type: SqliteType,
    selection: Selection,
    request: ReadRequest,
}

impl Reading {
    fn run(&self, batches: &mut Batches) -> Result<(), Stop> {
        let database = Database::open(&self.path, &self.name)?;
        let relation = database.relation(&self.data_type)?;
        database.check_template(&self.request.template, &relation)?;
        let keys = statement::columns(&self.data_type, &relation, &self.request);
        let statements = statement::select(&self.data_type, &relation, &keys, &self.request);
        let columns = rows::Columns::new(&self.data_type, keys.clone(), relation.has_rowid, &self.request);
        database.interruptible(|| {
            let interrupt = database.interrupt_handle();
            batches.opened(Box::new(move || interrupt.interrupt()))?;
            let mut ordinal = 0;
            for statement in &statements {
                rows::read(&database, statement, &columns, &self.selection, &mut ordinal, batches)?;
            }
            self.read_strays(&database, &relation, (&keys, &columns), &mut ordinal, batches)?;
            self.count_undated(&database, &relation, batches)
        })
    }

    /// Reads the rows whose instants are no such, in order to refuse them, as far as no statement of a window comes
    /// upon them.
    fn read_strays(
        &self,
        database: &Database,
        relation: &Relation,
        (keys, columns): (&[String], &rows::Columns),
        ordinal: &mut u64,
        batches: &mut Batches,
    ) -> Result<(), Stop> {
        for (column, statements) in statement::strays(&self.data_type, relation, keys, &self.request) {
            let mut strays = Strays::new(relation, &column);
            while let Some(text) = strays.next(database).map_err(|error| database.failure(error))? {
                for statement in &statements {
                    let values = Some(&text);
                    rows::read_with(
                        database,
                        (statement, values),
                        columns,
                        &self.selection,
                        ordinal,
                        batches,
                    )?;
                }
            }
        }
        Ok(())
    }

    /// Counts the rows without an instant that the statements of a window pass over (rule W7). Only the columns that
    /// say whose rows they are are read.
    fn count_undated(
        &self,
        database: &Database,
        relation: &Relation,
        batches: &mut Batches,
    ) -> Result<(), Stop> {
        let keys = statement::deciding_columns(&self.data_type, relation, &self.request);
        let columns = rows::Columns::new(&self.data_type, keys.clone(), relation.has_rowid, &self.request);
        for statement in statement::undated(&self.data_type, relation, &keys, &self.request) {
            rows::count(database, &statement, &columns, &self.selection, batches)?;
        }
        Ok(())
    }

    fn estimate(&self) -> Result<Option<Estimate>, SourceError> {
        let database = Database::open(&self.path, &self.name)?;
        let relation = database.relation(&self.data_type)?;
        statement::estimate(&database, &self.data_type, &relation, &self.request)
    }
}
