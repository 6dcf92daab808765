//! Every profile in every form: we open our own files, and the messages that openssl writes.

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

#[test]
fn a_message_opens_with_whatever_mail_programs_put_around_it() {
    let key = ANNA.private_key();
    let sealed = seal(&*message(), &[&data(1000)]);
    let text = String::from_utf8(sealed).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let whole = |head: &str| format!("{head}\r\n\r\n{body}");
    let long = format!("X-Relayed: {}\r\n", "x".repeat(998)).repeat(300);
    let one_line = format!("X-Line: {}\r\n", "x".repeat(300_000));
    for form in [
        whole(&format!("\u{FEFF}{head}")),
        whole(&format!("\r\n\r\n{head}")),
        whole(&format!("From anna@example.org Sat Nov 28 02:00:00 2026\r\n{head}")),
        whole(&format!("Received: by x\r\n\tfor y;\r\n Sat\r\nSubject: Re: export\r\n{head}")),
        whole(&format!("{long}{head}")),
        whole(format!("{head}\r\n{long}").trim_end()),
        whole(&format!("{one_line}{head}")),
        whole(&head.to_uppercase()),
        whole(&head.replace("; ", ";\r\n\t")),
        whole(&head.lines().rev().collect::<Vec<_>>().join("\r\n")),
        whole(head).replace("\r\n", "\n"),
    ] {
        let opened = open(form.as_bytes(), &key);
        let shown: String = form.chars().take(200).collect();
        assert!(opened.unwrap_or_else(|error| panic!("{error}: {shown}")) == data(1000), "{shown}");
        assert!(check_sealed(form.as_bytes()).is_ok(), "{shown}");
    }
    let binary = seal(&*sealer_of(SmimeCertificates::new(), &[&ANNA]), &[&data(1000)]);
    let bytes = [head.replace("base64", "binary").as_bytes(), b"\r\n\r\n", &binary].concat();
    assert!(open(&bytes, &key).unwrap() == data(1000));
}

#[test]
fn mails_that_are_no_sealed_file_themselves_are_called_what_they_are() {
    let key = ANNA.private_key();
    let several = "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n";
    assert!(open(several.as_bytes(), &key).unwrap_err().to_string().contains("save the sealed attachment"));
    let endless = format!("X: {}", "x".repeat(3 << 20));
    assert!(open(endless.as_bytes(), &key).unwrap_err().to_string().contains("S/MIME message in text form"));
}
