//! Reads a private key and, if it has one, its passphrase.

use std::env::{self, VarError};
use std::io::{self, IsTerminal as _};
use std::path::Path;

use cdds_crypto::{OpenError, PrivateKey};
use zeroize::Zeroizing;

use super::open_code;
use crate::args::PassphraseArgs;
use crate::error::CliError;
use crate::input;

/// Reads the key; asks for a passphrase only if it has one.
pub(in crate::commands) fn read_key(
    file: &Path,
    passphrase: &PassphraseArgs,
) -> Result<PrivateKey, CliError> {
    let encoded = input::read(file).map_err(|error| CliError::file("read the key", file, &error))?;
    let encoded = Zeroizing::new(encoded);
    let key = match PrivateKey::from_bytes(&encoded) {
        Err(OpenError::PassphraseNeeded) => {
            PrivateKey::with_passphrase(&encoded, &read_passphrase(passphrase, file)?)
        }
        other => other,
    };
    key.map_err(|error| CliError::failed(open_code(&error), format!("{}: {error}", file.display())))
}

/// Reads the passphrase from the place that the options name, or from the terminal.
fn read_passphrase(args: &PassphraseArgs, key: &Path) -> Result<Zeroizing<String>, CliError> {
    if let Some(variable) = &args.passphrase_env {
        return match env::var(variable) {
            Ok(passphrase) => {
                let passphrase = Zeroizing::new(passphrase);
                Ok(Zeroizing::new(input::without_line_end(&passphrase).to_owned()))
            }
            Err(VarError::NotPresent) => {
                Err(CliError::usage(format!("--passphrase-env names {variable}, which is not set")))
            }
            Err(VarError::NotUnicode(_)) => {
                Err(CliError::usage(format!("the passphrase in {variable} is not valid UTF-8")))
            }
        };
    }
    if let Some(file) = &args.passphrase_file {
        let contents =
            input::read(file).map_err(|error| CliError::file("read the passphrase", file, &error))?;
        let text = input::text(&Zeroizing::new(contents)).ok_or_else(|| {
            CliError::usage(format!("the passphrase in {} {}", file.display(), input::NO_TEXT))
        })?;
        return Ok(Zeroizing::new(input::first_line(&text).to_owned()));
    }
    if !io::stdin().is_terminal() {
        return Err(CliError::usage(format!(
            "{} is protected by a passphrase, and there is no terminal to ask for it: \
             use --passphrase-file FILE or --passphrase-env VAR",
            key.display()
        )));
    }
    rpassword::prompt_password(format!("Passphrase of {}: ", key.display()))
        .map(Zeroizing::new)
        .map_err(|error| CliError::failed("file_failed", format!("cannot ask for the passphrase: {error}")))
}
