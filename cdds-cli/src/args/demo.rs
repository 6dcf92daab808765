//! `cdds demo`.

use std::path::PathBuf;

use clap::Args;

use super::value;

/// What `demo` takes.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The folder; created if necessary, and must not hold a cdds.toml
    #[arg(default_value = "cdds-demo")]
    pub(crate) dir: PathBuf,

    /// How many interactions to make up
    #[arg(long, value_name = "N", default_value_t = 5_000, allow_negative_numbers = true, value_parser = value::between(1, 10_000_000))]
    pub(crate) records: u32,

    /// Then serve the console over what was exported
    #[cfg(feature = "serve")]
    #[arg(long)]
    pub(crate) serve: bool,

    /// With --serve, the address and port to listen on; port 0 takes a free one
    #[cfg(feature = "serve")]
    #[arg(long, value_name = "ADDRESS", requires = "serve")]
    pub(crate) listen: Option<std::net::SocketAddr>,
}
