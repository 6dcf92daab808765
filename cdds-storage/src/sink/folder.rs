//! Unfinished uploads in a local folder, which `object_store` hides.
//!
//! It writes `<key>#<n>` beside the object and renames it at the end. A crash leaves such a file behind;
//! `object_store` neither lists nor deletes it, so listing and deleting are done here.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use crate::{durable, private};

/// Returns the keys of all objects and unfinished uploads under `folder`, `/`-separated and relative to
/// `root`. Skips names that are not UTF-8, since they are not ours.
pub(super) fn keys(root: &Path, folder: &Path) -> io::Result<BTreeSet<String>> {
    // A missing store may hold anything: do not report it as empty.
    fs::metadata(root)?;
    let mut keys = BTreeSet::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in found(fs::read_dir(&folder))?.into_iter().flatten() {
            let entry = entry?;
            let path = entry.path();
            // Links are not followed: their targets are outside the store.
            match found(entry.file_type())? {
                Some(kind) if kind.is_dir() => folders.push(path),
                Some(kind) if kind.is_file() => keys.extend(key(root, &path)),
                _ => {}
            }
        }
    }
    Ok(keys)
}

/// Returns the latest modification time of a file under `root`.
pub(super) fn newest(root: &Path) -> io::Result<Option<SystemTime>> {
    fs::metadata(root)?;
    let mut newest = None;
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in found(fs::read_dir(&folder))?.into_iter().flatten() {
            let entry = entry?;
            match found(entry.metadata())? {
                Some(entry_is) if entry_is.is_dir() => folders.push(entry.path()),
                Some(entry_is) if entry_is.is_file() => newest = newest.max(Some(entry_is.modified()?)),
                _ => {}
            }
        }
    }
    Ok(newest)
}

fn key(root: &Path, file: &Path) -> Option<String> {
    let relative = file.strip_prefix(root).ok()?;
    let names: Option<Vec<&str>> = relative.iter().map(OsStr::to_str).collect();
    let key = names?.join("/");
    // An unfinished upload goes by its object's key, so that whoever removes the object removes it too.
    Some(upload_of(&key).map(str::to_owned).unwrap_or(key))
}

/// Returns the object of an unfinished upload; `None` if this is not the name of an upload.
fn upload_of(name: &str) -> Option<&str> {
    let (object, number) = name.rsplit_once('#')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && !object.is_empty()).then_some(object)
}

/// Creates the folders between `root` and an object, durably. They keep others out from the first byte on;
/// the store would create them with whatever permissions the umask leaves.
pub(super) fn make_parents(root: &Path, object: &Path) -> io::Result<()> {
    // A missing store is not created anew.
    fs::metadata(root)?;
    let relative = object.parent().and_then(|parent| parent.strip_prefix(root).ok());
    let mut folder = root.to_path_buf();
    for name in relative.into_iter().flatten() {
        let above = folder.clone();
        folder.push(name);
        match private::create_dir(&folder) {
            Ok(()) => {}
            // Its creator may have died before it was durable; nobody else would sync it then, and a power
            // cut would take everything stored in it. Another worker's clean-up may also remove it; then the
            // store creates it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // The store reports an obstacle when it stores the object.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        // Each entry from the top down: an object is durable only if every folder that leads to it is.
        sync(&above)?;
    }
    Ok(())
}

/// Removes an object, its unfinished uploads, and any folders left empty. The removal is durable on return:
/// an object that the catalog reports as gone must not reappear after a power cut. Does nothing if the object
/// does not exist.
pub(super) fn delete(root: &Path, object: &Path) -> io::Result<()> {
    let (Some(folder), Some(name)) = (object.parent(), object.file_name().and_then(OsStr::to_str)) else {
        return Ok(());
    };
    // Nothing can be removed from a missing store.
    fs::metadata(root)?;
    for entry in found(fs::read_dir(folder))?.into_iter().flatten() {
        let file_name = entry?.file_name();
        let Some(file) = file_name.to_str() else { continue };
        if file == name || upload_of(file) == Some(name) {
            found(fs::remove_file(folder.join(file)))?;
        }
    }
    // Also if nothing was there: whoever removed it may have died before the removal was durable.
    remove_empty(root, folder)
}

/// Removes `folder` and its parents up to `root` as long as they are empty; makes the removals durable, also
/// those of an earlier call.
fn remove_empty(root: &Path, folder: &Path) -> io::Result<()> {
    let mut folder = folder;
    while folder != root {
        match fs::remove_dir(folder) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // This fails on a folder that is not empty, which is the test: looking first would race with a
            // new object.
            Err(_) => break,
        }
        match folder.parent() {
            Some(parent) => folder = parent,
            None => break,
        }
    }
    sync(folder)
}

/// Another deletion may have removed the empty folder meanwhile.
fn sync(folder: &Path) -> io::Result<()> {
    found(durable::sync_folder(folder)).map(drop)
}

/// Ignores missing files, and a file in place of a folder.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_already_is_removed_up_to_the_store() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("set/1");
        fs::create_dir_all(&folder).unwrap();
        // Whoever removed the file died before its folders were gone.
        delete(root.path(), &folder.join("000001")).unwrap();
        assert!(!root.path().join("set").exists());
        delete(root.path(), &folder.join("000001")).unwrap();
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("000002"), "kept").unwrap();
        delete(root.path(), &folder.join("000001")).unwrap();
        assert!(folder.join("000002").exists());
        assert!(
            delete(&root.path().join("away"), &folder).is_err(),
            "nothing is removed from a missing store"
        );
    }

    #[test]
    fn names_of_uploads_are_told_from_names_of_objects() {
        for (name, object) in [
            ("000001#1", Some("000001")),
            ("a#b#12", Some("a#b")),
            ("000001", None),
            ("000001#", None),
            ("000001#1x", None),
            ("#1", None),
        ] {
            assert_eq!(upload_of(name), object, "{name}");
        }
    }
}
