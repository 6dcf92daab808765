//! Checks for one's own [`ManifestSigner`] and [`ManifestVerifier`].
//!
//! ```
//! use cdds_core::testing::conformance::signer::{self, Clause, Planted, PlantedFixture};
//!
//! // A fixture of one's own goes here.
//! signer::check(&PlantedFixture::sound()).assert();
//!
//! // A signer that ignores line breaks, as signers of text do, is found out.
//! let report = signer::check(&PlantedFixture::new(Planted::IgnoresLineBreaks));
//! assert!(report.found(Clause::ChangedManifest));
//! ```

mod planted;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Contract, Report, content};
use crate::ports::sealer::{ManifestSigner, ManifestVerifier, SealerErrorKind};

pub use self::planted::{Planted, PlantedFixture};

/// A signer, and the verifier of its signatures.
pub trait SignerFixture {
    /// Returns the signer.
    fn signer(&self) -> Arc<dyn ManifestSigner>;

    /// Returns the verifier of what the signer has signed.
    fn verifier(&self) -> Arc<dyn ManifestVerifier>;

    /// Returns a time at which the signer may sign.
    fn signed_at(&self) -> DateTime<Utc>;

    /// Returns a time at which the signer's certificate is not valid; `None`, unless this is replaced, if there
    /// is no such time.
    fn invalid_at(&self) -> Option<DateTime<Utc>> {
        None
    }
}

/// The promises of a [`ManifestSigner`] and its [`ManifestVerifier`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Clause {
    /// The signature of a manifest verifies, whatever the manifest's bytes, and each time. From:
    /// [`ManifestSigner::sign`].
    ///
    /// Found by: [`Planted::SignsOnce`], [`Planted::SignsNoText`].
    Verifies,
    /// It verifies for no other bytes: every byte and every line break counts. From: rule A5.
    ///
    /// Found by: [`Planted::SignsBeginning`], [`Planted::IgnoresLineBreaks`].
    ChangedManifest,
    /// Nothing else verifies as a signature: none at all, a part of one, one with a changed byte at its end, or
    /// that of another manifest. From: [`ManifestVerifier::verify`].
    ///
    /// Found by: [`Planted::AcceptsNothing`], [`Planted::AcceptsBeginnings`].
    ChangedSignature,
    /// A signature that does not verify is refused with
    /// [`Certificate`](crate::ports::sealer::SealerErrorKind::Certificate), which no retry mends. From:
    /// [`ManifestVerifier::verify`].
    ///
    /// Found by: [`Planted::RefusesAsCrypto`].
    RefusalKind,
    /// Nothing is signed while the signer's own certificate is not valid. From: [`ManifestSigner::sign`].
    ///
    /// Found by: [`Planted::SignsAlways`].
    OutsideValidity,
}

impl Contract for Clause {
    const ALL: &'static [Self] = &[
        Self::Verifies,
        Self::ChangedManifest,
        Self::ChangedSignature,
        Self::RefusalKind,
        Self::OutsideValidity,
    ];

    fn promise(self) -> &'static str {
        match self {
            Self::Verifies => "The signature of a manifest verifies.",
            Self::ChangedManifest => "A signature verifies for no other bytes.",
            Self::ChangedSignature => "Nothing else verifies as a signature.",
            Self::RefusalKind => "A signature that does not verify is refused with Certificate.",
            Self::OutsideValidity => "Nothing is signed while the certificate is not valid.",
        }
    }
}

/// Checks every clause. Makes about 20 signatures, and verifies some hundred times.
pub fn check(fixture: &dyn SignerFixture) -> Report<Clause> {
    check_each(Clause::ALL, fixture)
}

fn check_each(clauses: &[Clause], fixture: &dyn SignerFixture) -> Report<Clause> {
    let case = Case { signer: fixture.signer(), verifier: fixture.verifier(), at: fixture.signed_at() };
    let mut report = Report::new();
    for clause in clauses {
        let outcome = match (clause, fixture.invalid_at()) {
            (Clause::Verifies, _) => case.verifies(),
            (Clause::ChangedManifest, _) => case.changed_manifest(),
            (Clause::ChangedSignature, _) => case.changed_signature(),
            (Clause::RefusalKind, _) => case.refusal(),
            (Clause::OutsideValidity, Some(at)) => case.outside(at),
            (Clause::OutsideValidity, None) => {
                report.skip(*clause, "the fixture knows no time at which the certificate is not valid");
                continue;
            }
        };
        report.add(*clause, outcome);
    }
    report
}

/// A manifest as most are.
const MANIFEST: &[u8] = b"{\r\n  \"format_version\": 1,\n  \"job\": \"Z\xc3\xbcrich\"\n}\n";

type Outcome = Result<(), String>;

struct Case {
    signer: Arc<dyn ManifestSigner>,
    verifier: Arc<dyn ManifestVerifier>,
    at: DateTime<Utc>,
}

impl Case {
    fn sign(&self, manifest: &[u8]) -> Result<Vec<u8>, String> {
        let signed = self.signer.sign(manifest, self.at);
        signed
            .map_err(|error| format!("signing {} bytes failed: {:?}: {error}", manifest.len(), error.kind()))
    }

    fn accepts(&self, manifest: &[u8], signature: &[u8]) -> bool {
        self.verifier.verify(manifest, signature).is_ok()
    }

    fn verifies(&self) -> Outcome {
        let binary = content(5_000, 1);
        let large = content(1_000_000, 2);
        for manifest in [MANIFEST, b"", b"\n", b"{}", &binary, &large, MANIFEST] {
            let signature = self.sign(manifest)?;
            if let Err(error) = self.verifier.verify(manifest, &signature) {
                return Err(format!("the signature of {} bytes does not verify: {error}", manifest.len()));
            }
        }
        Ok(())
    }

    fn changed_manifest(&self) -> Outcome {
        let large = content(100_000, 3);
        for manifest in [MANIFEST, &large] {
            let signature = self.sign(manifest)?;
            let places = (0..manifest.len()).step_by(1 + manifest.len() / 60).chain([manifest.len() - 1]);
            for place in places {
                let mut changed = manifest.to_vec();
                changed[place] ^= 1;
                self.refuses(&changed, &signature, &format!("byte {place} of a manifest changed"))?;
            }
            let lines =
                |from: &str, to: &str| String::from_utf8_lossy(manifest).replace(from, to).into_bytes();
            for (other, what) in [
                (manifest[..manifest.len() - 1].to_vec(), "the last byte of a manifest is gone"),
                ([manifest, b"\n"].concat(), "a line break was added to a manifest"),
                ([manifest, b"\0"].concat(), "a zero was added to a manifest"),
                (lines("\r\n", "\n"), "the line breaks of a manifest changed"),
                (lines("\n", "\r\n"), "the line breaks of a manifest changed"),
                (Vec::new(), "the manifest is empty"),
            ] {
                if other != manifest {
                    self.refuses(&other, &signature, what)?;
                }
            }
        }
        Ok(())
    }

    fn refuses(&self, manifest: &[u8], signature: &[u8], what: &str) -> Outcome {
        if self.accepts(manifest, signature) {
            Err(format!("a signature verifies although {what}"))
        } else {
            Ok(())
        }
    }

    fn changed_signature(&self) -> Outcome {
        let (signature, other) = (self.sign(MANIFEST)?, self.sign(b"{}")?);
        self.refuses(MANIFEST, &other, "it is that of another manifest")?;
        for len in [0, 1, signature.len() / 2, signature.len() - 1] {
            self.refuses(
                MANIFEST,
                &signature[..len],
                &format!("{len} of {} bytes are left", signature.len()),
            )?;
        }
        // Elsewhere it may hold what says nothing, such as names.
        let mut changed = signature;
        if let Some(last) = changed.last_mut() {
            *last ^= 1;
        }
        self.refuses(MANIFEST, &changed, "its last byte changed")
    }

    fn refusal(&self) -> Outcome {
        let signature = self.sign(MANIFEST)?;
        for (manifest, signature) in
            [(&b"{}"[..], &signature[..]), (MANIFEST, b""), (MANIFEST, b"not a signature")]
        {
            match self.verifier.verify(manifest, signature) {
                Err(error) if error.kind() == SealerErrorKind::Certificate => {}
                Err(error) => return Err(format!("a signature is refused with {:?}", error.kind())),
                Ok(()) => return Err("a signature that is none verifies".to_owned()),
            }
        }
        Ok(())
    }

    fn outside(&self, at: DateTime<Utc>) -> Outcome {
        match self.signer.sign(MANIFEST, at) {
            Err(error) if error.kind() == SealerErrorKind::Certificate => Ok(()),
            Err(error) => Err(format!("at {at}, signing fails with {:?}", error.kind())),
            Ok(_) => Err(format!("a manifest is signed at {at}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signer_without_a_bug_keeps_its_contract() {
        let report = check(&PlantedFixture::sound());
        assert_eq!(report.checked, Clause::ALL);
        report.assert();
    }

    #[test]
    fn each_planted_bug_breaks_its_clause() {
        for planted in Planted::ALL.iter().copied() {
            let report = check_each(&[planted.breaks()], &PlantedFixture::new(planted));
            assert!(report.found(planted.breaks()), "{planted:?}: {report}");
        }
    }

    #[test]
    fn each_clause_is_broken_by_a_planted_bug() {
        for clause in Clause::ALL {
            assert!(Planted::ALL.iter().any(|planted| planted.breaks() == *clause), "{clause:?}");
        }
    }
}
