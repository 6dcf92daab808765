//! `cdds retention …`

use clap::Subcommand;

use super::{Columns, Moment, moment};

#[derive(Debug, Subcommand)]
pub(crate) enum RetentionCommand {
    /// Show which sets expire before an instant, and which of these are kept
    #[command(
        after_help = "The engine removes the files of an expired set within the hour; its execution stays on record. A set \
                      on legal hold stays until `cdds artifact release`, whatever its expiry."
    )]
    Preview {
        /// Before this instant
        #[arg(long, value_name = "WHEN", default_value = "7d", value_parser = moment::coming)]
        until: Moment,
        #[command(flatten)]
        shown: Columns,
    },
}
