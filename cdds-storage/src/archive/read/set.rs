//! Finds the parts of a set in a folder (rule A9).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cdds_core::domain::archive::part_name::{PartName, PartPosition};

use super::audit::Finding;
use super::parts::Parts;
use crate::archive::error::{ArchiveError, MISSING_PARTS_MAX};
use crate::archive::steady_file::{SteadyFile, SteadyReader};

/// The files of one set, complete as far as their names show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartSet {
    folder: PathBuf,
    names: Vec<String>,
    sealed: bool,
    /// One file for each name.
    files: Vec<SteadyFile>,
}

impl PartSet {
    /// Finds the set that the part at `path` belongs to; any of its parts will do.
    ///
    /// The names reveal gaps and a missing `.zip`. Parts missing right before the `.zip` are noticed when the
    /// set is read, because its end contains their number.
    ///
    /// # Errors
    /// [`ArchiveError::NotAPart`], [`ArchiveError::MissingParts`], which lists what is missing (the given
    /// part too), or [`ArchiveError::Io`] if the folder cannot be read.
    pub fn find(path: &Path) -> Result<Self, ArchiveError> {
        let given = path
            .file_name()
            .and_then(|name| PartName::parse(name.to_str()?))
            .ok_or_else(|| ArchiveError::NotAPart { path: path.to_owned() })?;
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let present = positions_beside(&folder, &given)?;
        let volumes = present
            .iter()
            .filter_map(|position| match position {
                PartPosition::Volume(number) => Some(*number),
                PartPosition::Last => None,
            })
            .max()
            .unwrap_or(0);
        let expected = (1..=volumes).map(PartPosition::Volume).chain([PartPosition::Last]);
        let missing: Vec<_> = expected
            .chain([given.position])
            .filter(|position| !present.contains(position))
            .take(MISSING_PARTS_MAX)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(|position| given.at(position).to_string())
            .collect();
        if !missing.is_empty() {
            return Err(ArchiveError::MissingParts { parts: missing, folder });
        }
        let names = given.siblings(volumes as usize + 1);
        let files = names.iter().map(|name| SteadyFile::new(folder.join(name))).collect();
        Ok(Self { folder, names, sealed: given.sealed, files })
    }

    /// Returns the same set, bound to the files that were compared with the manifest: reading fails if one
    /// has changed since.
    #[must_use]
    pub fn as_compared(mut self, findings: &[Finding]) -> Self {
        let compared: BTreeMap<&str, &SteadyFile> =
            findings.iter().map(|finding| (finding.name.as_str(), &finding.file)).collect();
        for (name, file) in self.names.iter().zip(&mut self.files) {
            if let Some(compared) = compared.get(name.as_str()) {
                file.clone_from(compared);
            }
        }
        self
    }

    /// Returns the file names of the parts, in reading order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the paths of the parts, in reading order.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.names.iter().map(|name| self.folder.join(name))
    }

    /// Returns the files of the parts, in reading order.
    pub fn files(&self) -> &[SteadyFile] {
        &self.files
    }

    /// Whether the parts are sealed, according to their names, and must be read through
    /// [`parts_with`](PartSet::parts_with).
    pub fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// Returns readers of the raw files.
    pub fn parts(&self) -> Parts<'static> {
        self.parts_with(|file| Ok(Box::new(file)))
    }

    /// Returns readers of the files through `open`, which decrypts them.
    pub fn parts_with<'a>(&self, open: impl Fn(SteadyReader) -> io::Result<Box<dyn Read>> + 'a) -> Parts<'a> {
        let files = self.files.clone();
        Parts::new(self.folder.clone(), self.names.clone(), move |index| {
            let file = files.get(index).ok_or(io::ErrorKind::NotFound)?;
            open(file.open()?)
        })
    }
}

/// Returns the positions for which the folder contains a file of the same set.
fn positions_beside(folder: &Path, given: &PartName) -> Result<BTreeSet<PartPosition>, ArchiveError> {
    let failed = |error| ArchiveError::io(format!("cannot list the folder {folder:?}"), error);
    let mut present = BTreeSet::new();
    for file in fs::read_dir(folder).map_err(failed)? {
        let name = file.map_err(failed)?.file_name();
        if let Some(part) = name.to_str().and_then(PartName::parse)
            && part.stem == given.stem
            && part.sealed == given.sealed
        {
            present.insert(part.position);
        }
    }
    Ok(present)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            File::create(folder.path().join(name)).unwrap();
        }
        folder
    }

    fn missing(names: &[&str], given: &str) -> Vec<String> {
        let folder = folder(names);
        match PartSet::find(&folder.path().join(given)).unwrap_err() {
            ArchiveError::MissingParts { parts, folder: named } => {
                assert_eq!(named, folder.path());
                parts
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a9_any_one_part_finds_the_others_in_order() {
        let folder = folder(&["e.z02", "e.zip", "e.z01", "f.z03", "e.z03.smime", "e.manifest.json"]);
        for given in ["e.z01", "e.z02", "e.zip"] {
            let set = PartSet::find(&folder.path().join(given)).unwrap();
            assert_eq!(set.names(), ["e.z01", "e.z02", "e.zip"]);
            assert!(!set.is_sealed());
        }
    }

    #[test]
    fn a9_what_is_missing_is_named() {
        assert_eq!(missing(&["e.z01", "e.z04", "e.zip"], "e.z01"), ["e.z02", "e.z03"]);
        assert_eq!(missing(&["e.z01.smime", "e.z02.smime", "e.zip"], "e.z01.smime"), ["e.zip.smime"]);
        assert_eq!(missing(&["e.z01", "e.zip"], "e.z03"), ["e.z03"]);
        assert_eq!(missing(&["e.z4294967295"], "e.z4294967295").len(), MISSING_PARTS_MAX);
    }

    #[test]
    fn other_files_are_not_parts() {
        let error = PartSet::find(Path::new("somewhere/e.manifest.json")).unwrap_err();
        assert!(matches!(error, ArchiveError::NotAPart { .. }));
    }
}
