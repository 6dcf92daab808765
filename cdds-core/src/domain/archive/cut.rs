//! Cuts a sequence of records into files of a bounded size (rules A1, A6).
//!
//! Each folder has at most one open file. A file is closed when the next record would take it past its bound.
//! When all open files together exceed their budget of memory, the largest is closed. Both depend only on the
//! sequence of records, never on how it was batched or who compresses the files.

mod chunks;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use self::chunks::{Chunks, Spare};
use super::layout;
use crate::domain::id::TypeId;
use crate::domain::record::{Place, RecordBatch};

/// The largest size of files and of the memory for open ones, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutLimits {
    /// The largest file before compression. A single record that is larger has a file of its own.
    pub file_bytes_max: usize,
    /// The most memory that all open files together may hold. Each is counted in chunks of 4 KiB.
    pub open_bytes_max: usize,
}

impl Default for CutLimits {
    /// Files of 4 MiB, and 16 MiB for open ones.
    fn default() -> Self {
        Self { file_bytes_max: 4 << 20, open_bytes_max: 16 << 20 }
    }
}

/// The most memory that is reserved for a file at once: the size of a default file.
const RESERVED_MAX: usize = 4 << 20;

/// A complete file, ready to be compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutFile {
    /// The path inside the archive.
    pub path: String,
    /// The contents as JSON lines. The buffer can be returned ([`FileCutter::give_back`]).
    pub contents: Vec<u8>,
}

/// Sorts records into open files and returns those that are complete.
#[derive(Debug)]
pub struct FileCutter {
    data_type: TypeId,
    /// Which folders there are.
    layout: Layout,
    limits: CutLimits,
    folders: Vec<Folder>,
    by_place: HashMap<Place, usize>,
    by_path: HashMap<Arc<str>, usize>,
    /// The paths of all folders, folded by [`layout::folded`].
    folded: HashSet<String>,
    open_bytes: usize,
    spare: Spare,
    by_size: BTreeSet<Rank>,
    /// Folders whose rank is out of date. Ranks are updated only when the budget is exceeded, so that most
    /// records cost nothing for them.
    unranked: Vec<usize>,
    /// Buffers that were given back.
    buffers: Vec<Vec<u8>>,
    /// The folder whose file was opened last. Only that file may have its contents in one piece.
    opened_last: Option<usize>,
    /// The folders whose files were open when the records ended, in reverse order of closing.
    ending: Option<Vec<usize>>,
}

/// Which folders a set has.
#[derive(Debug)]
enum Layout {
    /// Those of the places, in a set of one type.
    Alone,
    /// Those of the places, below that of the type.
    BelowType,
    /// This one.
    One(Arc<str>),
}

/// The rank of an open file: its size, and for equal sizes its path, smaller paths last. When the budget is
/// exceeded, the file with the last rank is closed.
type Rank = (usize, Reverse<Arc<str>>, usize);

#[derive(Debug)]
struct Folder {
    path: Arc<str>,
    files_closed: u64,
    open: Chunks,
    /// The size under which the folder is in `by_size`, or `None` if it is not.
    ranked_bytes: Option<usize>,
    /// Whether the folder is in `unranked`.
    is_unranked: bool,
}

impl FileCutter {
    /// Creates a cutter without open files.
    pub fn new(data_type: TypeId, limits: CutLimits) -> Self {
        Self {
            data_type,
            layout: Layout::Alone,
            limits,
            folders: Vec::new(),
            by_place: HashMap::new(),
            by_path: HashMap::new(),
            folded: HashSet::new(),
            open_bytes: 0,
            spare: Spare::default(),
            by_size: BTreeSet::new(),
            unranked: Vec::new(),
            buffers: Vec::new(),
            opened_last: None,
            ending: None,
        }
    }

    /// Puts every folder below that of the type, as sets of several types need it (rule J17).
    #[must_use]
    pub fn below_type(self) -> Self {
        Self { layout: Layout::BelowType, ..self }
    }

    /// Puts all records into this one folder, whatever their places, as a person reads them (rule D9).
    #[must_use]
    pub fn in_folder(self, path: &str) -> Self {
        Self { layout: Layout::One(path.into()), ..self }
    }

    /// Whether a record of this place was pushed before.
    pub fn knows(&self, place: &Place) -> bool {
        self.by_place.contains_key(place)
    }

    /// Adds the records of a batch. Files that become complete are appended to `closed`, in order.
    pub fn push(&mut self, batch: &RecordBatch, closed: &mut Vec<CutFile>) {
        let folders: Vec<usize> = batch.places().iter().map(|place| self.folder_of(place)).collect();
        for record in batch.iter() {
            if let Some(folder) = folders.get(record.place_index) {
                self.append(*folder, record.line, closed);
            }
        }
    }

    /// Closes one of the files that are still open, in the order of their paths. Returns `None` after the
    /// last. No records may be pushed after the first call.
    pub fn finish(&mut self) -> Option<CutFile> {
        let ending = self.ending.get_or_insert_with(|| {
            let is_open = |index: &usize| !self.folders[*index].open.is_empty();
            let mut open: Vec<usize> = (0..self.folders.len()).filter(is_open).collect();
            open.sort_by(|one, other| self.folders[*other].path.cmp(&self.folders[*one].path));
            open
        });
        let folder = ending.pop()?;
        Some(self.close(folder))
    }

    /// Takes back the contents of a file that is no longer needed, and reuses the buffer. Large buffers that
    /// come and go would leave holes in the memory of the process.
    pub fn give_back(&mut self, contents: Vec<u8>) {
        if contents.capacity() <= self.limits.file_bytes_max {
            self.buffers.push(contents);
        }
    }

    /// Appends a record to the folder's file, and closes files where the limits demand it.
    fn append(&mut self, folder: usize, line: &[u8], closed: &mut Vec<CutFile>) {
        let open_bytes = self.folders[folder].open.len();
        // An empty file takes any record, so that a record above the bound gets a file of its own.
        if open_bytes > 0 && open_bytes + line.len() > self.limits.file_bytes_max {
            closed.push(self.close(folder));
        }
        if self.folders[folder].open.is_empty() {
            self.open_file(folder);
        }
        let open = &mut self.folders[folder].open;
        let held_before = open.held_bytes();
        open.append(line, &mut self.spare);
        self.open_bytes += open.held_bytes() - held_before;
        self.unrank(folder);
        // This may close the file that has just grown. Whether it does depends on sizes and paths only.
        while self.open_bytes > self.limits.open_bytes_max {
            let Some(largest) = self.largest() else { break };
            closed.push(self.close(largest));
        }
    }

    /// Opens the folder's file in one piece of memory. The file that was opened before it hands over its
    /// piece if it is still open, and moves its contents into chunks.
    fn open_file(&mut self, folder: usize) {
        let before = self.opened_last.replace(folder);
        let left = before.and_then(|before| self.folders[before].open.give_up_piece(&mut self.spare));
        let buffer = left.or_else(|| self.buffers.pop());
        let buffer =
            buffer.unwrap_or_else(|| Vec::with_capacity(self.limits.file_bytes_max.min(RESERVED_MAX)));
        self.folders[folder].open.begin_piece(buffer);
    }

    /// Notes that the folder's size has changed.
    fn unrank(&mut self, folder: usize) {
        if !std::mem::replace(&mut self.folders[folder].is_unranked, true) {
            self.unranked.push(folder);
        }
    }

    /// Returns the folder of the largest open file, or of the one with the smallest path if several are
    /// largest. This costs the logarithm of the number of open files for each file that has changed since the
    /// last call.
    fn largest(&mut self) -> Option<usize> {
        for index in self.unranked.drain(..) {
            let folder = &mut self.folders[index];
            folder.is_unranked = false;
            let rank = |bytes: usize| (bytes, Reverse(Arc::clone(&folder.path)), index);
            // The old rank must be removed by the size under which it was inserted.
            if let Some(bytes) = folder.ranked_bytes {
                self.by_size.remove(&rank(bytes));
            }
            let bytes = folder.open.len();
            if bytes > 0 {
                self.by_size.insert(rank(bytes));
            }
            folder.ranked_bytes = (bytes > 0).then_some(bytes);
        }
        self.by_size.last().map(|(_, _, folder)| *folder)
    }

    /// Closes the folder's file and returns it. The next record of the folder opens another file with the
    /// next number.
    fn close(&mut self, index: usize) -> CutFile {
        self.unrank(index);
        let folder = &mut self.folders[index];
        self.open_bytes -= folder.open.held_bytes();
        let contents = folder.open.take(&mut self.buffers, &mut self.spare);
        folder.files_closed += 1;
        CutFile { path: layout::file_path(&folder.path, &self.data_type, folder.files_closed), contents }
    }

    /// Returns the folder of a place. Two places may share a folder, since a source may itself name folders
    /// of the default hierarchy. The files of a shared folder are numbered once.
    fn folder_of(&mut self, place: &Place) -> usize {
        if let Some(folder) = self.by_place.get(place) {
            return *folder;
        }
        let path: Arc<str> = match &self.layout {
            Layout::Alone => layout::folder(&self.data_type, place).into(),
            Layout::BelowType => layout::folder_below_type(&self.data_type, place).into(),
            Layout::One(path) => Arc::clone(path),
        };
        let folder = match self.by_path.get(&path) {
            Some(folder) => *folder,
            None => {
                let folder = self.open_folder(&path);
                self.by_path.insert(path, folder);
                folder
            }
        };
        self.by_place.insert(place.clone(), folder);
        folder
    }

    /// Adds a folder with a path that no file system takes for that of another folder. On many of them case
    /// does not count, for example.
    fn open_folder(&mut self, path: &str) -> usize {
        let mut path = path.to_owned();
        while !self.folded.insert(layout::folded(&path)) {
            path = layout::distinct(&path);
        }
        let (open, ranked_bytes) = (Chunks::default(), None);
        self.folders.push(Folder {
            path: path.into(),
            files_closed: 0,
            open,
            ranked_bytes,
            is_unranked: false,
        });
        self.folders.len() - 1
    }
}
