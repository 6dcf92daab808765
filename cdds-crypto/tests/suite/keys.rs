//! Private keys in the forms in which people keep them.

use std::fs;

use cdds_crypto::{OpenError, PrivateKey};

use crate::support::{ANNA, Identity, data, open, openssl, seal, sealer, text};

fn refusal(encoded: &[u8]) -> String {
    match PrivateKey::from_bytes(encoded) {
        Err(error @ OpenError::PrivateKey { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Converts Anna's key with `openssl` and reads the result.
fn converted(name: &str, arguments: &[&str]) -> Vec<u8> {
    let out = text(&ANNA.path(name));
    let key = text(&ANNA.key);
    openssl(
        &[arguments, &["-out", &out]]
            .concat()
            .iter()
            .map(|a| if *a == "KEY" { &key } else { *a })
            .collect::<Vec<_>>(),
    );
    fs::read(&out).unwrap()
}

#[test]
fn every_usual_form_opens() {
    let sealed = seal(&*sealer(&[&ANNA]), &[&data(100)]);
    let pkcs8 = fs::read(&ANNA.key).unwrap();
    assert!(pkcs8.starts_with(b"-----BEGIN PRIVATE KEY-----"));
    let pkcs1 = converted("pkcs1.pem", &["rsa", "-traditional", "-in", "KEY"]);
    assert!(pkcs1.starts_with(b"-----BEGIN RSA PRIVATE KEY-----"));
    let forms = [
        pkcs8.clone(),
        pkcs1,
        converted("pkcs8.der", &["pkcs8", "-topk8", "-nocrypt", "-outform", "DER", "-in", "KEY"]),
        converted("pkcs1.der", &["rsa", "-traditional", "-outform", "DER", "-in", "KEY"]),
        [b"\xEF\xBB\xBFBag Attributes\r\n", &*ANNA.pem(), &pkcs8, b"\r\nend"].concat(),
    ];
    for form in forms {
        let key = PrivateKey::from_bytes(&form).unwrap();
        assert_eq!(open(&sealed, &key).unwrap(), data(100));
    }
}

#[test]
fn encrypted_keys_come_with_the_way_out() {
    let forms = [
        converted("secret.pem", &["pkcs8", "-topk8", "-v2", "aes256", "-passout", "pass:x", "-in", "KEY"]),
        converted(
            "secret.der",
            &["pkcs8", "-topk8", "-v2", "aes256", "-passout", "pass:x", "-outform", "DER", "-in", "KEY"],
        ),
        converted("legacy.pem", &["rsa", "-traditional", "-aes256", "-passout", "pass:x", "-in", "KEY"]),
    ];
    for form in forms {
        let why = refusal(&form);
        assert!(why.contains("passphrase") && why.contains("openssl pkey -in"), "{why}");
    }
}

#[test]
fn what_is_no_usable_key_is_said() {
    let small = Identity::new("small", &["-newkey", "rsa:1024"]);
    assert!(refusal(&fs::read(&small.key).unwrap()).contains("2048 to 8192"));
    let curve = Identity::new("curve", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    assert!(refusal(&fs::read(&curve.key).unwrap()).contains("RSA key of 2048 to 8192"));
    assert!(refusal(&ANNA.pem()).contains("no private key here, but \"CERTIFICATE\""));
    assert!(refusal(&ANNA.facts().der).contains("no RSA private key"));
    let key = fs::read(&ANNA.key).unwrap();
    assert!(refusal(&[&*key, &key].concat()).contains("more than one"));
    assert!(refusal(&key[..key.len() - 30]).contains("missing"));
    for nothing in [&b""[..], b"hello", &[0x30], &[0x30, 0x82, 1]] {
        assert!(refusal(nothing).contains("no RSA private key"));
    }
    let pkcs12 = text(&ANNA.path("key.p12"));
    let (certificate, key) = (text(&ANNA.certificate), text(&ANNA.key));
    openssl(&[
        "pkcs12",
        "-export",
        "-in",
        &certificate,
        "-inkey",
        &key,
        "-passout",
        "pass:x",
        "-out",
        &pkcs12,
    ]);
    assert!(refusal(&fs::read(&pkcs12).unwrap()).contains("openssl pkcs12"));
}
