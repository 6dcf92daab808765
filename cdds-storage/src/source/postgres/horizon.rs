//! Rule W3b: up to when everything is visible that the database's transactions have written.
//!
//! Rows get their instants while their transaction runs, and become visible when it commits. So nothing earlier than
//! the start of the oldest open transaction can still appear. Where the starts of others' transactions may not be seen,
//! one waits instead until all that were open at an instant have ended. A prepared transaction hides when it began, so
//! it is waited for in any case.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

/// What the server says about its transactions, asked in the order of the fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Observation {
    /// The server's clock.
    pub(super) at: DateTime<Utc>,
    /// The open transactions of other sessions.
    pub(super) open: Open,
    /// The prepared transactions, by their numbers.
    pub(super) prepared: BTreeSet<String>,
}

/// The open transactions of other sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Open {
    /// The start of the oldest; `None` if there is none.
    Since(Option<DateTime<Utc>>),
    /// Their names alone, for a role that may not see when they began.
    Named(BTreeSet<String>),
}

/// The instant up to which a database is complete, as far as it is known. It never goes back.
#[derive(Debug, Default)]
pub(super) struct Horizon {
    until: Option<DateTime<Utc>>,
    pending: Vec<Candidate>,
}

/// An instant that counts once these transactions have ended.
#[derive(Debug)]
struct Candidate {
    until: DateTime<Utc>,
    waits_for: BTreeSet<String>,
    /// Whether one of them may be prepared meanwhile, under another name.
    may_be_renamed: bool,
}

/// The most candidates that wait: the oldest of them end first.
const PENDING_MAX: usize = 8;

impl Candidate {
    fn of(observation: &Observation) -> Self {
        let Observation { at, open, prepared } = observation;
        match open {
            Open::Since(oldest) => Self {
                until: oldest.map_or(*at, |oldest| oldest.min(*at)),
                waits_for: prepared.clone(),
                may_be_renamed: false,
            },
            Open::Named(open) => {
                Self { until: *at, waits_for: open.union(prepared).cloned().collect(), may_be_renamed: true }
            }
        }
    }

    /// Whether everything before it is visible, according to this observation.
    fn is_reached(&mut self, observation: &Observation) -> bool {
        self.waits_for.retain(|name| {
            let is_open = matches!(&observation.open, Open::Named(open) if open.contains(name));
            // Who may now see starts, and could not before, no longer sees names: that candidate never counts.
            let is_unseen = self.may_be_renamed && matches!(observation.open, Open::Since(_));
            is_open || is_unseen || observation.prepared.contains(name)
        });
        self.waits_for.is_empty() && (!self.may_be_renamed || observation.prepared.is_empty())
    }
}

impl Horizon {
    /// Takes an observation into account. Returns whether everything that was written before it is waited for no more.
    pub(super) fn note(&mut self, observation: &Observation) -> bool {
        let mut newest = Candidate::of(observation);
        let mut reached: Vec<DateTime<Utc>> = Vec::new();
        self.pending.retain_mut(|candidate| {
            let is_reached = candidate.is_reached(observation);
            reached.extend(is_reached.then_some(candidate.until));
            !is_reached
        });
        let is_settled = newest.is_reached(observation);
        if is_settled {
            reached.push(newest.until);
        } else if self.pending.len() < PENDING_MAX {
            self.pending.push(newest);
        }
        self.until = self.until.into_iter().chain(reached).max();
        // What an earlier candidate would say is known by now.
        self.pending.retain(|candidate| Some(candidate.until) > self.until);
        is_settled
    }

    /// Returns the instant; `None` if nothing is known yet.
    pub(super) fn until(&self) -> Option<DateTime<Utc>> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn since(second: i64, oldest: Option<i64>, prepared: &[&str]) -> Observation {
        Observation { at: at(second), open: Open::Since(oldest.map(at)), prepared: names(prepared) }
    }

    fn named(second: i64, open: &[&str], prepared: &[&str]) -> Observation {
        Observation { at: at(second), open: Open::Named(names(open)), prepared: names(prepared) }
    }

    fn seen(observations: &[Observation]) -> Vec<Option<i64>> {
        let mut horizon = Horizon::default();
        let note = |observation| {
            horizon.note(observation);
            horizon.until().map(|until| until.timestamp())
        };
        observations.iter().map(note).collect()
    }

    #[test]
    fn w3b_the_oldest_open_transaction_holds_it_and_it_never_goes_back() {
        let found = seen(&[since(10, Some(4), &[]), since(20, Some(3), &[]), since(30, None, &[])]);
        assert_eq!(found, [Some(4), Some(4), Some(30)]);
    }

    #[test]
    fn w3b_a_prepared_transaction_holds_it_until_it_is_gone_and_no_longer() {
        let found = seen(&[
            since(10, None, &[]),
            since(20, None, &["7"]),
            since(30, Some(25), &["7", "8"]),
            // The first is gone, and so everything before 20 is visible; the second hides when it began.
            since(40, None, &["8"]),
            since(50, None, &[]),
        ]);
        assert_eq!(found, [Some(10), Some(10), Some(10), Some(20), Some(50)]);
    }

    #[test]
    fn w3b_nothing_is_known_while_the_first_one_seen_is_prepared() {
        assert_eq!(seen(&[since(10, None, &["7"]), since(20, None, &["7"])]), [None, None]);
    }

    #[test]
    fn w3b_without_starts_all_that_were_open_must_have_ended() {
        let found = seen(&[
            named(10, &["3/1", "4/9"], &[]),
            named(20, &["4/9", "3/2"], &[]),
            named(30, &["3/2"], &[]),
            named(40, &["5/1"], &[]),
            named(50, &[], &[]),
        ]);
        assert_eq!(found, [None, None, Some(10), Some(30), Some(50)]);
    }

    #[test]
    fn w3b_one_that_is_prepared_meanwhile_is_waited_for_under_any_name() {
        let found = seen(&[named(10, &["3/1"], &[]), named(20, &[], &["7"]), named(30, &[], &[])]);
        assert_eq!(found, [None, None, Some(30)]);
    }

    #[test]
    fn w3b_names_that_are_no_longer_seen_settle_nothing() {
        let found = seen(&[named(10, &["3/1"], &[]), since(20, Some(5), &[]), since(30, Some(5), &[])]);
        assert_eq!(found, [None, Some(5), Some(5)]);
    }

    #[test]
    fn few_candidates_wait() {
        let mut horizon = Horizon::default();
        for second in 0..100 {
            assert!(!horizon.note(&named(second, &["3/1"], &[])));
        }
        assert!(horizon.pending.len() <= PENDING_MAX);
    }
}
