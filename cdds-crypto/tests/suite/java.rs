//! BouncyCastle, the CMS library of the Java world, driven by a small program of ours.

use std::ffi::OsStr;
use std::path::Path;
use std::{env, fs};

use cdds_crypto::Profile;

use crate::support::{ANNA, BERT, data, open, seal, sealer_with, succeed, text};

/// The library, where Debian's package installs it.
const CLASS_PATH: &str = "/usr/share/java/bcpkix.jar:/usr/share/java/bcprov.jar:/usr/share/java/bcutil.jar";
const SIZES: [usize; 10] = [0, 1, 15, 16, 17, 65_535, 65_536, 65_537, 200_000, 4_194_305];

/// Compiles a program into `folder` and runs it with these arguments. Returns its message if it fails.
fn run(program: &str, folder: &Path, arguments: &[&str]) -> Result<(), String> {
    let source =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/java").join(program).with_extension("java");
    succeed(&["javac", "-cp", CLASS_PATH, "-d", &text(folder), &text(&source)]);
    let class_path = [folder.as_os_str(), OsStr::new(CLASS_PATH)].join(OsStr::new(":"));
    let mut java = std::process::Command::new("java");
    java.args(["-XX:TieredStopAtLevel=1", "-cp"]).arg(class_path).arg(program).args(arguments);
    let output = java.output().expect("java must be installed");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn extension(profile: Profile) -> &'static str {
    if profile == Profile::AuthGcm { "auth" } else { "sealed" }
}

#[test]
fn bouncy_castle_opens_every_profile() {
    let (classes, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut sealed = Vec::new();
    for profile in [Profile::Compat, Profile::Oaep, Profile::AuthGcm] {
        let sealer = sealer_with(profile, &[&BERT, &ANNA]);
        for size in SIZES {
            let file = files.path().join(format!("{profile:?}-{size}.{}", extension(profile)));
            fs::write(&file, seal(&*sealer, &[&data(size)])).unwrap();
            sealed.push((text(&file), size));
        }
    }
    run("BouncyCastle", classes.path(), &[&text(&ANNA.certificate), &text(&ANNA.key), &text(files.path())])
        .unwrap();
    for (file, size) in sealed {
        assert!(fs::read(format!("{file}.plain")).unwrap() == data(size), "{file}");
    }
}

#[test]
fn bouncy_castle_refuses_authenticated_content_that_was_changed() {
    let (classes, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut sealed = seal(&*sealer_with(Profile::AuthGcm, &[&ANNA]), &[&data(100_000)]);
    let middle = sealed.len() / 2;
    sealed[middle] ^= 1;
    fs::write(files.path().join("changed.auth"), sealed).unwrap();
    let arguments = [&text(&ANNA.certificate), &text(&ANNA.key), &text(files.path())];
    let said = run("BouncyCastle", classes.path(), &arguments.map(String::as_str)).unwrap_err();
    assert!(said.contains("mac check in GCM failed") || said.contains("AEADBadTag"), "{said}");
}

#[test]
fn what_bouncy_castle_seals_is_opened() {
    let (classes, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for size in SIZES {
        fs::write(files.path().join(format!("{size}.plain")), data(size)).unwrap();
    }
    run("BouncyCastleSeal", classes.path(), &[&text(&ANNA.certificate), &text(files.path())]).unwrap();
    for size in SIZES {
        for how in ["cbc", "oaep", "gcm"] {
            let sealed = fs::read(files.path().join(format!("{size}.{how}"))).unwrap();
            assert!(open(&sealed, &ANNA.private_key()).unwrap() == data(size), "{how} {size}");
            assert!(open(&sealed, &BERT.private_key()).is_err(), "{how} {size}");
        }
    }
}
