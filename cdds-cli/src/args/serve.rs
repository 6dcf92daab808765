//! `cdds serve`, `cdds user …` and `cdds token …`

use std::net::SocketAddr;

use clap::{Args, Subcommand};

use super::{Columns, Moment, moment, value};

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The address and port to listen on; port 0 takes a free one [default: serve.listen]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Hash a password for a user in cdds.toml
    ///
    /// Asks for it on a terminal, where it does not show, and otherwise reads the first line of standard input.
    Hash,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token for a program and print it, once
    Create {
        /// What it allows
        #[arg(long, value_parser = value::role())]
        role: String,
        /// By which you tell it from others; what is done with it is on record as token:NAME
        #[arg(long, default_value = "token")]
        name: String,
        /// When it ends; never if left out
        #[arg(long, value_name = "WHEN", value_parser = moment::coming)]
        expires: Option<Moment>,
    },
    /// List the tokens of an owner
    #[command(visible_alias = "ls")]
    List(Columns),
    /// End a token at once
    Revoke {
        /// Its id, as the list shows it
        id: String,
    },
}
