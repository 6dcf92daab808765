//! What the statements need of a database's driver, in the form of rusqlite's interface.
//!
//! The statements are the same for all databases: SQL that all of them understand, with SQLite's placeholders (`?1` and
//! `?`) and with hints for SQLite's planner, which other databases leave out. A call runs from its first statement to its
//! last on one thread, where it may wait for the database.

mod column;
mod error;
mod statement;
mod value;

pub(in crate::catalog) use self::column::{Cell, FromCell};
pub(in crate::catalog) use self::error::{DriverError, OptionalExtension, Result};
pub(in crate::catalog) use self::statement::{Change, Row, Statement};
pub(in crate::catalog) use self::value::{NONE, Params, ToValue, Value, params, params_from_iter};
