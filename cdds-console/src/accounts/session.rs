//! Sessions, in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cdds_core::Principal;

use super::secret::Digest;
use super::user::User;

/// How long a session lasts without a request.
pub const IDLE_MAX: Duration = Duration::from_secs(2 * 60 * 60);

/// How long a session lasts at all.
pub const SESSION_MAX: Duration = Duration::from_secs(12 * 60 * 60);

/// The most sessions that are kept. One more ends the one that was used least recently.
const SESSIONS_MAX: usize = 10_000;

/// Who has a session.
pub(super) enum Who {
    /// A user as they were when it began.
    User(Arc<User>),
    /// Somebody who had the one-time link.
    Link(Principal),
}

struct Session {
    who: Who,
    began: Duration,
    used: Duration,
}

impl Session {
    fn is_over(&self, now: Duration) -> bool {
        now.saturating_sub(self.used) >= IDLE_MAX || now.saturating_sub(self.began) >= SESSION_MAX
    }
}

/// Sessions by the digests of their ids. Times are those of a monotonic clock.
#[derive(Default)]
pub(super) struct Sessions(HashMap<Digest, Session>);

impl Sessions {
    pub(super) fn begin(&mut self, id: Digest, who: Who, now: Duration) {
        if self.0.len() >= SESSIONS_MAX {
            self.0.retain(|_, session| !session.is_over(now));
        }
        if self.0.len() >= SESSIONS_MAX {
            let idlest = self.0.iter().min_by_key(|(_, session)| session.used).map(|(id, _)| *id);
            idlest.and_then(|id| self.0.remove(&id));
        }
        self.0.insert(id, Session { who, began: now, used: now });
    }

    /// Returns who has a session, unless it is over, and notes that it was used.
    pub(super) fn touch(&mut self, id: Digest, now: Duration) -> Option<&Who> {
        if self.0.get(&id)?.is_over(now) {
            self.0.remove(&id);
        }
        let session = self.0.get_mut(&id)?;
        session.used = now;
        Some(&session.who)
    }

    pub(super) fn end(&mut self, id: Digest) {
        self.0.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cdds_core::Owner;

    fn somebody() -> Who {
        Who::Link(Principal::host(Owner::default()))
    }

    #[test]
    fn a_session_ends_when_it_is_not_used_and_after_its_time_in_any_case() {
        let (id, hour) = (Digest::of("a"), Duration::from_secs(3600));
        let mut sessions = Sessions::default();
        sessions.begin(id, somebody(), Duration::ZERO);
        assert!(sessions.touch(id, IDLE_MAX).is_none());
        sessions.begin(id, somebody(), Duration::ZERO);
        for hours in 1..12 {
            assert!(sessions.touch(id, hour * hours).is_some(), "{hours}");
        }
        assert!(sessions.touch(id, SESSION_MAX).is_none());
    }

    #[test]
    fn one_too_many_ends_the_one_that_was_used_least_recently() {
        let mut sessions = Sessions::default();
        let id = |n: usize| Digest::of(&n.to_string());
        let at = |n: usize| Duration::from_millis(n as u64);
        for n in 0..SESSIONS_MAX {
            sessions.begin(id(n), somebody(), at(n));
        }
        assert!(sessions.touch(id(0), at(SESSIONS_MAX)).is_some());
        sessions.begin(id(SESSIONS_MAX), somebody(), at(SESSIONS_MAX + 1));
        assert_eq!(sessions.0.len(), SESSIONS_MAX);
        assert!(sessions.0.contains_key(&id(0)) && !sessions.0.contains_key(&id(1)));
    }
}
