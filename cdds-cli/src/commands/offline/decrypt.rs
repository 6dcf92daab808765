//! `cdds decrypt`: the parts of sealed sets, opened one by one.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use cdds_crypto::PrivateKey;
use serde::Serialize;

use super::{find_intact_set, open_code, open_error, read_key, unseal};
use crate::args::DecryptArgs;
use crate::error::CliError;
use crate::session::Session;

const SEALED_SUFFIX: &str = ".smime";

#[derive(Debug, Serialize)]
struct Decrypted {
    to: String,
    files: Vec<String>,
}

pub(in crate::commands) fn decrypt(args: &DecryptArgs, session: &Session) -> Result<(), CliError> {
    let key = read_key(&args.key)?;
    let targets = targets(args)?;
    fs::create_dir_all(&args.to).map_err(|error| CliError::file("create", &args.to, &error))?;
    for (sealed, plain) in &targets {
        decrypt_part(sealed, plain, &key, args)?;
    }
    let to = args.to.display().to_string();
    let files: Vec<String> = targets.iter().map(|(_, plain)| name(plain)).collect();
    let words = format!("{} parts decrypted to {to}:\n{}", files.len(), files.join("\n"));
    session.output.outcome(&Decrypted { to, files }, &words)
}

/// Every part of every set named, and what it becomes. Nothing is written if one is in the way.
fn targets(args: &DecryptArgs) -> Result<Vec<(PathBuf, PathBuf)>, CliError> {
    let mut seen = BTreeSet::new();
    let mut targets = Vec::new();
    for file in &args.files {
        let (set, _digests_compared) = find_intact_set(file)?;
        for sealed in set.paths() {
            let sealed_name = name(&sealed);
            let plain_name = sealed_name.strip_suffix(SEALED_SUFFIX).ok_or_else(|| {
                CliError::failed(
                    "not_sealed",
                    format!("{} is not sealed: extract or join it as it is", sealed.display()),
                )
            })?;
            let plain = args.to.join(plain_name);
            if seen.insert(sealed.clone()) {
                if !args.force && fs::symlink_metadata(&plain).is_ok() {
                    return Err(exists(&plain));
                }
                targets.push((sealed, plain));
            }
        }
    }
    Ok(targets)
}

/// The plaintext gets its name only when it is whole; until then nobody but its owner can read it.
fn decrypt_part(sealed: &Path, plain: &Path, key: &PrivateKey, args: &DecryptArgs) -> Result<(), CliError> {
    let file = File::open(sealed).map_err(|error| CliError::file("read", sealed, &error))?;
    let failed = |error: io::Error| match open_error(&error) {
        Some(reason) => CliError::failed(open_code(reason), format!("{}: {reason}", sealed.display())),
        None => CliError::file("decrypt", sealed, &error),
    };
    let mut reader = unseal(file, key).map_err(failed)?;
    let mut opened = tempfile::Builder::new()
        .prefix(".cdds-")
        .tempfile_in(&args.to)
        .map_err(|error| CliError::file("write to", &args.to, &error))?;
    io::copy(&mut reader, &mut opened).map_err(failed)?;
    opened.as_file().sync_all().map_err(|error| CliError::file("write", plain, &error))?;
    let persisted = if args.force {
        opened.persist(plain).map_err(|error| error.error)
    } else {
        opened.persist_noclobber(plain).map_err(|error| error.error)
    };
    match persisted {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(exists(plain)),
        Err(error) => Err(CliError::file("write", plain, &error)),
    }
}

fn exists(plain: &Path) -> CliError {
    let message = format!(
        "{} exists already: remove it, choose another folder, or overwrite it with --force",
        plain.display()
    );
    CliError::refused("file_exists", message)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
