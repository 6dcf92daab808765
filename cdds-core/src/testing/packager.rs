//! The simplest possible archive format, uncompressed, for tests that inspect archives.

use bytes::Bytes;

use crate::ports::packager::{
    ArchiveWriter, Method, Packager, PackagerError, PackagerErrorKind, Packed, PartEvent, PartIndex,
    PartOrdinal, Plan,
};

/// A [`Packager`] that writes one line with the length and the path of each file, followed by its contents. A
/// part ends as soon as it is full.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainPackager;

impl Packager for PlainPackager {
    fn compressor(&self) -> &str {
        "none"
    }

    fn pack(&self, path: &str, contents: &Bytes) -> Result<Packed, PackagerError> {
        Ok(Packed {
            path: path.to_owned(),
            method: Method::Stored,
            crc32: 0,
            uncompressed_bytes: contents.len() as u64,
            data: contents.clone(),
        })
    }

    fn begin(&self, plan: Plan) -> Result<Box<dyn ArchiveWriter>, PackagerError> {
        let part_bytes_max = plan.part_bytes_max.unwrap_or(u64::MAX).max(1);
        Ok(Box::new(PlainWriter { part_bytes_max, room: 0, opened: 0, entries: 0 }))
    }
}

#[derive(Debug)]
struct PlainWriter {
    part_bytes_max: u64,
    /// The bytes that still fit into the open part.
    room: u64,
    opened: u32,
    entries: u64,
}

impl PlainWriter {
    fn write(&mut self, mut bytes: Bytes, events: &mut Vec<PartEvent>) {
        while !bytes.is_empty() {
            if self.room == 0 {
                self.close(events);
                self.open(events);
            }
            let fits = usize::try_from(self.room).unwrap_or(usize::MAX).min(bytes.len());
            events.push(PartEvent::Data(bytes.split_to(fits)));
            self.room -= fits as u64;
        }
    }

    fn open(&mut self, events: &mut Vec<PartEvent>) {
        events.push(PartEvent::Opened(PartOrdinal(self.opened)));
        self.opened += 1;
        self.room = self.part_bytes_max;
    }

    fn close(&self, events: &mut Vec<PartEvent>) {
        if let Some(open) = self.opened.checked_sub(1) {
            events.push(PartEvent::Closed(PartOrdinal(open)));
        }
    }
}

impl ArchiveWriter for PlainWriter {
    fn push(&mut self, file: Packed, events: &mut Vec<PartEvent>) -> Result<(), PackagerError> {
        self.entries += 1;
        self.write(Bytes::from(format!("{} {}\n", file.data.len(), file.path)), events);
        self.write(file.data, events);
        Ok(())
    }

    fn finish(mut self: Box<Self>, events: &mut Vec<PartEvent>) -> Result<PartIndex, PackagerError> {
        if self.opened == 0 {
            self.open(events);
        }
        self.close(events);
        Ok(PartIndex { reading_order: (0..self.opened).map(PartOrdinal).collect(), entries: self.entries })
    }
}

/// Returns the path and contents of each file in an archive, in order.
///
/// # Errors
/// [`PackagerErrorKind::Invalid`] if `parts` are not the parts of one archive in order.
pub fn unpack(parts: &[Bytes]) -> Result<Vec<(String, Bytes)>, PackagerError> {
    let archive = match parts {
        [only] => only.clone(),
        several => Bytes::from(several.concat()),
    };
    let mut rest = &*archive;
    let mut files = Vec::new();
    while !rest.is_empty() {
        let (path, contents, after) = entry(rest)
            .ok_or_else(|| PackagerError::new(PackagerErrorKind::Invalid, "this is not a plain archive"))?;
        files.push((path.to_owned(), archive.slice_ref(contents)));
        rest = after;
    }
    Ok(files)
}

fn entry(archive: &[u8]) -> Option<(&str, &[u8], &[u8])> {
    let end = archive.iter().position(|byte| *byte == b'\n')?;
    let (length, path) = std::str::from_utf8(&archive[..end]).ok()?.split_once(' ')?;
    let (contents, rest) = archive[end + 1..].split_at_checked(length.parse().ok()?)?;
    Some((path, contents, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn archive(files: &[(String, Vec<u8>)], part_bytes_max: Option<u64>) -> Vec<Bytes> {
        let plan = Plan { part_bytes_max, modified_at: chrono::DateTime::UNIX_EPOCH };
        let mut writer = PlainPackager.begin(plan).unwrap();
        let mut events = Vec::new();
        for (path, contents) in files {
            let packed = PlainPackager.pack(path, &Bytes::from(contents.clone())).unwrap();
            writer.push(packed, &mut events).unwrap();
        }
        let index = writer.finish(&mut events).unwrap();
        let mut parts: Vec<Vec<u8>> = Vec::new();
        for event in events {
            match event {
                PartEvent::Opened(_) => parts.push(Vec::new()),
                PartEvent::Data(bytes) => parts.last_mut().unwrap().extend_from_slice(&bytes),
                PartEvent::Closed(_) => {}
            }
        }
        assert_eq!(index.reading_order.len(), parts.len());
        parts.into_iter().map(Bytes::from).collect()
    }

    proptest! {
        #[test]
        fn files_come_back_out_of_parts_of_any_size(
            files in prop::collection::vec(("[a-z/ ]{1,9}", prop::collection::vec(any::<u8>(), 0..40)), 0..9),
            size in prop::option::of(1_u64..50),
        ) {
            let parts = archive(&files, size);
            prop_assert!(parts.iter().all(|part| part.len() as u64 <= size.unwrap_or(u64::MAX)));
            let unpacked = unpack(&parts).unwrap().into_iter();
            let unpacked: Vec<_> = unpacked.map(|(path, contents)| (path, contents.to_vec())).collect();
            prop_assert_eq!(unpacked, files);
        }
    }

    #[test]
    fn what_is_no_archive_is_an_error() {
        for bad in ["x", "9 a\nb", "-1 a\n", "a\n"] {
            assert!(unpack(&[Bytes::from(bad)]).is_err(), "{bad:?}");
        }
    }
}
