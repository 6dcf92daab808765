//! The keys of an execution's files in the store: `<execution>/<epoch>-<nonce>/<part>`. A worker that has lost
//! its claim writes under its own epoch, and a claim of a time that the catalog has lost wrote under its own
//! nonce, so neither can overwrite anything (invariant I6, rule E16).
//!
//! Versions that knew no nonces wrote `<execution>/<epoch>/<part>`; these keys are understood for ever.

use crate::domain::id::{ExecutionId, SubjectRequestId};
use crate::ports::catalog::{Fence, Writer};
use crate::ports::packager::PartOrdinal;
use crate::ports::sink::{Key, Prefix};

/// Returns the prefix of all files of an execution.
pub(crate) fn execution(id: ExecutionId) -> Prefix {
    Prefix::new(id.to_string())
}

/// Returns a key beside all files of an execution, which none of them has. Deleting it makes earlier
/// deletions of them durable.
pub(crate) fn whole_set(id: ExecutionId) -> Key {
    Key::new(format!("{id}/set"))
}

/// Returns the prefix of all files of one claim.
pub(crate) fn claim(writer: Writer) -> Prefix {
    Prefix::new(folder(writer))
}

/// Returns the key of a part, named by its place in the order of opening.
pub(crate) fn part(writer: Writer, ordinal: PartOrdinal) -> Key {
    Key::new(format!("{}/{:06}", folder(writer), ordinal.0))
}

/// Returns the key of the manifest.
pub(crate) fn manifest(writer: Writer) -> Key {
    Key::new(format!("{}/manifest", folder(writer)))
}

/// Returns the key of the manifest's signature.
pub(crate) fn signature(writer: Writer) -> Key {
    Key::new(format!("{}/manifest.p7s", folder(writer)))
}

/// Returns the folder of the filters that tell whom the set of a claim names (rule D10): that of all its files.
pub(crate) fn filters(writer: Writer) -> Key {
    Key::new(folder(writer))
}

fn folder(Writer { fence: Fence { id, epoch }, nonce }: Writer) -> String {
    match nonce {
        Some(nonce) => format!("{id}/{epoch}-{nonce}"),
        None => format!("{id}/{epoch}"),
    }
}

/// Returns the prefix of the ledger of erasures (rule D7). No execution has this name, so no sweep touches it.
pub(crate) fn erasures() -> Prefix {
    Prefix::new("subjects")
}

/// Returns the key of an entry of the ledger of erasures.
pub(crate) fn erasure(request: SubjectRequestId) -> Key {
    Key::new(format!("subjects/{request}.json"))
}

/// Returns the request whose entry of the ledger has this key; `None` if it is no such key.
pub(crate) fn erasure_of(key: &Key) -> Option<SubjectRequestId> {
    let id = key.as_str().strip_prefix("subjects/")?.strip_suffix(".json")?.parse().ok()?;
    (erasure(id) == *key).then_some(id)
}

/// Returns the claim that wrote a key; `None` if the key is not one of the engine's.
pub(crate) fn writer(key: &Key) -> Option<Writer> {
    let mut segments = key.as_str().split('/');
    let id: ExecutionId = segments.next()?.parse().ok()?;
    let claim = segments.next()?;
    segments.next()?;
    let (epoch, nonce) = match claim.split_once('-') {
        Some((epoch, nonce)) => (epoch, Some(nonce.parse().ok()?)),
        None => (claim, None),
    };
    let writer = Writer { fence: Fence { id, epoch: epoch.parse().ok()? }, nonce };
    // Numbers can be written in several ways. Only the one that this module writes is the engine's.
    key.as_str().strip_prefix(&folder(writer))?.starts_with('/').then_some(writer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::catalog::Nonce;
    use uuid::Uuid;

    #[test]
    fn d7_entries_of_the_ledger_are_files_of_no_claim() {
        let id = SubjectRequestId(Uuid::from_u128(5));
        let key = erasure(id);
        assert_eq!((erasure_of(&key), writer(&key)), (Some(id), None));
        assert_eq!(key.folder(), erasures().as_str());
        for foreign in ["subjects/x.json", "subjects/00000000000000000000000000000005.json", "5.json"] {
            assert_eq!(erasure_of(&Key::new(foreign)), None, "{foreign}");
        }
    }

    #[test]
    fn e16_keys_tell_who_wrote_them() {
        let fence = Fence { id: ExecutionId(Uuid::from_u128(5)), epoch: 3 };
        for nonce in [Some(Nonce(0xa1)), None] {
            let of = Writer { fence, nonce };
            for key in [part(of, PartOrdinal(12)), manifest(of), signature(of)] {
                assert_eq!(writer(&key), Some(of), "{key}");
                assert_eq!(key.folder(), claim(of).as_str());
            }
        }
        let with = part(Writer { fence, nonce: Some(Nonce(0xa1)) }, PartOrdinal(12));
        assert_eq!(with.as_str(), format!("{}/3-00000000000000a1/000012", fence.id));
        assert_eq!(part(Writer { fence, nonce: None }, PartOrdinal(12)).folder(), format!("{}/3", fence.id));
        for foreign in ["", "readme.txt", "not-a-uuid/1/000001"] {
            assert_eq!(writer(&Key::new(foreign)), None, "{foreign:?}");
        }
        for claim in ["x", "03", "+3", "3-", "3-a1", "3-00000000000000A1", "3-00000000000000a1-"] {
            assert_eq!(writer(&Key::new(format!("{}/{claim}/000001", fence.id))), None, "{claim:?}");
        }
        assert_eq!(Key::new("readme.txt").folder(), "");
    }
}
