//! `cdds source …`

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum SourceCommand {
    /// List registered sources, their types and categories
    #[command(visible_alias = "ls")]
    List,
    /// Read the beginning of every data type of a source
    Check {
        /// The source
        id: String,
    },
}
