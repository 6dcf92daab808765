//! Rules A3, A5: how the manifest of a set is called.

use crate::domain::id::ExecutionId;

/// The name of an execution's set before any extension: `export-<uuid>` (rule A3).
pub fn stem(execution: ExecutionId) -> String {
    format!("export-{execution}")
}

/// The manifest's file name (rule A5).
pub fn file_name(execution: ExecutionId) -> String {
    format!("{}.manifest.json", stem(execution))
}

/// The file name of the manifest's signature: `export-<uuid>.manifest.json.p7s` (rule A5).
pub fn signature_name(execution: ExecutionId) -> String {
    format!("{}.p7s", file_name(execution))
}
