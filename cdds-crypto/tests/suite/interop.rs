//! `openssl cms`, `openssl smime` and gpgsm open our files, and we open those of `openssl cms`.

use std::fs;

use cdds_crypto::{OpenError, RecipientId, check_sealed, recipients};

use crate::support::{ANNA, BERT, Identity, data, open, openssl, seal, sealer, text};

const SIZES: [usize; 11] = [0, 1, 15, 16, 17, 65_519, 65_535, 65_536, 65_537, 200_000, 4_194_305];

/// Decrypts with a command of `openssl` and compares the result.
fn opens(command: &str, file: &str, identity: &Identity, with_certificate: bool, plain: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    let out = text(&dir.path().join("out"));
    let (certificate, key) = (text(&identity.certificate), text(&identity.key));
    let mut arguments = vec![command, "-decrypt", "-binary", "-inform", "DER", "-in", file, "-inkey", &key];
    arguments.extend(["-out", &out]);
    if with_certificate {
        arguments.extend(["-recip", &certificate]);
    }
    openssl(&arguments);
    assert!(fs::read(&out).unwrap() == plain, "{command} {} {}", identity.name, plain.len());
}

#[test]
fn openssl_opens_what_we_seal() {
    let dir = tempfile::tempdir().unwrap();
    let file = text(&dir.path().join("sealed"));
    for size in SIZES {
        let plain = data(size);
        fs::write(&file, seal(&*sealer(&[&ANNA]), &[&plain])).unwrap();
        for command in ["cms", "smime"] {
            opens(command, &file, &ANNA, true, &plain);
            opens(command, &file, &ANNA, false, &plain);
        }
    }
}

#[test]
fn each_of_two_recipients_opens_with_openssl() {
    let dir = tempfile::tempdir().unwrap();
    let file = text(&dir.path().join("sealed"));
    let plain = data(100_000);
    fs::write(&file, seal(&*sealer(&[&BERT, &ANNA]), &[&plain])).unwrap();
    for identity in [&*ANNA, &*BERT] {
        for command in ["cms", "smime"] {
            opens(command, &file, identity, true, &plain);
            opens(command, &file, identity, false, &plain);
        }
    }
}

#[test]
fn the_layout_is_that_of_openssl() {
    // Fields, lengths and forms are those of `openssl cms -encrypt -stream`. Only values differ.
    let dir = tempfile::tempdir().unwrap();
    let (ours, theirs) = (text(&dir.path().join("ours")), text(&dir.path().join("theirs")));
    let plain = text(&dir.path().join("plain"));
    fs::write(&plain, data(5)).unwrap();
    fs::write(&ours, seal(&*sealer(&[&ANNA]), &[&data(5)])).unwrap();
    encrypt(&plain, &theirs, &["-stream", "-aes256"], &[&ANNA]);
    let structure = |file: &str| {
        let output = openssl(&["asn1parse", "-inform", "DER", "-in", file]).stdout;
        let listing = String::from_utf8(output).unwrap();
        // The dump of a value follows the last colon.
        listing.lines().map(|line| line.split("[HEX DUMP]").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(structure(&ours), structure(&theirs));
}

fn encrypt(plain: &str, out: &str, options: &[&str], identities: &[&Identity]) {
    let mut arguments = vec!["cms", "-encrypt", "-binary", "-outform", "DER", "-in", plain, "-out", out];
    arguments.extend(options);
    let certificates: Vec<String> = identities.iter().map(|identity| text(&identity.certificate)).collect();
    arguments.extend(certificates.iter().map(String::as_str));
    openssl(&arguments);
}

#[test]
fn we_open_what_openssl_seals() {
    let dir = tempfile::tempdir().unwrap();
    let (plain_file, file) = (text(&dir.path().join("plain")), text(&dir.path().join("sealed")));
    for size in SIZES {
        let plain = data(size);
        fs::write(&plain_file, &plain).unwrap();
        for options in [
            &["-aes256"][..],
            &["-aes256", "-stream"],
            &["-aes128"],
            &["-aes192", "-stream"],
            &["-aes256", "-keyid"],
        ] {
            encrypt(&plain_file, &file, options, &[&BERT, &ANNA]);
            let sealed = fs::read(&file).unwrap();
            assert!(open(&sealed, &ANNA.private_key()).unwrap() == plain, "{options:?} {size}");
            assert!(open(&sealed, &BERT.private_key()).unwrap() == plain, "{options:?} {size}");
            assert_eq!(check_sealed(&*sealed).unwrap().recipients.len(), 2);
        }
    }
}

#[test]
fn recipients_of_other_kinds_are_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let (plain, file) = (text(&dir.path().join("plain")), text(&dir.path().join("sealed")));
    fs::write(&plain, data(5000)).unwrap();
    let curve = Identity::new("carla", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    for options in [&["-aes256", "-pwri_password", "x"][..], &["-aes256", "-stream", "-pwri_password", "x"]] {
        encrypt(&plain, &file, options, &[&curve, &ANNA]);
        let sealed = fs::read(&file).unwrap();
        assert!(open(&sealed, &ANNA.private_key()).unwrap() == data(5000));
        let recipients = recipients(&*sealed).unwrap();
        assert_eq!(recipients.len(), 3);
        assert_eq!(recipients.iter().filter(|id| matches!(id, RecipientId::Other(_))).count(), 2);
    }
}

#[test]
fn recipients_are_named_as_openssl_names_them() {
    let sealed = seal(&*sealer(&[&ANNA]), &[b"x"]);
    let [RecipientId::Certificate { issuer, serial }] = &recipients(&*sealed).unwrap()[..] else { panic!() };
    assert_eq!(issuer, "CN=anna,O=Example");
    let shown = openssl(&["x509", "-in", &text(&ANNA.certificate), "-noout", "-serial"]).stdout;
    assert_eq!(format!("serial={}\n", serial.replace(':', "")), String::from_utf8(shown).unwrap());
}

#[test]
fn what_is_not_supported_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (plain, file) = (text(&dir.path().join("plain")), text(&dir.path().join("sealed")));
    fs::write(&plain, data(100)).unwrap();
    let cases = [(&["-des3"][..], "1.2.840.113549.3.7"), (&["-aes-256-cfb"], "2.16.840.1.101.3.4.1.44")];
    for (options, name) in cases {
        encrypt(&plain, &file, options, &[&ANNA]);
        let error = open(&fs::read(&file).unwrap(), &ANNA.private_key()).unwrap_err();
        assert!(matches!(error, OpenError::Unsupported { .. }), "{error:?}");
        assert!(error.to_string().contains(name), "{error}");
    }
}
