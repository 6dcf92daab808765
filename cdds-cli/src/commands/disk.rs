//! The room on a disk.

use std::path::Path;

/// Returns how many bytes this user may still write there; `None` where the system cannot be asked.
#[cfg(unix)]
pub(super) fn free_bytes(place: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(place).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
pub(super) fn free_bytes(_place: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_has_room_or_cannot_be_asked() {
        assert!(free_bytes(Path::new("/")).is_some() || cfg!(not(unix)));
    }
}
