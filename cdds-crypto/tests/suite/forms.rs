//! Every profile in every form: what we seal, we open; what openssl writes as a message, too.

use std::fs;
use std::sync::Arc;

use cdds_core::ports::sealer::Sealer;
use cdds_crypto::{Form, OpenError, Profile, SmimeCertificates, check_sealed};

use crate::support::{ANNA, BERT, data, open, openssl, seal, sealer_of, text};

const SIZES: [usize; 9] = [0, 1, 15, 16, 17, 65_535, 65_536, 65_537, 1_000_003];

fn all() -> impl Iterator<Item = (Profile, Form, Arc<dyn Sealer>)> {
    let profiles = [Profile::Compat, Profile::Oaep, Profile::AuthGcm];
    let each =
        profiles.into_iter().flat_map(|profile| [Form::Binary, Form::Mime].map(|form| (profile, form)));
    each.map(|(profile, form)| {
        let certificates = SmimeCertificates::new().with_profile(profile).with_form(form);
        (profile, form, sealer_of(certificates, &[&BERT, &ANNA]))
    })
}

fn message() -> Arc<dyn Sealer> {
    sealer_of(SmimeCertificates::new().with_form(Form::Mime), &[&ANNA])
}

#[test]
fn whatever_is_sealed_opens_and_is_as_long_as_computed() {
    let key = ANNA.private_key();
    for (profile, form, sealer) in all() {
        for size in SIZES {
            let plain = data(size);
            let (one, other) = plain.split_at(size / 3);
            let sealed = seal(&*sealer, &[one, other]);
            assert_eq!(sealer.sealed_bytes(size as u64), sealed.len() as u64, "{profile:?} {form:?} {size}");
            assert!(open(&sealed, &key).unwrap() == plain, "{profile:?} {form:?} {size}");
            assert_eq!(check_sealed(&*sealed).unwrap().recipients.len(), 2);
        }
    }
}

#[test]
fn openssl_opens_messages_and_we_open_its() {
    let dir = tempfile::tempdir().unwrap();
    let [plain, file, out] = ["plain", "file", "out"].map(|name| text(&dir.path().join(name)));
    let (certificate, key) = (text(&ANNA.certificate), text(&ANNA.key));
    for size in SIZES {
        fs::write(&plain, data(size)).unwrap();
        for (profile, form, sealer) in all().filter(|(_, form, _)| *form == Form::Mime) {
            fs::write(&file, seal(&*sealer, &[&data(size)])).unwrap();
            let decrypt = ["cms", "-decrypt", "-inform", "SMIME", "-in", &file, "-inkey", &key, "-out", &out];
            openssl(&decrypt);
            assert!(fs::read(&out).unwrap() == data(size), "{profile:?} {form:?} {size}");
        }
        for options in [&["-aes256"][..], &["-aes256", "-crlfeol"], &["-aes-256-gcm"]] {
            let encrypt = ["cms", "-encrypt", "-binary", "-outform", "SMIME", "-in", &plain, "-out", &file];
            openssl(&[&encrypt[..], options, &[&certificate]].concat());
            let opened = open(&fs::read(&file).unwrap(), &ANNA.private_key()).unwrap();
            assert!(opened == data(size), "{options:?} {size}");
        }
    }
}

#[test]
fn a_message_has_lines_that_every_mail_program_takes() {
    let sealed = String::from_utf8(seal(&*message(), &[&data(1000)])).unwrap();
    let (head, body) = sealed.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("MIME-Version: 1.0\r\n"), "{head}");
    let lines: Vec<&str> = body.strip_suffix("\r\n").unwrap().split("\r\n").collect();
    let (last, whole) = lines.split_last().unwrap();
    assert!(whole.iter().all(|line| line.len() == 76) && (1..=76).contains(&last.len()), "{body}");
}

#[test]
fn damaged_messages_are_typed_errors() {
    let key = ANNA.private_key();
    let sealed = seal(&*message(), &[&data(1000)]);
    let body = sealed.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    for end in (0..sealed.len() - 2).step_by(7) {
        assert!(open(&sealed[..end], &key).is_err(), "{end}");
    }
    for at in (body..sealed.len() - 2).step_by(5) {
        let mut changed = sealed.clone();
        changed[at] = b'!';
        let found = open(&changed, &key).unwrap_err();
        assert!(matches!(found, OpenError::Malformed { .. } | OpenError::Truncated { .. }), "{at}: {found}");
    }
    for more in ["AAAA", "x", "=\r\n"] {
        let longer = [&sealed, more.as_bytes()].concat();
        assert!(open(&longer, &key).is_err(), "{more}");
    }
    let blank = [&sealed, &b"\r\n \n"[..]].concat();
    assert!(open(&blank, &key).unwrap() == data(1000), "blank lines at the end mean nothing");
}

#[test]
fn other_texts_are_called_what_they_are() {
    let key = ANNA.private_key();
    let texts: [&[u8]; 5] = [
        b"Dear Anna,\n\nthe export is attached.\n",
        b"Content-Type: text/plain\n\nMIAG",
        b"Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: 8bit\n\n\x30\x80",
        b"PK\x03\x04",
        b"a",
    ];
    for text in texts {
        let found = open(text, &key).unwrap_err();
        assert!(matches!(found, OpenError::NotSealed { .. }), "{found}");
    }
    let endless = vec![b'a'; 100_000];
    assert!(matches!(open(&endless, &key), Err(OpenError::NotSealed { .. })));
}
