//! APPNOTE 4.5.3: the zip64 extended information extra field, and the list of extra fields (4.5.1) that
//! contains it.

use bytes::{BufMut as _, BytesMut};

use super::field::Fields;

/// 4.5.2: the header id of the field.
const ID: u16 = 0x0001;

/// Values too large for their own fields, in the order of the format. Only the present ones are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::archive) struct Zip64Extra {
    pub(in crate::archive) uncompressed_bytes: Option<u64>,
    pub(in crate::archive) compressed_bytes: Option<u64>,
    pub(in crate::archive) offset: Option<u64>,
    pub(in crate::archive) disk: Option<u32>,
}

impl Zip64Extra {
    /// Returns the size of the encoded field with its head; 0 if no value is present.
    pub(in crate::archive) fn encoded_bytes(&self) -> u16 {
        match self.value_bytes() {
            0 => 0,
            values => 4 + values,
        }
    }

    /// Appends the field, unless no value is present.
    pub(in crate::archive) fn encode(&self, out: &mut BytesMut) {
        if self.value_bytes() == 0 {
            return;
        }
        out.put_u16_le(ID);
        out.put_u16_le(self.value_bytes());
        for value in [self.uncompressed_bytes, self.compressed_bytes, self.offset].into_iter().flatten() {
            out.put_u64_le(value);
        }
        if let Some(disk) = self.disk {
            out.put_u32_le(disk);
        }
    }

    fn value_bytes(&self) -> u16 {
        let wide = [self.uncompressed_bytes, self.compressed_bytes, self.offset];
        wide.iter().flatten().map(|_| 8).sum::<u16>() + if self.disk.is_some() { 4 } else { 0 }
    }
}

/// Replaces each of the four values that is marked with the one in the zip64 field of `extra`.
///
/// Returns `None` if `extra` is malformed or lacks a marked value.
pub(in crate::archive) fn resolve(
    extra: &[u8],
    uncompressed_bytes: &mut u64,
    compressed_bytes: &mut u64,
    offset: Option<&mut u64>,
    disk: Option<&mut u32>,
) -> Option<()> {
    let mut values = Fields(find(extra)?.unwrap_or_default());
    for value in [Some(uncompressed_bytes), Some(compressed_bytes), offset].into_iter().flatten() {
        if *value == u64::from(u32::MAX) {
            *value = values.u64()?;
        }
    }
    if let Some(disk) = disk
        && *disk == u32::from(u16::MAX)
    {
        *disk = values.u32()?;
    }
    Some(())
}

/// Returns the list of extra fields without its zip64 field; `None` if the list is malformed.
pub(in crate::archive) fn without_zip64(extra: &[u8]) -> Option<Vec<u8>> {
    let mut kept = Vec::new();
    let mut rest = Fields(extra);
    while !rest.0.is_empty() {
        let before = rest.0;
        let (id, size) = (rest.u16()?, rest.u16()?);
        rest.take(usize::from(size))?;
        if id != ID {
            kept.extend_from_slice(before.get(..4 + usize::from(size))?);
        }
    }
    Some(kept)
}

/// Returns the values of the zip64 field: `None` if the list is malformed, `Some(None)` if it has no such
/// field.
fn find(extra: &[u8]) -> Option<Option<&[u8]>> {
    let mut rest = Fields(extra);
    while !rest.0.is_empty() {
        let (id, size) = (rest.u16()?, rest.u16()?);
        let value = rest.take(usize::from(size))?;
        if id == ID {
            return Some(Some(value));
        }
    }
    Some(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_values_are_taken_from_the_field() {
        let mut extra = BytesMut::from(&[0x55, 0x54, 1, 0, 9][..]);
        let field =
            Zip64Extra { compressed_bytes: Some(1 << 40), disk: Some(70_000), ..Zip64Extra::default() };
        field.encode(&mut extra);
        assert_eq!(extra.len(), 5 + usize::from(field.encoded_bytes()));

        let (mut uncompressed, mut compressed, mut offset, mut disk) = (7, u64::from(u32::MAX), 9, 0xffff);
        resolve(&extra, &mut uncompressed, &mut compressed, Some(&mut offset), Some(&mut disk)).unwrap();
        assert_eq!((uncompressed, compressed, offset, disk), (7, 1 << 40, 9, 70_000));
        assert_eq!(without_zip64(&extra).unwrap(), [0x55, 0x54, 1, 0, 9]);
    }

    #[test]
    fn a_marked_value_that_is_missing_is_an_error() {
        let (mut uncompressed, mut compressed) = (u64::from(u32::MAX), 1);
        assert_eq!(resolve(&[], &mut uncompressed, &mut compressed, None, None), None);
        assert_eq!(without_zip64(&[1, 0, 8, 0, 1]), None);
    }
}
