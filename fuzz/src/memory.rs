//! Archives in memory, read completely.

use std::io::{Cursor, Read};
use std::path::Path;

use bytes::{Buf as _, Bytes};
use cdds_core::domain::archive::part_name::part_name;
use cdds_storage::archive::stream::ArchiveStream;
use cdds_storage::archive::{ArchiveError, Parts};

/// An entry's path and contents.
pub(crate) type File = (String, Vec<u8>);

/// Returns the parts in reading order, in the form that readers take.
pub(crate) fn parts(parts: &[Bytes]) -> Parts<'_> {
    let total = parts.len();
    let names = (0..total).map(|index| part_name("memory", index, total)).collect();
    Parts::new("memory".into(), names, move |index| Ok(Box::new(parts[index].clone().reader())))
}

/// Reads all entries with our own streaming reader.
pub(crate) fn read_by_us(parts: &Parts<'_>) -> Result<Vec<File>, ArchiveError> {
    let mut stream = ArchiveStream::open(parts)?;
    let mut files = Vec::new();
    while let Some(mut entry) = stream.next_entry()? {
        let path = entry.path().to_owned();
        let mut contents = Vec::new();
        let read = entry.read_to_end(&mut contents);
        read.map_err(|error| error.downcast::<ArchiveError>().expect("nothing else can go wrong"))?;
        files.push((path, contents));
    }
    Ok(files)
}

/// Reads all entries of a plain archive with the `zip` crate, in the order of its directory.
pub(crate) fn read_by_others(archive: &[u8]) -> zip::result::ZipResult<Vec<File>> {
    let mut zip = zip::ZipArchive::new(Cursor::new(archive))?;
    let mut files = Vec::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index)?;
        let mut contents = Vec::new();
        entry.read_to_end(&mut contents)?;
        files.push((entry.name()?.into_owned(), contents));
    }
    Ok(files)
}

/// Counts the files below a folder.
pub(crate) fn count_files(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let count = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("a folder of ours").path();
        if path.is_dir() { count_files(&path) } else { 1 }
    };
    entries.map(count).sum()
}
