//! `cdds check`

use clap::Args;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes, for monitoring: 0 there was a success within that time; 1 there was none, with the reason; \
                        4 there is no such job.\n\
                        A set counts once it has arrived at every destination of its job."
)]
pub(crate) struct CheckArgs {
    /// The job
    #[arg(long, value_name = "ID")]
    pub(crate) job: String,

    /// How long ago the last success may be, like 26h or 8d
    #[arg(long, value_name = "DURATION")]
    pub(crate) within: String,
}
