//! `cdds bundle`

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct BundleArgs {
    /// The file to write, which must not exist; - for stdout
    #[arg(long, value_name = "FILE|-", default_value = "cdds-bundle.json")]
    pub(crate) to: PathBuf,
}
