//! `cdds subject key`: a new key in the file of keys.

use std::io::{self, Write as _};
use std::path::Path;

use cdds_core::domain::id::SubjectKeyId;
use cdds_core::ports::catalog::query::{Slice, SubjectRequestQuery};
use cdds_core::ports::subject_keys::{SubjectKeys as _, SubjectKeysErrorKind};
use cdds_crypto::SubjectKeyRing;
use cdds_storage::durable;
use cdds_view::words;
use serde::Serialize;
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::commands::every_row;
use crate::compose::SubjectKeyFile;
use crate::config::Config;
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

/// Why there is no file of keys.
pub(in crate::commands) enum Absence {
    /// As far as is known, none was needed yet.
    First(String),
    /// Requests are on record for which there was one.
    Lost(String),
}

/// Says why the file of keys is not there, and what helps. The catalog of a service that has never run is not opened, and
/// so not made.
pub(in crate::commands) async fn absence(config: &Config, session: &Session) -> Absence {
    let path = config.subject_keys.as_deref().unwrap_or(Path::new("")).display();
    let first = format!("there is no {path} yet: `cdds subject key` makes it before the first request");
    if config.catalog.file().is_some_and(|file| !file.exists()) {
        return Absence::First(first);
    }
    let all = SubjectRequestQuery::default();
    let requests = async {
        let app = session.open_over(config).await?;
        let page = async |query: &SubjectRequestQuery, slice| {
            app.subjects.list(&session.principal, &query.clone().with_slice(slice)).await
        };
        let open = every_row(async |slice| page(&all.clone().with_open(true), slice).await).await?;
        let is_first = page(&all, Slice::first(1)).await?.items.is_empty();
        Ok::<_, CliError>((open.len() as u64, is_first))
    };
    match requests.await {
        Ok((_, true)) => Absence::First(first),
        Ok((open, false)) => Absence::Lost(format!(
            "there is no {path}, and {}: bring it back from its backup; a new key does not do",
            match open {
                0 => "past erasures cannot be applied again without it".to_owned(),
                1 => "an open request needs it".to_owned(),
                many => format!("{} need it", words::counted(many, "open request")),
            }
        )),
        Err(_) => Absence::First(format!(
            "there is no {path}, and the catalog does not say whether a request needs it: bring it back from its backup; \
             only where no request was ever on record, `cdds subject key` makes the first one"
        )),
    }
}

/// Makes a key, which is the present one from now on. Refuses to begin a new file where requests are on record, for
/// which there was one, unless that `is_lost`.
pub(super) async fn make(name: Option<String>, is_lost: bool, session: &Session) -> Result<(), CliError> {
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
        Err(error) if error.kind() == SubjectKeysErrorKind::None => {
            if !is_lost && let Absence::Lost(told) = absence(&config, session).await {
                return Err(CliError::refused("subject_key_missing", told).with_way_out(
                    "if it is lost for good, --lost begins a new one, and open requests can only be withdrawn",
                ));
            }
            Zeroizing::new(String::new())
        }
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
