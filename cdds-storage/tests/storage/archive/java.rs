//! The two archive libraries of the Java world, commons-compress and zip4j, driven by small programs of ours.

use std::ffi::OsStr;
use std::path::Path;

use tempfile::TempDir;

use super::support::succeed;

/// The libraries, where Debian's packages install them.
const CLASS_PATH: &str = "/usr/share/java/commons-compress.jar:/usr/share/java/zip4j.jar";

/// The classes of the programs.
pub(super) const LIBRARIES: [&str; 2] = ["CommonsCompress", "Zip4j"];

/// The compiled programs.
pub(super) struct Java {
    classes: TempDir,
}

impl Java {
    pub(super) fn compile() -> Self {
        let classes = tempfile::tempdir().unwrap();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/storage/archive/java");
        let to = classes.path().to_str().unwrap();
        let mut command = vec!["javac", "-cp", CLASS_PATH, "-d", to];
        let sources = LIBRARIES.map(|name| sources.join(name).with_extension("java"));
        command.extend(sources.iter().map(|source| source.to_str().unwrap()));
        succeed(classes.path(), &command);
        Self { classes }
    }

    /// Runs one of [`LIBRARIES`] in `folder`.
    pub(super) fn run(&self, folder: &Path, library: &str, arguments: &[&str]) {
        let class_path = [self.classes.path().as_os_str(), OsStr::new(CLASS_PATH)].join(OsStr::new(":"));
        let java = ["java", "-XX:TieredStopAtLevel=1", "-cp", class_path.to_str().unwrap(), library];
        succeed(folder, &[&java, arguments].concat());
    }
}
