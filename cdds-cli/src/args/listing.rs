//! Which part of a list is printed, and how.

use clap::Args;

use super::value;

/// The options of every list that can be long.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Rows and columns")]
pub(crate) struct Listing {
    /// Print so many rows at most; without it 50 on a terminal, and all elsewhere
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = value::between(1, 100_000_000))]
    pub(crate) limit: Option<u32>,

    /// Begin where an earlier page has ended
    #[arg(long, value_name = "TOKEN")]
    pub(crate) cursor: Option<String>,

    /// With --output json, print an object with the rows and the token of the next page: items, next
    #[arg(long)]
    pub(crate) page: bool,

    #[command(flatten)]
    pub(crate) shown: Columns,
}

/// The options of every list that may be too wide for a terminal.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Rows and columns")]
pub(crate) struct Columns {
    /// Print these columns alone, by their headings: title,next_starts
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,

    /// Print all columns, however wide the terminal is
    #[arg(long, conflicts_with = "columns")]
    pub(crate) wide: bool,
}
