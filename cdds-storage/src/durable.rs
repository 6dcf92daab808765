//! Durable names: folder entries that survive a power cut.
//!
//! Syncing a file is not enough: it is lost all the same unless the folder's entry for it is synced too, and
//! likewise for the folder within its parent.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::private;

/// Creates a folder and its missing parents, for their owner only; all of them survive a power cut once this
/// returns.
///
/// # Errors
/// If a folder cannot be created, or something else has its name.
pub fn create_folders(folder: &Path) -> io::Result<()> {
    let missing = |folder: &&Path| *folder != Path::new("") && !folder.exists();
    let new: Vec<&Path> = folder.ancestors().take_while(missing).collect();
    private::create_dir_all(folder)?;
    // From the top: an entry is useless while the folder above it may be lost.
    new.into_iter().rev().filter_map(Path::parent).try_for_each(sync_folder)
}

/// Makes names that were created, renamed or removed in a folder survive a power cut. Only Unix supports
/// this; elsewhere it does nothing.
///
/// # Errors
/// If the folder is gone, or the disk fails.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return File::open(if folder == Path::new("") { Path::new(".") } else { folder })?.sync_all();
    #[cfg(not(unix))]
    {
        let _ = folder;
        Ok(())
    }
}
