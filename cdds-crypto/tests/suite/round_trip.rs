//! Every sealed file opens again, however it was cut into pieces, and has the length that was computed.

use std::io::{BufReader, Read};
use std::sync::{Arc, LazyLock};

use cdds_core::ports::sealer::Sealer;
use cdds_crypto::{OpenReader, PrivateKey, check_sealed, recipients};
use proptest::prelude::*;

use crate::support::{ANNA, BERT, cut, data, open, seal, sealer};

static SEALER: LazyLock<Arc<dyn Sealer>> = LazyLock::new(|| sealer(&[&ANNA, &BERT]));
static KEY: LazyLock<PrivateKey> = LazyLock::new(|| ANNA.private_key());

/// Sizes around blocks, around segments, and beyond several of them.
const SIZES: [usize; 14] =
    [0, 1, 15, 16, 17, 31, 32, 65_519, 65_520, 65_535, 65_536, 65_537, 131_072, 3_000_001];

#[test]
fn every_size_opens_and_is_as_long_as_computed() {
    for size in SIZES {
        let plain = data(size);
        let sealed = seal(&**SEALER, &[&plain]);
        let exact = u64::try_from(sealed.len()).unwrap();
        assert_eq!(SEALER.sealed_bytes(u64::try_from(size).unwrap()), exact, "{size}");
        assert!(open(&sealed, &KEY).unwrap() == plain, "{size}");
        assert!(open(&sealed, &BERT.private_key()).unwrap() == plain, "{size}");

        let facts = check_sealed(&*sealed).unwrap();
        assert_eq!(facts.sealed_bytes, exact);
        assert_eq!(facts.content_bytes, u64::try_from((size / 16 + 1) * 16).unwrap());
        assert_eq!(facts.recipients, recipients(&*sealed).unwrap());
        assert_eq!(facts.recipients.len(), 2);
    }
}

#[test]
fn a_sealing_that_is_dropped_cannot_be_opened() {
    let mut out = bytes::BytesMut::new();
    let mut sealing = SEALER.begin(&mut out).unwrap();
    sealing.update(&data(200_000), &mut out).unwrap();
    drop(sealing);
    assert!(matches!(open(&out, &KEY), Err(cdds_crypto::OpenError::Truncated { .. })));
}

#[test]
fn debug_shows_no_secrets() {
    let mut out = bytes::BytesMut::new();
    assert_eq!(format!("{:?}", SEALER.begin(&mut out).unwrap()), "Envelope");
    assert_eq!(format!("{:?}", *KEY), "PrivateKey");
}

/// A reader that returns only as many bytes as the next step allows.
struct Dribble<'a> {
    rest: &'a [u8],
    steps: Vec<usize>,
    next: usize,
}

impl Read for Dribble<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let step = self.steps[self.next % self.steps.len()].min(buf.len());
        self.next += 1;
        if self.next.is_multiple_of(3) {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        self.rest.read(&mut buf[..step])
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_cut_opens_again(
        size in prop_oneof![0_usize..200, 65_000_usize..66_200, 130_000_usize..400_000],
        cuts in prop::collection::vec(0_usize..100_000, 0..6),
        steps in prop::collection::vec(1_usize..70_000, 1..4),
        asked in prop_oneof![1_usize..40, 60_000_usize..200_000],
    ) {
        let plain = data(size);
        let sealed = seal(&**SEALER, &cut(&plain, &cuts));
        prop_assert_eq!(SEALER.sealed_bytes(u64::try_from(size).unwrap()), u64::try_from(sealed.len()).unwrap());
        prop_assert!(sealed.len() - 5 * 2 >= size);

        let reader = OpenReader::new(Dribble { rest: &sealed, steps, next: 0 }, &KEY).unwrap();
        let mut opened = Vec::new();
        BufReader::with_capacity(asked, reader).read_to_end(&mut opened).unwrap();
        prop_assert!(opened == plain);
    }
}
