//! `catalog.url` and `store.url`.

use std::path::{Path, PathBuf};

/// The SQLite file of the catalog.
pub(super) fn catalog(url: &str, folder: &Path) -> Result<PathBuf, String> {
    local(url, "sqlite", folder)
        .unwrap_or_else(|| Err(format!("{}: use sqlite:PATH", unsupported(url, "catalog"))))
        .map_err(|why| format!("catalog.url: {why}"))
}

/// The folder of the artifact store.
pub(super) fn store(url: &str, folder: &Path) -> Result<PathBuf, String> {
    local(url, "file", folder)
        .unwrap_or_else(|| Err(format!("{}: use file:FOLDER", unsupported(url, "store"))))
        .map_err(|why| format!("store.url: {why}"))
}

/// Refuses what a shell would put a home folder for: taken at its word, it would be a folder of that name. A service has
/// no home that anybody could rely on.
pub(crate) fn without_home(path: &str) -> Result<&str, String> {
    match path.split_once('/') {
        Some((first, _)) if first.starts_with('~') => Err(TILDE.to_owned()),
        None if path == "~" => Err(TILDE.to_owned()),
        _ => Ok(path),
    }
}

const TILDE: &str = "~ is not understood here: write the whole path, or ./~ for a folder of that name";

/// `SCHEME:PATH`, or `SCHEME:///PATH` as URLs write absolute paths.
fn local(url: &str, scheme: &str, folder: &Path) -> Option<Result<PathBuf, String>> {
    let path = url.strip_prefix(scheme)?.strip_prefix(':')?;
    let path = match path.strip_prefix("//") {
        Some(absolute) if absolute.starts_with('/') => absolute,
        Some(_) => return None,
        None => path,
    };
    (!path.is_empty()).then(|| without_home(path).map(|path| folder.join(path)))
}

/// Names no more of the URL than its scheme: the rest may hold a password.
fn unsupported(url: &str, what: &str) -> String {
    match url.split_once(':') {
        Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_alphanumeric()) => {
            format!("this program has no {scheme} {what} in this form")
        }
        _ => format!("this is not the location of a {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_relative_to_the_folder_or_absolute() {
        let folder = Path::new("/srv");
        for (url, path) in [
            ("sqlite:cdds.db", "/srv/cdds.db"),
            ("sqlite:/var/cdds.db", "/var/cdds.db"),
            ("sqlite:///var/cdds.db", "/var/cdds.db"),
        ] {
            assert_eq!(catalog(url, folder).unwrap(), Path::new(path), "{url}");
        }
        assert_eq!(store("file:a/b", folder).unwrap(), Path::new("/srv/a/b"));
    }

    #[test]
    fn what_is_not_supported_is_told_without_the_rest_of_the_url() {
        for url in ["postgres://user:secret@host/db", "sqlite://secret", "secret", "sqlite:", ""] {
            let error = catalog(url, Path::new("/srv")).unwrap_err();
            assert!(error.contains("sqlite:PATH") && !error.contains("secret"), "{error}");
        }
        assert!(store("s3://bucket/prefix", Path::new("/srv")).unwrap_err().contains("s3"));
    }
}
