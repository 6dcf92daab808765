//! A key that is tied to its certificate tells strangers nothing about content that was encrypted for it (RFC
//! 3218).

use std::fs;

use cdds_crypto::{OpenError, OpenReader, PrivateKey, Profile};

use crate::support::{ANNA, BERT, EVE, Identity, data, open, openssl, seal, sealer_with, text};

fn tied(identity: &Identity) -> PrivateKey {
    identity.private_key().with_certificate(&identity.pem()).unwrap()
}

/// Returns a file with a valid content key, one whose key has no padding, and one whose key is for another
/// cipher.
fn three_kinds(profile: Profile) -> [Vec<u8>; 3] {
    let whole = seal(&*sealer_with(profile, &[&BERT, &ANNA]), &[&data(5000)]);
    let key = whole.windows(4).position(|four| four == [0x04, 0x82, 0x01, 0x00]).unwrap() + 4;
    let mut unpadded = whole.clone();
    unpadded[key + 9] ^= 1;
    // aes256-CBC or aes256-GCM becomes aes128, which has shorter keys.
    let prefix = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01];
    let cipher = whole.windows(8).position(|eight| eight == prefix).unwrap() + 8;
    let mut shorter = whole.clone();
    shorter[cipher] -= 40;
    [whole, unpadded, shorter]
}

const PROFILES: [Profile; 3] = [Profile::Compat, Profile::Oaep, Profile::AuthGcm];

#[test]
fn a_tied_key_opens_what_names_its_certificate() {
    for profile in PROFILES {
        let [whole, ..] = three_kinds(profile);
        assert!(open(&whole, &tied(&ANNA)).unwrap() == data(5000));
        assert!(open(&whole, &tied(&BERT)).unwrap() == data(5000));
        // The recipients are public, so a missing key is reported before any content.
        let error = OpenReader::new(&*whole, &tied(&EVE)).unwrap_err();
        assert!(
            matches!(&error, OpenError::CannotDecrypt { recipients } if recipients.len() == 2),
            "{error:?}"
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let (plain, out) = (text(&dir.path().join("plain")), text(&dir.path().join("sealed")));
    fs::write(&plain, data(100)).unwrap();
    let certificate = text(&ANNA.certificate);
    let encrypt = ["cms", "-encrypt", "-binary", "-outform", "DER", "-aes256", "-keyid", "-in", &plain];
    openssl(&[&encrypt[..], &["-out", &out, &certificate]].concat());
    assert!(open(&fs::read(&out).unwrap(), &tied(&ANNA)).unwrap() == data(100), "by the key's identifier");
}

#[test]
fn whether_a_content_key_was_in_order_shows_at_the_end_only() {
    let key = tied(&ANNA);
    for profile in PROFILES {
        let [whole, others @ ..] = three_kinds(profile);
        for len in [whole.len() - 3000, whole.len() - 30, whole.len() - 1] {
            let expected = open(&whole[..len], &key).unwrap_err();
            for other in &others {
                assert_eq!(open(&other[..len], &key).unwrap_err().to_string(), expected.to_string());
            }
        }
        for other in &others {
            let mut reader = OpenReader::new(&**other, &key).unwrap();
            let mut plain = Vec::new();
            let read = std::io::Read::read_to_end(&mut reader, &mut plain);
            assert!(plain.len() > 4000 && plain != data(5000));
            // With one random key in 256 the padding looks right.
            match read {
                Ok(_) => assert!(!reader.is_authenticated()),
                Err(error) => {
                    let error = error.into_inner().unwrap().downcast::<OpenError>().unwrap();
                    assert!(matches!(*error, OpenError::CannotDecrypt { .. }), "{error:?}");
                }
            }
            let at_once = OpenReader::new(&**other, &ANNA.private_key()).unwrap_err();
            assert!(matches!(at_once, OpenError::CannotDecrypt { .. }), "a person is told at once");
        }
    }
}

#[test]
fn the_certificate_must_be_that_of_the_key() {
    let refusal = |certificate: &[u8]| match ANNA.private_key().with_certificate(certificate).unwrap_err() {
        OpenError::PrivateKey { reason } => reason,
        other => panic!("{other:?}"),
    };
    assert!(refusal(&EVE.pem()).contains("does not belong to the private key"));
    assert!(refusal(b"x").contains("neither PEM nor DER"));
}
