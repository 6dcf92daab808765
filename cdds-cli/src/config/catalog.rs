//! `[catalog]`: where jobs, executions and everything else on record is kept.

use std::fmt;
use std::path::{Path, PathBuf};

#[cfg(feature = "postgres")]
use super::postgres::{self, Login, PostgresEntry};
use super::{file, location};

/// Where the catalog is.
#[derive(Debug)]
pub(crate) enum CatalogPlace {
    /// An SQLite file.
    File(PathBuf),
    /// A schema of a PostgreSQL database.
    #[cfg(feature = "postgres")]
    Server(Box<CatalogServer>),
}

/// A catalog on a server.
#[cfg(feature = "postgres")]
#[derive(Debug)]
pub(crate) struct CatalogServer {
    pub(crate) at: PostgresEntry,
    pub(crate) schema: Option<String>,
    /// As it was typed: there is no password in it.
    url: String,
    /// With what the names of files begin that belong to the catalog and are kept on this machine.
    #[cfg(feature = "serve")]
    beside: PathBuf,
}

impl CatalogPlace {
    /// Returns the file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            #[cfg(feature = "postgres")]
            Self::Server(_) => None,
        }
    }

    /// Returns with what the names of files begin that belong to the catalog: `cdds.db` for `cdds.db.tokens`.
    #[cfg(feature = "serve")]
    pub(crate) fn beside(&self) -> &Path {
        match self {
            Self::File(path) => path,
            #[cfg(feature = "postgres")]
            Self::Server(server) => &server.beside,
        }
    }
}

impl fmt::Display for CatalogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            #[cfg(feature = "postgres")]
            Self::Server(server) => f.write_str(&server.url),
        }
    }
}

pub(super) fn check(typed: file::Catalog, folder: &Path) -> Result<CatalogPlace, String> {
    if !is_of_a_server(&typed.url) {
        return match typed.key_of_servers() {
            Some(key) => Err(format!("catalog.{key}: that is for a catalog in PostgreSQL: leave it out")),
            None => location::catalog(&typed.url, folder).map(CatalogPlace::File),
        };
    }
    server(typed, folder).map_err(|why| format!("catalog.{why}"))
}

fn is_of_a_server(url: &str) -> bool {
    ["postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme))
}

#[cfg(feature = "postgres")]
fn server(typed: file::Catalog, folder: &Path) -> Result<CatalogPlace, String> {
    let login = Login {
        password_file: typed.password_file.as_ref(),
        password_env: typed.password_env.as_ref(),
        authorities: typed.authorities.as_ref(),
    };
    let at = postgres::entry(&typed.url, login, folder)?;
    Ok(CatalogPlace::Server(Box::new(CatalogServer {
        at,
        schema: typed.schema,
        url: typed.url,
        #[cfg(feature = "serve")]
        beside: folder.join("cdds"),
    })))
}

#[cfg(not(feature = "postgres"))]
fn server(_: file::Catalog, _: &Path) -> Result<CatalogPlace, String> {
    Err("url: this program was built without PostgreSQL: build it with `--features postgres`, or use sqlite:PATH"
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<CatalogPlace, String> {
        check(toml::from_str(text).unwrap(), Path::new("/srv"))
    }

    #[test]
    fn a_file_takes_no_keys_of_servers() {
        let place = checked("url = 'sqlite:a.db'").unwrap();
        assert_eq!(place.file(), Some(Path::new("/srv/a.db")));
        for key in ["schema = 'a'", "password_file = 'a'", "password_env = 'A'", "authorities = 'a'"] {
            let error = checked(&format!("url = 'sqlite:a.db'\n{key}")).unwrap_err();
            assert!(error.contains("leave it out") && error.contains(&key[..5]), "{error}");
        }
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn a_server_is_told_by_its_url_which_holds_no_password() {
        let typed = "url = 'postgres://cdds@db.example/exports'\nschema = 'cdds_two'\npassword_env = 'P'";
        let place = checked(typed).unwrap();
        assert_eq!(place.to_string(), "postgres://cdds@db.example/exports");
        assert!(place.file().is_none());
        let CatalogPlace::Server(server) = place else { panic!("a file") };
        assert_eq!(server.schema.as_deref(), Some("cdds_two"));
        let error = checked("url = 'postgresql://cdds:hunter2@db.example/exports'").unwrap_err();
        assert!(error.contains("catalog.url") && !error.contains("hunter2"), "{error}");
    }

    #[cfg(not(feature = "postgres"))]
    #[test]
    fn a_build_without_postgresql_says_so_and_repeats_no_password() {
        let error = checked("url = 'postgres://cdds:hunter2@db.example/exports'").unwrap_err();
        assert!(error.contains("--features postgres") && !error.contains("hunter2"), "{error}");
    }
}
