//! `cdds source …`

use clap::Subcommand;

use super::Columns;

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
    /// List the fields of a source: what they hold, which are indexed
    #[command(
        after_help = "HOLDS is the type that the source declares or, without one, the kinds of value in its first records. \
                      SAMPLE shows the shape of a value alone: letters are x, digits 0.\n\
                      INDEXED says whether the source finds records by the values of the field: yes; partial, by an index of \
                      some records alone; expression or collation, by none that compares values as they are; no; unknown, \
                      as of a view."
    )]
    Fields {
        /// The source
        id: String,
        /// The data type; if left out, all
        r#type: Option<String>,
        #[command(flatten)]
        shown: Columns,
    },
}
