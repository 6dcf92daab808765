//! APPNOTE 4.3.9: the data descriptor, which repeats CRC and sizes behind the data of an entry whose header
//! was written before they were known. Our writer has no use for it; commons-compress and streaming writers
//! do.

use super::super::entry_fields::{EntryFields, FLAG_DESCRIPTOR};
use super::super::error::ArchiveError;
use super::super::field::exceeds32;
use super::super::parts::PartsReader;

/// 4.3.9.3: stands in front of the descriptor in most archives, and in some not.
const SIGNATURE: u32 = 0x0807_4b50;

/// Whether a header announces a descriptor, by bit 3 of its flags.
pub(super) fn is_announced(header: &EntryFields) -> bool {
    header.flags & FLAG_DESCRIPTOR != 0
}

/// Reads a descriptor, in whichever form it comes; whether it says what the directory does.
///
/// 4.3.9.2 gives sizes eight bytes where the header has a zip64 field. But whoever streams an entry does not
/// know beforehand if it will need one, so that Java and others write eight bytes behind a header without it.
pub(super) fn read(reader: &mut PartsReader<'_>, listed: &EntryFields) -> Result<bool, ArchiveError> {
    let forms = forms(listed);
    let mut found: Vec<u32> = Vec::new();
    loop {
        let longer = forms.iter().filter(|form| form.len() > found.len() && form.starts_with(&found));
        let next: Vec<u32> = longer.filter_map(|form| form.get(found.len()).copied()).collect();
        if next.is_empty() {
            return Ok(forms.contains(&found));
        }
        // The short form of an empty entry is how its long one begins: a byte of what follows tells them
        // apart.
        let follows = reader.fill()?.first().copied();
        if forms.contains(&found) && !next.iter().any(|word| Some(word.to_le_bytes()[0]) == follows) {
            return Ok(true);
        }
        found.push(reader.read_u32()?);
    }
}

/// Everything that may stand there, as words of four bytes: with and without the signature, sizes of four
/// bytes where they fit and of eight.
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
