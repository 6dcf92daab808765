//! Checks who else can read the files kept here.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Finding;
use crate::config::Config;

/// The permission bits of the group and of all others.
const OTHERS: u32 = 0o077;

/// Checks whether others on this machine can use catalog, store or a key. A closed store protects
/// everything in it.
pub(super) fn permissions(config: &Config) -> Finding {
    const CHECK: &str = "permissions";
    // A server lets in whom it lets in.
    let catalog = config.catalog.file();
    let beside = |suffix: &str| {
        let mut name = OsString::from(catalog?);
        name.push(suffix);
        Some(PathBuf::from(name))
    };
    let key = config.signing.iter().map(|signing| signing.key.clone());
    let key = key.chain(config.subject_keys.clone());
    let files = [beside(""), beside("-wal"), beside("-shm")].into_iter().flatten().chain(key);
    let loose: Vec<PathBuf> = files.filter(|file| is_loose(file)).collect();
    let folders = [config.store.folder().map(Path::to_path_buf), beside(".workers")].into_iter().flatten();
    let loose_folders: Vec<PathBuf> = folders.filter(|folder| is_loose(folder)).collect();
    if loose.is_empty() && loose_folders.is_empty() {
        return Finding::ok(CHECK, "catalog and store are closed to other users");
    }
    let all: Vec<String> =
        loose.iter().chain(&loose_folders).map(|path| path.display().to_string()).collect();
    let commands: Vec<String> = [("chmod go=", &loose), ("chmod -R go=", &loose_folders)]
        .into_iter()
        .filter(|(_, paths)| !paths.is_empty())
        .map(|(command, paths)| {
            let paths: Vec<String> = paths.iter().map(|path| quoted(path)).collect();
            format!("{command} {}", paths.join(" "))
        })
        .collect();
    let detail = format!("other users of this machine can look into {}", all.join(", "));
    let way_out = format!("`{}`, unless they are meant to", commands.join(" && "));
    Finding::warning(CHECK, detail, &way_out)
}

/// Returns whether others can use `path`. Other checks report a missing file.
fn is_loose(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.permissions().mode() & OTHERS != 0)
}

/// Quotes a path for a shell.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |char: char| char.is_ascii_alphanumeric() || "/._-".contains(char);
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_where_a_shell_would_split_them() {
        assert_eq!(quoted(Path::new("/srv/cdds.db")), "/srv/cdds.db");
        assert_eq!(quoted(Path::new("my 'own' db")), r"'my '\''own'\'' db'");
    }
}
