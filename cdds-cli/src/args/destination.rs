//! `cdds destination …`

use cdds_core::domain::delivery::destination::DestinationKind;
use cdds_view::HealthState;
use clap::{Args, Subcommand};

use super::{Columns, value};

#[derive(Debug, Subcommand)]
pub(crate) enum DestinationCommand {
    /// List the destinations of the configuration, and whether they work
    #[command(visible_alias = "ls")]
    List(ListDestinationsArgs),
    /// Show a destination
    Show {
        /// The destination
        id: String,
    },
    /// Try a destination: write a small file, rename it, read it back and remove it
    #[command(
        after_help = "Each step is named, with the reason if it failed, and the key that the server shows. The first \
                            key that is seen is expected from then on: compare it with what the server's operators say.\n\
                            Exit codes: 0 sets can be delivered; 1 a step failed that deliveries need."
    )]
    Check {
        /// The destination
        id: String,
    },
    /// Deliver there again, after it was disabled; deliveries that were given up start over
    Enable {
        /// The destination
        id: String,
    },
    /// Deliver nothing there until it is enabled; sets wait meanwhile
    Disable {
        /// The destination
        id: String,
    },
    /// Expect this key of the server from now on, instead of the one that was seen first
    Pin {
        /// The destination
        id: String,
        /// The fingerprint, as `destination check` and `ssh-keygen -l` print it; none for the one that is seen next
        #[arg(value_name = "SHA256:…|none")]
        identity: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ListDestinationsArgs {
    /// In this state, after their last use or check
    #[arg(long, value_parser = value::health_state())]
    pub(crate) state: Option<HealthState>,

    /// Of this kind
    #[arg(long, value_parser = value::destination_kind())]
    pub(crate) kind: Option<DestinationKind>,

    #[command(flatten)]
    pub(crate) shown: Columns,
}
