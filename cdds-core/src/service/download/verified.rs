//! Remembers which stored files were read whole and were right (rule A12).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Published;
use crate::domain::archive::artifact::Sha256Digest;
use crate::ports::sink::{Key, ObjectVersion};

/// The most files that are remembered: some hundred bytes each.
const FILES_MAX: usize = 1024;

/// How long a file is believed to be right as long as its version stays. A disk that decays changes no version, so
/// it is read anew once in a while.
const BELIEVED: Duration = Duration::from_secs(60 * 60);

/// The files that were right, in this process.
#[derive(Debug, Default)]
pub(in crate::service) struct Verified {
    files: Mutex<BTreeMap<Key, File>>,
}

#[derive(Debug)]
struct File {
    version: ObjectVersion,
    sha256: Sha256Digest,
    /// When its reading ended, by the monotonic clock.
    at: Duration,
}

impl Verified {
    /// Remembers that this version of a stored file is the published one. In place of the oldest, if there are many.
    pub(super) fn remember(&self, published: &Published, version: ObjectVersion, now: Duration) {
        let mut files = self.files();
        files.insert(published.key.clone(), File { version, sha256: published.sha256, at: now });
        if files.len() > FILES_MAX {
            let oldest = files.iter().min_by_key(|(_, file)| file.at).map(|(key, _)| key.clone());
            oldest.and_then(|key| files.remove(&key));
        }
    }

    /// Returns whether some version of a stored file is remembered.
    pub(super) fn knows(&self, published: &Published) -> bool {
        self.files().contains_key(&published.key)
    }

    /// Returns whether this version of a stored file was the published one a short while ago. Forgets the file if
    /// it was not.
    pub(super) fn holds(
        &self,
        published: &Published,
        version: Option<&ObjectVersion>,
        now: Duration,
    ) -> bool {
        let mut files = self.files();
        let is_right = files.get(&published.key).is_some_and(|file| {
            Some(&file.version) == version
                && file.sha256 == published.sha256
                && now.saturating_sub(file.at) < BELIEVED
        });
        if !is_right {
            files.remove(&published.key);
        }
        is_right
    }

    /// Each change is one call on the map, so a panic elsewhere leaves it usable.
    fn files(&self) -> MutexGuard<'_, BTreeMap<Key, File>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(number: usize) -> Published {
        let (name, key) = (String::new(), Key::new(format!("e/1/{number:06}")));
        Published { name, key, bytes: 1, sha256: Sha256Digest([7; 32]) }
    }

    #[test]
    fn a12_a_version_is_believed_for_an_hour() {
        let (verified, version) = (Verified::default(), ObjectVersion::new("1"));
        let holds = |seconds| verified.holds(&published(1), Some(&version), Duration::from_secs(seconds));
        assert!(!holds(0), "nothing is remembered");
        verified.remember(&published(1), version.clone(), Duration::from_secs(10));
        assert!(holds(10) && holds(3_609));
        assert!(!holds(3_610));
        assert!(!holds(10), "it was forgotten");
    }

    #[test]
    fn a12_another_version_and_another_digest_are_not_believed() {
        let (verified, version) = (Verified::default(), ObjectVersion::new("1"));
        let remember = || verified.remember(&published(1), version.clone(), Duration::ZERO);
        let other = Published { sha256: Sha256Digest([8; 32]), ..published(1) };
        for (file, version, expected) in [
            (published(1), Some("1"), true),
            (published(1), Some("2"), false),
            (published(1), None, false),
            (other, Some("1"), false),
            (published(2), Some("1"), false),
        ] {
            remember();
            let version = version.map(ObjectVersion::new);
            assert_eq!(verified.holds(&file, version.as_ref(), Duration::ZERO), expected, "{version:?}");
        }
    }

    #[test]
    fn the_oldest_of_too_many_is_forgotten() {
        let verified = Verified::default();
        for number in 0..=FILES_MAX {
            let at = Duration::from_secs(number as u64);
            verified.remember(&published(number), ObjectVersion::new("1"), at);
        }
        assert!(!verified.knows(&published(0)));
        assert!(verified.knows(&published(1)) && verified.knows(&published(FILES_MAX)));
    }
}
