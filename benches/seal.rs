//! Seals one file for one certificate, as an export seals its parts: `seal CERTIFICATE IN OUT [auth-gcm]`.

use std::fs::{self, File};
use std::io::{Read, Write};

use bytes::BytesMut;
use cdds_benches::Failure;
use cdds_core::domain::id::{Owner, RecipientName};
use cdds_core::domain::recipient::Recipient;
use cdds_core::ports::clock::Clock;
use cdds_core::ports::sealer::Certificates;
use cdds_core::system::SystemClock;
use cdds_crypto::{Profile, SmimeCertificates};

/// The archive writer hands its output over in pieces of this size.
const PIECE_BYTES: usize = 256 << 10;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (certificate, input, output, profile) =
        match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [certificate, input, output] => (certificate, input, output, Profile::Compat),
            [certificate, input, output, "auth-gcm"] => (certificate, input, output, Profile::AuthGcm),
            _ => return Err("seal CERTIFICATE IN OUT [auth-gcm]".into()),
        };
    let now = SystemClock::new().now();
    let certificates = SmimeCertificates::new().with_profile(profile);
    let certificate = certificates.inspect(&fs::read(certificate)?, now)?;
    let (owner, name) = (Owner::default(), RecipientName::new("bench")?);
    let recipient = Recipient { owner, name, certificate, added_at: now };
    let sealer = certificates.sealer(&[recipient], now)?;

    let (mut from, mut to) = (File::open(input)?, File::create(output)?);
    let (mut piece, mut sealed) = (vec![0; PIECE_BYTES], BytesMut::new());
    let mut sealing = sealer.begin(&mut sealed)?;
    loop {
        let read = from.read(&mut piece)?;
        if read == 0 {
            break;
        }
        sealing.update(piece.get(..read).unwrap_or_default(), &mut sealed)?;
        to.write_all(&sealed)?;
        sealed.clear();
    }
    sealing.finish(&mut sealed)?;
    to.write_all(&sealed)?;
    Ok(())
}
