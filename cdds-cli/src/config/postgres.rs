//! Servers of PostgreSQL, where sources are and where a catalog may be.

use std::path::{Path, PathBuf};

use cdds_storage::source::PostgresServer;

use super::secret::{self, SecretPlace};
use crate::home::without_home;

/// A server, and the role that signs in there.
#[derive(Debug)]
pub(crate) struct PostgresEntry {
    pub(crate) server: PostgresServer,
    /// The authorities that the server's certificate must be from; those of the machine if left out.
    pub(crate) authorities: Option<PathBuf>,
}

/// The keys that say how to get in, as they are typed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Login<'a> {
    pub(super) password_file: Option<&'a String>,
    pub(super) password_env: Option<&'a String>,
    pub(super) authorities: Option<&'a String>,
}

/// Reads the URL of a server and the keys that go with it.
pub(super) fn entry(url: &str, login: Login<'_>, folder: &Path) -> Result<PostgresEntry, String> {
    let server = PostgresServer::new(url).map_err(|error| format!("url: {}", error.report()))?;
    if server.has_password() {
        return Err(
            "url: leave the password out of it, and name a file that holds it as password_file, or an \
                    environment variable as password_env"
                .to_owned(),
        );
    }
    let password = secret::optional("password", login.password_file, login.password_env, folder)?;
    let server =
        password.into_iter().fold(server, |server, place| server.with_password_from(move || read(&place)));
    let authorities = login.authorities.map(|path| without_home(path).map(|path| folder.join(path)));
    let authorities = authorities.transpose().map_err(|why| format!("authorities: {why}"))?;
    Ok(PostgresEntry { server, authorities })
}

/// Reads the password of the moment. The error names the place, and nothing of what is there.
fn read(place: &SecretPlace) -> Result<String, String> {
    let (password, named) = match place {
        SecretPlace::Env(name) => {
            let named = format!("the environment variable {name}");
            (std::env::var(name).map_err(|_| format!("{named} is not set: set it to the password"))?, named)
        }
        SecretPlace::File(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|why| format!("{} cannot be read: {why}", path.display()))?;
            // Some editors begin files with a byte order mark.
            let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
            (text.to_owned(), path.display().to_string())
        }
    };
    match password.is_empty() {
        true => Err(format!("{named} is empty: put the password there")),
        false => Ok(password),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_read_without_line_ends_and_its_place_is_named_if_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let place = SecretPlace::File(path.clone());
        assert!(read(&place).unwrap_err().contains("password cannot be read"));
        std::fs::write(&path, "\r\n").unwrap();
        assert!(read(&place).unwrap_err().contains("is empty"));
        std::fs::write(&path, "\u{feff} correct horse \r\n").unwrap();
        assert_eq!(read(&place).unwrap(), " correct horse ");
        let unset = SecretPlace::Env("CDDS_TEST_THAT_NOBODY_SETS".to_owned());
        assert!(read(&unset).unwrap_err().contains("CDDS_TEST_THAT_NOBODY_SETS is not set"));
    }
}
