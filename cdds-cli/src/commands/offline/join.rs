//! `cdds join`: one plain ZIP file out of the parts of a set.

use cdds_storage::archive::extract::verify;
use cdds_storage::archive::join::join as join_parts;
use serde::Serialize;

use super::private_key::read_key;
use super::{find_intact_set, plaintext};
use crate::args::JoinArgs;
use crate::error::CliError;
use crate::session::Session;

#[derive(Debug, Serialize)]
struct Joined {
    to: String,
    parts: usize,
    files: u64,
    bytes: u64,
}

pub(in crate::commands) fn join(args: &JoinArgs, session: &Session) -> Result<(), CliError> {
    if args.to.is_dir() {
        let why = "is a folder: name the file to be written, like";
        let file = args.to.join("export.zip");
        return Err(CliError::usage(format!("{} {why} {}", args.to.display(), file.display())));
    }
    let key = args.key.as_deref().map(|file| read_key(file, &args.passphrase)).transpose()?;
    let (set, digests_compared) = find_intact_set(&args.file)?;
    let parts = plaintext(&set, key.as_ref())?;
    if !digests_compared {
        // Joining copies: without digests, only reading everything shows what was altered.
        verify(&parts, |_path| {})?;
    }
    let summary = join_parts(&parts, &args.to, args.force)?;
    let to = args.to.display().to_string();
    let count = set.names().len();
    let words =
        format!("{count} parts joined into {to}: {} files ({} bytes)", summary.entries, summary.bytes);
    let joined = Joined { to, parts: count, files: summary.entries, bytes: summary.bytes };
    session.output.outcome(&joined, &words)
}
