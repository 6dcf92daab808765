//! A recipient whose key is public.

use std::sync::{Arc, LazyLock};

use cdds_core::domain::id::{Owner, RecipientName};
use cdds_core::domain::recipient::Recipient;
use cdds_core::ports::sealer::{Certificates as _, Sealer};
use cdds_crypto::{Form, PrivateKey, Profile, SmimeCertificates};
use chrono::{DateTime, Utc};

const CERTIFICATE: &[u8] = include_bytes!("identity/certificate.pem");

/// The recipient's private key.
pub(crate) static KEY: LazyLock<PrivateKey> =
    LazyLock::new(|| PrivateKey::from_bytes(include_bytes!("identity/key.pem")).expect("a private key"));

/// Returns an instant at which the certificate is valid.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_900_000_000, 0).expect("an instant")
}

/// Returns a sealer for the recipient.
pub(crate) fn sealer(profile: Profile, form: Form) -> Arc<dyn Sealer> {
    let certificates = SmimeCertificates::new().with_profile(profile).with_form(form);
    let certificate = certificates.inspect(CERTIFICATE, now()).expect("a certificate");
    let name = RecipientName::new("fuzz").expect("a name");
    let recipient = Recipient { owner: Owner::default(), name, certificate, added_at: now() };
    certificates.sealer(&[recipient], now()).expect("a sealer")
}
