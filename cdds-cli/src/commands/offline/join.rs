//! `cdds join`: one plain ZIP file out of the parts of a set.

use std::path::Path;

use cdds_storage::archive::PartSet;
use cdds_storage::archive::extract::verify;
use cdds_storage::archive::join::join as join_parts;
use cdds_view::words;
use serde::Serialize;

use super::identity::FileId;
use super::private_key::read_key;
use super::{Reading, UNCHECKED, find_intact_set, plaintext};
use crate::args::JoinArgs;
use crate::error::CliError;
use crate::session::Session;

#[derive(Debug, Serialize)]
struct Joined {
    to: String,
    parts: usize,
    files: u64,
    bytes: u64,
    /// Whether the very same file was there already.
    already_there: bool,
    /// Whether every part was compared with a manifest.
    digests_compared: bool,
}

pub(in crate::commands) fn join(args: &JoinArgs, session: &Session) -> Result<(), CliError> {
    if args.to.is_dir() {
        let why = "is a folder: name the file to be written, like";
        let file = args.to.join("export.zip");
        return Err(CliError::usage(format!("{} {why} {}", args.to.display(), file.display())));
    }
    let key = args.key.as_deref().map(|file| read_key(file, &args.passphrase)).transpose()?;
    let reading = Reading::shown(session);
    let (set, digests_compared) = find_intact_set(&args.file, args.signer.as_deref(), &reading)?;
    refuse_part(&set, &args.to)?;
    let reading = reading.until_stopped(session)?;
    let write = || {
        let plain = plaintext(&set, key.as_ref(), &reading)?;
        if !digests_compared {
            // Joining only copies: without digests, everything must be read to detect alterations.
            reading.begin_archive("checking", &set);
            verify(&plain.parts, |_path| {})?;
        }
        reading.begin_archive("joining", &set);
        let summary = join_parts(&plain.parts, &args.to, args.force)?;
        Ok((summary, plain.is_unprotected))
    };
    let (summary, is_unprotected) = write().map_err(|error| reading.explain(error))?;
    drop(reading);
    if is_unprotected && !digests_compared {
        session.console.note(UNCHECKED);
    }
    let to = args.to.display().to_string();
    let count = set.names().len();
    let (parts, files) = (words::counted(count as u64, "part"), words::counted(summary.entries, "file"));
    let already_there = summary.kept > 0;
    let kept = if already_there { "; already there" } else { "" };
    let words = format!("{parts} joined into {to}: {files} ({} bytes){kept}", summary.bytes);
    let (files, bytes) = (summary.entries, summary.bytes);
    let joined = Joined { to, parts: count, files, bytes, already_there, digests_compared };
    Ok(session.output.outcome(&joined, &words)?)
}

/// Refuses to overwrite a part of the set with the joined file, even with `--force`: the set would lose it.
fn refuse_part(set: &PartSet, to: &Path) -> Result<(), CliError> {
    let Ok(target) = FileId::of(to) else { return Ok(()) };
    if set.paths().any(|part| FileId::of(&part).is_ok_and(|part| part == target)) {
        let why = format!("{} is a part of the set itself: name another file with --to", to.display());
        return Err(CliError::refused("same_target", why));
    }
    Ok(())
}
