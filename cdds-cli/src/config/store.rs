//! `[store]`: where exported files are kept.

use std::fmt;
use std::path::{Path, PathBuf};

#[cfg(feature = "buckets")]
use self::bucket::Bucket;
use super::{file, location};

#[cfg(feature = "buckets")]
pub(crate) mod bucket;

/// Where the artifact store is.
#[derive(Debug)]
pub(crate) enum StorePlace {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A folder of a bucket.
    #[cfg(feature = "buckets")]
    Bucket(Box<Bucket>),
}

impl StorePlace {
    /// Returns the folder, if it is one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            #[cfg(feature = "buckets")]
            Self::Bucket(_) => None,
        }
    }

    /// Returns whether downloads are answered by links to the store itself.
    #[cfg(feature = "serve")]
    pub(crate) fn gives_links(&self) -> bool {
        match self {
            Self::Folder(_) => false,
            #[cfg(feature = "buckets")]
            Self::Bucket(bucket) => bucket.links,
        }
    }
}

impl fmt::Display for StorePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            #[cfg(feature = "buckets")]
            Self::Bucket(bucket) => f.write_str(&bucket.url),
        }
    }
}

pub(super) fn check(typed: &file::Store, folder: &Path) -> Result<StorePlace, String> {
    if is_bucket(&typed.url) {
        return bucket_of(typed, folder).map_err(|why| format!("store.{why}"));
    }
    match typed.key_of_buckets() {
        Some(key) => Err(format!("store.{key}: that is for a bucket: leave it out")),
        None => location::store(&typed.url, folder).map(StorePlace::Folder),
    }
}

fn is_bucket(url: &str) -> bool {
    ["s3://", "gs://", "az://"].iter().any(|scheme| url.starts_with(scheme))
}

#[cfg(feature = "buckets")]
fn bucket_of(typed: &file::Store, folder: &Path) -> Result<StorePlace, String> {
    bucket::bucket(typed, folder).map(|bucket| StorePlace::Bucket(Box::new(bucket)))
}

#[cfg(not(feature = "buckets"))]
fn bucket_of(_: &file::Store, _: &Path) -> Result<StorePlace, String> {
    Err("url: this program was built without buckets: build it with `--features buckets`, or use file:FOLDER"
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<StorePlace, String> {
        check(&toml::from_str(text).unwrap(), Path::new("/srv"))
    }

    #[test]
    fn a_folder_takes_no_keys_of_buckets() {
        let place = checked("url = 'file:a'").unwrap();
        assert_eq!((place.folder(), place.to_string()), (Some(Path::new("/srv/a")), "/srv/a".to_owned()));
        for key in
            ["region = 'a'", "endpoint = 'a'", "secret_file = 'a'", "links = true", "allow_http = true"]
        {
            let error = checked(&format!("url = 'file:a'\n{key}")).unwrap_err();
            assert!(error.contains("leave it out") && error.contains(&key[..5]), "{error}");
        }
    }

    #[cfg(not(feature = "buckets"))]
    #[test]
    fn a_build_without_buckets_says_so() {
        assert!(checked("url = 's3://exports'").unwrap_err().contains("--features buckets"));
    }
}
