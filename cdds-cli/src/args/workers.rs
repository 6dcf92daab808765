//! `cdds workers …`

use clap::{Args, Subcommand};

use super::Columns;

#[derive(Debug, Args)]
pub(crate) struct WorkersArgs {
    #[command(subcommand)]
    pub(crate) command: Option<WorkersCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkersCommand {
    /// List the workers; the same as `cdds workers`
    #[command(visible_alias = "ls")]
    List(Columns),
    /// Show a worker, and what it runs
    Show {
        /// The worker
        id: String,
    },
    /// Let a worker end what it holds and claim nothing more, so that it can be stopped
    #[command(
        after_help = "The worker heeds this within ten seconds. Others take what is due meanwhile. It drains until \
                      `cdds workers resume`, or until it ends: a worker that is started again begins anew.\n\
                      With --wait, exit codes: 0 it runs nothing any more, or has ended; 1 it is gone, and others \
                      take over what it ran."
    )]
    Drain {
        /// The worker
        id: String,
        /// Return only when it runs nothing any more
        #[arg(long)]
        wait: bool,
    },
    /// Let a worker that drains claim again
    Resume {
        /// The worker
        id: String,
    },
}
