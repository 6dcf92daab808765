//! `cdds decrypt`: the parts of sealed sets, opened one by one.
//!
//! AES-GCM proves only at the end of a part that nothing in it was changed, and CBC proves nothing. So
//! plaintext goes into nameless files, which get their names once all parts of a set were found in order. Parts that
//! are there already, as after a command that was killed between two names, are compared first.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cdds_crypto::PrivateKey;
use cdds_storage::archive::{NewFile, PartSet, SteadyFile, WholeFile, Written};
use cdds_storage::durable;
use cdds_view::words;
use serde::Serialize;

use super::identity::{FileId, SetId, refuse_shared_targets};
use super::private_key::read_key;
use super::published::is_manifest;
use super::reading::bytes_of;
use super::{Reading, UNCHECKED, find_intact_set, make_folder, part_failed, unseal};
use crate::args::DecryptArgs;
use crate::error::CliError;
use crate::session::Session;

const SEALED_SUFFIX: &str = ".smime";

#[derive(Debug, Serialize)]
struct Decrypted {
    to: String,
    files: Vec<String>,
    /// How many of them were there already, with the same contents.
    already_there: u64,
    /// Whether every part was compared with a manifest.
    digests_compared: bool,
    /// Whether the cipher of every part detects changes.
    authenticated: bool,
}

pub(in crate::commands) fn decrypt(args: &DecryptArgs, session: &Session) -> Result<(), CliError> {
    let key = read_key(&args.key, &args.passphrase)?;
    let reading = Reading::shown(session);
    let (targets, digests_compared) = targets(args, &reading)?;
    make_folder(&args.to)?;
    NewFile::remove_abandoned(&args.to);
    let reading = reading.until_stopped(session)?;
    reading.begin("decrypting", bytes_of(targets.iter().map(|(sealed, _)| sealed)));
    // What is there comes first: if it differs, nothing is written.
    let mut in_turn: Vec<&(SteadyFile, PathBuf)> = targets.iter().collect();
    in_turn.sort_by_key(|(_, plain)| fs::symlink_metadata(plain).is_err());
    // All or none: no part gets its name until the last one was found in order.
    let decrypt =
        |(sealed, plain): &(SteadyFile, PathBuf)| decrypt_part(sealed, plain, args.force, &key, &reading);
    let opened = in_turn.iter().map(|one| decrypt(one)).collect::<Result<Vec<_>, _>>();
    let opened = opened.map_err(|error| reading.explain(error))?;
    drop(reading);
    let authenticated = opened.iter().all(|part| part.authenticated);
    let mut kept = 0;
    for (opened, (_, plain)) in opened.into_iter().zip(in_turn) {
        let written = opened.file.finish().map_err(|error| not_written(plain, &error))?;
        kept += u64::from(written == Written::AlreadyThere);
    }
    durable::sync_folder(&args.to).map_err(|error| CliError::file("write to", &args.to, &error))?;
    if !digests_compared && !authenticated {
        session.console.note(UNCHECKED);
    }
    let to = args.to.display().to_string();
    let files: Vec<String> = targets.iter().map(|(_, plain)| name(plain)).collect();
    let parts = words::counted(files.len() as u64, "part");
    let words = format!("{parts} decrypted to {to}{}:\n{}", super::already_there(kept), files.join("\n"));
    let decrypted = Decrypted { to, files, already_there: kept, digests_compared, authenticated };
    Ok(session.output.outcome(&decrypted, &words)?)
}

/// Returns every part of every named set with its target, and whether all were compared with a manifest.
/// Fails before anything is written if two parts would become one file.
fn targets(args: &DecryptArgs, reading: &Reading) -> Result<(Vec<(SteadyFile, PathBuf)>, bool), CliError> {
    let mut all_compared = true;
    let mut targets = Vec::new();
    for (set, digests_compared) in distinct_sets(args, reading)? {
        all_compared &= digests_compared;
        for sealed in set.files() {
            let sealed_name = name(sealed.path());
            let plain_name = sealed_name.strip_suffix(SEALED_SUFFIX).ok_or_else(|| {
                CliError::failed(
                    "not_sealed",
                    format!("{} is not sealed: extract or join it as it is", sealed.path().display()),
                )
            })?;
            let plain = args.to.join(plain_name);
            targets.push((sealed.clone(), plain));
        }
    }
    let sources: Vec<String> =
        targets.iter().map(|(sealed, _)| sealed.path().display().to_string()).collect();
    refuse_shared_targets(
        sources.iter().map(String::as_str).zip(targets.iter().map(|(_, plain)| plain.as_path())),
    )?;
    Ok((targets, all_compared))
}

/// Returns each named set once, by whichever part and through whichever link it was named, and whether it was
/// compared with its manifest.
fn distinct_sets(args: &DecryptArgs, reading: &Reading) -> Result<Vec<(PartSet, bool)>, CliError> {
    let mut sets: Vec<(PartSet, bool)> = Vec::new();
    let mut named: BTreeMap<SetId, usize> = BTreeMap::new();
    let mut files = BTreeSet::new();
    for file in &args.files {
        let id = SetId::of(file)?;
        // A known set is not compared again, since that takes as long as reading it.
        let known = id.as_ref().and_then(|id| sets.get(*named.get(id)?));
        if known.is_some_and(|(set, _)| is_manifest(file) || set.names().contains(&name(file))) {
            continue;
        }
        let (set, digests_compared) = find_intact_set(file, args.signer.as_deref(), reading)?;
        let parts =
            set.paths().map(|part| FileId::of(&part).map_err(|error| CliError::file("read", &part, &error)));
        if files.insert(parts.collect::<Result<Vec<_>, _>>()?) {
            named.extend(id.map(|id| (id, sets.len())));
            sets.push((set, digests_compared));
        }
    }
    Ok(sets)
}

/// A part in plaintext.
struct Opened {
    file: WholeFile,
    authenticated: bool,
}

/// Decrypts into an unnamed file, which only its owner can read and which vanishes unless it gets a name. A file that
/// is there already is compared instead.
fn decrypt_part(
    sealed: &SteadyFile,
    plain: &Path,
    force: bool,
    key: &PrivateKey,
    reading: &Reading,
) -> Result<Opened, CliError> {
    let file = sealed.open().map_err(|error| CliError::file("read", sealed.path(), &error))?;
    let failed = |error: io::Error| part_failed(sealed.path(), &error);
    let mut reader = unseal(reading.reader(file), key).map_err(failed)?;
    let mut opened = WholeFile::begin(plain, force).map_err(|error| not_written(plain, &error))?;
    io::copy(&mut reader, &mut opened).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(plain),
        _ => failed(error),
    })?;
    opened.sync().map_err(|error| not_written(plain, &error))?;
    Ok(Opened { file: opened, authenticated: reader.is_authenticated() })
}

fn not_written(plain: &Path, error: &io::Error) -> CliError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => exists(plain),
        _ => CliError::file("write", plain, error),
    }
}

fn exists(plain: &Path) -> CliError {
    let message = format!(
        "{} already exists with other contents: remove it, choose another folder, or overwrite it with --force",
        plain.display()
    );
    CliError::refused("file_exists", message)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
