//! Connections that only read: beside the writing one, or of somebody who may not write at all.

use std::path::Path;

use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind};
use rusqlite::{Connection, OpenFlags};

use super::super::sql::fault::Fault;
use super::database::{connect, prepare};
use super::schema;
use crate::reading::{Access, Obstacle};

/// A connection that only reads.
pub(super) struct Reader {
    pub(super) connection: Connection,
    /// How the file is read without a trace; nothing beside a writing connection.
    access: Option<Access>,
}

impl Reader {
    /// Opens one beside the writing connection of this process.
    pub(super) fn beside_writer(path: &Path) -> Result<Self, Fault> {
        let connection = connect(path, OpenFlags::empty())?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(Self { connection, access: None })
    }

    /// Opens one that needs neither the right to write nor room on the disk ([`crate::reading`]).
    pub(super) fn alone(path: &Path) -> Result<Self, Fault> {
        let mut access = Access::to(path).map_err(|obstacle| obstructed(obstacle, path))?;
        let (location, flags) = access.location(path);
        let mut connection = Connection::open_with_flags(location, flags)?;
        prepare(&connection)?;
        // This also opens the log, if there is one.
        schema::check_to_read(&mut connection, path)?;
        access.opened();
        Ok(Self { connection, access: Some(access) })
    }

    /// Returns whether everything read so far belongs to one state.
    pub(super) fn is_steady(&self, path: &Path) -> bool {
        self.access.as_ref().is_none_or(|access| access.is_steady(path))
    }

    /// Returns whether a further read would see the present state.
    pub(super) fn is_current(&self, path: &Path) -> bool {
        self.access.as_ref().is_none_or(|access| access.is_current(path))
    }
}

/// Returns the error for a file that is written to whenever it is read without locks.
pub(super) fn changed(path: &Path) -> Fault {
    let why = format!("the catalog {} was written to while it was being read: try again", path.display());
    Fault::Refused(CatalogError::new(CatalogErrorKind::Unavailable, why))
}

fn obstructed(obstacle: Obstacle, path: &Path) -> Fault {
    let (why, error) = match obstacle {
        Obstacle::Changed => return changed(path),
        Obstacle::Unreadable(error) => ("check that this user may read it", error),
        Obstacle::CannotCopy(error) => (
            "it was not closed in good order and is read as a copy: let TMPDIR name a folder with room for it, or run \
             a command as a user who may write it",
            error,
        ),
    };
    let what = format!("cannot read the catalog {}: {why}", path.display());
    Fault::Refused(CatalogError::with_source(CatalogErrorKind::Unavailable, what, error))
}
