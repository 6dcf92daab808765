//! Certificates and private keys from untrusted sources: PEM, DER, or anything else.

use cdds_core::domain::id::{Owner, RecipientName};
use cdds_core::domain::recipient::Recipient;
use cdds_core::ports::sealer::{Certificates as _, SealerErrorKind};
use cdds_crypto::{OpenError, PrivateKey, SmimeCertificates};

use crate::identity::now;

/// Checks one input.
///
/// # Panics
/// If a parser panics, if a refusal has no reason, or if an accepted certificate cannot be used to seal or
/// differs when it is read again.
pub fn check(input: &[u8]) {
    let certificates = SmimeCertificates::new();
    match certificates.inspect(input, now()) {
        Err(error) => assert_eq!(error.kind(), SealerErrorKind::Certificate, "{error}"),
        Ok(facts) => {
            assert!(facts.not_before <= now() && now() <= facts.not_after, "it is valid");
            assert_eq!(certificates.inspect(&facts.der, now()).as_ref().ok(), Some(&facts), "read again");
            let (owner, name) = (Owner::default(), RecipientName::new("fuzz").expect("a name"));
            let recipient = Recipient { owner, name, certificate: facts, added_at: now() };
            certificates.sealer(&[recipient], now()).expect("it can be sealed for");
        }
    }
    match PrivateKey::from_bytes(input) {
        Ok(_) => {}
        Err(OpenError::PassphraseNeeded) => drop(PrivateKey::with_passphrase(input, "fuzz")),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
