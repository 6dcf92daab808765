//! `cdds man`: manual pages, made of the definition of the command line.

mod page;

use std::fs;
use std::io;
use std::path::Path;

use cdds_view::words;
use clap::Command;
use serde::Serialize;

use self::page::Page;
use crate::args;
use crate::config::nearest;
use crate::error::{CliError, shown};
use crate::session::Session;

/// What `man --to` wrote.
#[derive(Debug, Serialize)]
struct Written {
    to: String,
    pages: Vec<String>,
}

/// Returns the whole command line. Only `build` passes global options on to the commands.
fn built() -> Command {
    let mut command = args::command().disable_help_subcommand(true);
    command.build();
    command
}

/// Prints the page of the program, or of the command at the end of this path.
pub(super) fn page(path: &[String], session: &Session) -> Result<(), CliError> {
    let command = built();
    let mut page_of = &command;
    let mut name = page_of.get_name().to_owned();
    for word in path {
        page_of = page_of.find_subcommand(word).ok_or_else(|| {
            let known: Vec<&str> = page_of.get_subcommands().map(Command::get_name).collect();
            let nearest = nearest(word, &known)
                .map_or_else(String::new, |nearest| format!(", did you mean {nearest}?"));
            CliError::usage(format!("{name} has no command {}{nearest}: see `cdds --help`", shown(word)))
        })?;
        name = format!("{name} {}", page_of.get_name());
    }
    Ok(session.output.raw(Page::of(page_of)?.text().as_bytes())?)
}

/// Writes every page into a folder, which is made if need be.
pub(super) fn pages(to: &Path, session: &Session) -> Result<(), CliError> {
    make_folder(to).map_err(|error| CliError::file("create", to, &error))?;
    let mut pages = Vec::new();
    let command = built();
    let mut left = vec![&command];
    while let Some(command) = left.pop() {
        left.extend(command.get_subcommands().filter(|below| !below.is_hide_set()));
        let page = Page::of(command)?;
        let path = to.join(page.file_name());
        write(&path, page.text()).map_err(|error| CliError::file("write", &path, &error))?;
        pages.push(page.file_name().to_owned());
    }
    pages.sort();
    let to = to.display().to_string();
    let words = format!("{} written to {to}", words::counted(pages.len() as u64, "page"));
    Ok(session.output.outcome(&Written { to, pages }, &words)?)
}

/// Pages are for everybody, unlike all else that this program writes.
fn make_folder(to: &Path) -> io::Result<()> {
    if to.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(to)?;
    open_to_all(to, 0o755)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    open_to_all(path, 0o644)
}

#[cfg(unix)]
fn open_to_all(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(not(unix))]
fn open_to_all(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}
