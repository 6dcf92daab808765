//! Files that `openssl cms` seals with AES-GCM and OAEP: we open them, and no change to them goes unnoticed.

use std::fs;
use std::io::Read;
use std::ops::Range;
use std::sync::LazyLock;

use cdds_crypto::{OpenError, OpenReader, PrivateKey, check_sealed};

use crate::support::{ANNA, EVE, data, loosened, open, openssl, text};

const SIZES: [usize; 11] = [0, 1, 15, 16, 17, 65_519, 65_535, 65_536, 65_537, 200_000, 4_194_305];
/// The ASN.1 tag of encrypted content in one piece.
const CONTENT: u8 = 0x80;
const GCM: [&str; 3] = ["-aes-128-gcm", "-aes-192-gcm", "-aes-256-gcm"];

static KEY: LazyLock<PrivateKey> = LazyLock::new(|| ANNA.private_key());
/// A small file, in DER.
static SEALED: LazyLock<Vec<u8>> = LazyLock::new(|| encrypt(&data(100), &["-aes-256-gcm"], &[]));

/// Seals for Anna, in DER.
fn encrypt(plain: &[u8], options: &[&str], transport: &[&str]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let (plain_file, out) = (text(&dir.path().join("plain")), text(&dir.path().join("sealed")));
    fs::write(&plain_file, plain).unwrap();
    let certificate = text(&ANNA.certificate);
    let mut arguments =
        vec!["cms", "-encrypt", "-binary", "-outform", "DER", "-in", &plain_file, "-out", &out];
    arguments.extend(options);
    arguments.extend(["-recip", &certificate]);
    transport.iter().for_each(|option| arguments.extend(["-keyopt", option]));
    openssl(&arguments);
    fs::read(&out).unwrap()
}

#[test]
fn gcm_opens_in_every_size_and_form() {
    for (index, size) in SIZES.into_iter().enumerate() {
        let plain = data(size);
        let der = encrypt(&plain, &[GCM[index % 3]], &[]);
        let forms = [
            der.clone(),
            loosened(&der, &[CONTENT], 65_536),
            loosened(&der, &[CONTENT], 1000),
            loosened(&der, &[], 1),
        ];
        for sealed in forms {
            assert!(open(&sealed, &KEY).unwrap() == plain, "{size}");
            let facts = check_sealed(&*sealed).unwrap();
            assert!(facts.authenticated);
            assert_eq!(facts.content_bytes, u64::try_from(size).unwrap());
            assert_eq!(facts.sealed_bytes, u64::try_from(sealed.len()).unwrap());
        }
    }
}

#[test]
fn oaep_opens_with_every_hash_and_a_label() {
    let (plain, wrong) = (data(1000), EVE.private_key());
    let transports: [&[&str]; 7] = [
        &["rsa_padding_mode:oaep"],
        &["rsa_padding_mode:oaep", "rsa_oaep_md:sha1", "rsa_mgf1_md:sha1"],
        &["rsa_padding_mode:oaep", "rsa_oaep_md:sha256"],
        &["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256"],
        &["rsa_padding_mode:oaep", "rsa_oaep_md:sha384"],
        &["rsa_padding_mode:oaep", "rsa_oaep_md:sha512"],
        &["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_oaep_label:0102ff"],
    ];
    for transport in transports {
        for options in [&["-aes-256-gcm"][..], &["-aes256"], &["-aes128", "-stream"]] {
            let sealed = encrypt(&plain, options, transport);
            assert!(open(&sealed, &KEY).unwrap() == plain, "{options:?} {transport:?}");
            let error = open(&sealed, &wrong).unwrap_err();
            assert!(matches!(error, OpenError::CannotDecrypt { .. }), "{error:?}");
        }
    }
}

#[test]
fn other_parameters_of_oaep_are_named() {
    let transports: [(&[&str], &str); 2] = [
        (&["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha1"], "1.3.14.3.2.26"),
        (&["rsa_padding_mode:oaep", "rsa_oaep_md:sha224"], "2.16.840.1.101.3.4.2.4"),
    ];
    for (transport, name) in transports {
        let error = open(&encrypt(b"x", &["-aes256"], transport), &KEY).unwrap_err();
        assert!(matches!(error, OpenError::Unsupported { .. }), "{error:?}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn other_ciphers_are_named() {
    for (option, name) in [("-des3", "1.2.840.113549.3.7"), ("-camellia256", "1.2.392.200011.61.1.1.1.4")] {
        let error = open(&encrypt(b"x", &[option], &[]), &KEY).unwrap_err();
        assert!(matches!(error, OpenError::Unsupported { .. }), "{error:?}");
        assert!(
            error.to_string().contains(name) && error.to_string().contains("openssl cms -decrypt"),
            "{error}"
        );
    }
}

#[test]
fn the_wrong_key_and_a_wrong_tag_give_the_same_error() {
    let wrong_key = open(&SEALED, &EVE.private_key()).unwrap_err();
    assert!(matches!(wrong_key, OpenError::CannotDecrypt { .. }), "{wrong_key:?}");
    let mut sealed = SEALED.clone();
    *sealed.last_mut().unwrap() ^= 1;
    assert_eq!(open(&sealed, &KEY).unwrap_err().to_string(), wrong_key.to_string());
    assert!(check_sealed(&*sealed).is_ok(), "without the key nobody can tell");
}

/// The range that names the recipient. Nothing protects the name, and opening does not look at it.
fn name_of_recipient(sealed: &[u8]) -> Range<usize> {
    // EnvelopedData begins with an INTEGER of 0, and so does the recipient; rsaEncryption follows the name.
    let versions: Vec<usize> =
        sealed.windows(3).enumerate().filter(|(_, w)| *w == [2, 1, 0]).map(|(at, _)| at).collect();
    let transport = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1];
    versions[1]..sealed.windows(9).position(|w| w == transport).unwrap() - 4
}

#[test]
fn every_changed_byte_is_an_error_or_changes_nothing() {
    for sealed in [SEALED.clone(), loosened(&SEALED, &[CONTENT], 30)] {
        let name = name_of_recipient(&sealed);
        let mut renamed = 0;
        for at in 0..sealed.len() {
            for flip in (0..8).map(|bit| 1 << bit).chain([0xFF]) {
                let mut changed = sealed.clone();
                changed[at] ^= flip;
                match open(&changed, &KEY) {
                    Err(OpenError::Io(error)) => panic!("{at} {flip}: {error}"),
                    Err(_) => {}
                    Ok(plain) => {
                        assert!(name.contains(&at), "byte {at} of {} was changed by {flip}", sealed.len());
                        assert!(plain == data(100));
                        renamed += 1;
                    }
                }
            }
        }
        assert!(renamed > 0, "names are not looked at");
    }
}

#[test]
fn every_truncation_and_addition_is_found() {
    for sealed in [SEALED.clone(), loosened(&SEALED, &[CONTENT], 30)] {
        for len in 0..sealed.len() {
            let cut = &sealed[..len];
            assert!(matches!(open(cut, &KEY), Err(OpenError::Truncated { .. })), "{len}");
            assert!(matches!(check_sealed(cut), Err(OpenError::Truncated { .. })), "{len}");
        }
        let longer = [sealed.as_slice(), b"x"].concat();
        assert!(matches!(open(&longer, &KEY), Err(OpenError::TrailingData { .. })));
    }
}

#[test]
fn what_was_read_before_a_wrong_tag_ends_in_an_error_that_stays() {
    let mut sealed = encrypt(&data(300_000), &["-aes-256-gcm"], &[]);
    let at = sealed.len() - 100_000;
    sealed[at] ^= 1;
    let mut reader = OpenReader::new(&*sealed, &KEY).unwrap();
    assert!(reader.is_authenticated());
    let mut plain = Vec::new();
    assert!(reader.read_to_end(&mut plain).is_err());
    assert!(plain[..] != data(300_000)[..]);
    assert!(reader.read(&mut [0; 10]).is_err());
}

#[test]
fn a_tag_may_come_in_pieces() {
    let tag = &SEALED[SEALED.len() - 18..];
    let before = loosened(&SEALED, &[CONTENT], 30);
    let before = &before[..before.len() - 6 - tag.len()];
    let with = |pieces: &[u8]| [before, &[0x24, 0x80], pieces, &[0, 0], &[0; 6]].concat();
    let one = |bytes: &[u8]| [&[0x04, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    let tag = &tag[2..];
    let nested = [&[0x24, 0x80][..], &one(&tag[5..16]), &one(&[]), &[0, 0]].concat();
    for pieces in [one(tag), [one(&tag[..1]), one(&tag[1..])].concat(), [one(&tag[..5]), nested].concat()] {
        assert!(open(&with(&pieces), &KEY).unwrap() == data(100), "{pieces:?}");
    }
    for pieces in [one(&tag[1..]), [one(tag), one(&[0])].concat(), vec![], one(&[7; 80])] {
        let error = open(&with(&pieces), &KEY).unwrap_err();
        assert!(matches!(error, OpenError::Malformed { .. }), "{error:?}");
    }
    let other = open(&with(&[one(&tag[..15]), one(&[tag[15] ^ 1])].concat()), &KEY).unwrap_err();
    assert!(matches!(other, OpenError::CannotDecrypt { .. }), "{other:?}");
}

#[test]
fn attributes_are_refused_where_they_would_have_to_be_authenticated() {
    let ber = loosened(&SEALED, &[CONTENT], 30);
    // The tag (2 + 16 bytes), and the ends of AuthEnvelopedData, `[0]` and ContentInfo.
    let (content, tag, end) = {
        let (rest, end) = ber.split_at(ber.len() - 6);
        let (content, tag) = rest.split_at(rest.len() - 18);
        (content, tag, end)
    };
    let attributes = |tag| [tag, 0x02, 0x30, 0x00];
    let unprotected = [content, tag, &attributes(0xA2), end].concat();
    assert!(open(&unprotected, &KEY).unwrap() == data(100));
    let authenticated = [content, &attributes(0xA1), tag, end].concat();
    let error = open(&authenticated, &KEY).unwrap_err();
    assert!(matches!(&error, OpenError::Unsupported { what } if what.contains("attributes")), "{error:?}");
    let twice = [content, tag, tag, end].concat();
    assert!(matches!(open(&twice, &KEY), Err(OpenError::Malformed { .. })));
    let none = [content, end].concat();
    assert!(matches!(open(&none, &KEY), Err(OpenError::Malformed { .. })));
}
