//! APPNOTE 4.3.7: local file header.

use bytes::{BufMut as _, BytesMut};

use super::entry_fields::EntryFields;
use super::field::Fields;
use super::zip64_extra::{self, Zip64Extra};

/// `PK\x03\x04`.
pub(in crate::archive) const SIGNATURE: u32 = 0x0403_4b50;

/// Bytes between the signature and the name.
pub(in crate::archive) const FIXED_BYTES: usize = EntryFields::BYTES + 4;

/// Appends the header of an entry; the caller has checked that the name fits.
pub(in crate::archive) fn encode(name: &[u8], fields: &EntryFields, out: &mut BytesMut) {
    let zip64 = fields.needs_zip64();
    // 4.5.3: in a local header the field must contain both sizes.
    let extra = if zip64 {
        Zip64Extra {
            uncompressed_bytes: Some(fields.uncompressed_bytes),
            compressed_bytes: Some(fields.compressed_bytes),
            ..Zip64Extra::default()
        }
    } else {
        Zip64Extra::default()
    };
    out.put_u32_le(SIGNATURE);
    fields.encode(None, zip64, out);
    out.put_u16_le(u16::try_from(name.len()).unwrap_or(u16::MAX));
    out.put_u16_le(extra.encoded_bytes());
    out.put_slice(name);
    extra.encode(out);
}

/// The fixed fields of a parsed header, and the lengths of the variable ones.
#[derive(Debug, Clone, Copy)]
pub(in crate::archive) struct Fixed {
    pub(in crate::archive) fields: EntryFields,
    pub(in crate::archive) name_bytes: u16,
    pub(in crate::archive) extra_bytes: u16,
}

impl Fixed {
    pub(in crate::archive) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = Fields(bytes);
        let (_version_needed, fields) = EntryFields::parse(&mut rest)?;
        Some(Self { fields, name_bytes: rest.u16()?, extra_bytes: rest.u16()? })
    }

    /// Returns the fields, with marked sizes taken from the zip64 extra field.
    pub(in crate::archive) fn resolve(self, extra: &[u8]) -> Option<EntryFields> {
        let mut fields = self.fields;
        // Some writers leave stray bytes in an extra field, so it has to be well-formed only if a size is
        // marked.
        if fields.needs_zip64() {
            zip64_extra::resolve(
                extra,
                &mut fields.uncompressed_bytes,
                &mut fields.compressed_bytes,
                None,
                None,
            )?;
        }
        Some(fields)
    }
}
