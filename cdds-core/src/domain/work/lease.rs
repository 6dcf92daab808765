//! Rules E5, N4: how long a worker's claim holds, and when the worker counts as gone.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// How far the catalog's clock may be set back without effect on leases. All workers go by that clock (rule
/// T4), so a lease that was renewed in the future was renewed before the clock was set back. Small steps, such
/// as those of NTP, end no lease. After a larger one, a lease from before does not hold: its worker may be
/// dead, and the lease could otherwise last for years. A living worker renews it within a second.
pub const SET_BACK_MAX: TimeDelta = TimeDelta::seconds(60);

/// A worker's hold on a piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// When the worker last renewed it.
    pub renewed_at: DateTime<Utc>,
    /// When it runs out unless it is renewed.
    pub expires_at: DateTime<Utc>,
}

impl Lease {
    /// Creates a lease that is taken or renewed now. If it would end beyond the calendar, it ends with the
    /// calendar.
    pub fn taken(now: DateTime<Utc>, length: Duration) -> Self {
        let length = TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX);
        let expires_at = now.checked_add_signed(length).unwrap_or(DateTime::<Utc>::MAX_UTC);
        Self { renewed_at: now, expires_at }
    }

    /// Whether the lease keeps other workers from taking the work over at `now`. The length of the lease
    /// is up to its worker.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        let latest = now.checked_add_signed(SET_BACK_MAX).unwrap_or(now);
        self.renewed_at <= latest && now < self.expires_at
    }
}

/// What is known of work in progress when a worker asks for work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// Whether the catalog knows that the worker's process has ended; `false` if it cannot see processes.
    pub worker_is_dead: bool,
    /// Whether the asking worker does it now.
    pub is_held_by_asker: bool,
    /// The worker's lease; `None` if the stored one makes no sense.
    pub lease: Option<Lease>,
}

impl Hold {
    /// Returns whether the work is taken from its worker at `now`. A worker keeps what it says that it
    /// does, whatever its lease says: it is alive. Otherwise a hold ends with the worker's process or with
    /// its lease.
    pub fn is_abandoned(&self, now: DateTime<Utc>) -> bool {
        if self.worker_is_dead {
            return true;
        }
        !self.is_held_by_asker && !self.lease.is_some_and(|lease| lease.holds(now))
    }
}

/// What is known about the worker of a running execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerLife {
    /// As far as anyone can see, it works.
    Alive,
    /// It is gone, so the next engine takes the execution over.
    Gone,
}

impl WorkerLife {
    /// Decides by the worker's process if the catalog can see it, otherwise by its lease. A process that
    /// lives may hang. Deciding about that is up to an engine that looks for work, not to a list.
    pub fn of(process_lives: Option<bool>, lease: &Lease, now: DateTime<Utc>) -> Self {
        match process_lives.unwrap_or_else(|| lease.holds(now)) {
            true => Self::Alive,
            false => Self::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn e5_a_lease_holds_until_it_runs_out_or_the_clock_was_set_back() {
        let lease = Lease::taken(at(0), Duration::from_secs(30));
        for (seconds, holds) in [(-61, false), (-60, true), (0, true), (29, true), (30, false)] {
            assert_eq!(lease.holds(at(seconds)), holds, "{seconds}");
        }
        assert!(Lease::taken(at(0), Duration::MAX).holds(at(1)));
    }

    #[test]
    fn e5_an_execution_is_taken_from_the_dead_and_the_silent_only() {
        let lease = Some(Lease::taken(at(0), Duration::from_secs(30)));
        for (worker_is_dead, is_held_by_asker, lease, seconds, is_abandoned) in [
            (false, false, lease, 29, false),
            (false, false, lease, 30, true),
            (false, true, lease, 30, false),
            (true, false, lease, 1, true),
            (true, true, lease, 1, true),
            (false, false, None, 1, true),
            (false, true, None, 1, false),
        ] {
            let hold = Hold { worker_is_dead, is_held_by_asker, lease };
            assert_eq!(hold.is_abandoned(at(seconds)), is_abandoned, "{hold:?} at {seconds}");
        }
    }

    #[test]
    fn e5_a_worker_is_gone_by_its_process_or_else_by_its_lease() {
        let lease = Lease::taken(at(0), Duration::from_secs(30));
        for (process, seconds, life) in [
            (Some(true), 99, WorkerLife::Alive),
            (Some(false), 1, WorkerLife::Gone),
            (None, 1, WorkerLife::Alive),
            (None, 30, WorkerLife::Gone),
        ] {
            assert_eq!(WorkerLife::of(process, &lease, at(seconds)), life, "{process:?} {seconds}");
        }
    }
}
