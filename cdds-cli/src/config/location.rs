//! `catalog.url` and `store.url`.

use std::path::{Path, PathBuf};

use crate::home::without_home;

/// Parses the URL of the catalog into the path of its SQLite file.
pub(super) fn catalog(url: &str, folder: &Path) -> Result<PathBuf, String> {
    local(url, "sqlite", folder)
        .unwrap_or_else(|| Err(format!("{}: use sqlite:PATH", unsupported(url, "catalog"))))
        .map_err(|why| format!("catalog.url: {why}"))
}

/// Parses the URL of the artifact store into its folder.
pub(super) fn store(url: &str, folder: &Path) -> Result<PathBuf, String> {
    local(url, "file", folder)
        .unwrap_or_else(|| {
            Err(format!("{}: use file:FOLDER, or a bucket: s3://, gs://, az://", unsupported(url, "store")))
        })
        .map_err(|why| format!("store.url: {why}"))
}

/// Parses `SCHEME:PATH`, or `SCHEME:///PATH` as URLs write absolute paths.
pub(super) fn local(url: &str, scheme: &str, folder: &Path) -> Option<Result<PathBuf, String>> {
    let path = url.strip_prefix(scheme)?.strip_prefix(':')?;
    let path = match path.strip_prefix("//") {
        Some(absolute) if absolute.starts_with('/') => absolute,
        Some(_) => return None,
        None => path,
    };
    (!path.is_empty()).then(|| without_home(path).map(|path| folder.join(path)))
}

/// Names only the scheme of the URL, since the rest may hold a password.
fn unsupported(url: &str, what: &str) -> String {
    match url.split_once(':') {
        Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_alphanumeric()) => {
            format!("this program cannot use this {scheme} {what}")
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
        for url in ["mysql://user:secret@host/db", "sqlite://secret", "secret", "sqlite:", ""] {
            let error = catalog(url, Path::new("/srv")).unwrap_err();
            assert!(error.contains("sqlite:PATH") && !error.contains("secret"), "{error}");
        }
        assert!(store("s3://bucket/prefix", Path::new("/srv")).unwrap_err().contains("s3"));
    }
}
