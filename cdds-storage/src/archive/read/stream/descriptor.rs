//! APPNOTE 4.3.9: the data descriptor, which repeats CRC and sizes after the data of an entry whose header
//! was written before they were known. Our writer does not need it; commons-compress and streaming writers
//! do.

use crate::archive::error::ArchiveError;
use crate::archive::format::entry_fields::{EntryFields, FLAG_DESCRIPTOR};
use crate::archive::format::field::exceeds32;
use crate::archive::read::parts::PartsReader;

/// 4.3.9.3: precedes the descriptor in most archives, but not in all.
const SIGNATURE: u32 = 0x0807_4b50;

/// Whether a header announces a descriptor, through bit 3 of its flags.
pub(super) fn is_announced(header: &EntryFields) -> bool {
    header.flags & FLAG_DESCRIPTOR != 0
}

/// Reads a descriptor in any of its forms; returns whether it agrees with the directory.
///
/// According to 4.3.9.2 the sizes have eight bytes if the header has a zip64 field. But streaming writers do
/// not know beforehand whether an entry will need one, so Java and others write eight bytes after a header
/// without it.
pub(super) fn read(reader: &mut PartsReader<'_>, listed: &EntryFields) -> Result<bool, ArchiveError> {
    let forms = forms(listed);
    let mut found: Vec<u32> = Vec::new();
    loop {
        let longer = forms.iter().filter(|form| form.len() > found.len() && form.starts_with(&found));
        let next: Vec<u32> = longer.filter_map(|form| form.get(found.len()).copied()).collect();
        if next.is_empty() {
            return Ok(forms.contains(&found));
        }
        // For an empty entry the short form is a prefix of the long one: the next byte tells them apart.
        let follows = reader.fill()?.first().copied();
        if forms.contains(&found) && !next.iter().any(|word| Some(word.to_le_bytes()[0]) == follows) {
            return Ok(true);
        }
        found.push(reader.read_u32()?);
    }
}

/// Returns every legal form as words of four bytes: with and without the signature, with sizes of eight bytes
/// and, where they fit, of four.
fn forms(listed: &EntryFields) -> Vec<Vec<u32>> {
    let halves = |size: u64| {
        let [a, b, c, d, high @ ..] = size.to_le_bytes();
        [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes(high)]
    };
    let [compressed, uncompressed] = [halves(listed.compressed_bytes), halves(listed.uncompressed_bytes)];
    let wide = [&[listed.crc32][..], &compressed, &uncompressed].concat();
    let narrow = vec![listed.crc32, compressed[0], uncompressed[0]];
    let fits = !exceeds32(listed.compressed_bytes) && !exceeds32(listed.uncompressed_bytes);
    let unsigned: Vec<Vec<u32>> = std::iter::once(wide).chain(fits.then_some(narrow)).collect();
    let signed = unsigned.iter().map(|form| [&[SIGNATURE], form.as_slice()].concat());
    signed.chain(unsigned.clone()).collect()
}
