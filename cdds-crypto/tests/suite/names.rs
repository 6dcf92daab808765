//! Rule S2: a certificate is accepted only if OpenSSL can read it, and every file that names it.
//!
//! OpenSSL is the judge: the tests create and change certificates in many ways, and OpenSSL must read each
//! one that we accept.

use std::fs;
use std::path::Path;
use std::process::Command;

use cdds_core::domain::id::RecipientName;
use cdds_core::domain::recipient::{CertificateFacts, Recipient};
use cdds_core::ports::sealer::{Certificates, ManifestSigner as _};
use cdds_crypto::{CmsSigner, RecipientId, SmimeCertificates, recipients};

use crate::support::{ANNA, BERT, data, element, open, seal, text};

const COMMON_NAME: &[u8] = &[0x06, 3, 0x55, 4, 3];
const UTF8_STRING: u8 = 0x0C;
const PRINTABLE_STRING: u8 = 0x13;

/// Returns the elements within an element of DER.
fn children(der: &[u8]) -> Vec<&[u8]> {
    let header = |der: &[u8]| match der[1] {
        short @ ..=0x7F => (2, usize::from(short)),
        long => {
            let octets = usize::from(long & 0x7F);
            (2 + octets, der[2..2 + octets].iter().fold(0, |len, octet| len << 8 | usize::from(*octet)))
        }
    };
    let (head, len) = header(der);
    let (mut rest, mut found) = (&der[head..head + len], Vec::new());
    while !rest.is_empty() {
        let (head, len) = header(rest);
        let (child, after) = rest.split_at(head + len);
        found.push(child);
        rest = after;
    }
    found
}

/// Returns Anna's certificate with one field replaced. Its signature is not checked.
fn with_field(index: usize, field: &[u8]) -> Vec<u8> {
    let der = ANNA.facts().der;
    let certificate = children(&der);
    let mut tbs = children(certificate[0]);
    tbs[index] = field;
    element(0x30, &[&element(0x30, &tbs), certificate[1], certificate[2]])
}

const SERIAL: usize = 1;
const ISSUER: usize = 3;
const SUBJECT: usize = 5;

fn attribute(tag: u8, value: &[u8]) -> Vec<u8> {
    element(0x30, &[COMMON_NAME, &element(tag, &[value])])
}

fn name(attributes: &[&[u8]]) -> Vec<u8> {
    element(0x30, &[&element(0x31, attributes)])
}

fn accepted(der: &[u8]) -> Result<CertificateFacts, String> {
    SmimeCertificates::new().inspect(der, ANNA.now).map_err(|error| error.to_string())
}

fn openssl_reads(der: &[u8], folder: &Path) -> bool {
    let file = folder.join("certificate.der");
    fs::write(&file, der).unwrap();
    Command::new("openssl")
        .args(["x509", "-inform", "DER", "-noout", "-in", &text(&file)])
        .output()
        .unwrap()
        .status
        .success()
}

fn recipient(name: &str, certificate: CertificateFacts) -> Recipient {
    Recipient { name: RecipientName::new(name).unwrap(), certificate, ..ANNA.recipient() }
}

/// Seals for a certificate and for Bert, and opens the file with Bert's key, with OpenSSL too.
fn others_open_what_names_it(certificate: CertificateFacts, folder: &Path) {
    let both = [recipient("other", certificate), BERT.recipient()];
    let now = ANNA.now.max(BERT.now);
    let sealed = seal(&*SmimeCertificates::new().sealer(&both, now).unwrap(), &[&data(100)]);
    assert_eq!(open(&sealed, &BERT.private_key()).unwrap(), data(100));
    let (file, plain) = (folder.join("sealed"), folder.join("plain"));
    fs::write(&file, sealed).unwrap();
    let (file, plain, key) = (text(&file), text(&plain), text(&BERT.key));
    let args = ["cms", "-decrypt", "-binary", "-inform", "DER", "-in", &file, "-inkey", &key, "-out", &plain];
    let output = Command::new("openssl").args(args).output().unwrap();
    assert!(output.status.success(), "{:02X?}: {output:?}", both[0].certificate.der);
    assert_eq!(fs::read(&plain).unwrap(), data(100));
}

#[test]
fn s2_a_name_that_openssl_cannot_read_is_refused_with_its_field() {
    for (index, whose) in [(ISSUER, "issuer"), (SUBJECT, "subject")] {
        for (tag, value, why) in [
            (UTF8_STRING, &b"J\xF6rgen"[..], "commonName in the certificate is not valid UTF-8"),
            (UTF8_STRING, b"\xED\xA0\x80", "not valid UTF-8"),
            (0x1E, b"\0a\0", "not valid UCS-2"),
            (0x1E, b"\xD8\0\0a", "not valid UCS-2"),
            (0x1C, b"\0\0a", "not valid UCS-4"),
            (0x1A, b"a", "of a type that names cannot have"),
            (0x03, b"\x09a", "not a valid string of bits"),
        ] {
            let why_refused = accepted(&with_field(index, &name(&[&attribute(tag, value)]))).unwrap_err();
            assert!(why_refused.contains(whose) && why_refused.contains(why), "{why_refused}");
            assert!(why_refused.contains("have the certificate issued again"), "{why_refused}");
        }
        for (tag, value) in [
            (UTF8_STRING, "J\u{f6}rgen".as_bytes()),
            (UTF8_STRING, b""),
            (PRINTABLE_STRING, b"a@b.example"),
            (PRINTABLE_STRING, b"J\xF6rgen"),
            (0x14, b"J\xF6rgen"),
            (0x16, b"a@b.example"),
            (0x12, b"1 2"),
            (0x1E, b"\0J\0\xF6"),
            (0x03, b"\0a"),
        ] {
            assert!(
                accepted(&with_field(index, &name(&[&attribute(tag, value)]))).is_ok(),
                "{tag} {value:?}"
            );
        }
    }
    for (serial, why) in [
        (&[0x02, 0][..], "not a number"),
        (&[0x02, 2, 0, 1], "not a number"),
        (&[0x02, 2, 0xFF, 0xFF], "not a number"),
        (&element(0x02, &[&[0x7F; 22]]), "22 bytes"),
    ] {
        let refused = accepted(&with_field(SERIAL, serial)).unwrap_err();
        assert!(refused.contains("serial number") && refused.contains(why), "{refused}");
    }
}

#[test]
fn s2_the_names_of_a_stored_certificate_are_checked_again_when_an_execution_starts() {
    // A certificate that an older version stored.
    let bad = with_field(ISSUER, &name(&[&attribute(UTF8_STRING, b"J\xF6rgen")]));
    let stored = recipient("joergen", CertificateFacts { der: bad, ..ANNA.facts() });
    let error = SmimeCertificates::new().sealer(&[ANNA.recipient(), stored], ANNA.now).unwrap_err();
    assert!(error.to_string().starts_with("recipient \"joergen\" cannot be used: the issuer's"), "{error}");
}

#[test]
fn s2_openssl_reads_every_kind_of_value_that_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let values: [&[u8]; 14] = [
        b"",
        b"a",
        b"\0a",
        b"\0\0a",
        b"\0\0\0a",
        b"\xE9",
        b"\xC3\xA9",
        b"\xFF\xFF\xFF\xFF",
        b"\xD8\0\xDC\0",
        b"\0",
        b"\x09a",
        b"\x0C\x01a",
        b"200101000000Z",
        b"\0\x11\0\0",
    ];
    let mut checked = 0;
    for tag in (1..=0x1E).chain([0x24, 0x2C, 0x30, 0x31, 0x40, 0x80, 0xA0, 0xC0]) {
        for value in values {
            let name = name(&[&attribute(tag, value)]);
            for index in [ISSUER, SUBJECT] {
                let der = with_field(index, &name);
                if accepted(&der).is_ok() {
                    assert!(openssl_reads(&der, folder.path()), "tag {tag}, {value:02X?}");
                    checked += 1;
                }
            }
            let algorithm =
                element(0x30, &[children(&with_field(SERIAL, &[2, 1, 1]))[1], &element(tag, &[value])]);
            let der = with_field(2, &algorithm);
            assert!(accepted(&der).is_err() || openssl_reads(&der, folder.path()), "tag {tag}, {value:02X?}");
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn s2_openssl_reads_whatever_is_accepted_of_changed_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut below = |bound: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % u64::try_from(bound).unwrap()).unwrap()
    };
    let names = name(&[&attribute(UTF8_STRING, "J\u{f6}rgen".as_bytes()), &attribute(0x1E, b"\0J\0\xF6")]);
    let bases = [ANNA.facts().der, with_field(ISSUER, &names), with_field(SUBJECT, &names)];
    let mut checked = 0;
    for round in 0..1_600 {
        let mut der = bases[round % bases.len()].clone();
        // Three of four changes lie in the serial number, algorithm and names, the others anywhere before the
        // signature.
        let (from, to) = if round % 4 < 3 { (8, 160) } else { (0, der.len() - 256) };
        for _ in 0..=below(3) {
            let at = from + below(to - from);
            der[at] = if below(2) == 0 { der[at] ^ 1 << below(8) } else { u8::try_from(below(256)).unwrap() };
        }
        let Ok(facts) = accepted(&der) else { continue };
        assert!(openssl_reads(&der, folder.path()), "{der:02X?}");
        if checked % 4 == 0 {
            others_open_what_names_it(facts, folder.path());
        }
        checked += 1;
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn the_issuer_is_named_by_its_own_bytes() {
    // The order is not that of DER. Decoded and encoded again, this would be another name.
    let issuer = name(&[&attribute(UTF8_STRING, b"b"), &attribute(UTF8_STRING, b"a")]);
    let facts = accepted(&with_field(ISSUER, &issuer)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let sealed =
        seal(&*SmimeCertificates::new().sealer(&[recipient("x", facts.clone())], ANNA.now).unwrap(), &[]);
    assert!(sealed.windows(issuer.len()).any(|window| window == issuer));
    others_open_what_names_it(facts.clone(), folder.path());
    assert!(matches!(&recipients(&*sealed).unwrap()[..], [RecipientId::Certificate { .. }]));
    // A key that is tied to this certificate still finds its file.
    let key = ANNA.private_key().with_certificate(&facts.der).unwrap();
    assert_eq!(open(&sealed, &key).unwrap(), b"");
}

#[test]
fn a_certificate_that_openssl_cannot_read_signs_nothing() {
    let key = fs::read(&ANNA.key).unwrap();
    let sign = |der: &[u8]| CmsSigner::new(der, &key).and_then(|signer| signer.sign(b"manifest", ANNA.now));
    assert!(sign(&ANNA.facts().der).is_ok());
    let error = sign(&with_field(ISSUER, &name(&[&attribute(UTF8_STRING, b"J\xF6rgen")]))).unwrap_err();
    assert!(error.to_string().contains("not valid UTF-8"), "{error}");
    let error =
        sign(&with_field(ISSUER, &name(&[&attribute(UTF8_STRING, b"b"), &attribute(UTF8_STRING, b"a")])))
            .unwrap_err();
    assert!(error.to_string().contains("issued again"), "{error}");
}
