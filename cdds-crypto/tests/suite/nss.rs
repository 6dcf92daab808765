//! NSS, the library of Firefox and Thunderbird, through its own programs.

use std::fs;

use cdds_crypto::Profile;

use crate::support::{ANNA, BERT, data, openssl, seal, sealer_with, succeed, text};

const SIZES: [usize; 11] = [0, 1, 15, 16, 17, 65_535, 65_536, 65_537, 131_072, 200_000, 4_194_305];

#[test]
fn nss_opens_the_default_profile() {
    let dir = tempfile::tempdir().unwrap();
    let (pkcs12, file, out) =
        (dir.path().join("anna.p12"), dir.path().join("sealed"), dir.path().join("out"));
    let (pkcs12, out) = (text(&pkcs12), text(&out));
    let database = format!("sql:{}", text(dir.path()));
    let (certificate, key) = (text(&ANNA.certificate), text(&ANNA.key));
    succeed(&["certutil", "-N", "-d", &database, "--empty-password"]);
    let export = ["pkcs12", "-export", "-in", &certificate, "-inkey", &key, "-name", "anna", "-out", &pkcs12];
    openssl(&[&export[..], &["-passout", "pass:x"]].concat());
    succeed(&["pk12util", "-i", &pkcs12, "-d", &database, "-W", "x"]);
    let sealer = sealer_with(Profile::Compat, &[&BERT, &ANNA]);
    for size in SIZES {
        fs::write(&file, seal(&*sealer, &[&data(size)])).unwrap();
        succeed(&["cmsutil", "-D", "-d", &database, "-i", &text(&file), "-o", &out]);
        assert!(fs::read(&out).unwrap() == data(size), "{size}");
    }
}
