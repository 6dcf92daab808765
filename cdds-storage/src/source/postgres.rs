//! Tables and queries of a PostgreSQL database, which is only read, but for erasures.

mod bound;
mod column;
mod complete;
mod conditions;
mod connections;
mod erase;
mod estimate;
mod failure;
mod fields;
mod horizon;
mod pins;
mod read;
mod relation;
mod remarks;
mod rows;
mod scope;
mod server;
mod statement;

use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
use cdds_core::blocking::read_blocking;
use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::id::{Owner, SourceId, TypeId};
use cdds_core::ports::source::{
    EraseRequest, Erased, Estimate, Field, ReadRequest, RecordStream, Source, SourceDescription, SourceError,
    Visibility,
};
use chrono::{DateTime, Utc};

use super::config::{self, TypeConfig};
use super::selection::Selection;
use complete::Completeness;
use erase::Erasing;
use read::Reading;

pub use self::connections::PostgresConnections;
pub(crate) use self::failure::Cause as PostgresCause;
pub use self::server::PostgresServer;

/// The location of a type's records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostgresRows {
    /// All rows of a table or a view: `calls` in the schema `public`, or `telephony.calls`. Capitals matter. `{owner}`
    /// stands for the owner (rule J16), so that each can have a schema: `{owner}.calls`.
    Table(String),
    /// The rows of a query. If several columns have the same name, the last one counts (rule R7). Names without a
    /// schema are looked up in `public`.
    Query(String),
}

/// A data type in a PostgreSQL database.
pub type PostgresType = TypeConfig<PostgresRows>;

/// The configuration of a [`PostgresSource`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostgresConfig {
    /// The identifier under which jobs name the source.
    pub id: SourceId,
    /// The name shown to people.
    pub title: String,
    /// The data types.
    pub types: Vec<PostgresType>,
    /// The role that a read takes on until its transaction ends; `None` for the one that signs in. `{owner}` stands
    /// for the owner (rule J16), whose rows the policies of row-level security then select.
    pub role: Option<String>,
    /// How many executions may read the source at the same time (rule E2); `None` for no limit.
    pub max_concurrent: Option<NonZeroU32>,
    /// The owners who see the source (rule J16).
    pub visibility: Visibility,
}

impl PostgresConfig {
    /// Configures a source without data types, without a role of its own and without a limit of executions.
    pub fn new(id: SourceId, title: impl Into<String>) -> Self {
        Self {
            id,
            title: title.into(),
            types: Vec::new(),
            role: None,
            max_concurrent: None,
            visibility: Visibility::default(),
        }
    }

    /// Adds a data type.
    #[must_use]
    pub fn with_type(mut self, data_type: PostgresType) -> Self {
        self.types.push(data_type);
        self
    }

    /// Sets the role that a read takes on.
    #[must_use]
    pub fn with_role(self, role: impl Into<String>) -> Self {
        Self { role: Some(role.into()), ..self }
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
}

/// Reads tables and queries of a PostgreSQL database, from version 12 on.
///
/// Records are what PostgreSQL's `row_to_json` makes of rows, without empty values (rule A2): numbers stay numbers with
/// all their digits, instants are ISO 8601 in UTC, arrays, ranges and composite types are what they are there. `NaN`,
/// the infinities and dates before our era are text, as PostgreSQL writes them.
///
/// A read is one transaction that only reads, and that sees one state of the database (`REPEATABLE READ`). Rows are
/// streamed, so memory does not depend on their number, and come in the order in which the server finds them. The
/// server narrows them down by window, categories, owner and filters for equality, for which an index is of use. The
/// change column of a table wants one. Templates are applied here (rule J4), so columns that nobody asks for are not
/// read. A long read keeps the server from removing dead rows meanwhile, in all tables of the database.
///
/// Nothing is left in a session: settings and roles last until the transaction ends, and no statement is prepared under
/// a name. So a pooler may be in between, in transaction mode as well.
///
/// A read by subject (rule D1) compares each row here, so values may be arrays, and members of JSON. The server narrows
/// the rows down beforehand if all fields that may name the person are columns of text, whole numbers or UUIDs that are
/// [stored normalised](cdds_core::domain::subject::StoredForm::Normalised).
///
/// An erasure (rule D5) is one transaction that writes, and needs the right to delete or update rows of the table.
/// Foreign keys and triggers are heard, deferred ones too. If somebody else changes one of the rows meanwhile, it is
/// `Interrupted`. It is `Refused` if a trigger or a policy of row-level security keeps one.
///
/// A row is a bad record (rule E10) if its instant cannot be read: an infinite one, or text in another form.
///
/// # Completeness
/// Rows that get their instants from the server (`now()`, `clock_timestamp()`) become visible when their transaction
/// commits, however late that is. A read therefore ends no later than the start of the oldest transaction that is open
/// in the database, minus the settle lag (rule W3b), whoever runs it: a long report holds it, and so does a session
/// that forgot to end its transaction. A prepared transaction holds it until it is gone. A role that is granted
/// `pg_read_all_stats` sees the starts; for any other, what was open at an instant must have ended. On a standby, or
/// with `track_activities = off`, nobody knows, and the settle lag counts alone.
///
/// # Owners
/// Rule J16 offers three ways. A type names the column of the owner; or its table has [`{owner}`](super::OWNER_IN_PATH)
/// in its name, such as a schema of each owner; or the configuration's [role](PostgresConfig::role) has it, and
/// row-level security selects the rows. A role that sees the rows of all owners is refused.
#[derive(Debug)]
pub struct PostgresSource {
    config: PostgresConfig,
    description: SourceDescription,
    connections: PostgresConnections,
    completeness: Arc<Completeness>,
}

impl PostgresSource {
    /// Creates a source over the database that these connections lead to. Nothing is connected until it is read.
    ///
    /// # Errors
    /// [`SourceErrorKind::Invalid`](cdds_core::ports::source::SourceErrorKind::Invalid) if there are no data types,
    /// two with the same name, one that is shared although each owner has its own table or role (rule J16), or one whose
    /// rule of erasure is not possible (rule D5).
    pub fn new(config: PostgresConfig, connections: PostgresConnections) -> Result<Self, SourceError> {
        config::check_erasures(&config.id, &config.types, |rows| matches!(rows, PostgresRows::Table(_)))?;
        let role = config.role.as_deref();
        let name = |data_type| scope::owned_name(data_type, role);
        let mut description = config::describe(&config.id, &config.title, &config.types, true, name)?;
        description.max_concurrent = config.max_concurrent;
        description.visibility = config.visibility.clone();
        Ok(Self { config, description, connections, completeness: Arc::default() })
    }

    fn reading(&self, request: &ReadRequest) -> Result<Reading, SourceError> {
        let data_type = config::find(&self.config.id, &self.config.types, &request.data_type)?;
        // Checks the request before anything is connected.
        Selection::new(data_type, request)?;
        Ok(Reading {
            name: self.name(data_type),
            connections: self.connections.clone(),
            data_type: data_type.clone(),
            role: self.config.role.clone(),
            request: request.clone(),
        })
    }

    fn name(&self, data_type: &PostgresType) -> String {
        format!("{} {}", self.config.id, data_type.id)
    }
}

#[async_trait]
impl Source for PostgresSource {
    fn describe(&self) -> &SourceDescription {
        &self.description
    }

    async fn estimate(&self, request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        let reading = self.reading(request)?;
        if request.subject.is_some() {
            return Ok(None);
        }
        self.connections.run(async move { reading.estimate().await }).await
    }

    async fn complete_until(&self, request: &ReadRequest) -> Result<Option<DateTime<Utc>>, SourceError> {
        let data_type = config::find(&self.config.id, &self.config.types, &request.data_type)?;
        let (name, lag) = (self.name(data_type), data_type.settle_lag);
        let (completeness, connections) = (self.completeness.clone(), self.connections.clone());
        self.connections.run(async move { completeness.until(&name, &connections, lag).await }).await
    }

    async fn remarks(&self, owner: &Owner) -> Result<Vec<String>, SourceError> {
        let (config, connections) = (Arc::new(self.config.clone()), self.connections.clone());
        self.connections.run(remarks::of(config, connections, owner.clone())).await
    }

    async fn fields(&self, owner: &Owner, data_type: &TypeId) -> Result<Option<Vec<Field>>, SourceError> {
        let window = Window::until(DateTime::<Utc>::MAX_UTC);
        let reading = self.reading(&ReadRequest::new(owner.clone(), data_type.clone(), window))?;
        self.connections.run(async move { reading.fields().await.map(Some) }).await
    }

    async fn faults(&self, owner: &Owner, data_type: &TypeId) -> Result<Vec<String>, SourceError> {
        let window = Window::until(DateTime::<Utc>::MAX_UTC);
        let reading = self.reading(&ReadRequest::new(owner.clone(), data_type.clone(), window))?;
        self.connections.run(async move { reading.faults().await }).await
    }

    async fn erase(&self, request: EraseRequest) -> Result<Erased, SourceError> {
        let data_type = config::find(&self.config.id, &self.config.types, &request.data_type)?;
        let Some(rule) = data_type.erasure.clone() else {
            return Err(SourceError::unsupported(&self.config.id, &data_type.id));
        };
        let window = Window::until(DateTime::<Utc>::MAX_UTC);
        let read = ReadRequest::new(request.owner, request.data_type, window).with_subject(request.subject);
        let erasing = Erasing { reading: self.reading(&read)?, rule, dry_run: request.dry_run };
        self.connections.run(async move { erasing.run().await }).await
    }

    async fn read(&self, request: ReadRequest) -> Result<RecordStream, SourceError> {
        let reading = self.reading(&request)?;
        // Making records is work of the processor, and no matter of the runtime's few threads.
        read_blocking(reading.name.clone(), move |batches| reading.run(batches)).await
    }
}
