//! The keys of data subjects as one program has them: in some, keys are missing until faults stop.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::super::dice::Dice;
use super::super::shared::Shared;
use crate::domain::subject::SealedIdentifiers;
use crate::ports::subject_keys::{SubjectKey, SubjectKeys, SubjectKeysError, SubjectKeysErrorKind};
use crate::testing::MemorySubjectKeys;

/// Which keys a program has while there are faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Has {
    All,
    /// The current one, and none of before.
    Newest,
    None,
}

impl Has {
    pub(super) fn of_engine(dice: &mut Dice) -> Self {
        match dice.below(8) {
            0 => Self::None,
            1 => Self::Newest,
            _ => Self::All,
        }
    }

    /// People of whom one has some of the keys would hash what others do not find.
    pub(super) fn of_person(dice: &mut Dice) -> Self {
        if dice.below(12) == 0 { Self::None } else { Self::All }
    }
}

/// The keys of one program.
#[derive(Debug)]
pub(super) struct Ring {
    pub(super) all: Arc<MemorySubjectKeys>,
    pub(super) has: Has,
    pub(super) shared: Arc<Shared>,
    /// The planted bug: whether something else is under the names of earlier keys.
    pub(super) forgets: bool,
}

impl SubjectKeys for Ring {
    fn keys(&self) -> Result<Vec<SubjectKey>, SubjectKeysError> {
        let mut keys = self.all.keys()?;
        match self.has {
            _ if !self.shared.storms() => {}
            Has::All => {}
            Has::Newest => keys.truncate(1),
            Has::None => {
                return Err(SubjectKeysError::new(SubjectKeysErrorKind::None, "there are no keys here"));
            }
        }
        if self.forgets {
            for key in keys.iter_mut().skip(1) {
                *key = SubjectKey::new(key.id().clone(), key.mac("a planted bug", &[]));
            }
        }
        Ok(keys)
    }

    fn seal(&self, plain: &[u8], bound_to: &[u8]) -> Result<SealedIdentifiers, SubjectKeysError> {
        self.current()?;
        self.all.seal(plain, bound_to)
    }

    fn open(
        &self,
        sealed: &SealedIdentifiers,
        bound_to: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SubjectKeysError> {
        self.key(&sealed.key)?;
        self.all.open(sealed, bound_to)
    }
}
