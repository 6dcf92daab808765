//! The contracts of the sealer, kept in every profile and form, and of the signer.

use std::error::Error;
use std::fs;
use std::sync::{Arc, LazyLock};

use cdds_core::ports::sealer::{ManifestSigner, ManifestVerifier, Sealer};
use cdds_core::testing::conformance::Contract;
use cdds_core::testing::conformance::sealer::{self, Person, SealerFixture};
use cdds_core::testing::conformance::signer::{self, SignerFixture};
use cdds_crypto::{CmsSigner, CmsVerifier, Form, PrivateKey, Profile, SmimeCertificates};
use chrono::{DateTime, TimeDelta, Utc};

use crate::support::{ANNA, BERT, EVE, Identity, open, sealer_of};

struct Sealed(SmimeCertificates);

/// The keys of Anna, Bert and Eve. To read one takes a while.
static KEYS: LazyLock<[PrivateKey; 3]> =
    LazyLock::new(|| [ANNA.private_key(), BERT.private_key(), EVE.private_key()]);

fn identity(person: Person) -> &'static Identity {
    match person {
        Person::Anna => &ANNA,
        Person::Bert => &BERT,
        Person::Eve => &EVE,
    }
}

impl SealerFixture for Sealed {
    fn sealer(&self, recipients: &[Person]) -> Result<Arc<dyn Sealer>, Box<dyn Error>> {
        let identities: Vec<&Identity> = recipients.iter().copied().map(identity).collect();
        Ok(sealer_of(self.0, &identities))
    }

    fn open(&self, sealed: &[u8], person: Person) -> Result<Vec<u8>, Box<dyn Error>> {
        Ok(open(sealed, &KEYS[person as usize])?)
    }

    fn is_exact(&self) -> bool {
        true
    }
}

#[test]
fn sealers_keep_their_contract_in_every_profile_and_form() {
    for (profile, form) in [
        (Profile::Compat, Form::Binary),
        (Profile::Oaep, Form::Binary),
        (Profile::AuthGcm, Form::Binary),
        (Profile::Compat, Form::Mime),
    ] {
        let report = sealer::check(&Sealed(SmimeCertificates::new().with_profile(profile).with_form(form)));
        assert_eq!(report.checked, sealer::Clause::ALL);
        assert!(report.broken.is_empty(), "{profile:?}, {form:?}: {report}");
    }
}

struct Signed;

impl SignerFixture for Signed {
    fn signer(&self) -> Arc<dyn ManifestSigner> {
        Arc::new(CmsSigner::new(&ANNA.pem(), &fs::read(&ANNA.key).unwrap()).unwrap())
    }

    fn verifier(&self) -> Arc<dyn ManifestVerifier> {
        Arc::new(CmsVerifier::new(ANNA.pem()))
    }

    fn signed_at(&self) -> DateTime<Utc> {
        ANNA.now
    }

    fn invalid_at(&self) -> Option<DateTime<Utc>> {
        Some(ANNA.facts().not_after + TimeDelta::seconds(1))
    }
}

#[test]
fn the_signer_keeps_its_contract() {
    let report = signer::check(&Signed);
    assert_eq!(report.checked, signer::Clause::ALL);
    report.assert();
}
