//! Paths that begin with `~`, which only shells expand.

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
