//! Sealing in arbitrary pieces, and opening in arbitrary pieces.
//!
//! The first byte is the profile and form, the second the size of the pieces in which the file is opened. The
//! lengths of the sealed pieces follow, two bytes each.

use std::io::Read;

use bytes::BytesMut;
use cdds_crypto::{Form, OpenReader, Profile, check_sealed};

use crate::identity::{KEY, sealer};

/// The maximum number of pieces. More would only take time.
const PIECES_MAX: usize = 40;

/// Checks one input.
///
/// # Panics
/// If the opened content is not what was sealed, or its size is not the one that was computed.
pub fn check(input: &[u8]) {
    let Some((&[kind, step], lengths)) = input.split_first_chunk::<2>() else { return };
    let profile = [Profile::Compat, Profile::Oaep, Profile::AuthGcm][usize::from(kind) % 3];
    let form = if kind & 0x80 == 0 { Form::Binary } else { Form::Mime };
    let sealer = sealer(profile, form);

    let (mut sealed, mut plain) = (BytesMut::new(), Vec::new());
    let mut sealing = sealer.begin(&mut sealed).expect("it begins");
    for (index, length) in lengths.chunks_exact(2).take(PIECES_MAX).enumerate() {
        let length = usize::from(u16::from_le_bytes([length[0], length[1]]));
        let start = plain.len();
        plain.extend((start..start + length).map(|at| (at * 31 + index) as u8));
        sealing.update(&plain[start..], &mut sealed).expect("it seals");
    }
    sealing.finish(&mut sealed).expect("it ends");
    assert_eq!(sealer.sealed_bytes(plain.len() as u64), sealed.len() as u64, "the size that was said");
    check_sealed(&*sealed).expect("it is whole");

    let mut reader = OpenReader::new(&*sealed, &KEY).expect("it opens");
    let (mut opened, mut piece) = (Vec::new(), vec![0; usize::from(step) * 300 + 1]);
    loop {
        let count = reader.read(&mut piece).expect("it can be read");
        if count == 0 {
            break;
        }
        opened.extend_from_slice(&piece[..count]);
    }
    assert!(opened == plain, "what was opened is what was sealed");
}
