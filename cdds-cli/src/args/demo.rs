//! `cdds demo`.

use std::path::PathBuf;

use clap::Args;

/// What `demo` takes.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where; created if need be, and must not hold a cdds.toml
    #[arg(default_value = "cdds-demo")]
    pub(crate) dir: PathBuf,

    /// How many interactions to make up
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) records: u32,
}
