//! Private keys in the forms that people keep them in.

use std::collections::HashSet;
use std::error::Error;
use std::fs;

use aws_lc_rs::{digest, hmac};
use base64ct::{Base64, Encoding};
use cdds_core::ports::sealer::Certificates;
use cdds_crypto::{CmsSigner, OpenError, PrivateKey, SmimeCertificates, check_signature};

use crate::support::{ANNA, Identity, data, element, loosened, open, openssl, seal, sealer, text};

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

/// Contains characters outside ASCII, and one that UTF-16 writes as two units.
const PASSPHRASE: &str = "gr\u{fc}n \u{20ac} \u{1F511}";

/// Anna's key, encrypted with `openssl pkcs8` and these options.
fn encrypted(options: &[&str]) -> Vec<u8> {
    let passphrase = format!("pass:{PASSPHRASE}");
    converted("encrypted", &[&["pkcs8", "-topk8", "-passout", &passphrase, "-in", "KEY"], options].concat())
}

/// A PKCS#12 file with Anna's certificate and, unless the options say otherwise, her key.
fn pkcs12(options: &[&str]) -> Vec<u8> {
    let (out, passphrase) = (text(&ANNA.path("anna.p12")), format!("pass:{PASSPHRASE}"));
    let (certificate, key) = (text(&ANNA.certificate), text(&ANNA.key));
    let export =
        ["pkcs12", "-export", "-in", &certificate, "-inkey", &key, "-passout", &passphrase, "-out", &out];
    openssl(&[&export, options].concat());
    fs::read(&out).unwrap()
}

/// Opens with the right passphrase, and checks the errors without a passphrase and with wrong ones.
fn opens_with_its_passphrase(encoded: &[u8], what: &str) {
    let sealed = seal(&*sealer(&[&ANNA]), &[&data(100)]);
    assert!(matches!(PrivateKey::from_bytes(encoded), Err(OpenError::PassphraseNeeded)), "{what}");
    for wrong in ["", "x", &PASSPHRASE[1..], &format!("{PASSPHRASE} ")] {
        let error = PrivateKey::with_passphrase(encoded, wrong).unwrap_err();
        assert!(matches!(error, OpenError::WrongPassphrase), "{what}: {error:?}");
    }
    let key = PrivateKey::with_passphrase(encoded, PASSPHRASE).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_eq!(open(&sealed, &key).unwrap(), data(100), "{what}");
}

#[test]
fn encrypted_keys_open_with_their_passphrase() {
    let forms: [&[&str]; 11] = [
        &[],
        &["-v2", "aes-128-cbc"],
        &["-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA1"],
        &["-v2", "aes256", "-v2prf", "hmacWithSHA384"],
        &["-v2", "aes256", "-v2prf", "hmacWithSHA512", "-iter", "100000"],
        &["-v2", "aes256", "-iter", "1"],
        &["-v2", "des3"],
        &["-v1", "PBE-SHA1-3DES"],
        &["-scrypt"],
        &["-scrypt", "-scrypt_N", "1024", "-scrypt_r", "4", "-scrypt_p", "3"],
        &["-v2", "aes-128-cbc", "-scrypt"],
    ];
    for form in forms {
        opens_with_its_passphrase(&encrypted(form), &format!("{form:?}, PEM"));
        let der = encrypted(&[form, &["-outform", "DER"]].concat());
        assert_eq!(der[0], 0x30);
        opens_with_its_passphrase(&der, &format!("{form:?}, DER"));
    }
    let passphrase = format!("pass:{PASSPHRASE}");
    let form = converted("rsa.pem", &["rsa", "-aes256", "-passout", &passphrase, "-in", "KEY"]);
    opens_with_its_passphrase(&form, "openssl rsa -aes256");
}

#[test]
fn a_wrong_passphrase_is_one_even_if_the_padding_looks_right() {
    // With one wrong passphrase in 256 it does.
    let key = encrypted(&["-iter", "1"]);
    for wrong in 0..2000 {
        let error = PrivateKey::with_passphrase(&key, &wrong.to_string()).unwrap_err();
        assert!(matches!(error, OpenError::WrongPassphrase), "{wrong}: {error:?}");
    }
}

#[test]
fn pkcs12_opens_with_its_passphrase() {
    let older = ["-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"];
    let forms: [&[&str]; 8] = [
        &[],
        &["-legacy"],
        &older,
        &["-keypbe", "AES-128-CBC", "-macalg", "sha512", "-iter", "10", "-maciter"],
        &["-macalg", "sha384", "-certpbe", "NONE"],
        &["-nomaciter", "-noiter", "-name", "Anna"],
        &["-nomac"],
        &["-keypbe", "NONE", "-certpbe", "NONE"],
    ];
    for form in forms {
        let der = pkcs12(form);
        opens_with_its_passphrase(&der, &format!("{form:?}"));
        // The form that NSS and Bouncy Castle write.
        opens_with_its_passphrase(&loosened(&der, &[0x04], 100), &format!("{form:?}, BER"));
    }
}

const DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01];
const PBES2: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05, 0x0D];
const PBKDF2: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05, 0x0C];
const SCRYPT: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0xDA, 0x47, 0x04, 0x0B];
const AES_256_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2A];
const SHROUDED_KEY_BAG: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x0A, 0x01, 0x02];

/// Creates a PKCS#12 file without a MAC that holds these encrypted keys.
fn pkcs12_of(keys: &[&[u8]]) -> Vec<u8> {
    let typed = |kind: &[u8], value: &[u8]| element(0x30, &[&element(6, &[kind]), &element(0xA0, &[value])]);
    let bags: Vec<Vec<u8>> = keys.iter().map(|key| typed(SHROUDED_KEY_BAG, key)).collect();
    let contents = element(0x30, &[&bags.concat()]);
    let safe = element(0x30, &[&typed(DATA, &element(4, &[&contents]))]);
    element(0x30, &[&[2, 1, 3], &typed(DATA, &element(4, &[&safe]))])
}

/// A second implementation of the derivation of RFC 7292 appendix B.2 with SHA-1, for keys and MACs that no
/// program here writes.
fn derive(purpose: u8, passphrase: &[u8], salt: &[u8], rounds: u32, bytes: usize) -> Vec<u8> {
    const V: usize = 64;
    let sha1 = |bytes: &[u8]| digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec();
    let filled = |bytes: &[u8]| -> Vec<u8> {
        bytes.iter().copied().cycle().take(bytes.len().div_ceil(V) * V).collect()
    };
    let mut block = [filled(salt), filled(passphrase)].concat();
    let mut out = Vec::new();
    while out.len() < bytes {
        let mut hash = [vec![purpose; V], block.clone()].concat();
        (0..rounds).for_each(|_| hash = sha1(&hash));
        let added: Vec<u8> = hash.iter().copied().cycle().take(V).collect();
        for chunk in block.chunks_mut(V) {
            let mut carry = 1;
            for (byte, added) in chunk.iter_mut().zip(&added).rev() {
                let sum = u16::from(*byte) + u16::from(*added) + carry;
                (*byte, carry) = (sum.to_be_bytes()[1], sum >> 8);
            }
        }
        out.extend(hash);
    }
    out.truncate(bytes);
    out
}

const PBE_SHA_TRIPLE_DES: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x01, 0x03];
const SHA_1: &[u8] = &[0x2B, 0x0E, 0x03, 0x02, 0x1A];

/// Creates a PKCS#12 file with Anna's key, encrypted with one form of a passphrase and with a MAC by another.
fn pkcs12_by_hand(key_form: &[u8], mac_form: &[u8]) -> Vec<u8> {
    let (salt, rounds, count) = ([7; 8], 2_048, [2, 2, 8, 0]);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (key, iv) = (derive(1, key_form, &salt, rounds, 24), derive(2, key_form, &salt, rounds, 8));
    let plain = converted("plain.der", &["pkcs8", "-topk8", "-nocrypt", "-outform", "DER", "-in", "KEY"]);
    let (from, to) = (ANNA.path("by-hand.plain"), ANNA.path("by-hand.sealed"));
    fs::write(&from, plain).unwrap();
    let args = ["-K", &hex(&key), "-iv", &hex(&iv), "-in", &text(&from), "-out", &text(&to)];
    openssl(&[&["enc", "-des-ede3-cbc"][..], &args].concat());
    let parameters = element(0x30, &[&element(4, &[&salt]), &count]);
    let algorithm = element(0x30, &[&element(6, &[PBE_SHA_TRIPLE_DES]), &parameters]);
    let whole = pkcs12_of(&[&element(0x30, &[&algorithm, &element(4, &[&fs::read(to).unwrap()])])]);
    // The MAC follows the version and the content.
    let content = whole.windows(DATA.len()).position(|window| window == DATA).unwrap() + DATA.len();
    let safe = &whole[content..];
    let (header, length) = (4 + 4, usize::from(u16::from_be_bytes([safe[6], safe[7]])));
    assert_eq!((safe[0], safe[1], safe[4], safe[5]), (0xA0, 0x82, 4, 0x82));
    let mac_key =
        hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &derive(3, mac_form, &salt, rounds, 20));
    let digest = hmac::sign(&mac_key, &safe[header..header + length]);
    let algorithm = element(0x30, &[&element(6, &[SHA_1]), &[5, 0]]);
    let mac = element(0x30, &[&algorithm, &element(4, &[digest.as_ref()])]);
    let mac = element(0x30, &[&mac, &element(4, &[&salt]), &count]);
    element(0x30, &[&whole[4..], &mac])
}

#[test]
fn an_empty_passphrase_of_pkcs12_has_two_forms() {
    let sealed = seal(&*sealer(&[&ANNA]), &[&data(100)]);
    // The form that OpenSSL and Java write, that of .NET, and files that mix both.
    for (key_form, mac_form) in [(&b"\0\0"[..], &b"\0\0"[..]), (b"", b""), (b"\0\0", b""), (b"", b"\0\0")] {
        let file = pkcs12_by_hand(key_form, mac_form);
        if key_form == mac_form {
            let path = text(&ANNA.path("by-hand.p12"));
            fs::write(&path, &file).unwrap();
            openssl(&["pkcs12", "-in", &path, "-passin", "pass:", "-nocerts", "-nodes", "-legacy"]);
        }
        let read = [PrivateKey::with_passphrase(&file, ""), PrivateKey::from_bytes(&file)];
        for key in read {
            let key = key.unwrap_or_else(|error| panic!("{key_form:?} {mac_form:?}: {error}"));
            assert_eq!(open(&sealed, &key).unwrap(), data(100));
        }
        let wrong = PrivateKey::with_passphrase(&file, "x").unwrap_err();
        assert!(matches!(wrong, OpenError::WrongPassphrase), "{wrong:?}");
    }
}

#[test]
fn pkcs12_and_keys_come_as_text_too() {
    let base64 = |der: &[u8]| -> String {
        der.chunks(48).map(|line| format!("{}\r\n", Base64::encode_string(line))).collect()
    };
    let file = pkcs12(&[]);
    for label in ["PKCS12", "PFX"] {
        let pem = format!("\u{FEFF}-----BEGIN {label}-----\r\n{}-----END {label}-----\r\n", base64(&file));
        opens_with_its_passphrase(pem.as_bytes(), label);
    }
    opens_with_its_passphrase(base64(&file).as_bytes(), "base64 alone");
    let key = converted("bare.der", &["pkcs8", "-topk8", "-nocrypt", "-outform", "DER", "-in", "KEY"]);
    assert!(PrivateKey::from_bytes(base64(&key).as_bytes()).is_ok());
}

#[test]
fn what_is_supplied_instead_of_a_key_is_named_with_the_way_to_one() {
    let pem = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n").into_bytes();
    for (file, told) in [
        (pem("OPENSSH PRIVATE KEY"), "ssh-keygen -p -m PKCS8"),
        (pem("EC PRIVATE KEY"), "elliptic curve"),
        (pem("CERTIFICATE"), "the file with the key that belongs to the certificate"),
        (pem("PUBLIC KEY"), "the private one of the pair"),
        (pem("PGP PRIVATE KEY BLOCK"), "OpenPGP"),
        (b"PuTTY-User-Key-File-3: ssh-rsa\r\n".to_vec(), "puttygen"),
        (b"\xFE\xED\xFE\xED\0\0\0\x02".to_vec(), "keytool -importkeystore"),
        (b"\x1E\xF1\xB5\xB0\0\0".to_vec(), "openssl rsa -inform PVK"),
        (b"ssh-rsa AAAAB3 anna".to_vec(), "public key of SSH"),
        (b"{\"kty\":\"RSA\"}".to_vec(), "JWK"),
        (ANNA.facts().der, "a certificate"),
        (seal(&*sealer(&[&ANNA]), &[]), "sealed or signed file"),
    ] {
        let why = refusal(&file);
        assert!(why.contains(told), "{why}");
        let with = PrivateKey::with_passphrase(&file, "x").unwrap_err().to_string();
        assert_eq!(with, why);
    }
    let signing = Identity::new("signing", &["-newkey", "rsa-pss"]);
    assert!(refusal(&fs::read(&signing.key).unwrap()).contains("signatures only"));
}

#[test]
fn pkcs12_with_several_keys_or_none_is_refused() {
    let key = encrypted(&["-outform", "DER"]);
    opens_with_its_passphrase(&pkcs12_of(&[&key]), "by hand");
    let why = |encoded: &[u8]| match PrivateKey::with_passphrase(encoded, PASSPHRASE) {
        Err(OpenError::PrivateKey { reason }) => reason,
        other => panic!("{other:?}"),
    };
    assert!(why(&pkcs12_of(&[])).contains("no private key"));
    assert!(why(&pkcs12(&["-nokeys"])).contains("no private key"));
    let two = why(&pkcs12_of(&[&key, &key]));
    assert!(two.contains("2 private keys") && two.contains("-nocerts"), "{two}");
    let whole = pkcs12(&[]);
    assert!(why(&whole[..whole.len() - 1]).contains("damaged"));
    assert!(why(&[&*whole, b"x"].concat()).contains("damaged"));
}

#[test]
fn absurd_costs_are_refused_at_once() {
    let integer = |number: u64| {
        let bytes = number.to_be_bytes();
        let significant: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
        let sign = if significant[0] < 0x80 { &[][..] } else { &[0] };
        element(2, &[sign, &significant])
    };
    let key = |derivation: &[u8], parameters: &[u8]| {
        let derivation = element(0x30, &[&element(6, &[derivation]), parameters]);
        let cipher = element(0x30, &[&element(6, &[AES_256_CBC]), &element(4, &[&[0; 16]])]);
        let algorithm = element(0x30, &[&element(6, &[PBES2]), &element(0x30, &[&derivation, &cipher])]);
        element(0x30, &[&algorithm, &element(4, &[&[7; 1200]])])
    };
    let salt = element(4, &[&[1; 16]]);
    for count in [10_000_001, u64::from(u32::MAX), u64::MAX] {
        let key = key(PBKDF2, &element(0x30, &[&salt, &integer(count)]));
        for encoded in [pkcs12_of(&[&key]), key] {
            match PrivateKey::with_passphrase(&encoded, "x") {
                Err(OpenError::PrivateKey { reason }) => assert!(reason.contains("rounds"), "{reason}"),
                other => panic!("{other:?}"),
            }
        }
    }
    let scrypt = |costs: [u64; 3]| {
        let costs = costs.map(integer).concat();
        PrivateKey::with_passphrase(&key(SCRYPT, &element(0x30, &[&salt, &costs])), "x").unwrap_err()
    };
    for costs in [[1 << 30, 8, 1], [1 << 14, 1 << 40, 1], [1 << 14, 8, 1 << 20], [u64::MAX, 8, 1], [3, 8, 1]]
    {
        assert!(matches!(scrypt(costs), OpenError::PrivateKey { .. }), "{costs:?}");
    }
    assert!(scrypt([1 << 30, 8, 1]).to_string().contains("memory or work"));
    assert!(matches!(scrypt([1 << 14, 8, 1]), OpenError::WrongPassphrase));
}

#[test]
fn what_cannot_be_decrypted_comes_with_the_way_out() {
    let legacy =
        converted("legacy.pem", &["rsa", "-traditional", "-aes256", "-passout", "pass:x", "-in", "KEY"]);
    assert!(refusal(&legacy).contains("openssl pkcs8 -topk8"));
    let other_ways: [&[&str]; 3] = [
        &["-v2", "camellia256"],
        &["-v2", "aes256", "-v2prf", "hmacWithSHA224"],
        &["-v1", "PBE-SHA1-RC4-128", "-provider", "legacy", "-provider", "default"],
    ];
    for options in other_ways {
        let error = PrivateKey::with_passphrase(&encrypted(options), PASSPHRASE).unwrap_err().to_string();
        assert!(error.contains("not supported") && error.contains("openssl pkcs8 -topk8"), "{error}");
    }
}

#[test]
fn a_passphrase_that_is_not_needed_does_no_harm() {
    assert!(PrivateKey::with_passphrase(&fs::read(&ANNA.key).unwrap(), "x").is_ok());
}

#[test]
fn what_is_no_usable_key_is_said() {
    let small = Identity::new("small", &["-newkey", "rsa:1024"]);
    assert!(refusal(&fs::read(&small.key).unwrap()).contains("2048 to 8192"));
    let curve = Identity::new("curve", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    assert!(refusal(&fs::read(&curve.key).unwrap()).contains("elliptic curve"));
    assert!(refusal(&ANNA.pem()).contains("no private key here, but \"CERTIFICATE\""));
    assert!(refusal(&ANNA.facts().der).contains("no RSA private key"));
    let key = fs::read(&ANNA.key).unwrap();
    assert!(refusal(&[&*key, &key].concat()).contains("more than one"));
    assert!(refusal(&key[..key.len() - 30]).contains("missing"));
    for nothing in [&b""[..], b"hello", &[0x30], &[0x30, 0x82, 1]] {
        assert!(refusal(nothing).contains("no RSA private key"));
    }
}

/// Returns everything that an error says, to people and to programmers, with all its causes.
fn everything_said(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(|error| format!("{error}\n{error:?}\n{error:#?}\n")).collect()
}

#[test]
fn no_error_repeats_a_key_that_was_copied_badly() {
    // Files that lack one character in their first or last line, or everything before or after such a place.
    const TOLD: usize = 12;
    let pkcs1 = converted("copied.pem", &["rsa", "-traditional", "-in", "KEY"]);
    let encrypted = encrypted(&[]);
    for pem in [fs::read(&ANNA.key).unwrap(), pkcs1, encrypted] {
        let pem = String::from_utf8(pem).unwrap();
        let (first, last) = (pem.find('\n').unwrap(), pem.trim_end().rfind('\n').unwrap());
        let base64: Vec<u8> = pem[first..last].bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let secret: HashSet<&[u8]> = base64.windows(TOLD).collect();
        let keeps = |error: &(dyn Error + 'static), copy: &str| {
            let said = everything_said(error);
            assert!(!said.as_bytes().windows(TOLD).any(|told| secret.contains(told)), "{said}\n{copy}");
        };
        let places = || (0..=first).chain(last..pem.len());
        let dropped = places().map(|at| format!("{}{}", &pem[..at], &pem[at + 1..]));
        let cut = places().map(|at| pem[at..].to_owned()).chain(places().map(|at| pem[..at].to_owned()));
        for copy in dropped.chain(cut) {
            // The text on a single line, too, as some web forms make it.
            for copy in [copy.replace('\n', " "), copy.replace('\n', ""), copy] {
                let bytes = copy.as_bytes();
                let opened = PrivateKey::from_bytes(bytes).err();
                let with = PrivateKey::with_passphrase(bytes, PASSPHRASE).err();
                opened.iter().chain(&with).for_each(|error| keeps(error, &copy));
                keeps(&SmimeCertificates::new().inspect(bytes, ANNA.now).unwrap_err(), &copy);
                keeps(&check_signature(b"", b"", bytes).unwrap_err(), &copy);
                keeps(&CmsSigner::new(bytes, &pem.clone().into_bytes()).unwrap_err(), &copy);
                if let Err(error) = CmsSigner::new(&ANNA.pem(), bytes) {
                    keeps(&error, &copy);
                }
            }
        }
    }
}
