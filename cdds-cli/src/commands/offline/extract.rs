//! `cdds extract`: the record files of a set, in one pass over its parts.

use cdds_storage::archive::extract::{ExtractOptions, extract as extract_parts};
use cdds_view::words;
use serde::Serialize;

use super::private_key::read_key;
use super::{Interrupt, UNCHECKED, find_intact_set, plaintext, refuse_file};
use crate::args::ExtractArgs;
use crate::error::CliError;
use crate::session::Session;

#[derive(Debug, Serialize)]
struct Extracted {
    to: String,
    files: u64,
    bytes: u64,
    /// Whether every part was compared with a manifest.
    digests_compared: bool,
}

pub(in crate::commands) fn extract(args: &ExtractArgs, session: &Session) -> Result<(), CliError> {
    let key = args.key.as_deref().map(|file| read_key(file, &args.passphrase)).transpose()?;
    let (set, digests_compared) = find_intact_set(&args.file, args.signer.as_deref())?;
    refuse_file(&args.to)?;
    let options = ExtractOptions { force: args.force, limits: args.limits.into() };
    let interrupt = Interrupt::listen(session)?;
    let write = || {
        let plain = plaintext(&set, key.as_ref(), &interrupt)?;
        let summary = extract_parts(&plain.parts, &args.to, &options, |_path| {})?;
        Ok((summary, plain.is_unprotected))
    };
    let (summary, is_unprotected) = write().map_err(|error| interrupt.explain(error))?;
    if is_unprotected && !digests_compared {
        session.console.note(UNCHECKED);
    }
    let to = args.to.display().to_string();
    let words =
        format!("{} ({} bytes) extracted to {to}", words::counted(summary.entries, "file"), summary.bytes);
    let extracted = Extracted { to, files: summary.entries, bytes: summary.bytes, digests_compared };
    Ok(session.output.outcome(&extracted, &words)?)
}
