//! The catalog that the configuration names.

use std::path::Path;
use std::sync::Arc;

use cdds_core::ports::catalog::{Catalog, CatalogError};
use cdds_core::ports::clock::Clock;
use cdds_storage::catalog::SqliteCatalog;
#[cfg(feature = "postgres")]
use cdds_storage::catalog::{PostgresCatalog, PostgresCatalogConfig};

#[cfg(feature = "postgres")]
use super::connections;
use super::{Opening, Purpose};
use crate::config::CatalogPlace;
#[cfg(feature = "postgres")]
use crate::config::CatalogServer;
use crate::error::CliError;

/// Opens the catalog, and creates it on a fresh start. A file goes by this clock. A server has one of its own, by which
/// all its workers go; this one takes its place only if somebody set it.
pub(super) async fn open(
    place: &CatalogPlace,
    clock: &Arc<dyn Clock>,
    opening: Opening,
) -> Result<Arc<dyn Catalog>, CliError> {
    Ok(match place {
        CatalogPlace::File(path) => Arc::new(file(path, opening.purpose)?.with_clock(Arc::clone(clock))),
        #[cfg(feature = "postgres")]
        CatalogPlace::Server(_) if opening.purpose == Purpose::Completing => {
            return Err(CliError::failed("catalog_failed", "a server is not asked what may be typed"));
        }
        #[cfg(feature = "postgres")]
        CatalogPlace::Server(server) => {
            let catalog = connect(server).await?;
            Arc::new(if opening.is_clock_set { catalog.with_clock(Arc::clone(clock)) } else { catalog })
        }
    })
}

/// Opens a file. Whoever only reads needs neither the right to write it nor room beside it.
fn file(path: &Path, purpose: Purpose) -> Result<SqliteCatalog, CatalogError> {
    if purpose == Purpose::Completing {
        return SqliteCatalog::open_to_read(path);
    }
    match SqliteCatalog::open(path) {
        Err(_) if purpose == Purpose::Reading && path.is_file() => SqliteCatalog::open_to_read(path),
        opened => opened,
    }
}

/// Whether the catalog holds jobs of another owner than the default one. For the operator alone.
pub(crate) async fn has_other_owners(place: &CatalogPlace) -> Result<bool, CliError> {
    Ok(match place {
        CatalogPlace::File(path) => file(path, Purpose::Reading)?.has_other_owners().await?,
        #[cfg(feature = "postgres")]
        CatalogPlace::Server(server) => connect(server).await?.has_other_owners().await?,
    })
}

/// Connects to a catalog on a server, and makes it if it is missing.
#[cfg(feature = "postgres")]
pub(crate) async fn connect(server: &CatalogServer) -> Result<PostgresCatalog, CliError> {
    let config = PostgresCatalogConfig::new(connections(&server.at)?);
    let config = server.schema.iter().fold(config, PostgresCatalogConfig::with_schema);
    Ok(PostgresCatalog::connect(config).await?)
}
