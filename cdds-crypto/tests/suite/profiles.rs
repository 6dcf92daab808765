//! The profiles: their layout, byte by byte, and the programs that open them.

use std::fs;
use std::path::Path;
use std::process::Command;

use cdds_crypto::Profile;
use proptest::prelude::*;

use crate::support::{ANNA, BERT, Identity, cut, data, openssl, seal, sealer_with, text};

const PROFILES: [Profile; 3] = [Profile::Compat, Profile::Oaep, Profile::AuthGcm];
/// Sizes around blocks, around segments, and beyond several of them.
const SIZES: [usize; 14] =
    [0, 1, 15, 16, 17, 65_519, 65_520, 65_535, 65_536, 65_537, 131_072, 200_000, 3_000_001, 4_194_305];

/// Decrypts with `openssl cms`. Returns `None` if it refuses.
fn openssl_opens(file: &Path, identity: &Identity, with_certificate: bool) -> Option<Vec<u8>> {
    let out = file.with_extension("plain");
    let mut command = Command::new("openssl");
    command.args(["cms", "-decrypt", "-binary", "-inform", "DER", "-in"]).arg(file);
    command.arg("-inkey").arg(&identity.key).arg("-out").arg(&out);
    if with_certificate {
        command.arg("-recip").arg(&identity.certificate);
    }
    let output = command.output().expect("openssl must be installed");
    output.status.success().then(|| fs::read(&out).unwrap())
}

#[test]
fn openssl_opens_every_size_of_every_profile() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sealed");
    for profile in PROFILES {
        let sealer = sealer_with(profile, &[&ANNA]);
        for size in SIZES {
            let plain = data(size);
            let sealed = seal(&*sealer, &[&plain]);
            assert_eq!(sealer.sealed_bytes(size as u64), sealed.len() as u64, "{profile:?} {size}");
            fs::write(&file, sealed).unwrap();
            assert!(openssl_opens(&file, &ANNA, true).as_ref() == Some(&plain), "{profile:?} {size}");
        }
    }
}

#[test]
fn each_of_two_recipients_opens_every_profile_with_openssl() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sealed");
    for profile in PROFILES {
        for size in [0, 17, 65_536, 100_000] {
            let plain = data(size);
            fs::write(&file, seal(&*sealer_with(profile, &[&BERT, &ANNA]), &[&plain])).unwrap();
            for identity in [&*ANNA, &*BERT] {
                for with_certificate in [true, false] {
                    let opened = openssl_opens(&file, identity, with_certificate);
                    let what = format!("{profile:?} {size} {} {with_certificate}", identity.name);
                    assert!(opened.as_ref() == Some(&plain), "{what}");
                }
            }
        }
    }
}

#[test]
fn the_layout_of_every_profile_is_that_of_openssl() {
    // Fields, lengths and forms are those of `openssl cms -encrypt -stream`. Only values differ.
    let dir = tempfile::tempdir().unwrap();
    let (ours, theirs, plain) =
        (dir.path().join("ours"), dir.path().join("theirs"), dir.path().join("plain"));
    fs::write(&plain, data(5)).unwrap();
    let structure = |file: &Path| {
        let listing = openssl(&["asn1parse", "-inform", "DER", "-in", &text(file)]).stdout;
        let listing = String::from_utf8(listing).unwrap();
        // The value follows the name of the type: as a dump, or as text if it happens to be printable.
        let without_value = |line: &str| match line.split_once("OCTET STRING") {
            Some((before, _)) => format!("{before}OCTET STRING"),
            None => line.to_owned(),
        };
        listing.lines().map(without_value).collect::<Vec<_>>()
    };
    let oaep = ["-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"];
    for (profile, cipher, options) in [
        (Profile::Compat, "-aes256", &[][..]),
        (Profile::Oaep, "-aes256", &oaep),
        (Profile::AuthGcm, "-aes-256-gcm", &[]),
    ] {
        fs::write(&ours, seal(&*sealer_with(profile, &[&ANNA]), &[&data(5)])).unwrap();
        let (plain, theirs_path) = (text(&plain), text(&theirs));
        let certificate = text(&ANNA.certificate);
        let mut arguments = vec!["cms", "-encrypt", "-binary", "-stream", "-outform", "DER", "-in", &plain];
        arguments.extend(["-out", &theirs_path, cipher, "-recip", &certificate]);
        arguments.extend(options);
        openssl(&arguments);
        assert_eq!(structure(&ours), structure(&theirs), "{profile:?}");
    }
}

#[test]
fn openssl_refuses_authenticated_content_that_was_changed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sealed");
    let sealed = seal(&*sealer_with(Profile::AuthGcm, &[&ANNA]), &[&data(100_000)]);
    fs::write(&file, &sealed).unwrap();
    assert!(openssl_opens(&file, &ANNA, true).is_some());
    // Change a bit of the content, and one of the tag, which ends 6 bytes before the end.
    for at in [sealed.len() / 2, sealed.len() - 6 - 1] {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        fs::write(&file, changed).unwrap();
        assert!(openssl_opens(&file, &ANNA, true).is_none(), "{at}");
    }
}

#[test]
fn profiles_keep_what_they_are_made_of_to_themselves() {
    for profile in PROFILES {
        let mut out = bytes::BytesMut::new();
        let sealer = sealer_with(profile, &[&ANNA]);
        assert_eq!(format!("{:?}", sealer.begin(&mut out).unwrap()), "Envelope");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_cut_opens_and_is_as_long_as_computed(
        profile in prop::sample::select(PROFILES.to_vec()),
        size in prop_oneof![0_usize..200, 65_000_usize..66_200, 130_000_usize..400_000],
        cuts in prop::collection::vec(0_usize..100_000, 0..6),
    ) {
        let plain = data(size);
        let sealer = sealer_with(profile, &[&ANNA, &BERT]);
        let sealed = seal(&*sealer, &cut(&plain, &cuts));
        prop_assert_eq!(sealer.sealed_bytes(size as u64), sealed.len() as u64);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("sealed");
        fs::write(&file, sealed).unwrap();
        prop_assert!(openssl_opens(&file, &BERT, true) == Some(plain));
    }
}
