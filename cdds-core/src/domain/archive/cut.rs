//! How a sequence of records becomes files of a bounded size (rules A1, A6).
//!
//! Each folder has at most one open file. A file is closed when the next record would take it past its
//! bound, or, when all open files together pass their budget, because it is the largest. Both depend on
//! the sequence of records only, never on how it was batched or who compresses.

mod chunks;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use self::chunks::{Chunks, Spare};
use super::layout;
use crate::domain::id::TypeId;
use crate::domain::record::{Place, RecordBatch};

/// How large files and the memory for open ones may become, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutLimits {
    /// Bound of a file before compression; a single larger record has a file of its own.
    pub file_bytes_max: usize,
    /// Bound of the memory that all open files together hold, each in chunks of 4 KiB.
    pub open_bytes_max: usize,
}

impl Default for CutLimits {
    /// Files of 4 MiB; 16 MiB for open ones.
    fn default() -> Self {
        Self { file_bytes_max: 4 << 20, open_bytes_max: 16 << 20 }
    }
}

/// How much memory is reserved for a file at once: what a default one may need.
const RESERVED_MAX: usize = 4 << 20;

/// A complete file, ready to be compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutFile {
    /// Path inside the archive.
    pub path: String,
    /// JSON lines. May be given back ([`FileCutter::give_back`]).
    pub contents: Vec<u8>,
}

/// Sorts records into open files and gives out those that are complete.
#[derive(Debug)]
pub struct FileCutter {
    data_type: TypeId,
    limits: CutLimits,
    folders: Vec<Folder>,
    by_place: HashMap<Place, usize>,
    by_path: HashMap<Arc<str>, usize>,
    /// Paths as [`layout::folded`] gives them.
    folded: HashSet<String>,
    open_bytes: usize,
    spare: Spare,
    by_size: BTreeSet<Rank>,
    /// Folders whose rank is out of date; ranks matter only when the budget is spent.
    unranked: Vec<usize>,
    /// Contents that were given back.
    buffers: Vec<Vec<u8>>,
    /// The folder whose file was opened last: its contents are in one piece.
    opened_last: Option<usize>,
    /// The files that were open when the records ended, last first.
    ending: Option<Vec<usize>>,
}

/// The order in which open files are closed when the budget is spent, last first: by size, ties by path.
type Rank = (usize, Reverse<Arc<str>>, usize);

#[derive(Debug)]
struct Folder {
    path: Arc<str>,
    files_closed: u64,
    open: Chunks,
    /// The size under which it stands in `by_size`; `None` if it does not.
    ranked_bytes: Option<usize>,
    /// Whether it is among `unranked`.
    is_unranked: bool,
}

impl FileCutter {
    /// No open files yet.
    pub fn new(data_type: TypeId, limits: CutLimits) -> Self {
        Self {
            data_type,
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

    /// Whether a record of this place has come before.
    pub fn knows(&self, place: &Place) -> bool {
        self.by_place.contains_key(place)
    }

    /// Takes the records of a batch; files that are complete are added to `closed`, in order.
    pub fn push(&mut self, batch: &RecordBatch, closed: &mut Vec<CutFile>) {
        let folders: Vec<usize> = batch.places().iter().map(|place| self.folder_of(place)).collect();
        for record in batch.iter() {
            if let Some(folder) = folders.get(record.place_index) {
                self.append(*folder, record.line, closed);
            }
        }
    }

    /// Closes one of the files that are still open, in the order of their paths. No records may come after.
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

    /// Takes the contents of a file that is no longer needed, for the next one: large buffers that come and go
    /// would leave holes in the memory of the process.
    pub fn give_back(&mut self, contents: Vec<u8>) {
        if contents.capacity() <= self.limits.file_bytes_max {
            self.buffers.push(contents);
        }
    }

    fn append(&mut self, folder: usize, line: &[u8], closed: &mut Vec<CutFile>) {
        let open_bytes = self.folders[folder].open.len();
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
        while self.open_bytes > self.limits.open_bytes_max {
            let Some(largest) = self.largest() else { break };
            closed.push(self.close(largest));
        }
    }

    /// Gives the folder's file the piece of memory of the file that was opened before it, if that is still open.
    fn open_file(&mut self, folder: usize) {
        let before = self.opened_last.replace(folder);
        let left = before.and_then(|before| self.folders[before].open.give_up_piece(&mut self.spare));
        let buffer = left.or_else(|| self.buffers.pop());
        let buffer =
            buffer.unwrap_or_else(|| Vec::with_capacity(self.limits.file_bytes_max.min(RESERVED_MAX)));
        self.folders[folder].open.begin_piece(buffer);
    }

    /// The folder's size has changed.
    fn unrank(&mut self, folder: usize) {
        if !std::mem::replace(&mut self.folders[folder].is_unranked, true) {
            self.unranked.push(folder);
        }
    }

    /// The largest open file; ties go to the smaller path. Costs the logarithm of the open files for each
    /// that has changed since it was asked last.
    fn largest(&mut self) -> Option<usize> {
        for index in self.unranked.drain(..) {
            let folder = &mut self.folders[index];
            folder.is_unranked = false;
            let rank = |bytes: usize| (bytes, Reverse(Arc::clone(&folder.path)), index);
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

    fn close(&mut self, index: usize) -> CutFile {
        self.unrank(index);
        let folder = &mut self.folders[index];
        self.open_bytes -= folder.open.held_bytes();
        let contents = folder.open.take(&mut self.buffers, &mut self.spare);
        folder.files_closed += 1;
        CutFile { path: layout::file_path(&folder.path, &self.data_type, folder.files_closed), contents }
    }

    /// Two places may share a folder (a source may name the default hierarchy itself); a folder's files
    /// are numbered once.
    fn folder_of(&mut self, place: &Place) -> usize {
        if let Some(folder) = self.by_place.get(place) {
            return *folder;
        }
        let path: Arc<str> = layout::folder(&self.data_type, place).into();
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

    /// A folder that no system takes for another one: on many, case does not count.
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
