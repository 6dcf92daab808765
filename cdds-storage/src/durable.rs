//! Names that survive a power cut.
//!
//! A file that was synced is lost all the same if the folder does not know its name for good, and a folder is if the
//! one above it does not.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::private;

/// Makes a folder and those above it that are missing, for their owner only; all of them survive a power cut when this returns.
///
/// # Errors
/// If a folder cannot be made, or something else has its name.
pub fn create_folders(folder: &Path) -> io::Result<()> {
    let missing = |folder: &&Path| *folder != Path::new("") && !folder.exists();
    let new: Vec<&Path> = folder.ancestors().take_while(missing).collect();
    private::create_dir_all(folder)?;
    // From the top: what is below an unknown folder cannot be found.
    new.into_iter().rev().filter_map(Path::parent).try_for_each(sync_folder)
}

/// Makes what was named, renamed or removed in a folder survive a power cut. Only Unix can; elsewhere this does
/// nothing.
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
