//! Finds the files that a path or a pattern names.
//!
//! The crate `glob` only matches names here. It does not walk the folders, because it skips what it cannot
//! look at: dangling links, names that are not UTF-8, folders that may not be entered. For an export those
//! would be records lost without a word, so here each is either read or an error.
//!
//! A name that begins with a dot matches only a literal dot, as in every shell. Links are followed, and each
//! folder is entered once for each rest of the pattern, whatever links lead there, so a loop ends.

use std::collections::{HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use cdds_core::ports::source::{SourceError, SourceErrorKind};
use glob::Pattern;

use super::identity::Identity;
use super::name::told;

/// A file that matches a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    pub(super) bytes: u64,
    /// Whether the path leads through a link.
    linked: bool,
}

/// One component of a pattern.
#[derive(Debug)]
enum Part {
    /// A name, `.` or `..`.
    Literal(OsString),
    /// Names that match.
    Matching(Pattern),
    /// `**`: this folder and all folders below it.
    Folders,
}

impl Part {
    fn of(component: &OsStr) -> Result<Self, glob::PatternError> {
        let special = component.to_str().filter(|name| name.contains(['*', '?', '[']));
        Ok(match special {
            None => Self::Literal(component.to_owned()),
            Some("**") => Self::Folders,
            Some(name) => Self::Matching(Pattern::new(name)?),
        })
    }
}

/// Returns all files that `path` names, each once, in the order of their names. A file with several names
/// goes by the first one that is not a link, or else by the first.
///
/// # Errors
/// [`SourceErrorKind::Invalid`] if `path` is not a valid pattern, or names something other than a file;
/// [`SourceErrorKind::Unavailable`] if something cannot be looked at; [`SourceErrorKind::Interrupted`] if
/// names vanish meanwhile; [`SourceErrorKind::Missing`] if there is no file.
pub(super) fn find(source: &str, path: &str) -> Result<Vec<Found>, SourceError> {
    // A name that exists is taken literally, whatever characters it contains.
    let (root, parts) = match fs::symlink_metadata(path) {
        Ok(_) => (PathBuf::new(), vec![Part::Literal(path.into())]),
        Err(_) => split(path).map_err(|error| {
            let message = format!("{source}: {path} is not a valid pattern");
            SourceError::with_source(SourceErrorKind::Invalid, message, error)
        })?,
    };
    let mut walk = Walk::new(source, &parts);
    walk.run(root)?;
    let mut files = walk.found;
    if files.is_empty() {
        return Err(match Path::new(path).is_dir() {
            true => SourceError::new(
                SourceErrorKind::Invalid,
                format!("{source}: {path} is a folder: name the files in it, as in {path}/*.jsonl"),
            ),
            false => SourceError::new(
                SourceErrorKind::Missing,
                format!(
                    "{source}: no file is found at {path}: add the file, or correct the path in the \
                     configuration of the source"
                ),
            ),
        });
    }
    files.sort_by(|one, other| (one.linked, &one.path).cmp(&(other.linked, &other.path)));
    let mut seen = HashSet::new();
    files.retain(|file| seen.insert(file.identity.clone()));
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

/// Splits a pattern into its root and its components.
fn split(path: &str) -> Result<(PathBuf, Vec<Part>), glob::PatternError> {
    Pattern::new(path)?;
    let (mut root, mut parts) = (PathBuf::new(), Vec::new());
    for component in Path::new(path).components() {
        match component {
            Component::Prefix(_) | Component::RootDir => root.push(component),
            _ => parts.push(Part::of(component.as_os_str())?),
        }
    }
    if let Some(Part::Folders) = parts.last() {
        // All files below, as in a shell.
        parts.push(Part::Matching(Pattern::new("*")?));
    }
    Ok((root, parts))
}

/// A folder in which the rest of the pattern is searched for.
#[derive(Debug)]
struct Place {
    folder: PathBuf,
    /// The index of the next part.
    part: usize,
    linked: bool,
}

struct Walk<'w> {
    source: &'w str,
    parts: &'w [Part],
    next: Vec<Place>,
    /// Folders behind links come last, so that a file reachable without a link gets its own name.
    behind_links: VecDeque<Place>,
    entered: HashSet<(Identity, usize)>,
    found: Vec<Found>,
}

impl<'w> Walk<'w> {
    fn new(source: &'w str, parts: &'w [Part]) -> Self {
        let (next, behind_links) = (Vec::new(), VecDeque::new());
        Self { source, parts, next, behind_links, entered: HashSet::new(), found: Vec::new() }
    }

    fn run(&mut self, root: PathBuf) -> Result<(), SourceError> {
        self.next.push(Place { folder: root, part: 0, linked: false });
        while let Some(place) = self.next.pop().or_else(|| self.behind_links.pop_front()) {
            self.enter(&place)?;
        }
        Ok(())
    }

    fn enter(&mut self, place: &Place) -> Result<(), SourceError> {
        let here = here(&place.folder);
        let metadata = match fs::metadata(here) {
            // The root itself may be missing: then there is no file.
            Err(error) if is_absent(&error) && place.part == 0 => return Ok(()),
            metadata => metadata.map_err(|error| self.cannot_look(here, error))?,
        };
        let identity = Identity::of(here, &metadata).map_err(|error| self.cannot_look(here, error))?;
        if !self.entered.insert((identity, place.part)) {
            return Ok(());
        }
        let (parts, part) = (self.parts, place.part + 1);
        match parts.get(place.part) {
            None => Ok(()),
            Some(Part::Literal(name)) => {
                let path = place.folder.join(name);
                match self.look(&path)? {
                    Some((metadata, link)) => self.reached(path, &metadata, place.linked || link, part),
                    None => Ok(()),
                }
            }
            Some(Part::Matching(pattern)) => {
                for name in self.names(here, |name, _| matches(pattern, name))? {
                    let path = place.folder.join(name);
                    let (metadata, link) = self.look(&path)?.ok_or_else(|| self.vanished(&path))?;
                    self.reached(path, &metadata, place.linked || link, part)?;
                }
                Ok(())
            }
            Some(Part::Folders) => {
                self.next.push(Place { folder: place.folder.clone(), part, linked: place.linked });
                // Files are not looked at: they may come and go.
                for name in self.names(here, |name, may_be_folder| may_be_folder && !is_hidden(name))? {
                    let path = place.folder.join(name);
                    let (metadata, link) = self.look(&path)?.ok_or_else(|| self.vanished(&path))?;
                    if metadata.is_dir() {
                        self.put_off(path, place.linked || link, place.part);
                    }
                }
                Ok(())
            }
        }
    }

    /// Handles a name that matches everything before the part of this index.
    fn reached(
        &mut self,
        path: PathBuf,
        metadata: &Metadata,
        linked: bool,
        part: usize,
    ) -> Result<(), SourceError> {
        if metadata.is_dir() {
            // A folder is not a file, and a file has nothing below it: neither matches.
            if part < self.parts.len() {
                self.put_off(path, linked, part);
            }
            return Ok(());
        }
        if part < self.parts.len() {
            return Ok(());
        }
        if !metadata.is_file() {
            let told = told(&path);
            return Err(SourceError::new(
                SourceErrorKind::Invalid,
                format!(
                    "{}: {told} is neither a file nor a folder: narrow the pattern or remove it",
                    self.source
                ),
            ));
        }
        let identity = Identity::of(&path, metadata).map_err(|error| self.cannot_look(&path, error))?;
        self.found.push(Found { path, identity, bytes: metadata.len(), linked });
        Ok(())
    }

    fn put_off(&mut self, folder: PathBuf, linked: bool, part: usize) {
        let place = Place { folder, part, linked };
        if linked { self.behind_links.push_back(place) } else { self.next.push(place) }
    }

    /// Returns the wanted names in a folder, in order. `wants` also learns whether a name may be that of a
    /// folder.
    fn names(
        &self,
        folder: &Path,
        wants: impl Fn(&OsStr, bool) -> bool,
    ) -> Result<Vec<OsString>, SourceError> {
        let read = || -> io::Result<Vec<OsString>> {
            let mut names = Vec::new();
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let name = entry.file_name();
                let may_be_folder = || entry.file_type().map_or(true, |kind| !kind.is_file());
                if wants(&name, may_be_folder()) {
                    names.push(name);
                }
            }
            names.sort();
            Ok(names)
        };
        // A file contains no names, which is not an error; the pattern simply does not match there.
        read().or_else(|error| match error.kind() {
            ErrorKind::NotADirectory => Ok(Vec::new()),
            _ => Err(self.cannot_look(folder, error)),
        })
    }

    /// Looks up `path`, with links followed; also returns whether it is a link. `None` if nothing is there.
    fn look(&self, path: &Path) -> Result<Option<(Metadata, bool)>, SourceError> {
        match fs::symlink_metadata(path) {
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(self.cannot_look(path, error)),
            Ok(metadata) if !metadata.is_symlink() => Ok(Some((metadata, false))),
            Ok(_) => match fs::metadata(path) {
                Ok(metadata) => Ok(Some((metadata, true))),
                Err(error) if is_absent(&error) => Err(SourceError::new(
                    SourceErrorKind::Unavailable,
                    format!(
                        "{}: {} is a link whose target does not exist: restore the target, or remove the link",
                        self.source,
                        told(path)
                    ),
                )),
                Err(error) => Err(self.cannot_look(path, error)),
            },
        }
    }

    fn cannot_look(&self, path: &Path, error: io::Error) -> SourceError {
        if is_absent(&error) {
            return self.vanished(path);
        }
        let told = told(path);
        let message = format!(
            "{}: {told} cannot be inspected: let this program's user read it, or narrow the pattern",
            self.source
        );
        SourceError::with_source(SourceErrorKind::Unavailable, message, error)
    }

    fn vanished(&self, path: &Path) -> SourceError {
        let message = format!("{}: {} vanished while the files were being listed", self.source, told(path));
        SourceError::new(SourceErrorKind::Interrupted, message)
    }
}

/// Returns the folder of a relative pattern.
fn here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// Whether a name matches. Bytes that are not UTF-8 count as a character that no pattern names, so `*`, `?`
/// and `[!…]` match them.
fn matches(pattern: &Pattern, name: &OsStr) -> bool {
    (!is_hidden(name) || pattern.as_str().starts_with('.')) && pattern.matches(&name.to_string_lossy())
}
