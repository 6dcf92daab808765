//! Rules A3, A5: the names of a set's manifest and its signature.

use crate::domain::id::ExecutionId;

/// Returns the name of an execution's set without any extension: `export-<uuid>` (rule A3).
pub fn stem(execution: ExecutionId) -> String {
    format!("export-{execution}")
}

/// Returns the file name of the manifest: `export-<uuid>.manifest.json` (rule A5).
pub fn file_name(execution: ExecutionId) -> String {
    format!("{}.manifest.json", stem(execution))
}

/// Returns the file name of the manifest's signature: `export-<uuid>.manifest.json.p7s` (rule A5).
pub fn signature_name(execution: ExecutionId) -> String {
    format!("{}.p7s", file_name(execution))
}
