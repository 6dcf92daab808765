//! `cdds user …`

use std::io::{self, BufRead, IsTerminal, Read};

use cdds_console::accounts::PasswordHash;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::args::UserCommand;
use crate::error::CliError;
use crate::input;
use crate::session::Session;

/// The sign-in page takes no longer ones.
const BYTES_MAX: u64 = 1024;

#[derive(Debug, Serialize)]
struct Hashed<'a> {
    hash: &'a str,
}

pub(super) fn carry_out(command: &UserCommand, session: &Session) -> Result<(), CliError> {
    match command {
        UserCommand::Hash => hash(session),
    }
}

fn hash(session: &Session) -> Result<(), CliError> {
    let password = read()?;
    if password.is_empty() {
        return Err(CliError::usage("the password is empty: type one, or send one line of standard input"));
    }
    if password.len() as u64 > BYTES_MAX {
        return Err(CliError::usage(format!(
            "the password is longer than {BYTES_MAX} bytes: use a shorter one"
        )));
    }
    let hash =
        PasswordHash::of(&password).map_err(|why| CliError::failed("no_randomness", why.to_string()))?;
    Ok(session.output.outcome(&Hashed { hash: hash.as_str() }, hash.as_str())?)
}

fn read() -> Result<Zeroizing<String>, CliError> {
    let failed =
        |error: io::Error| CliError::failed("file_failed", format!("cannot read the password: {error}"));
    if io::stdin().is_terminal() {
        let ask = |prompt| rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(failed);
        let password = ask("Password: ")?;
        if *ask("Again: ")? != *password {
            return Err(CliError::usage("the two passwords differ: type them again"));
        }
        return Ok(password);
    }
    let mut line = Zeroizing::new(Vec::with_capacity(2 << 10));
    io::stdin().lock().take(BYTES_MAX + 2).read_until(b'\n', &mut line).map_err(failed)?;
    let text =
        input::text(&line).ok_or_else(|| CliError::usage(format!("the password {}", input::NO_TEXT)))?;
    Ok(Zeroizing::new(input::without_line_end(&text).to_owned()))
}
