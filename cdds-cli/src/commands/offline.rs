//! Commands on files alone: finding the parts of a set, and reading sealed ones with a key.

pub(super) mod decrypt;
pub(super) mod extract;
mod identity;
pub(super) mod join;
pub(super) mod private_key;
mod published;
mod reading;
mod signature;
pub(super) mod verify;

use std::error::Error;
use std::io::{self, BufReader, Read};
use std::path::Path;

use cdds_crypto::{OpenError, OpenReader, PrivateKey};
use cdds_storage::archive::{ArchiveError, PartSet, Parts, SteadyReader, open_regular};
use cdds_storage::durable;
use cdds_view::words;

pub(super) use self::identity::refuse_shared_targets;
use self::published::{Published, find_intact_set, is_manifest};
pub(super) use self::reading::Reading;
use self::reading::{Watched, bytes_of};
use crate::error::CliError;

/// Finds the set that a file belongs to: the file is any one of its parts, or its manifest.
pub(super) fn find_set(file: &Path) -> Result<PartSet, CliError> {
    if is_manifest(file) {
        return Published::read(file)?.set();
    }
    if file.is_dir() {
        let why = "is a folder: name one of the files in it, any part of the set or its manifest";
        return Err(CliError::usage(format!("{} {why}", file.display())));
    }
    match open_regular(file) {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            return Err(CliError::usage(format!("{}: {error}", file.display())));
        }
        _ if !file.is_file() => return Err(CliError::no_file(file)),
        _ => {}
    }
    PartSet::find(file).map_err(|error| match (&error, pem_kind(file)) {
        (ArchiveError::NotAPart { .. }, Some(kind)) => CliError::failed(
            "not_a_part",
            format!("{} is {kind}: name a part of the set, or its manifest", file.display()),
        ),
        _ => error.into(),
    })
}

/// Recognises a PEM file that somebody may have taken for a part.
fn pem_kind(file: &Path) -> Option<&'static str> {
    let mut beginning = [0; 256];
    let read = open_regular(file).ok()?.read(&mut beginning).ok()?;
    let text = String::from_utf8_lossy(&beginning[..read]);
    match text {
        text if text.contains("PRIVATE KEY-----") => Some("a private key, which goes after --key"),
        text if text.contains("-----BEGIN CERTIFICATE-----") => Some("a certificate"),
        _ => None,
    }
}

/// Makes the folder into which files are written, if need be.
pub(super) fn make_folder(to: &Path) -> Result<(), CliError> {
    refuse_file(to)?;
    durable::create_folders(to).map_err(|error| CliError::file("create", to, &error))
}

/// Refuses a file that was named where a folder is required.
fn refuse_file(to: &Path) -> Result<(), CliError> {
    if to.is_file() {
        let why = format!("{} is a file: name a folder with --to", to.display());
        return Err(CliError::refused("file_exists", why));
    }
    Ok(())
}

/// The warning for sealed parts that were neither compared with a manifest nor authenticated.
pub(super) const UNCHECKED: &str = "warning: the parts cannot be compared with what was published: there is \
                                    no manifest beside them, and their cipher does not detect changes";

/// Words how many files were kept, as the end of a sentence.
fn already_there(kept: u64) -> String {
    if kept == 0 { String::new() } else { format!("; {} already there", words::count(kept)) }
}

/// A set to be read.
pub(super) struct Plaintext<'a> {
    pub(super) parts: Parts<'a>,
    /// Whether some part is sealed with a cipher that does not detect changes.
    pub(super) is_unprotected: bool,
}

/// Opens readers of a set's plaintext; sealed sets need a key. Authenticated parts have been checked to their
/// ends.
pub(super) fn plaintext<'a>(
    set: &PartSet,
    key: Option<&'a PrivateKey>,
    reading: &Reading,
) -> Result<Plaintext<'a>, CliError> {
    let watched = reading.clone();
    match key {
        _ if !set.is_sealed() => {
            let parts = set.parts_with(move |file| Ok(Box::new(watched.reader(file)) as Box<dyn Read>));
            Ok(Plaintext { parts, is_unprotected: false })
        }
        Some(key) => {
            let is_unprotected = !authenticate(set, key, reading)?;
            let parts =
                set.parts_with(move |file| Ok(Box::new(unseal(watched.reader(file), key)?) as Box<dyn Read>));
            Ok(Plaintext { parts, is_unprotected })
        }
        None => Err(CliError::usage(
            "the parts are sealed: name a recipient's private key with --key, or decrypt them first",
        )),
    }
}

/// Reads authenticated parts to their ends before any record file is written, since their contents may have
/// been changed until the tag is checked. Returns whether all parts are authenticated.
fn authenticate(set: &PartSet, key: &PrivateKey, reading: &Reading) -> Result<bool, CliError> {
    reading.begin("authenticating", bytes_of(set.files()));
    let mut all = true;
    for part in set.files() {
        let file = part.open().map_err(|error| CliError::file("read", part.path(), &error))?;
        let failed = |error: io::Error| part_failed(part.path(), &error);
        let mut reader = unseal(reading.reader(file), key).map_err(failed)?;
        if reader.is_authenticated() {
            io::copy(&mut reader, &mut io::sink()).map_err(failed)?;
        } else {
            all = false;
        }
    }
    Ok(all)
}

/// Returns the error for a part that cannot be decrypted.
fn part_failed(part: &Path, error: &io::Error) -> CliError {
    match open_error(error) {
        Some(reason) => CliError::failed(open_code(reason), format!("{}: {reason}", part.display())),
        None => CliError::file("decrypt", part, error),
    }
}

/// A sealed part as it is read.
type Sealed = BufReader<Watched<SteadyReader>>;

fn unseal(file: Watched<SteadyReader>, key: &PrivateKey) -> io::Result<OpenReader<Sealed>> {
    OpenReader::new(BufReader::with_capacity(256 << 10, file), key).map_err(io::Error::from)
}

impl From<ArchiveError> for CliError {
    fn from(error: ArchiveError) -> Self {
        let code = match &error {
            ArchiveError::NotAPart { .. } => "not_a_part",
            ArchiveError::MissingParts { .. } => "missing_parts",
            ArchiveError::Damaged { .. } => "damaged",
            ArchiveError::Unsupported { .. } => "unsupported",
            ArchiveError::UnsafePath { .. } => "unsafe_path",
            ArchiveError::LimitExceeded { .. } => "limit_exceeded",
            ArchiveError::Exists { .. } => "file_exists",
            ArchiveError::Io { source, .. } => open_error(source).map_or("file_failed", open_code),
            _ => "archive_failed",
        };
        match error {
            ArchiveError::Exists { .. } => Self::refused(code, with_causes(&error)),
            _ => Self::failed(code, with_causes(&error)),
        }
    }
}

/// Returns the reason behind a reader's error, if a part could not be opened.
fn open_error(error: &io::Error) -> Option<&OpenError> {
    error.get_ref()?.downcast_ref::<OpenError>()
}

fn open_code(error: &OpenError) -> &'static str {
    match error {
        OpenError::CannotDecrypt { .. } => "cannot_decrypt",
        OpenError::NotSealed { .. } => "not_sealed",
        OpenError::Unsupported { .. } => "unsupported",
        OpenError::PrivateKey { .. } => "invalid_key",
        OpenError::WrongPassphrase => "wrong_passphrase",
        OpenError::Io(_) => "file_failed",
        _ => "damaged",
    }
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let line = error.to_string();
        if !text.ends_with(&line) {
            text.push_str(": ");
            text.push_str(&line);
        }
        cause = error.source();
    }
    text
}
