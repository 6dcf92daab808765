//! `cdds catalog …`

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum CatalogCommand {
    /// Copy the catalog of an SQLite file into the empty one in PostgreSQL that cdds.toml names
    ///
    /// Stop everything that uses the file first, and make a copy of it. All of it is copied, or nothing. The file is left
    /// as it is, but no program opens it again: two catalogs that go on with the same jobs would export everything twice.
    /// The store and its sets stay where they are. If the command is interrupted, run it again.
    Copy {
        /// The SQLite file, like cdds.db
        #[arg(value_name = "FILE")]
        from: PathBuf,
    },
}
