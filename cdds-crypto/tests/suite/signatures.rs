//! `openssl cms` checks our signatures, and we check those of `openssl cms`.

use std::fs;
use std::path::Path;
use std::process::Command;

use cdds_core::ports::sealer::{ManifestSigner, SealerErrorKind};
use cdds_crypto::{CmsSigner, SignatureError, check_signature};
use chrono::{DateTime, TimeDelta, Utc};

use crate::support::{ANNA, BERT, Identity, openssl, text};

const MANIFEST: &[u8] = b"{\r\n  \"format_version\": 1\n}\n";

fn signer(identity: &Identity) -> CmsSigner {
    CmsSigner::new(&identity.pem(), &fs::read(&identity.key).unwrap()).unwrap()
}

fn sign(identity: &Identity) -> Vec<u8> {
    signer(identity).sign(MANIFEST, identity.now).unwrap()
}

/// Whether `openssl cms -verify` accepts the signature: only from the owner of the certificate (`-nointern`),
/// or from anybody whose own certificate is included.
fn openssl_accepts(signature: &[u8], manifest: &[u8], certificate: &Path, options: &[&str]) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let (file, content) = (dir.path().join("m.p7s"), dir.path().join("m"));
    fs::write(&file, signature).unwrap();
    fs::write(&content, manifest).unwrap();
    let mut command = Command::new("openssl");
    command.args(["cms", "-verify", "-binary", "-inform", "DER", "-noverify", "-out", "/dev/null", "-in"]);
    command.arg(&file).arg("-content").arg(&content).arg("-certfile").arg(certificate).args(options);
    command.output().expect("openssl must be installed").status.success()
}

#[test]
fn openssl_accepts_what_we_sign_and_nothing_else() {
    for identity in [&*ANNA, &*BERT] {
        let signature = sign(identity);
        for options in [&[][..], &["-nointern"]] {
            assert!(openssl_accepts(&signature, MANIFEST, &identity.certificate, options));
            assert!(!openssl_accepts(&signature, b"{}", &identity.certificate, options));
        }
        let facts = check_signature(MANIFEST, &signature, &identity.pem()).unwrap();
        assert_eq!(facts.signed_at.unwrap().timestamp(), identity.now.timestamp());
    }
    assert!(!openssl_accepts(&sign(&ANNA), MANIFEST, &BERT.certificate, &["-nointern"]));
}

#[test]
fn the_layout_of_signatures_is_that_of_openssl() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, theirs, content) = (dir.path().join("ours"), dir.path().join("theirs"), dir.path().join("m"));
    fs::write(&ours, sign(&ANNA)).unwrap();
    fs::write(&content, MANIFEST).unwrap();
    openssl_signs(&content, &theirs, &["-nosmimecap"]);
    let structure = |file: &Path| {
        let listing = openssl(&["asn1parse", "-inform", "DER", "-in", &text(file)]).stdout;
        let listing = String::from_utf8(listing).unwrap();
        // A value follows these.
        let form = |line: &str| {
            let line = line.split("[HEX DUMP]").next().unwrap_or_default();
            line.split_inclusive("UTCTIME").next().unwrap_or_default().to_owned()
        };
        listing.lines().map(form).collect::<Vec<_>>()
    };
    assert_eq!(structure(&ours), structure(&theirs));
}

/// Signs with `openssl cms -sign` and Anna's key.
fn openssl_signs(content: &Path, to: &Path, options: &[&str]) {
    let (certificate, key) = (text(&ANNA.certificate), text(&ANNA.key));
    let (content, to) = (text(content), text(to));
    let mut arguments = vec!["cms", "-sign", "-binary", "-outform", "DER", "-md", "sha256"];
    arguments.extend(["-signer", &certificate, "-inkey", &key, "-in", &content, "-out", &to]);
    arguments.extend(options);
    openssl(&arguments);
}

#[test]
fn we_accept_what_openssl_signs() {
    let dir = tempfile::tempdir().unwrap();
    let (content, file) = (dir.path().join("m"), dir.path().join("m.p7s"));
    fs::write(&content, MANIFEST).unwrap();
    let all: [&[&str]; 6] =
        [&[], &["-keyid"], &["-nocerts"], &["-nosmimecap"], &["-md", "sha384"], &["-md", "sha512"]];
    for options in all {
        openssl_signs(&content, &file, options);
        let signature = fs::read(&file).unwrap();
        assert!(check_signature(MANIFEST, &signature, &ANNA.pem()).unwrap().signed_at.is_some());
        let changed = check_signature(b"{}", &signature, &ANNA.pem());
        assert!(matches!(changed, Err(SignatureError::Changed)), "{options:?}: {changed:?}");
        let other = check_signature(MANIFEST, &signature, &BERT.pem());
        assert!(matches!(other, Err(SignatureError::OtherKey)), "{options:?}: {other:?}");
    }
    // Signatures that include the content, or lack the attributes that state what was signed.
    openssl_signs(&content, &file, &["-nodetach"]);
    let inside = check_signature(MANIFEST, &fs::read(&file).unwrap(), &ANNA.pem());
    assert!(matches!(inside, Err(SignatureError::Malformed { .. })), "{inside:?}");
    openssl_signs(&content, &file, &["-noattr"]);
    let bare = check_signature(MANIFEST, &fs::read(&file).unwrap(), &ANNA.pem());
    assert!(
        matches!(&bare, Err(SignatureError::Unsupported { what }) if what.contains("attributes")),
        "{bare:?}"
    );
}

#[test]
fn signatures_that_are_not_checked_are_called_what_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let (content, file) = (dir.path().join("m"), dir.path().join("m.p7s"));
    fs::write(&content, MANIFEST).unwrap();
    let cases: [(&[&str], &str); 6] = [
        (&["-keyopt", "rsa_padding_mode:pss"], "RSASSA-PSS"),
        (&["-md", "sha1"], "1.3.14.3.2.26"),
        (&["-md", "sha224"], "2.16.840.1.101.3.4.2.4"),
        (&["-outform", "PEM"], "PEM text: convert it"),
        (&["-outform", "SMIME"], "S/MIME message"),
        (&["-stream"], "in BER"),
    ];
    for (options, what) in cases {
        openssl_signs(&content, &file, options);
        let error = check_signature(MANIFEST, &fs::read(&file).unwrap(), &ANNA.pem()).unwrap_err();
        let typed = matches!(error, SignatureError::Unsupported { .. } | SignatureError::OtherForm { .. });
        assert!(typed && error.to_string().contains(what), "{options:?}: {error}");
    }
}

/// Returns a certificate for Anna's key, valid for these years, with any serial number.
fn renewed(years: std::ops::Range<i32>) -> String {
    let mut params = rcgen::CertificateParams::default();
    params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
    let key = fs::read_to_string(&ANNA.key).unwrap();
    params.self_signed(&rcgen::KeyPair::from_pem(&key).unwrap()).unwrap().pem()
}

#[test]
fn a_renewed_certificate_of_the_same_key_checks_what_was_signed_while_it_is_valid() {
    let at: DateTime<Utc> = "2030-06-01T12:00:00Z".parse().unwrap();
    let key = fs::read(&ANNA.key).unwrap();
    let old = CmsSigner::new(renewed(2029..2031).as_bytes(), &key).unwrap();
    let signature = old.sign(MANIFEST, at).unwrap();
    let check = |certificate: String| check_signature(MANIFEST, &signature, certificate.as_bytes());
    assert_eq!(check(renewed(2030..2040)).unwrap().signed_at, Some(at));
    for years in [2031..2040, 2020..2030] {
        let error = check(renewed(years.clone())).unwrap_err();
        assert!(matches!(&error, SignatureError::OutsideValidity { signed_at, .. } if *signed_at == at));
        let said = error.to_string();
        assert!(
            said.contains("on 2030-06-01 12:00:00 UTC") && said.contains(&years.start.to_string()),
            "{said}"
        );
        let changed = check_signature(b"{}", &signature, renewed(years).as_bytes());
        assert!(matches!(changed, Err(SignatureError::Changed)), "{changed:?}");
    }
}

#[test]
fn a_signature_by_somebody_of_the_same_name_is_refused() {
    // Issuer and serial number alone prove nothing.
    let (one, two) =
        (["-newkey", "rsa:2048", "-set_serial", "7"], ["-newkey", "rsa:3072", "-set_serial", "7"]);
    let (real, false_one) = (Identity::new("service", &one), Identity::new("service", &two));
    let error = check_signature(MANIFEST, &sign(&false_one), &real.pem()).unwrap_err();
    assert!(matches!(error, SignatureError::OtherKey), "{error:?}");
}

#[test]
fn every_changed_byte_of_a_signature_is_found_or_without_meaning() {
    let signature = sign(&ANNA);
    let certificate = ANNA.facts().der;
    let at = signature.windows(certificate.len()).position(|window| window == certificate).unwrap();
    let mut refused = 0;
    for place in 0..signature.len() {
        let mut changed = signature.clone();
        changed[place] ^= 1;
        let found = check_signature(MANIFEST, &changed, &ANNA.pem()).is_err();
        refused += usize::from(found);
        // The signed attributes and the signature follow the certificate and the signer's name.
        let after_names = place > at + certificate.len() + 100;
        assert!(found || !after_names, "{place} of {}", signature.len());
    }
    assert!(refused > 300, "{refused}");
    for len in 0..signature.len() {
        assert!(check_signature(MANIFEST, &signature[..len], &ANNA.pem()).is_err(), "{len}");
    }
}

#[test]
fn what_is_no_signature_is_called_what_it_is() {
    let says = |bytes: &[u8], what: &str| {
        let error = check_signature(MANIFEST, bytes, &ANNA.pem()).unwrap_err();
        assert!(matches!(error, SignatureError::Malformed { .. }), "{error:?}");
        assert!(error.to_string().contains(what), "{error}");
    };
    says(b"", "not CMS");
    says(&ANNA.facts().der, "not CMS");
    let dir = tempfile::tempdir().unwrap();
    let (plain, sealed) = (text(&dir.path().join("m")), text(&dir.path().join("sealed")));
    fs::write(&plain, MANIFEST).unwrap();
    let certificate = text(&ANNA.certificate);
    openssl(&["cms", "-encrypt", "-binary", "-outform", "DER", "-in", &plain, "-out", &sealed, &certificate]);
    says(&fs::read(&sealed).unwrap(), "not signed");
    let bundle = ["crl2pkcs7", "-nocrl", "-certfile", &certificate, "-outform", "DER", "-out", &sealed];
    openssl(&bundle);
    let error = check_signature(MANIFEST, &fs::read(&sealed).unwrap(), &ANNA.pem()).unwrap_err();
    assert!(matches!(error, SignatureError::NotSigned), "{error:?}");
}

fn refusal(certificate: &[u8], key: &[u8]) -> String {
    let error = CmsSigner::new(certificate, key).unwrap_err();
    assert_eq!(error.kind(), SealerErrorKind::Certificate);
    error.to_string()
}

#[test]
fn keys_that_cannot_sign_are_refused_with_the_way_out() {
    let (pem, key) = (ANNA.pem(), fs::read(&ANNA.key).unwrap());
    let made = |arguments: &[&str]| {
        let out = text(&ANNA.path("made-for-signing"));
        openssl(&[arguments, &["-in", &text(&ANNA.key), "-out", &out]].concat());
        fs::read(&out).unwrap()
    };
    for form in [
        made(&["rsa", "-traditional"]),
        made(&["rsa", "-traditional", "-outform", "DER"]),
        made(&["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"]),
    ] {
        assert!(CmsSigner::new(&pem, &form).is_ok());
    }
    assert!(refusal(&pem, &fs::read(&BERT.key).unwrap()).contains("does not belong to the certificate"));
    for encrypted in [
        made(&["pkcs8", "-topk8", "-passout", "pass:x"]),
        made(&["rsa", "-traditional", "-aes256", "-passout", "pass:x"]),
    ] {
        assert!(refusal(&pem, &encrypted).contains("passphrase"));
    }
    assert!(refusal(&pem, b"").contains("cannot be used"));
    assert!(refusal(&pem, &[key.clone(), key.clone()].concat()).contains("more than one"));
    assert!(refusal(&key, &key).contains("private key"));
    let curve = Identity::new("carla", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    assert!(refusal(&curve.pem(), &key).contains("elliptic curve"));
    let other = Identity::issued("encrypts", "keyUsage=keyEncipherment\n", &[]);
    assert!(refusal(&other.pem(), &fs::read(&other.key).unwrap()).contains("digitalSignature"));
    let usual = Identity::issued("signs", "keyUsage=digitalSignature\n", &[]);
    assert!(check_signature(MANIFEST, &sign(&usual), &usual.pem()).is_ok());
}

#[test]
fn nothing_is_signed_outside_the_validity_of_the_certificate() {
    let (facts, signer) = (ANNA.facts(), signer(&ANNA));
    let why = |at: DateTime<Utc>| signer.sign(MANIFEST, at).unwrap_err().to_string();
    assert!(why(facts.not_after + TimeDelta::seconds(1)).contains("expired"));
    assert!(why(facts.not_before - TimeDelta::seconds(1)).contains("valid only from"));
    assert!(signer.sign(MANIFEST, facts.not_after).is_ok());
    assert_eq!(format!("{signer:?}"), "CmsSigner");
}

#[test]
fn times_beyond_2049_are_signed() {
    let mut params = rcgen::CertificateParams::default();
    params.not_before = rcgen::date_time_ymd(2001, 2, 3);
    params.not_after = rcgen::date_time_ymd(2999, 12, 31);
    let key = fs::read_to_string(&ANNA.key).unwrap();
    let pem = params.self_signed(&rcgen::KeyPair::from_pem(&key).unwrap()).unwrap().pem();
    let signer = CmsSigner::new(pem.as_bytes(), key.as_bytes()).unwrap();
    let at: DateTime<Utc> = "2051-06-01T12:00:00Z".parse().unwrap();
    let signature = signer.sign(MANIFEST, at).unwrap();
    assert_eq!(check_signature(MANIFEST, &signature, pem.as_bytes()).unwrap().signed_at, Some(at));
    let dir = tempfile::tempdir().unwrap();
    let certificate = dir.path().join("c.pem");
    fs::write(&certificate, pem).unwrap();
    assert!(openssl_accepts(&signature, MANIFEST, &certificate, &["-nointern"]));
}
