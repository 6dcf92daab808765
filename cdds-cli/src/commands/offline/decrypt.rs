//! `cdds decrypt`: the parts of sealed sets, opened one by one.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use cdds_crypto::PrivateKey;
use serde::Serialize;
use tempfile::TempPath;

use super::private_key::read_key;
use super::{find_intact_set, make_folder, part_failed, unseal};
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
    let key = read_key(&args.key, &args.passphrase)?;
    let targets = targets(args)?;
    make_folder(&args.to)?;
    // All or none: until the last part was found in order, none has its name.
    let decrypt = |(sealed, _): &(PathBuf, PathBuf)| decrypt_part(sealed, &key, &args.to);
    let opened = targets.iter().map(decrypt).collect::<Result<Vec<_>, _>>()?;
    for (opened, (_, plain)) in opened.into_iter().zip(&targets) {
        give_name(opened, plain, args.force)?;
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

/// The plaintext in a file without a name of its own, which nobody but its owner can read and which vanishes
/// unless it gets one.
fn decrypt_part(sealed: &Path, key: &PrivateKey, to: &Path) -> Result<TempPath, CliError> {
    let file = File::open(sealed).map_err(|error| CliError::file("read", sealed, &error))?;
    let failed = |error: io::Error| part_failed(sealed, &error);
    let mut reader = unseal(file, key).map_err(failed)?;
    let mut opened = tempfile::Builder::new()
        .prefix(".cdds-")
        .tempfile_in(to)
        .map_err(|error| CliError::file("write to", to, &error))?;
    io::copy(&mut reader, &mut opened).map_err(failed)?;
    opened.as_file().sync_all().map_err(|error| CliError::file("write to", to, &error))?;
    Ok(opened.into_temp_path())
}

fn give_name(opened: TempPath, plain: &Path, force: bool) -> Result<(), CliError> {
    let named = if force { opened.persist(plain) } else { opened.persist_noclobber(plain) };
    match named.map_err(|error| error.error) {
        Ok(()) => Ok(()),
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
