//! Little-endian fields, used by every structure of the format (APPNOTE 4.4.1.1).

/// Takes fields off the front of a structure; `None` if it is too short.
#[derive(Debug, Clone, Copy)]
pub(in crate::archive) struct Fields<'a>(pub(in crate::archive) &'a [u8]);

impl<'a> Fields<'a> {
    pub(in crate::archive) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    pub(in crate::archive) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    pub(in crate::archive) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    pub(in crate::archive) fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }
}

/// Returns a value for a 16-bit field, or the mark that says it is in a zip64 structure (APPNOTE 4.4.1.4).
pub(in crate::archive) fn or_mark16(value: u64) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

/// Returns a value for a 32-bit field, or the mark that says it is in a zip64 structure (APPNOTE 4.4.1.4).
pub(in crate::archive) fn or_mark32(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Whether a value is too large for a 16-bit field, whose largest value is the mark itself.
pub(in crate::archive) fn exceeds16(value: u64) -> bool {
    value >= u64::from(u16::MAX)
}

/// Whether a value is too large for a 32-bit field, whose largest value is the mark itself.
pub(in crate::archive) fn exceeds32(value: u64) -> bool {
    value >= u64::from(u32::MAX)
}
