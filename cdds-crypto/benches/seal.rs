//! Throughput of sealing and opening; compare with `openssl speed -evp aes-256-cbc`, or `aes-256-gcm`.

#![allow(clippy::unwrap_used)] // a benchmark has nobody to report to

use std::io::Read;
use std::sync::Arc;

use bytes::BytesMut;
use cdds_core::domain::id::{Owner, RecipientName};
use cdds_core::domain::recipient::Recipient;
use cdds_core::ports::sealer::{Certificates, Sealer};
use cdds_crypto::{OpenReader, PrivateKey, Profile, SmimeCertificates, check_sealed};
use chrono::DateTime;
use divan::Bencher;
use divan::counter::BytesCount;

const PART_BYTES: usize = 64 * 1024 * 1024;

fn main() {
    divan::main();
}

fn sealer(profile: Profile) -> (Arc<dyn Sealer>, PrivateKey) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let certificates = SmimeCertificates::new().with_profile(profile);
    let recipient = Recipient {
        owner: Owner::default(),
        name: RecipientName::new("bench").unwrap(),
        certificate: certificates.inspect(pem.as_bytes(), now).unwrap(),
        added_at: now,
    };
    let sealer = certificates.sealer(&[recipient], now).unwrap();
    (sealer, PrivateKey::from_bytes(key.serialize_pem().as_bytes()).unwrap())
}

/// In pieces as the archive writer makes them; aligned to segments or not.
fn seal(sealer: &dyn Sealer, plain: &[u8], piece_bytes: usize, mut ready: impl FnMut(&mut BytesMut)) {
    let mut out = BytesMut::new();
    let mut sealing = sealer.begin(&mut out).unwrap();
    for piece in plain.chunks(piece_bytes) {
        sealing.update(piece, &mut out).unwrap();
        ready(&mut out);
    }
    sealing.finish(&mut out).unwrap();
    ready(&mut out);
}

#[divan::bench(args = [1_000, 16_000, 65_520, 100_000, 1_048_576, 4_194_304], sample_count = 10)]
fn sealing(bencher: Bencher<'_, '_>, piece_bytes: usize) {
    let (sealer, _) = sealer(Profile::Compat);
    let plain = vec![7; PART_BYTES];
    bencher.counter(BytesCount::new(PART_BYTES)).bench_local(|| {
        seal(&*sealer, &plain, piece_bytes, BytesMut::clear);
    });
}

/// The profiles, in pieces as the archive writer makes them.
#[divan::bench(args = [Profile::Compat, Profile::Oaep, Profile::AuthGcm], sample_count = 10)]
fn profiles(bencher: Bencher<'_, '_>, profile: Profile) {
    let (sealer, _) = sealer(profile);
    let plain = vec![7; PART_BYTES];
    bencher.counter(BytesCount::new(PART_BYTES)).bench_local(|| {
        seal(&*sealer, &plain, 1_048_576, BytesMut::clear);
    });
}

fn sealed() -> (Vec<u8>, PrivateKey) {
    let (sealer, key) = sealer(Profile::Compat);
    let mut sealed = Vec::new();
    seal(&*sealer, &vec![7; PART_BYTES], 1_048_576, |out| sealed.extend_from_slice(&out.split()));
    (sealed, key)
}

#[divan::bench(args = [8_192, 1_048_576], sample_count = 10)]
fn opening(bencher: Bencher<'_, '_>, read_bytes: usize) {
    let (sealed, key) = sealed();
    let mut buffer = vec![0; read_bytes];
    bencher.counter(BytesCount::new(PART_BYTES)).bench_local(|| {
        let mut reader = OpenReader::new(&*sealed, &key).unwrap();
        while reader.read(&mut buffer).unwrap() > 0 {}
    });
}

#[divan::bench(sample_count = 10)]
fn checking(bencher: Bencher<'_, '_>) {
    let (sealed, _) = sealed();
    bencher.counter(BytesCount::new(PART_BYTES)).bench_local(|| check_sealed(&*sealed).unwrap());
}
