//! `cdds subject key`: a new key in the file of keys.

use std::io::{self, Write as _};
use std::path::Path;

use cdds_core::domain::id::SubjectKeyId;
use cdds_core::ports::subject_keys::{SubjectKeys as _, SubjectKeysErrorKind};
use cdds_crypto::SubjectKeyRing;
use cdds_storage::durable;
use serde::Serialize;
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::compose::SubjectKeyFile;
use crate::error::CliError;
use crate::input;
use crate::session::Session;

/// What a new file begins with.
const HEAD: &str = "# Keys of data subjects, the present one first. Keep a copy of this file elsewhere, and never beside a copy of\n\
                    # the catalog: whoever has both can read the identifiers of open requests.\n";

/// The key that was made.
#[derive(Debug, Serialize)]
struct Made {
    key: String,
    file: String,
}

/// Makes a key, which is the present one from now on.
pub(super) fn make(name: Option<String>, session: &Session) -> Result<(), CliError> {
    let config = session.config()?;
    let Some(path) = &config.subject_keys else {
        let why =
            "no file of keys is named: set subjects.key_file in the configuration, like \"subjects.keys\"";
        return Err(CliError::refused("subject_key_missing", why));
    };
    let name = name.unwrap_or_else(|| session.clock.now().format("%Y-%m-%d").to_string());
    let id = SubjectKeyId::new(name)?;
    let known = match SubjectKeyFile::new(path.clone()).key(&id) {
        Ok(_) => {
            let why = format!("{} has a key {id}: choose another name", path.display());
            return Err(CliError::refused("key_exists", why));
        }
        Err(error) if error.kind() == SubjectKeysErrorKind::None => Zeroizing::new(String::new()),
        Err(error) if error.kind() == SubjectKeysErrorKind::Unknown => present(path)?,
        Err(error) => return Err(CliError::failed("subject_keys_failed", error.to_string())),
    };
    let line =
        SubjectKeyRing::fresh(&id).map_err(|why| CliError::failed("no_randomness", why.to_string()))?;
    write(path, &line, &known).map_err(|error| CliError::file("write", path, &error))?;
    let file = path.display().to_string();
    let words =
        format!("{file} has the new key {id}. Keep a copy of the file elsewhere, apart from the catalog");
    Ok(session.output.outcome(&Made { key: id.to_string(), file }, &words)?)
}

fn present(path: &Path) -> Result<Zeroizing<String>, CliError> {
    let bytes = Zeroizing::new(input::read(path).map_err(|error| CliError::file("read", path, &error))?);
    input::text(&bytes).ok_or_else(|| {
        CliError::failed("subject_keys_failed", format!("{} {}", path.display(), input::NO_TEXT))
    })
}

/// Replaces the file whole, so that no power cut leaves a part of it. It is for its owner alone from the beginning.
fn write(path: &Path, line: &str, known: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(HEAD.as_bytes())?;
    file.write_all(line.as_bytes())?;
    file.write_all(b"\n")?;
    file.write_all(known.strip_prefix(HEAD).unwrap_or(known).as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    durable::sync_folder(folder)
}
