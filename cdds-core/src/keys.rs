//! The keys of an execution's files in the store: `<execution>/<epoch>/<part>`. A worker that has lost its
//! claim writes under its own epoch, so it can overwrite nothing (invariant I6).

use crate::domain::id::ExecutionId;
use crate::ports::catalog::Fence;
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
pub(crate) fn claim(fence: Fence) -> Prefix {
    Prefix::new(format!("{}/{}", fence.id, fence.epoch))
}

/// Returns the key of a part, named by its place in the order of opening.
pub(crate) fn part(fence: Fence, ordinal: PartOrdinal) -> Key {
    Key::new(format!("{}/{}/{:06}", fence.id, fence.epoch, ordinal.0))
}

/// Returns the key of the manifest.
pub(crate) fn manifest(fence: Fence) -> Key {
    Key::new(format!("{}/{}/manifest", fence.id, fence.epoch))
}

/// Returns the key of the manifest's signature.
pub(crate) fn signature(fence: Fence) -> Key {
    Key::new(format!("{}/{}/manifest.p7s", fence.id, fence.epoch))
}

/// Returns the claim that wrote a key; `None` if the key is not one of the engine's.
pub(crate) fn writer(key: &Key) -> Option<Fence> {
    let mut segments = key.as_str().split('/');
    let execution = segments.next()?.parse().ok()?;
    let epoch = segments.next()?.parse().ok()?;
    segments.next()?;
    Some(Fence { id: execution, epoch })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn keys_tell_who_wrote_them() {
        let fence = Fence { id: ExecutionId(Uuid::from_u128(5)), epoch: 3 };
        assert_eq!(writer(&part(fence, PartOrdinal(12))), Some(fence));
        assert_eq!(writer(&manifest(fence)), Some(fence));
        assert_eq!(writer(&signature(fence)), Some(fence));
        for foreign in ["", "readme.txt", "not-a-uuid/1/000001", &format!("{}/x/1", fence.id)] {
            assert_eq!(writer(&Key::new(foreign)), None, "{foreign:?}");
        }
        assert_eq!(part(fence, PartOrdinal(12)).folder(), manifest(fence).folder());
        assert_eq!(manifest(fence).folder(), claim(fence).as_str());
        assert_eq!(Key::new("readme.txt").folder(), "");
    }
}
