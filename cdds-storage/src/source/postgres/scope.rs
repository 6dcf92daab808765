//! Whose rows a read sees (rule J16): a column that names the owner, a schema or a role of each owner.

use cdds_core::domain::id::Owner;
use cdds_core::ports::source::{SourceError, SourceErrorKind};
use deadpool_postgres::Transaction;
use tokio_postgres::types::Type;

use super::column::quoted;
use super::failure::failure;
use super::relation::{Relation, SCHEMA};
use super::{PostgresRows, PostgresType};
use crate::source::owners::{OWNER_IN_PATH, has_owner};

/// The relation of a type as one owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rows {
    /// A table or a view.
    Table {
        /// Its schema.
        schema: String,
        /// Its name.
        table: String,
    },
    /// A query.
    Query(String),
}

impl Rows {
    /// Returns where a type's rows are for an owner. The owner's name becomes a part of a name in SQL, never of the
    /// text of a query.
    pub(super) fn of(rows: &PostgresRows, owner: &Owner) -> Self {
        match rows {
            PostgresRows::Query(query) => Self::Query(query.clone()),
            PostgresRows::Table(name) => {
                let (schema, table) = name.split_once('.').unwrap_or((SCHEMA, name));
                let of_owner = |name: &str| name.replace(OWNER_IN_PATH, owner.as_str());
                Self::Table { schema: of_owner(schema), table: of_owner(table) }
            }
        }
    }
}

/// Returns the text of a type's configuration that may have the owner in it: the name of the table, or the role.
pub(super) fn owned_name<'a>(data_type: &'a PostgresType, role: Option<&'a str>) -> &'a str {
    match (&data_type.rows, role) {
        (_, Some(role)) if has_owner(role) => role,
        (PostgresRows::Table(name), _) => name,
        (PostgresRows::Query(_), _) => "",
    }
}

/// Whether other owners' rows are in the same relation, so that what the server knows about it must not be told.
pub(super) fn is_mixed(data_type: &PostgresType, role: Option<&str>) -> bool {
    data_type.owner.field().is_some() || is_secured(data_type, role)
}

/// Whether it is row-level security alone that keeps owners apart.
pub(super) fn is_secured(data_type: &PostgresType, role: Option<&str>) -> bool {
    let is_owners = matches!(&data_type.rows, PostgresRows::Table(name) if has_owner(name));
    role.is_some_and(has_owner) && !is_owners && data_type.owner.field().is_none()
}

/// Takes on a role until the transaction ends.
///
/// # Errors
/// [`SourceErrorKind::Missing`] if there is no such role, [`SourceErrorKind::Invalid`] if it would see the rows of all
/// owners.
pub(super) async fn take_role(
    name: &str,
    transaction: &Transaction<'_>,
    role: &str,
    owner: &Owner,
) -> Result<(), SourceError> {
    let is_owners = has_owner(role);
    let role = role.replace(OWNER_IN_PATH, owner.as_str());
    // A name is cut to 63 bytes by `SET ROLE`, which could make it another owner's, so it is compared as text first.
    let found = transaction
        .query_typed(
            "SELECT rolsuper OR rolbypassrls, rolname LIKE 'pg\\_%' FROM pg_catalog.pg_roles \
             WHERE rolname = $1::text",
            &[(&role, Type::TEXT)],
        )
        .await
        .map_err(|error| failure(name, "cannot look up the role", &error))?;
    let Some(row) = found.first() else {
        return Err(SourceError::missing(format!(
            "{name}: there is no role {role:?}: create it, and grant it to the role that signs in"
        )));
    };
    let flag = |index| row.try_get::<_, bool>(index).unwrap_or(true);
    if is_owners && (flag(0) || flag(1)) {
        return Err(SourceError::invalid(format!(
            "{name}: the role {role:?} sees the rows of all owners: give the owner a role that is no superuser, does \
             not have BYPASSRLS and is not PostgreSQL's own"
        )));
    }
    let statement = format!("SET LOCAL ROLE {}", quoted(&role));
    transaction
        .batch_execute(&statement)
        .await
        .map_err(|error| failure(name, "cannot take on the role", &error))
}

/// Checks that row-level security narrows a table down to the rows of the role that was taken on.
///
/// # Errors
/// [`SourceErrorKind::Invalid`] if it does not, so that the role would see the rows of all owners.
pub(super) async fn check_security(
    name: &str,
    transaction: &Transaction<'_>,
    relation: &Relation,
) -> Result<(), SourceError> {
    let (Some(oid), Some("r" | "p")) = (relation.oid, relation.relkind.as_deref()) else {
        // A view, a foreign table or a query says by itself what the role sees.
        return Ok(());
    };
    let is_active = transaction
        .query_typed("SELECT pg_catalog.row_security_active($1::int8::oid)", &[(&i64::from(oid), Type::INT8)])
        .await
        .and_then(|rows| rows.first().map_or(Ok(false), |row| row.try_get::<_, bool>(0)))
        .map_err(|error| failure(name, "cannot ask for row-level security", &error))?;
    match is_active {
        true => Ok(()),
        false => Err(SourceError::new(
            SourceErrorKind::Invalid,
            format!(
                "{name}: the table has no row-level security for this role, so each owner would see the rows of all: \
                 ALTER TABLE … ENABLE ROW LEVEL SECURITY, with a policy for the owners' roles, which must not own it"
            ),
        )),
    }
}
