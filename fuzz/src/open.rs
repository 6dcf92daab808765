//! Opening arbitrary bytes, and sealed files in which some bytes were changed.
//!
//! If the first byte is even, the rest is a file. Otherwise it selects the profile and form of a sealed file,
//! and the rest are changes to that file: two bytes for the place, one for the new value.

use std::io::Read;
use std::sync::LazyLock;

use bytes::BytesMut;
use cdds_crypto::{Form, OpenError, OpenReader, Profile, check_sealed, recipients};

use crate::identity::{KEY, sealer};

const PLAIN: &[u8] = &[b'x'; 1_000];

/// A file of each profile in each form.
static SEALED: LazyLock<Vec<(Profile, Vec<u8>)>> = LazyLock::new(|| {
    let profiles = [Profile::Compat, Profile::Oaep, Profile::AuthGcm];
    let all = profiles.into_iter().flat_map(|profile| [(profile, Form::Binary), (profile, Form::Mime)]);
    all.map(|(profile, form)| {
        let mut out = BytesMut::new();
        let mut sealing = sealer(profile, form).begin(&mut out).expect("it begins");
        sealing.update(PLAIN, &mut out).expect("it seals");
        sealing.finish(&mut out).expect("it ends");
        (profile, out.to_vec())
    })
    .collect()
});

/// Checks one input.
///
/// # Panics
/// If opening panics, if the walk without a key and opening disagree about the structure, or if changed
/// content is accepted although it is authenticated.
pub fn check(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else { return };
    if first % 2 == 0 {
        open(rest);
        return;
    }
    let (profile, sealed) = &SEALED[usize::from(first / 2) % SEALED.len()];
    let mut changed = sealed.clone();
    for change in rest.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % changed.len();
        changed[at] = change[2];
    }
    if let Some(plain) = open(&changed)
        && *profile == Profile::AuthGcm
    {
        assert!(plain == PLAIN, "authenticated content was changed and passed");
    }
}

/// Returns the content of a file, or `None` if it cannot be opened.
fn open(file: &[u8]) -> Option<Vec<u8>> {
    let walked = check_sealed(file);
    let named = recipients(file);
    if let Ok(facts) = &walked {
        assert_eq!(named.as_ref().ok(), Some(&facts.recipients), "both name the recipients");
    }
    let mut plain = Vec::new();
    let opened = OpenReader::new(file, &KEY).map_err(Into::into).and_then(|mut reader| {
        let read = reader.read_to_end(&mut plain);
        assert!(read.is_ok() || reader.read(&mut [0]).is_err(), "an error stays");
        read
    });
    match (&opened, &walked) {
        (Ok(_), Ok(_)) => Some(plain),
        (Ok(_), Err(error)) => panic!("what can be opened is said to be broken: {error}"),
        (Err(error), walked) => {
            let reason = error.get_ref().and_then(|inner| inner.downcast_ref::<OpenError>());
            let reason = reason.expect("every error is a typed one");
            let is_of_the_key =
                matches!(reason, OpenError::CannotDecrypt { .. } | OpenError::Unsupported { .. });
            assert!(is_of_the_key || walked.is_err(), "the walk without a key passes over: {reason}");
            None
        }
    }
}
