//! Parts of the largest sizes, with constant memory. `bash .ci/release ignored` runs them.

use std::fs::{self, File};
use std::io::{self, Read, Write};

use bytes::BytesMut;
use cdds_crypto::{OpenReader, Profile};

use crate::support::{ANNA, openssl, sealer_with, text};

const PIECE_BYTES: usize = 1 << 20;

/// Returns a piece of the content. No piece repeats within a part.
fn piece(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    while piece.len() < PIECE_BYTES {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        piece.extend_from_slice(&state.to_le_bytes());
    }
    piece
}

/// Seals this number of pieces into `out`.
fn seal_to(mut out: impl Write, profile: Profile, pieces: u64) {
    let mut sealed = BytesMut::new();
    let mut sealing = sealer_with(profile, &[&ANNA]).begin(&mut sealed).unwrap();
    for number in 0..pieces {
        sealing.update(&piece(number), &mut sealed).unwrap();
        out.write_all(&sealed.split()).unwrap();
        sealed.reserve(PIECE_BYTES + (PIECE_BYTES >> 8));
    }
    sealing.finish(&mut sealed).unwrap();
    out.write_all(&sealed).unwrap();
}

/// Reads this number of pieces, and asserts that nothing follows them.
fn assert_pieces(mut reader: impl Read, pieces: u64) {
    let mut found = vec![0; PIECE_BYTES];
    for number in 0..pieces {
        reader.read_exact(&mut found).unwrap();
        assert!(found == piece(number), "{number}");
    }
    assert_eq!(reader.read(&mut found).unwrap(), 0);
}

/// The peak memory of this process, in KiB.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
#[ignore = "takes a minute and 3 GB of disk"]
fn large_parts_open_here_and_with_openssl() {
    let dir = tempfile::tempdir().unwrap();
    let [sealed, plain] = ["sealed", "plain"].map(|name| dir.path().join(name));
    // 1.2 GB, since openssl uses more than twice that in memory.
    let pieces = 1_200_000_000_u64.div_ceil(PIECE_BYTES as u64);
    for profile in [Profile::Compat, Profile::AuthGcm] {
        seal_to(File::create(&sealed).unwrap(), profile, pieces);
        assert_pieces(OpenReader::new(File::open(&sealed).unwrap(), &ANNA.private_key()).unwrap(), pieces);
        let (sealed, key, out) = (text(&sealed), text(&ANNA.key), text(&plain));
        openssl(&[
            "cms", "-decrypt", "-binary", "-inform", "DER", "-in", &sealed, "-inkey", &key, "-out", &out,
        ]);
        assert_pieces(File::open(&plain).unwrap(), pieces);
    }
}

#[test]
#[ignore = "takes a minute and 3 GB of disk"]
fn large_parts_take_no_more_memory_than_small_ones() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sealed");
    for profile in [Profile::Compat, Profile::Oaep, Profile::AuthGcm] {
        let peaks: Vec<u64> = [1, 2_300]
            .into_iter()
            .map(|pieces| {
                seal_to(io::sink(), profile, pieces);
                seal_to(File::create(&file).unwrap(), profile, pieces);
                assert_pieces(
                    OpenReader::new(File::open(&file).unwrap(), &ANNA.private_key()).unwrap(),
                    pieces,
                );
                peak_kib()
            })
            .collect();
        println!("{profile:?}: {} KiB after 1 MiB, {} KiB after 2.4 GB", peaks[0], peaks[1]);
        assert!(peaks[1] - peaks[0] < 8 << 10, "{peaks:?} KiB");
    }
}
