//! Compares stored parts with their manifest (rules A5, A9), without a key.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use cdds_core::domain::archive::artifact::Sha256Digest;
use cdds_core::domain::archive::manifest;
use cdds_core::domain::archive::part_name::PartName;
use cdds_core::stored::manifest::{Manifest, ManifestPart};
use sha2::{Digest, Sha256};

use crate::archive::steady_file::{SteadyFile, refuse_other_kinds};

/// Bytes per read.
const BUFFER_BYTES: usize = 256 << 10;

/// The result of the comparison for one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The part's file name, as in the manifest.
    pub name: String,
    /// The fault; `None` if the file is the published one.
    pub problem: Option<Problem>,
    /// The file that was compared. Read on through this one to be sure of reading the file that was compared.
    pub file: SteadyFile,
}

/// The fault of a part, in order of how much must be fetched again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// There is no such file.
    #[error("it is missing: download it again")]
    Missing,
    /// The file has the wrong size.
    #[error("it has {found} bytes, but {published} were published: download it again")]
    Size {
        /// Size as published.
        published: u64,
        /// Size found.
        found: u64,
    },
    /// The file has the right size but other contents.
    #[error("its contents were altered: download it again")]
    Altered,
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// The manifest's entry is invalid: its name is not that of a part of the manifest's set (rule A3), or
    /// its digest is malformed.
    #[error("the manifest's entry for it is not valid: the manifest was altered")]
    InvalidEntry,
    /// The file has the name of a part of the set, but the manifest does not list it.
    #[error("it is named like a part of the set, but is not one: move it away")]
    Unlisted,
}

/// Compares every part that `manifest` names with the file of that name in `folder`: sizes first, which is
/// quick, then contents. Calls `observe` with the number of bytes whenever some were read.
///
/// Returns one finding for each part, in the manifest's order, then one for each other file that has the name
/// of a part, since readers that find the set by its names would use that file.
pub fn audit(manifest: &Manifest, folder: &Path, mut observe: impl FnMut(u64)) -> Vec<Finding> {
    let stem = manifest::stem(manifest.execution_id);
    let mut findings: Vec<Finding> = manifest
        .parts
        .iter()
        .map(|part| Finding {
            name: part.name.clone(),
            problem: compare_size(part, &stem, folder),
            file: SteadyFile::new(folder.join(&part.name)),
        })
        .collect();
    for (finding, part) in findings.iter_mut().zip(&manifest.parts) {
        if finding.problem.is_none() {
            finding.problem = compare_contents(part, &finding.file, &mut observe);
        }
    }
    let unlisted = unlisted(manifest, &stem, folder).into_iter();
    findings.extend(unlisted.map(|name| Finding {
        file: SteadyFile::new(folder.join(&name)),
        name,
        problem: Some(Problem::Unlisted),
    }));
    findings
}

/// Counts only files of the same kind, sealed or plain, since both may be in one folder. A folder that cannot
/// be listed has already reported its parts as unreadable.
fn unlisted(manifest: &Manifest, stem: &str, folder: &Path) -> BTreeSet<String> {
    let listed: BTreeSet<&str> = manifest.parts.iter().map(|part| part.name.as_str()).collect();
    let sealed = listed.iter().filter_map(|name| PartName::parse(name)).any(|part| part.sealed);
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .filter_map(|file| file.file_name().into_string().ok())
        .filter(|name| !listed.contains(name.as_str()))
        .filter(|name| PartName::parse(name).is_some_and(|part| part.stem == stem && part.sealed == sealed))
        .collect()
}

fn compare_size(part: &ManifestPart, stem: &str, folder: &Path) -> Option<Problem> {
    let named = PartName::parse(&part.name).is_some_and(|name| name.stem == stem);
    // Before the name becomes a path: a manifest that somebody altered could name any file.
    if !named || Sha256Digest::from_hex(&part.sha256).is_none() {
        return Some(Problem::InvalidEntry);
    }
    let looked_at = fs::metadata(folder.join(&part.name));
    match looked_at.and_then(|file| refuse_other_kinds(&file).map(|()| file)) {
        Ok(file) if file.len() == part.bytes => None,
        Ok(file) => Some(Problem::Size { published: part.bytes, found: file.len() }),
        Err(error) => Some(unreadable(&error)),
    }
}

fn compare_contents(
    part: &ManifestPart,
    file: &SteadyFile,
    observe: &mut impl FnMut(u64),
) -> Option<Problem> {
    match digest(file, observe) {
        Ok(found) if Sha256Digest::from_hex(&part.sha256) == Some(found) => None,
        Ok(_) => Some(Problem::Altered),
        Err(error) => Some(unreadable(&error)),
    }
}

fn unreadable(error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::NotFound => Problem::Missing,
        _ => Problem::Unreadable(error.to_string()),
    }
}

fn digest(file: &SteadyFile, observe: &mut impl FnMut(u64)) -> io::Result<Sha256Digest> {
    // This notes the file's identity. Whoever reads the finding's file on is refused another one.
    let mut file = file.open()?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(Sha256Digest(hasher.finalize().into())),
            Ok(count) => {
                hasher.update(buffer.get(..count).unwrap_or_default());
                observe(count as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{ArchiveError, PartSet};

    fn name(extension: &str) -> String {
        format!("export-00000000-0000-0000-0000-000000000002.{extension}")
    }

    /// A manifest of two parts, in the engine's form.
    fn manifest(second: &str) -> Manifest {
        let part = |name: &str, contents: &[u8]| {
            let sha256 = Sha256Digest(Sha256::digest(contents).into());
            format!(r#"{{"name":"{name}","bytes":{},"sha256":"{sha256}"}}"#, contents.len())
        };
        let json = format!(
            r#"{{"format_version":1,"job_id":"00000000-0000-0000-0000-000000000001",
            "execution_id":"00000000-0000-0000-0000-000000000002",
            "settings":{{"v":"1","title":"t","source":"s","data_type":"d","categories":"all",
            "frequency":"immediately","timeframe":"all","protection":"plaintext"}},
            "slot":"2026-03-01T00:00:00Z","window":{{"start":null,"end":"2026-03-01T00:00:00Z"}},
            "created_at":"2026-03-01T00:00:00Z","compressor":"c","records":1,"files":1,
            "recipients":[],"parts":[{},{}]}}"#,
            part(&name("z01"), b"first"),
            part(second, b"second")
        );
        Manifest::from_json(json.as_bytes()).unwrap()
    }

    fn problems(manifest: &Manifest, folder: &Path) -> Vec<Option<Problem>> {
        audit(manifest, folder, |_bytes| {}).into_iter().map(|finding| finding.problem).collect()
    }

    #[test]
    fn a9_missing_short_and_altered_parts_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let write = |extension: &str, contents: &[u8]| {
            fs::write(folder.path().join(name(extension)), contents).unwrap();
        };
        let manifest = manifest(&name("zip"));
        assert_eq!(problems(&manifest, folder.path()), [Some(Problem::Missing), Some(Problem::Missing)]);
        write("z01", b"first");
        write("zip", b"secon");
        let short = Problem::Size { published: 6, found: 5 };
        assert_eq!(problems(&manifest, folder.path()), [None, Some(short)]);
        write("zip", b"sEcond");
        assert_eq!(problems(&manifest, folder.path()), [None, Some(Problem::Altered)]);
        write("zip", b"second");
        let mut read = 0;
        let findings = audit(&manifest, folder.path(), |bytes| read += bytes);
        assert!(findings.iter().all(|finding| finding.problem.is_none()) && read == 11, "{read}");
        // Decrypted copies beside sealed parts do not count.
        write("z01.smime", b"sealed");
        assert_eq!(problems(&manifest, folder.path()), [None, None]);
        write("z02", b"of somebody else");
        assert_eq!(problems(&manifest, folder.path()), [None, None, Some(Problem::Unlisted)]);
    }

    #[test]
    fn a9_a_part_that_is_exchanged_after_the_comparison_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["z01", "zip"].map(|extension| folder.path().join(name(extension)));
        fs::write(&paths[0], b"first").unwrap();
        fs::write(&paths[1], b"second").unwrap();
        let findings = audit(&manifest(&name("zip")), folder.path(), |_| {});
        assert!(findings.iter().all(|finding| finding.problem.is_none()));
        // Two sets, since a set remembers its files after the first reading.
        let [untouched, set] = [(); 2].map(|()| PartSet::find(&paths[0]).unwrap().as_compared(&findings));
        let read = |set: &PartSet| -> Vec<io::Result<Vec<u8>>> {
            let read = |file: &SteadyFile| {
                let mut bytes = Vec::new();
                file.open()?.read_to_end(&mut bytes).map(|_| bytes)
            };
            set.files().iter().map(read).collect()
        };
        assert_eq!(
            read(&untouched).into_iter().map(Result::unwrap).collect::<Vec<_>>(),
            [&b"first"[..], b"second"]
        );

        // Of the same size, as an attacker would make it.
        fs::write(folder.path().join("other"), b"SECOND").unwrap();
        fs::rename(folder.path().join("other"), &paths[1]).unwrap();
        let [first, second] = <[_; 2]>::try_from(read(&set)).unwrap();
        assert_eq!(first.unwrap(), b"first");
        assert!(second.unwrap_err().to_string().contains("replaced or changed"));
        assert!(
            set.parts()
                .open(1)
                .and_then(|mut part| {
                    let read = part.read(&mut [0]);
                    read.map_err(|error| ArchiveError::io("x", error))
                })
                .is_err()
        );
    }

    #[test]
    #[cfg(unix)]
    fn what_is_no_file_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join(name("z01"));
        assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
        fs::create_dir(folder.path().join(name("zip"))).unwrap();
        let found = problems(&manifest(&name("zip")), folder.path());
        assert!(
            matches!(&found[0], Some(Problem::Unreadable(why)) if why.contains("a named pipe")),
            "{found:?}"
        );
        assert!(matches!(&found[1], Some(Problem::Unreadable(why)) if why.contains("a folder")), "{found:?}");
    }

    #[test]
    fn a9_a_manifest_cannot_point_outside_its_set() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("e.zip"), b"second").unwrap();
        let (up, below) = (format!("../{}", name("zip")), format!("sub/{}", name("zip")));
        for outside in [&up, "/etc/e.zip", &below, "passwd", "e.zip"] {
            let found = problems(&manifest(outside), folder.path());
            assert_eq!(found[1], Some(Problem::InvalidEntry), "{outside}");
        }
    }
}
