//! Archives in memory and on disk, and the programs that read them.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bytes::Bytes;
use cdds_core::domain::archive::part_name::part_name;
use cdds_core::ports::packager::{Packager as _, Packed, PartEvent, PartIndex, PartOrdinal, Plan};
use cdds_storage::archive::{Level, Parts, ZipPackager};

/// The path and contents of a file to be archived.
pub(super) type File = (String, Bytes);

/// The parts of an archive in reading order, each as the pieces in which it was written.
pub(super) struct Archive {
    pub(super) parts: Vec<Vec<Bytes>>,
    pub(super) entries: u64,
}

pub(super) fn plan(part_bytes_max: Option<u64>) -> Plan {
    Plan { part_bytes_max, modified_at: "2024-06-30T22:30:10Z".parse().unwrap() }
}

pub(super) fn archive(level: Level, part_bytes_max: Option<u64>, files: &[File]) -> Archive {
    let packager = ZipPackager::new(level);
    let packed = files.iter().map(|(path, contents)| packager.pack(path, contents).unwrap());
    archive_packed(part_bytes_max, packed)
}

/// Writes an archive and checks the events against the port's contract.
pub(super) fn archive_packed(
    part_bytes_max: Option<u64>,
    files: impl IntoIterator<Item = Packed>,
) -> Archive {
    let mut writer = ZipPackager::default().begin(plan(part_bytes_max)).unwrap();
    let mut made = Vec::new();
    let mut open = None;
    let mut events = Vec::new();
    for file in files {
        writer.push(file, &mut events).unwrap();
        take(&mut events, &mut made, &mut open);
    }
    let PartIndex { reading_order, entries } = writer.finish(&mut events).unwrap();
    take(&mut events, &mut made, &mut open);
    assert_eq!(open, None, "the last part is closed");

    let mut ordinals = reading_order.clone();
    ordinals.sort_unstable();
    assert!(ordinals.into_iter().map(|ordinal| ordinal.0 as usize).eq(0..made.len()), "{reading_order:?}");
    let parts: Vec<Vec<Bytes>> =
        reading_order.iter().map(|ordinal| std::mem::take(&mut made[ordinal.0 as usize])).collect();
    for part in parts.iter().take(parts.len() - 1) {
        assert!(part_bytes(part) <= part_bytes_max.unwrap(), "a data part is within the bound");
    }
    Archive { parts, entries }
}

fn take(events: &mut Vec<PartEvent>, made: &mut Vec<Vec<Bytes>>, open: &mut Option<PartOrdinal>) {
    for event in events.drain(..) {
        match event {
            PartEvent::Opened(ordinal) => {
                assert_eq!((open.replace(ordinal), ordinal.0 as usize), (None, made.len()));
                made.push(Vec::new());
            }
            PartEvent::Data(bytes) => {
                assert!(open.is_some() && !bytes.is_empty());
                made.last_mut().unwrap().push(bytes);
            }
            PartEvent::Closed(ordinal) => assert_eq!(open.take(), Some(ordinal)),
        }
    }
}

pub(super) fn part_bytes(part: &[Bytes]) -> u64 {
    part.iter().map(|piece| piece.len() as u64).sum()
}

impl Archive {
    /// Stores the parts under the names of rule A3. Returns their paths.
    pub(super) fn save(&self, folder: &Path, stem: &str) -> Vec<PathBuf> {
        let total = self.parts.len();
        let save = |(index, part): (usize, &Vec<Bytes>)| {
            let path = folder.join(part_name(stem, index, total));
            fs::write(&path, part.concat()).unwrap();
            path
        };
        self.parts.iter().enumerate().map(save).collect()
    }

    /// Returns the parts in memory in the form that readers take.
    pub(super) fn parts(&self) -> Parts<'_> {
        let total = self.parts.len();
        let names = (0..total).map(|index| part_name("memory", index, total)).collect();
        Parts::new("memory".into(), names, |index| {
            let pieces: Vec<Bytes> = self.parts[index].clone();
            Ok(Box::new(Pieces(pieces.into_iter().collect())))
        })
    }
}

/// Reads pieces one after another.
struct Pieces(std::collections::VecDeque<Bytes>);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.0.front().is_some_and(Bytes::is_empty) {
            self.0.pop_front();
        }
        let Some(piece) = self.0.front_mut() else { return Ok(0) };
        let count = piece.len().min(buffer.len());
        buffer[..count].copy_from_slice(&piece.split_to(count));
        Ok(count)
    }
}

/// A small generator of test data that is the same on every run.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Bytes that do not compress.
    pub(super) fn noise(&mut self, count: usize) -> Bytes {
        let mut bytes = Vec::with_capacity(count + 8);
        while bytes.len() < count {
            bytes.extend(self.next().to_le_bytes());
        }
        bytes.truncate(count);
        bytes.into()
    }

    /// Bytes that look like records.
    pub(super) fn records(&mut self, count: usize) -> Bytes {
        let mut text = String::with_capacity(count + 64);
        while text.len() < count {
            let (id, channel) = (self.next(), self.below(3));
            text.push_str(&format!("{{\"id\":\"{id:x}\",\"channel\":{channel},\"state\":\"closed\"}}\n"));
        }
        text.truncate(count);
        text.into()
    }
}

/// Creates files of these sizes, alternately noise and records. None of their names needs escaping.
pub(super) fn files(seed: u64, sizes: &[usize]) -> Vec<File> {
    let mut random = Random(seed);
    let file = |(index, size): (usize, &usize)| {
        let contents = if index % 2 == 0 { random.noise(*size) } else { random.records(*size) };
        (format!("Interaction/voice/2024-06-{:02}/Interaction-{index:05}.json", index % 30 + 1), contents)
    };
    sizes.iter().enumerate().map(file).collect()
}

/// Runs a program in `folder`, without input. The program must be installed. It is stopped after an hour,
/// since one that waits for an answer would wait for ever.
pub(super) fn run(folder: &Path, command: &[&str]) -> Output {
    let output = Command::new("timeout")
        .arg("3600")
        .args(command)
        .current_dir(folder)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(!matches!(output.status.code(), Some(124..=127)), "{command:?}: {output:?}");
    output
}

pub(super) fn succeed(folder: &Path, command: &[&str]) {
    let output = run(folder, command);
    assert!(output.status.success(), "{command:?}: {output:?}");
}

/// Asserts that the files extracted below a folder are those that were archived.
pub(super) fn assert_extracted(folder: &Path, files: &[File]) {
    for (path, contents) in files {
        let found = fs::read(folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(found == *contents, "{path} differs");
    }
    assert_eq!(count_files(folder), files.len());
}

fn count_files(folder: &Path) -> usize {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| if entry.file_type().unwrap().is_dir() { count_files(&entry.path()) } else { 1 })
        .sum()
}
