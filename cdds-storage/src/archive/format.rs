//! The structures of the format, one a file, each named after its section of APPNOTE 6.3.10.

pub(in crate::archive) mod central_record;
pub(in crate::archive) mod dos_time;
pub(in crate::archive) mod end_record;
pub(in crate::archive) mod entry_fields;
pub(in crate::archive) mod entry_path;
pub(in crate::archive) mod field;
pub(in crate::archive) mod local_header;
pub(in crate::archive) mod marker;
pub(in crate::archive) mod zip64_extra;
