//! `cdds extract`: the record files of a set, in one pass over its parts.

use cdds_storage::archive::extract::{ExtractOptions, extract as extract_parts};
use cdds_view::words;
use serde::Serialize;

use super::private_key::read_key;
use super::{Reading, UNCHECKED, already_there, find_intact_set, plaintext, refuse_file};
use crate::args::ExtractArgs;
use crate::error::CliError;
use crate::session::Session;

#[derive(Debug, Serialize)]
struct Extracted {
    to: String,
    files: u64,
    bytes: u64,
    /// How many of the files were there already, with the same contents.
    already_there: u64,
    /// Whether every part was compared with a manifest.
    digests_compared: bool,
}

pub(in crate::commands) fn extract(args: &ExtractArgs, session: &Session) -> Result<(), CliError> {
    let key = args.key.as_deref().map(|file| read_key(file, &args.passphrase)).transpose()?;
    let reading = Reading::shown(session);
    let (set, digests_compared) = find_intact_set(&args.file, args.signer.as_deref(), &reading)?;
    refuse_file(&args.to)?;
    let options = ExtractOptions { force: args.force, limits: args.limits.into() };
    let reading = reading.until_stopped(session)?;
    let write = || {
        let plain = plaintext(&set, key.as_ref(), &reading)?;
        reading.begin_archive("extracting", &set);
        let summary = extract_parts(&plain.parts, &args.to, &options, |_path| {})?;
        Ok((summary, plain.is_unprotected))
    };
    let (summary, is_unprotected) = write().map_err(|error| reading.explain(error))?;
    drop(reading);
    if is_unprotected && !digests_compared {
        session.console.note(UNCHECKED);
    }
    let to = args.to.display().to_string();
    let (files, kept) = (words::counted(summary.entries, "file"), already_there(summary.kept));
    let words = format!("{files} ({} bytes) extracted to {to}{kept}", summary.bytes);
    let extracted = Extracted {
        to,
        files: summary.entries,
        bytes: summary.bytes,
        already_there: summary.kept,
        digests_compared,
    };
    Ok(session.output.outcome(&extracted, &words)?)
}
