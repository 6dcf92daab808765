//! The file of the keys of data subjects.

use std::io;
use std::path::PathBuf;

use cdds_core::domain::subject::SealedIdentifiers;
use cdds_core::ports::subject_keys::{SubjectKey, SubjectKeys, SubjectKeysError, SubjectKeysErrorKind};
use cdds_crypto::SubjectKeyRing;
use zeroize::Zeroizing;

use crate::input;

/// Keys in a file, which is read when they are needed: commands that need none do not have to be allowed to read it, and
/// a new key needs no restart.
#[derive(Debug)]
pub(crate) struct SubjectKeyFile(PathBuf);

impl SubjectKeyFile {
    /// Names the file.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    fn ring(&self) -> Result<SubjectKeyRing, SubjectKeysError> {
        let path = self.0.display();
        let bytes = Zeroizing::new(input::read(&self.0).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => SubjectKeysError::new(
                SubjectKeysErrorKind::None,
                format!("there is no {path} with keys for identifiers: make one with `cdds subject key`"),
            ),
            _ => SubjectKeysError::with_source(
                SubjectKeysErrorKind::Unreadable,
                format!("cannot read the keys in {path}: {error}"),
                error,
            ),
        })?);
        let bad = |why: String| {
            SubjectKeysError::new(
                SubjectKeysErrorKind::Unreadable,
                format!("{path}: {why}: bring it back from its copy"),
            )
        };
        let text = input::text(&bytes).ok_or_else(|| bad(input::NO_TEXT.to_owned()))?;
        SubjectKeyRing::parse(&text).map_err(|why| bad(why.to_string()))
    }
}

impl SubjectKeys for SubjectKeyFile {
    fn keys(&self) -> Result<Vec<SubjectKey>, SubjectKeysError> {
        self.ring()?.keys()
    }

    fn seal(&self, plain: &[u8], bound_to: &[u8]) -> Result<SealedIdentifiers, SubjectKeysError> {
        self.ring()?.seal(plain, bound_to)
    }

    fn open(
        &self,
        sealed: &SealedIdentifiers,
        bound_to: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SubjectKeysError> {
        self.ring()?.open(sealed, bound_to)
    }
}
