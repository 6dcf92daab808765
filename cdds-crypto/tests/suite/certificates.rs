//! Rule S2: certificates that are refused, and those that are accepted with a warning.

use std::fs;

use base64ct::{Base64, Encoding};
use cdds_core::domain::id::RecipientName;
use cdds_core::ports::sealer::{Certificates, SealerErrorKind};
use cdds_crypto::SmimeCertificates;
use chrono::{DateTime, TimeDelta, Utc};

use crate::support::{ANNA, BERT, Identity, openssl, text};

fn refusal_at(encoded: &[u8], now: DateTime<Utc>) -> String {
    let error = SmimeCertificates::new().inspect(encoded, now).unwrap_err();
    assert_eq!(error.kind(), SealerErrorKind::Certificate);
    assert!(!error.is_retryable());
    error.to_string()
}

fn refusal(encoded: &[u8]) -> String {
    refusal_at(encoded, ANNA.now)
}

#[test]
fn an_ordinary_certificate_has_no_warnings() {
    let extensions =
        "basicConstraints=CA:FALSE\nkeyUsage=keyEncipherment\nextendedKeyUsage=emailProtection\n";
    let facts = Identity::issued("ordinary", extensions, &[]).facts();
    assert_eq!(facts.warnings, Vec::<String>::new());
    assert_eq!(facts.subject, "CN=ordinary");
    assert_eq!(facts.not_after - facts.not_before, TimeDelta::days(90));
}

#[test]
fn facts_are_those_that_openssl_shows() {
    let facts = ANNA.facts();
    let shown =
        openssl(&["x509", "-in", &text(&ANNA.certificate), "-noout", "-fingerprint", "-sha256"]).stdout;
    let shown = String::from_utf8(shown).unwrap();
    let (_, fingerprint) = shown.trim().split_once('=').unwrap();
    assert_eq!(facts.fingerprint, fingerprint.replace(':', "").to_lowercase());
    assert_eq!(facts.subject, "CN=anna,O=Example");
    let der = openssl(&["x509", "-in", &text(&ANNA.certificate), "-outform", "DER"]).stdout;
    assert_eq!(facts.der, der);

    let details = SmimeCertificates::new().details(&der).unwrap();
    let shown = openssl(&["x509", "-in", &text(&ANNA.certificate), "-noout", "-serial"]).stdout;
    assert_eq!(format!("serial={}\n", details.serial), String::from_utf8(shown).unwrap());
    assert_eq!((&*details.issuer, details.key_bits), ("CN=anna,O=Example", 2048));
    assert_eq!(SmimeCertificates::new().details(&der[1..]), None);
}

#[test]
fn pasted_forms_give_the_same_certificate() {
    let pem = String::from_utf8(ANNA.pem()).unwrap();
    let listing = openssl(&["x509", "-in", &text(&ANNA.certificate), "-text"]).stdout;
    let forms = [
        ANNA.facts().der,
        [&*ANNA.facts().der, b"\r\n"].concat(),
        [&*ANNA.facts().der, &[0; 3]].concat(),
        bare(&ANNA.facts().der),
        pem.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        format!("\u{FEFF}{pem}").into(),
        pem.replace('\n', "\r\n").into(),
        format!("Dear all,\n\n{pem}\n-- \nAnna").into(),
        pem.replace('\n', "\n  ").into(),
        listing,
    ];
    for form in forms {
        assert_eq!(SmimeCertificates::new().inspect(&form, ANNA.now).unwrap(), ANNA.facts());
    }
}

/// Encodes as base64, without the lines that enclose it in PEM.
fn bare(der: &[u8]) -> Vec<u8> {
    let lines = der.chunks(48).map(|line| {
        let mut text = [0; 64];
        format!("{}\n", Base64::encode(line, &mut text).unwrap())
    });
    lines.collect::<String>().into()
}

#[test]
fn what_is_no_certificate_is_called_what_it_is() {
    let (pem, key) = (ANNA.pem(), fs::read(&ANNA.key).unwrap());
    assert!(refusal(b"").contains("nothing here"));
    assert!(refusal(b"hello").contains("neither PEM nor DER"));
    assert!(refusal(&[0x30, 0x82, 0x01]).contains("cannot be read"));
    assert!(refusal(&ANNA.facts().der[..500]).contains("cannot be read"));
    assert!(refusal(&[&*ANNA.facts().der, b"x"].concat()).contains("cannot be read"));
    assert!(refusal(&pem[..pem.len() - 40]).contains("is missing"));
    assert!(refusal(&[&*pem, &BERT.pem()].concat()).contains("2 certificates"));
    assert!(refusal(&key).contains("private key"));
    assert!(refusal(&[&*pem, &key].concat()).contains("private key"));

    let (certificate, key) = (text(&ANNA.certificate), text(&ANNA.key));
    let made = |arguments: &[&str]| {
        let out = text(&ANNA.path("made"));
        openssl(&[arguments, &["-out", &out]].concat());
        fs::read(&out).unwrap()
    };
    let pkcs12 = made(&["pkcs12", "-export", "-in", &certificate, "-inkey", &key, "-passout", "pass:x"]);
    assert!(refusal(&pkcs12).contains("PKCS#12"));
    for form in [
        made(&["pkcs8", "-topk8", "-nocrypt", "-outform", "DER", "-in", &key]),
        made(&["rsa", "-traditional", "-outform", "DER", "-in", &key]),
        made(&["pkcs8", "-topk8", "-passout", "pass:x", "-outform", "DER", "-in", &key]),
        made(&["pkcs8", "-topk8", "-passout", "pass:x", "-in", &key]),
        made(&["rsa", "-traditional", "-aes256", "-passout", "pass:x", "-in", &key]),
    ] {
        assert!(refusal(&form).contains("private key"));
    }
    for outform in ["PEM", "DER"] {
        let bundle = made(&["crl2pkcs7", "-nocrl", "-certfile", &certificate, "-outform", outform]);
        assert!(refusal(&bundle).contains("PKCS#7"), "{outform}");
    }
    assert!(refusal(&made(&["pkey", "-pubout", "-in", &key])).contains("bare public key"));
    assert!(refusal(&made(&["req", "-new", "-subj", "/CN=x", "-key", &key])).contains("certificate request"));
    assert!(refusal(&made(&["pkey", "-pubout", "-outform", "DER", "-in", &key])).contains("bare public key"));
    let rsa = made(&["rsa", "-RSAPublicKey_out", "-outform", "DER", "-in", &key]);
    assert!(refusal(&rsa).contains("bare public key"));
    for subject in ["/CN=x", "/"] {
        let request = made(&["req", "-new", "-subj", subject, "-key", &key, "-outform", "DER"]);
        assert!(refusal(&request).contains("certificate request"), "{subject}");
        assert!(refusal(&bare(&request)).contains("certificate request"), "{subject}");
    }
    assert!(refusal(&bare(&pkcs12)).contains("PKCS#12"));
    let armoured = [&b"-----BEGIN PKCS12-----\n"[..], &bare(&pkcs12), b"-----END PKCS12-----\n"].concat();
    assert!(refusal(&armoured).contains("PKCS#12"));
    assert!(
        refusal(&bare(&made(&["pkcs8", "-topk8", "-nocrypt", "-outform", "DER", "-in", &key])))
            .contains("private key")
    );
    let trusted = made(&["x509", "-in", &certificate, "-trustout", "-addtrust", "emailProtection"]);
    assert!(refusal(&trusted).contains("openssl x509"));
}

#[test]
fn keys_that_cannot_be_sealed_for_are_refused() {
    let refused = |arguments: &[&str]| refusal(&Identity::new("x", arguments).pem());
    assert!(refused(&["-newkey", "rsa:1024"]).contains("1024 bits"));
    assert!(refused(&["-newkey", "rsa:2047"]).contains("2047 bits"));
    assert!(refused(&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]).contains("elliptic curve"));
    assert!(refused(&["-newkey", "ed25519"]).contains("Ed25519"));
    assert!(refused(&["-newkey", "rsa-pss"]).contains("signatures only"));
}

#[test]
fn certificates_count_only_while_they_are_valid() {
    let (pem, facts) = (ANNA.pem(), ANNA.facts());
    let inspect = |now| SmimeCertificates::new().inspect(&pem, now);
    let second = TimeDelta::seconds(1);
    assert!(inspect(facts.not_before).is_ok());
    assert!(inspect(facts.not_after).is_ok());
    let early = refusal_at(&pem, facts.not_before - second);
    assert!(
        early.contains(&facts.not_before.format("valid only from %Y-%m-%d %H:%M:%S UTC").to_string()),
        "{early}"
    );
    let late = refusal_at(&pem, facts.not_after + second);
    assert!(late.contains(&facts.not_after.format("expired on %Y-%m-%d %H:%M:%S UTC").to_string()), "{late}");

    // Rule S3: the warning begins 30 days before the expiry.
    let expiring =
        |now| inspect(now).unwrap().warnings.iter().any(|warning| warning.contains("expires soon"));
    assert!(!expiring(facts.not_after - TimeDelta::days(30) - second));
    assert!(expiring(facts.not_after - TimeDelta::days(30)));
}

#[test]
fn dates_beyond_2049_are_read() {
    // RFC 5280 section 4.1.2.5: dates are GeneralizedTime from 2050 on.
    let mut params = rcgen::CertificateParams::default();
    params.not_before = rcgen::date_time_ymd(2001, 2, 3);
    params.not_after = rcgen::date_time_ymd(2999, 12, 31);
    let key = rcgen::KeyPair::from_pem(&fs::read_to_string(&ANNA.key).unwrap()).unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let facts = SmimeCertificates::new().inspect(pem.as_bytes(), ANNA.now).unwrap();
    assert_eq!(facts.not_before.to_rfc3339(), "2001-02-03T00:00:00+00:00");
    assert_eq!(facts.not_after.to_rfc3339(), "2999-12-31T00:00:00+00:00");
}

#[test]
fn certificates_that_are_not_for_encryption_are_refused() {
    let signer = Identity::issued("signer", "keyUsage=digitalSignature,nonRepudiation\n", &[]);
    assert!(refusal_at(&signer.pem(), signer.now).contains("keyEncipherment"));
    Identity::issued("both", "keyUsage=digitalSignature,keyEncipherment\n", &[]).facts();
}

#[test]
fn what_is_unusual_is_warned_of() {
    let warned = |identity: &Identity, what: &str, times: usize| {
        let warnings = identity.facts().warnings;
        let found = warnings.iter().filter(|warning| warning.contains(what)).count();
        assert_eq!(found, times, "{what}: {warnings:?}");
        assert!(warnings.iter().all(|warning| warning.starts_with("The ") && warning.ends_with('.')));
    };
    // The certificate that `openssl req -x509` makes by default.
    warned(&ANNA, "CA:TRUE", 1);
    warned(&ANNA, "self-signed", 1);
    warned(&ANNA, "SHA-1", 0);
    let server = Identity::issued("server", "extendedKeyUsage=serverAuth\n", &[]);
    warned(&server, "emailProtection", 1);
    warned(&server, "self-signed", 0);
    warned(&server, "CA:TRUE", 0);
    let any = Identity::issued("any", "extendedKeyUsage=serverAuth,anyExtendedKeyUsage\n", &[]);
    warned(&any, "emailProtection", 0);
    warned(&Identity::issued("old", "", &["-sha1"]), "SHA-1", 1);
}

#[test]
fn a_sealer_names_the_recipient_that_cannot_be_used() {
    let certificates = SmimeCertificates::new();
    let refusal = |recipients: &[_], now| certificates.sealer(recipients, now).unwrap_err().to_string();
    assert!(refusal(&[], ANNA.now).contains("at least one recipient"));

    let (anna, bert) = (ANNA.recipient(), BERT.recipient());
    let later = bert.certificate.not_after + TimeDelta::days(1);
    let mut outlived = anna.clone();
    outlived.certificate = Identity::issued("gone", "", &["-days", "3"]).facts();
    let why = refusal(&[bert.clone(), outlived], ANNA.now + TimeDelta::days(4));
    assert!(why.starts_with("recipient \"anna\" cannot be used: the certificate expired on "), "{why}");
    assert!(refusal(std::slice::from_ref(&bert), later).starts_with("recipient \"bert\" cannot be used"));

    let mut again = anna.clone();
    again.name = RecipientName::new("again").unwrap();
    let why = refusal(&[anna, bert, again], ANNA.now.max(BERT.now));
    assert!(why.contains("\"anna\" and \"again\" have the same certificate"), "{why}");
}
