//! How a sequence of records becomes files of a bounded size (rules A1, A6).
//!
//! Each folder has at most one open file. A file is closed when the next record would take it past its
//! bound, or, when all open files together pass their budget, because it is the largest. Both depend on
//! the sequence of records only, never on how it was batched or who compresses.

use std::collections::HashMap;

use bytes::Bytes;

use super::id::TypeId;
use super::layout;
use super::record::{Place, RecordBatch};

/// How large files and the memory for open ones may become, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutLimits {
    /// Bound of a file before compression; a single larger record has a file of its own.
    pub file_bytes_max: usize,
    /// Bound of all open files together.
    pub open_bytes_max: usize,
}

impl Default for CutLimits {
    /// Files of 4 MiB; 32 MiB for open ones.
    fn default() -> Self {
        Self { file_bytes_max: 4 << 20, open_bytes_max: 32 << 20 }
    }
}

/// A complete file, ready to be compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutFile {
    /// Path inside the archive.
    pub path: String,
    /// JSON lines.
    pub contents: Bytes,
}

/// Sorts records into open files and gives out those that are complete.
#[derive(Debug)]
pub struct FileCutter {
    data_type: TypeId,
    limits: CutLimits,
    folders: Vec<Folder>,
    by_place: HashMap<Place, usize>,
    by_path: HashMap<String, usize>,
    open_bytes: usize,
}

#[derive(Debug)]
struct Folder {
    path: String,
    files_closed: u64,
    open: Vec<u8>,
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
            open_bytes: 0,
        }
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

    /// Closes every open file, ordered by path.
    pub fn finish(mut self, closed: &mut Vec<CutFile>) {
        let mut open: Vec<usize> =
            (0..self.folders.len()).filter(|index| !self.folders[*index].open.is_empty()).collect();
        open.sort_by(|one, other| self.folders[*one].path.cmp(&self.folders[*other].path));
        for folder in open {
            self.close(folder, closed);
        }
    }

    fn append(&mut self, folder: usize, line: &[u8], closed: &mut Vec<CutFile>) {
        let open_bytes = self.folders[folder].open.len();
        if open_bytes > 0 && open_bytes + line.len() > self.limits.file_bytes_max {
            self.close(folder, closed);
        }
        self.folders[folder].open.extend_from_slice(line);
        self.open_bytes += line.len();
        while self.open_bytes > self.limits.open_bytes_max {
            let largest = self.largest();
            self.close(largest, closed);
        }
    }

    /// The largest open file; ties go to the smaller path.
    fn largest(&self) -> usize {
        let size_then_path = |index: &usize| {
            let folder = &self.folders[*index];
            (folder.open.len(), std::cmp::Reverse(folder.path.as_str()))
        };
        (0..self.folders.len()).max_by_key(size_then_path).unwrap_or(0)
    }

    fn close(&mut self, folder: usize, closed: &mut Vec<CutFile>) {
        let folder = &mut self.folders[folder];
        let contents = std::mem::take(&mut folder.open);
        self.open_bytes -= contents.len();
        folder.files_closed += 1;
        closed.push(CutFile {
            path: layout::file_path(&folder.path, &self.data_type, folder.files_closed),
            contents: Bytes::from(contents),
        });
    }

    /// Two places may share a folder (a source may name the default hierarchy itself); a folder's files
    /// are numbered once.
    fn folder_of(&mut self, place: &Place) -> usize {
        if let Some(folder) = self.by_place.get(place) {
            return *folder;
        }
        let path = layout::folder(&self.data_type, place);
        let folder = *self.by_path.entry(path.clone()).or_insert_with(|| {
            self.folders.push(Folder { path, files_closed: 0, open: Vec::new() });
            self.folders.len() - 1
        });
        self.by_place.insert(place.clone(), folder);
        folder
    }
}
