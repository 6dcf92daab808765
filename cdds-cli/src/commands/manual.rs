//! `cdds completions`, `cdds man`: made from the same arguments that are read.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::error::CliError;
use crate::session::Session;

pub(super) fn completions(shell: Shell, session: &Session) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "cdds", &mut script);
    session.output.raw(&script)
}

pub(super) fn page(session: &Session) -> Result<(), CliError> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(|error| CliError::failed("output_failed", format!("cannot write the page: {error}")))?;
    session.output.raw(&page)
}
