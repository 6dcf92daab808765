//! Joins the parts of a split archive into one plain `.zip`, in one pass.
//!
//! The data is copied unchanged, without the split marker. The directory is written anew, with disk 0 and
//! with each offset counted from the start of the file. The data is not checked on the way: see
//! [`verify`](super::extract::verify).

use std::io::{BufWriter, Write};
use std::path::Path;

use bytes::BytesMut;

use super::extract::{Summary, not_written};
use super::parts::{Parts, PartsReader, Tail};
use super::stream::ArchiveStream;
use super::stream::directory::next_record;
use crate::archive::error::ArchiveError;
use crate::archive::format::central_record::Location;
use crate::archive::format::end_record::EndRecord;
use crate::archive::format::marker::{SINGLE_MARKER, SPLIT_MARKER};
use crate::archive::new_file::NewFile;
use crate::archive::whole_file::{WholeFile, Written};
use crate::durable;

/// Writes the joined archive to `to`, which appears only once it is complete and on disk; its folder is
/// created if necessary. An existing file is replaced only with `force`; one that is the joined archive already is
/// kept. What a killed process has left in that folder under a temporary name is removed. A single part is copied.
///
/// # Errors
/// Any [`ArchiveError`] but those about single entries.
pub fn join(parts: &Parts<'_>, to: &Path, force: bool) -> Result<Summary, ArchiveError> {
    let end = parts.end_of_split()?;
    let failed = |error| not_written(to, error);
    let folder = match to.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    durable::create_folders(folder).map_err(failed)?;
    NewFile::remove_abandoned(folder);
    let writer = BufWriter::with_capacity(256 << 10, WholeFile::begin(to, force).map_err(failed)?);
    let mut output = Output { writer, path: to, bytes: 0 };
    let mut summary = match end {
        None => {
            // A plain copy would not notice bytes in front of the archive.
            ArchiveStream::open(parts)?.check_beginning()?;
            copy_single(parts, &mut output)?
        }
        Some(end) => Joining::new(parts).run(&end, &mut output)?,
    };
    let file = output.writer.into_inner().map_err(|error| failed(error.into_error()))?;
    // Contents before the name, and the name before the folder: after a power cut the name must not belong to
    // an incomplete file.
    file.sync().map_err(failed)?;
    summary.kept = u64::from(file.finish().map_err(failed)? == Written::AlreadyThere);
    durable::sync_folder(folder).map_err(failed)?;
    Ok(summary)
}

/// The file being written.
struct Output<'t, W> {
    writer: W,
    path: &'t Path,
    bytes: u64,
}

impl<W: Write> Output<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.bytes += bytes.len() as u64;
        self.writer.write_all(bytes).map_err(|error| not_written(self.path, error))
    }
}

/// Copies the only part, and checks at its end that it is not one of several.
fn copy_single(parts: &Parts<'_>, output: &mut Output<'_, impl Write>) -> Result<Summary, ArchiveError> {
    let mut reader = PartsReader::new(parts);
    let mut tail = Tail::default();
    loop {
        let available = reader.fill()?;
        let count = available.len();
        if count == 0 {
            break;
        }
        output.write(available)?;
        let _kept = tail.write(available);
        reader.consume(count);
    }
    let end = parts.find_end(&tail)?;
    Ok(Summary { entries: end.entries, bytes: output.bytes, kept: 0 })
}

/// 8.5.3 and 8.5.4: the marker that may precede the first entry of a split archive.
const MARKER_BYTES: u64 = 4;

struct Joining<'a> {
    reader: PartsReader<'a>,
    /// Offset in the output at which the data of each part starts.
    starts: Vec<u64>,
    /// Bytes left out of the first part.
    skipped: u64,
}

impl<'a> Joining<'a> {
    fn new(parts: &'a Parts<'a>) -> Self {
        Self { reader: PartsReader::new(parts), starts: vec![0], skipped: 0 }
    }

    fn run(mut self, end: &EndRecord, output: &mut Output<'_, impl Write>) -> Result<Summary, ArchiveError> {
        self.skip_marker(output)?;
        self.copy_data(Location { disk: end.directory_disk, offset: end.directory_offset }, output)?;
        let directory_offset = output.bytes;
        let mut encoded = BytesMut::new();
        for _ in 0..end.entries {
            let mut record = next_record(&mut self.reader)?;
            record.at = self.joined(record.at).ok_or_else(|| {
                let name = String::from_utf8_lossy(&record.name);
                self.reader.damaged(format!("its directory places {name:?} outside the data"))
            })?;
            record.encode(false, &mut encoded);
            output.write(&encoded)?;
            encoded.clear();
        }
        let joined = EndRecord {
            disk: 0,
            directory_disk: 0,
            entries: end.entries,
            directory_bytes: output.bytes - directory_offset,
            directory_offset,
        };
        joined.encode(&mut encoded);
        output.write(&encoded)?;
        Ok(Summary { entries: end.entries, bytes: output.bytes, kept: 0 })
    }

    /// Omits the marker, with which some systems refuse an unsplit file.
    fn skip_marker(&mut self, output: &mut Output<'_, impl Write>) -> Result<(), ArchiveError> {
        let head = self.reader.read_u32()?;
        if matches!(head, SPLIT_MARKER | SINGLE_MARKER) {
            self.skipped = MARKER_BYTES;
            return Ok(());
        }
        output.write(&head.to_le_bytes())
    }

    /// Copies everything before the directory.
    fn copy_data(
        &mut self,
        until: Location,
        output: &mut Output<'_, impl Write>,
    ) -> Result<(), ArchiveError> {
        loop {
            // Fill first: it moves on to the next part, whose start in the output is where copying has come
            // to.
            let available = self.reader.fill()?.len();
            let at = self.reader.position();
            self.starts.resize(self.starts.len().max(at.disk as usize + 1), output.bytes);
            if at == until {
                return Ok(());
            }
            if available == 0 || at > until {
                return Err(self.reader.damaged("its directory is not where its end says"));
            }
            let count = if at.disk == until.disk {
                usize::try_from(until.offset - at.offset).unwrap_or(usize::MAX).min(available)
            } else {
                available
            };
            output.write(self.reader.fill()?.get(..count).unwrap_or_default())?;
            self.reader.consume(count);
        }
    }

    /// Translates a position in the parts into one in the output.
    fn joined(&self, at: Location) -> Option<Location> {
        let start = *self.starts.get(at.disk as usize)?;
        // The marker is missing from the first part only, so only its offsets shift by it.
        let skipped = if at.disk == 0 { self.skipped } else { 0 };
        Some(Location { disk: 0, offset: start.checked_add(at.offset.checked_sub(skipped)?)? })
    }
}
