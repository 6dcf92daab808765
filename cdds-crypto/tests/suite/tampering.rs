//! Damaged files cause an error of the right kind: never a panic, and never a silent success.

use std::collections::HashMap;
use std::io::Read;
use std::ops::Range;
use std::sync::LazyLock;

use cdds_crypto::{OpenError, OpenReader, PrivateKey, Profile, check_sealed};
use proptest::prelude::*;

use crate::support::{ANNA, BERT, EVE, data, open, seal, sealer, sealer_with};

static SEALED: LazyLock<Vec<u8>> = LazyLock::new(|| seal(&*sealer(&[&ANNA, &BERT]), &[&data(70_000)]));
static KEY: LazyLock<PrivateKey> = LazyLock::new(|| ANNA.private_key());

#[test]
fn every_truncation_is_found_with_and_without_the_key() {
    let header = SEALED.len() - 70_100;
    let end = SEALED.len() - 40;
    for len in (0..header + 50).chain((header..end).step_by(997)).chain(end..SEALED.len()) {
        let cut = &SEALED[..len];
        let checked = check_sealed(cut);
        assert!(
            matches!(checked, Err(OpenError::Truncated { at }) if at <= u64::try_from(len).unwrap()),
            "{len}: {checked:?}"
        );
        assert!(matches!(open(cut, &KEY), Err(OpenError::Truncated { .. })), "{len}");
    }
}

#[test]
fn what_was_added_is_found() {
    for garbage in [&b"x"[..], &[0, 0], &SEALED] {
        let longer = [&SEALED, garbage].concat();
        let at = u64::try_from(SEALED.len()).unwrap();
        assert!(matches!(check_sealed(&*longer), Err(OpenError::TrailingData { at: found }) if found == at));
        assert!(matches!(open(&longer, &KEY), Err(OpenError::TrailingData { at: found }) if found == at));
    }
}

#[test]
fn the_wrong_key_learns_whose_key_is_needed() {
    let error = open(&SEALED, &EVE.private_key()).unwrap_err();
    let OpenError::CannotDecrypt { recipients } = &error else { panic!("{error:?}") };
    assert_eq!(recipients.len(), 2);
    for name in ["CN=anna,O=Example", "CN=bert,O=Example"] {
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_changed_end_gives_the_same_error_as_the_wrong_key() {
    let wrong_key = open(&SEALED, &EVE.private_key()).unwrap_err().to_string();
    let mut failed = 0;
    for bit in 0..32 {
        let mut sealed = SEALED.clone();
        // A change to the last byte of the second-to-last block changes the last byte of the padding.
        let at = sealed.len() - 10 - 17;
        sealed[at] ^= u8::try_from(bit * 7 + 1).unwrap();
        match open(&sealed, &KEY) {
            Ok(plain) => assert!(plain != data(70_000)),
            Err(error) => {
                assert_eq!(error.to_string(), wrong_key);
                failed += 1;
            }
        }
    }
    assert!(failed > 20, "{failed}");
}

#[test]
fn an_error_stays() {
    // Otherwise the plaintext would continue after a gap once the underlying reader recovers.
    struct BreaksOnce(bool);
    impl Read for BreaksOnce {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            if std::mem::take(&mut self.0) { Err(std::io::ErrorKind::TimedOut.into()) } else { Ok(0) }
        }
    }
    let mut reader =
        OpenReader::new(SEALED[..5000].chain(BreaksOnce(true)).chain(&SEALED[5000..]), &KEY).unwrap();
    assert!(reader.read_to_end(&mut Vec::new()).is_err());
    assert!(reader.read(&mut [0; 10]).is_err());
    assert!(reader.read(&mut [0; 100_000]).is_err());
}

#[test]
fn an_error_of_the_reader_beneath_stays_itself() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::ConnectionReset.into())
        }
    }
    let mut reader = OpenReader::new(SEALED[..5000].chain(Broken), &KEY).unwrap();
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(matches!(OpenReader::new(Broken, &KEY), Err(OpenError::Io(_))));
}

#[test]
fn other_files_are_called_what_they_are() {
    let says = |bytes: &[u8], what: &str| {
        let error = open(bytes, &KEY).unwrap_err();
        assert!(matches!(error, OpenError::NotSealed { .. }), "{error:?}");
        assert!(error.to_string().contains(what), "{error}");
    };
    says(b"PK\x03\x04", "plain ZIP");
    says(b"{\"a\":1}", "plain JSON");
    says(b"-----BEGIN CMS-----", "-inform PEM");
    says(b"MIME-Version: 1.0", "-inform SMIME");
    says(b"hello", "does not begin as CMS");
    says(&ANNA.facts().der, "not CMS");
    says(&[0x30, 0x80, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02], "signed");
}

#[test]
fn content_that_is_not_made_of_whole_blocks_is_found() {
    let at = SEALED.windows(4).position(|four| four == [0xA0, 0x80, 0x04, 0x83]).unwrap();
    let end = [0; 8];
    for len in [0_u8, 1, 15, 17, 33] {
        let content = vec![7; usize::from(len)];
        let primitive = [&SEALED[..at], &[0x80, len], &content, &end].concat();
        let constructed = [&SEALED[..at], &[0xA0, 0x80, 0x04, len], &content, &[0, 0], &end].concat();
        for sealed in [primitive, constructed] {
            assert!(matches!(check_sealed(&*sealed), Err(OpenError::Malformed { .. })), "{len}");
            assert!(matches!(open(&sealed, &KEY), Err(OpenError::Malformed { .. })), "{len}");
        }
    }
}

#[test]
fn content_may_be_cut_into_pieces_of_any_kind() {
    // X.690 section 8.7.3.2: OCTET STRINGs of any size, including empty and nested ones.
    let plain = data(100);
    let sealed = seal(&*sealer(&[&ANNA]), &[&plain]);
    let (at, end) = (sealed.len() - 10 - 112, sealed.len() - 10);
    let (header, content, end) = (&sealed[..at - 2], &sealed[at..end], &sealed[end..]);
    let one = |bytes: &[u8]| [&[0x04, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    let definite = [&[0x24, 23][..], &one(&content[1..20]), &one(&[]), &one(&[])].concat();
    let nested = [&[0x24, 0x80, 0x24, 0x80][..], &one(&content[20..90]), &[0, 0, 0, 0]].concat();
    let pieces = [one(&content[..1]), one(&[]), definite, nested, one(&content[90..])].concat();
    let cut = [header, &pieces, end].concat();
    assert!(open(&cut, &KEY).unwrap() == plain);
    assert_eq!(check_sealed(&*cut).unwrap().content_bytes, 112);
}

#[test]
fn absurd_sizes_take_no_memory() {
    // A recipient of 2^40 bytes, 2^16 nested sequences, 5,000 recipients, and a content of 2^63 bytes.
    let start = &SEALED[..30];
    let huge_recipients = [&start[..20], &[0x31, 0x80, 0x30, 0x80, 0x04, 0x85, 0xFF, 0, 0, 0, 0]].concat();
    let malformed = matches!(check_sealed(&*huge_recipients), Err(OpenError::Malformed { .. }));
    assert!(malformed, "{:?}", check_sealed(&*huge_recipients));
    let nested = [&start[..20], &[0x31, 0x80], &*[0x30, 0x80].repeat(1 << 16)].concat();
    assert!(matches!(check_sealed(&*nested), Err(OpenError::Malformed { .. })));
    let many = [&start[..20], &[0x31, 0x80], &*[0xA3, 0x00].repeat(5000)].concat();
    assert!(matches!(check_sealed(&*many), Err(OpenError::Malformed { .. })));
    let at = SEALED.windows(4).position(|four| four == [0xA0, 0x80, 0x04, 0x83]).unwrap();
    let huge_content = [&SEALED[..at], &[0x80, 0x88, 0x70, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3]].concat();
    assert!(matches!(check_sealed(&*huge_content), Err(OpenError::Truncated { .. })));
    assert!(matches!(open(&huge_content, &KEY), Err(OpenError::Truncated { .. })));
}

/// Returns the ranges of the elements of a BER file, by the path to each: the indices among their parents'
/// children.
fn elements(file: &[u8]) -> HashMap<Vec<usize>, Range<usize>> {
    /// Walks to the end of the parent, which is at `end` or at end-of-contents. Returns that position.
    fn walk(
        file: &[u8],
        mut at: usize,
        end: Option<usize>,
        way: &mut Vec<usize>,
        found: &mut HashMap<Vec<usize>, Range<usize>>,
    ) -> usize {
        for index in 0.. {
            if end == Some(at) {
                return at;
            }
            if end.is_none() && file[at..].starts_with(&[0, 0]) {
                return at + 2;
            }
            let octets = if file[at + 1] > 0x80 { usize::from(file[at + 1] & 0x7F) } else { 0 };
            let value = at + 2 + octets;
            let long = file[at + 2..value].iter().fold(0, |len, octet| len << 8 | usize::from(*octet));
            let after = match file[at + 1] {
                0x80 => None,
                short @ 0..0x80 => Some(value + usize::from(short)),
                _ => Some(value + long),
            };
            way.push(index);
            let constructed = file[at] & 0x20 != 0;
            let next = if constructed { walk(file, value, after, way, found) } else { after.unwrap() };
            found.insert(way.clone(), at..next);
            way.pop();
            at = next;
        }
        unreachable!()
    }
    let mut found = HashMap::new();
    walk(file, 0, Some(file.len()), &mut Vec::new(), &mut found);
    found
}

/// The fields of a file for Anna and Bert that may change without effect for Anna: the recipients' names and
/// versions, all of Bert's fields, and outside of AuthEnvelopedData the version and the type of the content.
fn without_meaning(elements: &HashMap<Vec<usize>, Range<usize>>, authenticated: bool) -> Vec<Range<usize>> {
    let at = |way: &[usize]| elements[&[&[0, 1, 0], way].concat()].clone();
    let bert = usize::from(at(&[1, 1, 3]).len() > at(&[1, 0, 3]).len());
    let anna = 1 - bert;
    let mut fields = vec![at(&[1, bert]), at(&[1, anna, 0]), at(&[1, anna, 1])];
    if !authenticated {
        fields.extend([at(&[0]), at(&[2, 0])]);
    }
    fields
}

const FLIPS: [u8; 4] = [0x01, 0x20, 0x80, 0xFF];

#[test]
fn every_changed_header_byte_is_found_or_changes_what_it_must() {
    let plain = data(100);
    let sealed = seal(&*sealer(&[&ANNA, &BERT]), &[&plain]);
    let elements = elements(&sealed);
    let fields = without_meaning(&elements, false);
    let vector = elements[&vec![0, 1, 0, 2, 1, 1]].end - 16..elements[&vec![0, 1, 0, 2, 1, 1]].end;
    let content = elements[&vec![0, 1, 0, 2, 2, 0]].end - 112;
    let mut opened = 0;
    for at in 0..content {
        for flip in FLIPS {
            let mut changed = sealed.clone();
            changed[at] ^= flip;
            let checked = check_sealed(&*changed);
            let Ok(read) = open(&changed, &KEY) else {
                assert!(!vector.contains(&at), "CBC does not protect its vector: {at}");
                continue;
            };
            assert!(checked.is_ok(), "what opens is whole: {at} {flip}");
            opened += 1;
            let mut expected = plain.clone();
            if vector.contains(&at) {
                expected[at - vector.start] ^= flip;
            } else {
                assert!(fields.iter().any(|field| field.contains(&at)), "{at} {flip}: {elements:?}");
            }
            assert!(read == expected, "{at} {flip}");
        }
    }
    assert!(opened > 16 * FLIPS.len() + 500, "{opened}");
}

#[test]
fn no_changed_byte_of_an_authenticated_file_changes_what_is_read() {
    let plain = data(100);
    let sealed = seal(&*sealer_with(Profile::AuthGcm, &[&ANNA, &BERT]), &[&plain]);
    let fields = without_meaning(&elements(&sealed), true);
    for at in 0..sealed.len() {
        for flip in FLIPS {
            let mut changed = sealed.clone();
            changed[at] ^= flip;
            if let Ok(read) = open(&changed, &KEY) {
                assert!(fields.iter().any(|field| field.contains(&at)), "{at} {flip}");
                assert!(read == plain, "{at} {flip}");
            }
        }
    }
}

#[test]
fn a_tag_cut_to_what_its_parameters_were_changed_to_still_vouches_for_the_content() {
    // RFC 5084 section 3.2 allows 12 to 16 bytes. Two matching edits shorten the tag, and have no other
    // effect.
    let plain = data(100);
    let sealed = seal(&*sealer_with(Profile::AuthGcm, &[&ANNA]), &[&plain]);
    let elements = elements(&sealed);
    let parameters = elements[&vec![0, 1, 0, 2, 1, 1]].clone();
    let tag = elements[&vec![0, 1, 0, 3]].clone();
    assert_eq!((sealed[parameters.end - 1], tag.len()), (16, 18));
    let cut = |stated: u8, there: usize| {
        let mut cut = sealed.clone();
        cut[parameters.end - 1] = stated;
        cut[tag.start + 1] = u8::try_from(there).unwrap();
        cut.drain(tag.start + 2 + there..tag.end);
        cut
    };
    for len in 0..=16 {
        let stated = u8::try_from(len).unwrap();
        let changed = cut(stated, len);
        if len < 12 {
            assert!(matches!(open(&changed, &KEY), Err(OpenError::Malformed { .. })), "{len}");
            continue;
        }
        assert!(open(&changed, &KEY).unwrap() == plain);
        for at in (tag.start - 40..tag.start).chain(tag.start + 2..tag.start + 2 + len) {
            let mut changed = changed.clone();
            changed[at] ^= 1;
            assert!(open(&changed, &KEY).is_err(), "{len}: {at}");
        }
        for other in (0..=16).filter(|other| *other != len) {
            assert!(
                matches!(open(&cut(stated, other), &KEY), Err(OpenError::Malformed { .. })),
                "{len} {other}"
            );
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_are_survived(mut bytes in prop::collection::vec(any::<u8>(), 0..400), keep in 0_usize..800) {
        let mut input = SEALED[..keep].to_vec();
        input.append(&mut bytes);
        prop_assert!(check_sealed(&*input).is_err());
        prop_assert!(open(&input, &KEY).is_err());
    }
}
