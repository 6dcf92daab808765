//! Where the configuration is, and paths that begin with `~`, which only shells expand.

use std::path::{Path, PathBuf};

/// The name of a configuration.
pub(crate) const CONFIGURATION: &str = "cdds.toml";

/// Returns the configuration of the working folder, or of the nearest folder above that has one. Without any, the path
/// where one is missed.
pub(crate) fn configuration() -> PathBuf {
    let here = PathBuf::from(CONFIGURATION);
    if here.exists() {
        return here;
    }
    let above = std::env::current_dir().ok().and_then(|folder| above(&folder));
    above.unwrap_or(here)
}

fn above(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().skip(1).map(|folder| folder.join(CONFIGURATION)).find(|path| path.is_file())
}

/// Refuses a path that a shell would expand to a home folder: taken literally, it would name a folder called
/// `~`. A service has no home folder to rely on.
pub(crate) fn without_home(path: &str) -> Result<&str, String> {
    match path.split_once('/') {
        Some((first, _)) if first.starts_with('~') => Err(TILDE.to_owned()),
        None if path == "~" => Err(TILDE.to_owned()),
        _ => Ok(path),
    }
}

const TILDE: &str = "~ is not understood here: write the whole path, or ./~ for a folder of that name";
