//! `cdds completions`, `cdds man`: generated from the definition of the command line.

use clap_complete::Shell;

use crate::args;
use crate::config::nearest;
use crate::error::{CliError, shown};
use crate::session::Session;

pub(super) fn completions(shell: Shell, session: &Session) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::command(), "cdds", &mut script);
    Ok(session.output.raw(&script)?)
}

/// Prints the page of the program, or of the command at the end of this path.
pub(super) fn page(path: &[String], session: &Session) -> Result<(), CliError> {
    let mut command = args::command();
    // Only `build` passes global options on to the subcommands.
    command.build();
    let mut page_of = &command;
    let mut name = page_of.get_name().to_owned();
    for word in path {
        page_of = page_of.find_subcommand(word).ok_or_else(|| {
            let known: Vec<&str> = page_of.get_subcommands().map(clap::Command::get_name).collect();
            let nearest = nearest(word, &known)
                .map_or_else(String::new, |nearest| format!(", did you mean {nearest}?"));
            CliError::usage(format!("{name} has no command {}{nearest}: see `cdds --help`", shown(word)))
        })?;
        name = format!("{name} {word}");
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(page_of.clone())
        .render(&mut page)
        .map_err(|error| CliError::failed("output_failed", format!("cannot write the page: {error}")))?;
    Ok(session.output.raw(&page)?)
}
