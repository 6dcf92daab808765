//! Files and folders that only their owner can use, whatever the umask: exports and catalogs contain personal
//! data.
//!
//! Existing files keep their permissions, since somebody may have chosen them. Systems other than Unix have
//! no such permissions.

use std::fs::DirBuilder;
use std::io;
use std::path::Path;

/// Creates a folder.
pub(crate) fn create_dir(folder: &Path) -> io::Result<()> {
    builder().create(folder)
}

/// Creates a folder and its missing parents.
pub(crate) fn create_dir_all(folder: &Path) -> io::Result<()> {
    builder().recursive(true).create(folder)
}

fn builder() -> DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "there is nothing to set"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Creates an empty file, unless the name is already taken.
///
/// The file is closed before it gets its name. SQLite's locks belong to the process: closing the file under
/// its name would release the locks of another connection to it.
#[cfg(any(feature = "sqlite", test))]
pub(crate) fn create_file(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let unnamed = tempfile::Builder::new().prefix(".cdds-").tempfile_in(folder)?.into_temp_path();
    match unnamed.persist_noclobber(file) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

/// Removes everybody else's permissions from a file. File systems without permissions refuse this, which is
/// no reason to give up the written data.
pub(crate) fn restrict(file: &Path) {
    #[cfg(unix)]
    let _kept = std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600));
    #[cfg(not(unix))]
    let _ = file;
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a10_what_is_created_is_for_its_owner_and_what_exists_stays_as_it_is() {
        // Do not let the umask help.
        rustix::process::umask(rustix::fs::Mode::empty());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let place = tempfile::tempdir().unwrap();
        let (folder, file) = (place.path().join("a/b"), place.path().join("a/b/file"));
        create_dir_all(&folder).unwrap();
        create_file(&file).unwrap();
        assert_eq!([mode(&place.path().join("a")), mode(&folder), mode(&file)], [0o700, 0o700, 0o600]);
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(&file, "kept").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        create_dir_all(&folder).unwrap();
        create_file(&file).unwrap();
        assert_eq!([mode(&folder), mode(&file)], [0o755, 0o644]);
        assert_eq!(fs::read(&file).unwrap(), b"kept");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left");
        restrict(&file);
        assert_eq!(mode(&file), 0o600);
    }
}
