//! A set as described by its manifest (rules A5, A9).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cdds_core::domain::archive::manifest;
use cdds_core::domain::archive::part_name::PartName;
use cdds_core::stored::manifest::Manifest;
use cdds_storage::archive::PartSet;
use cdds_storage::archive::audit::{self, Finding};

use super::reading::Reading;
use super::signature::Signer;
use crate::error::CliError;
use crate::input;
use crate::text::printable;

/// How manifests are recognised among the files that are given.
const MANIFEST_SUFFIX: &str = ".manifest.json";

/// A manifest, read once, so that the signed bytes are the ones compared.
pub(super) struct Published {
    pub(super) path: PathBuf,
    pub(super) json: Vec<u8>,
    pub(super) manifest: Manifest,
}

impl Published {
    /// Returns the manifest of a file's set, if it was fetched too. The file itself may be missing.
    pub(super) fn of(file: &Path) -> Result<Option<Self>, CliError> {
        if is_manifest(file) {
            return Self::read(file).map(Some);
        }
        let Some(part) = file.file_name().and_then(|name| PartName::parse(name.to_str()?)) else {
            return Ok(None);
        };
        let path = file.with_file_name(format!("{}{MANIFEST_SUFFIX}", part.stem));
        // Anything of this name must be readable: if it counted as absent, the set would not be compared.
        if fs::symlink_metadata(&path).is_err_and(|error| is_absent(&error)) {
            return Ok(None);
        }
        let published = Self::read(&path)?;
        let named = |sealed: bool| {
            let name = PartName { sealed, ..part.clone() }.to_string();
            published.manifest.parts.iter().any(|part| part.name == name)
        };
        match (named(part.sealed), named(!part.sealed)) {
            (true, _) => Ok(Some(published)),
            // The manifest does not describe files that were decrypted beside the parts.
            (false, true) => Ok(None),
            (false, false) => {
                let why = format!("{} does not name it: it is not part of that set", path.display());
                Err(CliError::failed("verification_failed", format!("{}: {why}", file.display())))
            }
        }
    }

    /// Reads a manifest. It counts only under its own name, since the names of parts lead to it.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let damaged = |why: String| CliError::failed("damaged", format!("{}: {why}", path.display()));
        let json = input::read(path).map_err(|error| CliError::file("read", path, &error))?;
        let manifest =
            Manifest::from_json(input::without_mark(&json)).map_err(|error| damaged(error.to_string()))?;
        let name = manifest::file_name(manifest.execution_id);
        if path.file_name().is_none_or(|given| given != name.as_str()) {
            return Err(damaged(format!("it is the manifest of another set: its own name is {name}")));
        }
        Ok(Self { path: path.to_owned(), json, manifest })
    }

    /// Compares the parts, and reports faulty ones and files that only look like parts.
    pub(super) fn compare(&self, reading: &Reading) -> Vec<Finding> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let sizes = self.manifest.parts.iter().map(|part| part.bytes);
        reading.begin("comparing digests", sizes.fold(0, u64::saturating_add));
        let findings = audit::audit(&self.manifest, folder, |bytes| reading.add(bytes));
        let shown = |finding: Finding| Finding { name: printable(&finding.name).into_owned(), ..finding };
        findings.into_iter().map(shown).collect()
    }

    /// Returns the parts after they were found to be as published. Reading them fails if they have changed
    /// since.
    pub(super) fn compared_set(&self, findings: &[Finding]) -> Result<PartSet, CliError> {
        Ok(self.set()?.as_compared(findings))
    }

    /// Returns the parts, by their names alone.
    pub(super) fn set(&self) -> Result<PartSet, CliError> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        match self.manifest.parts.first() {
            Some(part)
                if PartName::parse(&part.name).is_some_and(|name| !name.stem.contains(['/', '\\'])) =>
            {
                Ok(PartSet::find(&folder.join(&part.name))?)
            }
            Some(_) => Err(self.altered("names a part outside its folder: it was altered")),
            None => Err(self.altered("names no parts")),
        }
    }

    fn altered(&self, what: &str) -> CliError {
        CliError::failed("damaged", format!("{} {what}", self.path.display()))
    }
}

/// Finds the set of a file, compares every part with the manifest, if there is one, and checks the manifest's
/// signature on request: alterations are reported before anything is written. Also returns whether there was
/// a manifest.
pub(super) fn find_intact_set(
    file: &Path,
    signer: Option<&Path>,
    reading: &Reading,
) -> Result<(PartSet, bool), CliError> {
    let published = Published::of(file)?;
    if let Some(signer) = signer {
        Signer::read(signer)?.check(file, published.as_ref())?;
    }
    let Some(published) = published else {
        return Ok((super::find_set(file)?, false));
    };
    let findings = published.compare(reading);
    let problems: Vec<String> = findings
        .iter()
        .filter_map(|finding| Some(format!("{}: {}", finding.name, finding.problem.as_ref()?)))
        .collect();
    if problems.is_empty() {
        return Ok((published.compared_set(&findings)?, true));
    }
    Err(CliError::failed("verification_failed", problems.join("; ")))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

pub(super) fn is_manifest(file: &Path) -> bool {
    file.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(MANIFEST_SUFFIX))
}
