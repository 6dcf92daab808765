//! gpgsm, the S/MIME program of GnuPG.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::{ANNA, data, open, openssl, seal, sealer, text};

const SIZES: [usize; 5] = [0, 17, 65_535, 65_536, 200_000];

/// A key ring with Anna's key.
struct Ring {
    dir: TempDir,
}

impl Ring {
    fn new() -> Self {
        let ring = Self { dir: tempfile::tempdir().unwrap() };
        let home = ring.path("home");
        fs::create_dir(&home).unwrap();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(home.join("gpg-agent.conf"), "allow-loopback-pinentry\n").unwrap();
        fs::write(home.join("trustlist.txt"), format!("{} S relax\n", fingerprint())).unwrap();

        let pkcs12 = text(&ring.path("anna.p12"));
        let (certificate, key) = (text(&ANNA.certificate), text(&ANNA.key));
        let export = ["pkcs12", "-export", "-in", &certificate, "-inkey", &key, "-out", &pkcs12];
        // gpgsm before 2.4 reads only the older encryption of PKCS#12.
        let older =
            ["-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1", "-passout", "pass:"];
        // The same versions derive a wrong key from about one salt in fifty. Another export has other salts.
        let imported = (0..10).any(|_| {
            openssl(&[&export[..], &older].concat());
            ring.run(&["--import", &pkcs12]).status.success()
        });
        assert!(imported, "gpgsm imports no key that openssl exports");
        ring
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("gpgsm");
        command.env("GNUPGHOME", self.path("home")).args(["--batch", "--yes", "--pinentry-mode", "loopback"]);
        command.args(["--passphrase-fd", "0", "--disable-crl-checks", "--disable-policy-checks"]);
        command.args(arguments).output().expect("gpgsm must be installed")
    }

    fn succeed(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

/// The SHA-1 of Anna's certificate, by which gpgsm names it.
fn fingerprint() -> String {
    let certificate = text(&ANNA.certificate);
    let output = openssl(&["x509", "-in", &certificate, "-noout", "-fingerprint", "-sha1"]).stdout;
    let (_, digits) = std::str::from_utf8(&output).unwrap().trim().split_once('=').unwrap();
    digits.replace(':', "")
}

#[test]
fn it_opens_what_we_seal() {
    let ring = Ring::new();
    let file = ring.path("sealed");
    for size in SIZES {
        fs::write(&file, seal(&*sealer(&[&ANNA]), &[&data(size)])).unwrap();
        assert!(ring.succeed(&["--decrypt", &text(&file)]) == data(size), "{size}");
    }
}

#[test]
fn what_it_seals_is_opened() {
    let ring = Ring::new();
    let (plain, sealed) = (ring.path("plain"), ring.path("sealed"));
    let recipient = format!("0x{}", fingerprint());
    for size in SIZES {
        fs::write(&plain, data(size)).unwrap();
        for cipher in ["AES", "AES256"] {
            let encrypt = ["--cipher-algo", cipher, "--recipient", &recipient, "--output", &text(&sealed)];
            ring.succeed(&[&encrypt[..], &["--encrypt", &text(&plain)]].concat());
            let opened = open(&fs::read(&sealed).unwrap(), &ANNA.private_key()).unwrap();
            assert!(opened == data(size), "{cipher} {size}");
        }
    }
}
