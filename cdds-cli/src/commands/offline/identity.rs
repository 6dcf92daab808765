//! Decides whether two names mean one set, or one file.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cdds_core::domain::archive::manifest;
use cdds_core::domain::archive::part_name::PartName;

use super::published::{Published, is_manifest};
use crate::error::CliError;

/// Identifies a set of parts by its folder, its stem, and whether its parts are sealed. The stem alone is not
/// enough: sets of one name lie in several folders, and plain parts beside the sealed ones that they came
/// from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SetId {
    folder: PathBuf,
    stem: String,
    sealed: bool,
}

impl SetId {
    /// Returns the set that a part or a manifest belongs to, or `None` if the file is neither.
    pub(super) fn of(file: &Path) -> Result<Option<Self>, CliError> {
        let folder = canonical(folder_of(file));
        if is_manifest(file) {
            let manifest = Published::read(file)?.manifest;
            let sealed =
                manifest.parts.iter().any(|part| PartName::parse(&part.name).is_some_and(|part| part.sealed));
            return Ok(Some(Self { folder, stem: manifest::stem(manifest.execution_id), sealed }));
        }
        let part = file.file_name().and_then(|name| PartName::parse(name.to_str()?));
        Ok(part.map(|PartName { stem, sealed, .. }| Self { folder, stem, sealed }))
    }
}

/// Returns the folder of a file; without one in its name, it is the working folder.
fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

/// Resolves links; a folder that cannot be found keeps its name.
fn canonical(folder: &Path) -> PathBuf {
    folder.canonicalize().or_else(|_| std::path::absolute(folder)).unwrap_or_else(|_| folder.to_owned())
}

/// One file, whatever its names: links of either kind lead to the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId(#[cfg(unix)] (u64, u64), #[cfg(not(unix))] PathBuf);

impl FileId {
    pub(super) fn of(file: &Path) -> io::Result<Self> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let found = fs::metadata(file)?;
            Ok(Self((found.dev(), found.ino())))
        }
        #[cfg(not(unix))]
        {
            fs::canonicalize(file).map(Self)
        }
    }
}

/// Refuses sources that would be written to the same target, before anything is written. Names that differ
/// only in case count as one, since many file systems do not distinguish them.
pub(in crate::commands) fn refuse_shared_targets<'a>(
    writes: impl IntoIterator<Item = (&'a str, &'a Path)>,
) -> Result<(), CliError> {
    let mut sources = BTreeMap::new();
    for (source, target) in writes {
        if let Some(other) = sources.insert(target.to_string_lossy().to_lowercase(), source) {
            let why = format!(
                "{other} and {source} would both become {}: write them to different folders; nothing was written",
                target.display()
            );
            return Err(CliError::refused("same_target", why));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_that_differ_in_case_only_are_one() {
        let (a, b) = (Path::new("to/A.zip"), Path::new("to/a.zip"));
        assert_eq!(refuse_shared_targets([("x", a), ("y", b)]).unwrap_err().code(), "same_target");
        assert!(refuse_shared_targets([("x", a), ("y", Path::new("to/b.zip"))]).is_ok());
    }
}
