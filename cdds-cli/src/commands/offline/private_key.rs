//! Reads a private key, and the passphrase of one that has it.

use std::env::{self, VarError};
use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::Path;

use cdds_crypto::{OpenError, PrivateKey};
use zeroize::Zeroizing;

use super::open_code;
use crate::args::PassphraseArgs;
use crate::error::CliError;

/// Reads the key; asks for a passphrase only if it has one.
pub(in crate::commands) fn read_key(
    file: &Path,
    passphrase: &PassphraseArgs,
) -> Result<PrivateKey, CliError> {
    let encoded = fs::read(file).map_err(|error| CliError::file("read the key", file, &error))?;
    let encoded = Zeroizing::new(encoded);
    let key = match PrivateKey::from_bytes(&encoded) {
        Err(OpenError::PassphraseNeeded) => {
            PrivateKey::with_passphrase(&encoded, &read_passphrase(passphrase, file)?)
        }
        other => other,
    };
    key.map_err(|error| CliError::failed(open_code(&error), format!("{}: {error}", file.display())))
}

/// From where the options say, or from the terminal.
fn read_passphrase(args: &PassphraseArgs, key: &Path) -> Result<Zeroizing<String>, CliError> {
    if let Some(variable) = &args.passphrase_env {
        return match env::var(variable) {
            Ok(passphrase) => Ok(Zeroizing::new(passphrase)),
            Err(VarError::NotPresent) => {
                Err(CliError::usage(format!("--passphrase-env names {variable}, which is not set")))
            }
            Err(VarError::NotUnicode(_)) => {
                Err(CliError::usage(format!("the passphrase in {variable} is not valid UTF-8")))
            }
        };
    }
    if let Some(file) = &args.passphrase_file {
        let contents = fs::read(file).map_err(|error| CliError::file("read the passphrase", file, &error))?;
        return first_line(&Zeroizing::new(contents)).ok_or_else(|| {
            CliError::usage(format!("the passphrase in {} is not valid UTF-8", file.display()))
        });
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

/// Without its end, of Unix or Windows.
fn first_line(contents: &[u8]) -> Option<Zeroizing<String>> {
    let line = contents.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Some(Zeroizing::new(str::from_utf8(line).ok()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_passphrase_is_the_first_line_as_it_is() {
        for (contents, line) in [
            (&b"secret"[..], "secret"),
            (b"secret\n", "secret"),
            (b"secret\r\nmore\n", "secret"),
            (b" with  blanks \n", " with  blanks "),
            (b"\n", ""),
            (b"", ""),
            ("gr\u{fc}n\n".as_bytes(), "gr\u{fc}n"),
        ] {
            assert_eq!(*first_line(contents).unwrap(), line);
        }
        assert!(first_line(b"\xFF\n").is_none());
    }
}
