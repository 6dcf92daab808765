//! Markers at the start of the first part (APPNOTE 8.5.3, 8.5.4).

/// 8.5.3: the marker at the start of the first part of a split archive.
pub(in crate::archive) const SPLIT_MARKER: u32 = 0x0807_4b50;

/// 8.5.4: replaces the split marker if splitting was begun but turned out to be unnecessary.
pub(in crate::archive) const SINGLE_MARKER: u32 = 0x3030_4b50;
