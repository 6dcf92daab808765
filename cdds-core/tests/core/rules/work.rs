//! Rules N4, N5: work rows, compared with a simple model, and the order in which they are taken.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::num::NonZeroU32;
use std::time::Duration;

use cdds_core::domain::execution::failure::FailureKind;
use cdds_core::domain::id::{NoticeId, Owner, WorkerId};
use cdds_core::domain::notice::Channel;
use cdds_core::domain::work::pick::{Waiting, WorkRoom, pick};
use cdds_core::domain::work::retry::WorkRetry;
use cdds_core::domain::work::row::{
    GivenUp, NotAgain, WorkFailure, WorkOutcome, WorkRow, WorkState, WorkStatus,
};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

const LEASE: i64 = 60;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

/// Something that happens to a piece of work.
#[derive(Debug, Clone)]
enum Event {
    Pass(i64),
    Take,
    Beat(u64),
    Done(u64),
    Fail { epoch: u64, retryable: bool },
    TakeOver,
    Die,
    AskAgain,
    Cancel,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => prop_oneof![0..30_i64, 30..90_i64, 3_000..5_000_i64, 80_000..300_000_i64].prop_map(Event::Pass),
        4 => Just(Event::Take),
        1 => (0..6_u64).prop_map(Event::Beat),
        1 => (0..6_u64).prop_map(Event::Done),
        3 => (0..6_u64, prop::bool::weighted(0.9))
            .prop_map(|(epoch, retryable)| Event::Fail { epoch, retryable }),
        2 => Just(Event::TakeOver),
        1 => Just(Event::Die),
        1 => Just(Event::AskAgain),
        1 => prop::bool::weighted(0.2).prop_map(|gone| if gone { Event::Cancel } else { Event::Take }),
    ]
}

/// The same work in the simplest terms, in seconds.
#[derive(Debug, Default)]
struct Simple {
    epoch: u64,
    /// Until when a worker has it.
    held_until: Option<i64>,
    /// When the first attempt of this round began.
    first: Option<i64>,
    over: Option<&'static str>,
}

impl Simple {
    fn fail(&mut self, retryable: bool, now: i64) {
        self.held_until = None;
        if !retryable {
            self.over = Some("refused");
        } else if self.first.is_some_and(|first| now >= first + 72 * 3_600) {
            self.over = Some("exhausted");
        }
    }

    fn holds(&self, epoch: u64) -> bool {
        self.held_until.is_some() && self.epoch == epoch
    }

    fn state(&self) -> &'static str {
        match (self.over, self.held_until) {
            (Some(over), _) => over,
            (None, Some(_)) => "held",
            (None, None) => "waiting",
        }
    }
}

fn state(row: &WorkRow<NoticeId>) -> &'static str {
    match &row.state {
        WorkState::GivenUp { reason, .. } => reason.as_str(),
        _ => row.status().as_str(),
    }
}

/// Carries out an event on both. The model does not know when the next attempt is due: it follows what the row
/// allowed, and the bounds of the wait are checked here.
fn carry_out(row: &WorkRow<NoticeId>, simple: &mut Simple, event: &Event, now: i64) -> WorkRow<NoticeId> {
    let retry = WorkRetry::default();
    let same = || row.clone();
    match event {
        Event::Pass(_) => same(),
        Event::Take => match row.clone().taken(WorkerId::new("w").unwrap(), at(now), seconds(LEASE)) {
            Some(taken) => {
                assert_eq!(simple.state(), "waiting");
                simple.epoch += 1;
                simple.held_until = Some(now + LEASE);
                simple.first = simple.first.or(Some(now));
                taken
            }
            None => {
                let later =
                    matches!(row.state, WorkState::Waiting { next_attempt_at } if next_attempt_at > at(now));
                assert!(simple.state() != "waiting" || later, "{row:?}");
                same()
            }
        },
        Event::Beat(epoch) => match row.clone().beaten(*epoch, at(now), seconds(LEASE)) {
            Ok(beaten) => {
                assert!(simple.holds(*epoch));
                simple.held_until = Some(now + LEASE);
                beaten
            }
            Err(_) => {
                assert!(!simple.holds(*epoch));
                same()
            }
        },
        Event::Done(epoch) => match row.clone().settled(*epoch, &WorkOutcome::Done, at(now)) {
            Ok(done) => {
                assert!(simple.holds(*epoch) || (simple.over == Some("done") && simple.epoch == *epoch));
                simple.held_until = None;
                simple.over = Some("done");
                done
            }
            Err(_) => {
                assert!(!simple.holds(*epoch));
                same()
            }
        },
        Event::Fail { epoch, retryable } => {
            let failure = WorkFailure::new(FailureKind::Unavailable, "away", *retryable);
            match row.clone().settled(*epoch, &WorkOutcome::Failed { failure, retry }, at(now)) {
                Ok(failed) => {
                    assert!(simple.holds(*epoch));
                    simple.fail(*retryable, now);
                    failed
                }
                Err(_) => {
                    assert!(!simple.holds(*epoch));
                    same()
                }
            }
        }
        Event::TakeOver => match row.clone().abandoned(&retry, at(now)) {
            Some(taken) => {
                assert!(simple.held_until.is_some_and(|until| until <= now));
                simple.fail(true, now);
                taken
            }
            None => {
                assert!(simple.held_until.is_none_or(|until| until > now));
                same()
            }
        },
        Event::Die => match row.clone().orphaned(&retry, at(now)) {
            Some(taken) => {
                assert!(simple.held_until.is_some());
                simple.fail(true, now);
                taken
            }
            None => {
                assert!(simple.held_until.is_none());
                same()
            }
        },
        Event::AskAgain => match row.clone().asked_again(at(now)) {
            Ok(again) => {
                assert!(matches!(simple.over, Some("refused" | "exhausted" | "done")));
                (simple.over, simple.first) = (None, None);
                again
            }
            Err(why) => {
                let expected = match simple.state() {
                    "gone" => matches!(why, NotAgain::Gone),
                    "held" => matches!(why, NotAgain::Held),
                    "waiting" => matches!(why, NotAgain::Waiting { .. }),
                    _ => false,
                };
                assert!(expected, "{why:?} in {simple:?}");
                same()
            }
        },
        Event::Cancel => {
            if simple.over != Some("done") {
                (simple.over, simple.held_until) = (Some("gone"), None);
            }
            row.clone().cancelled(at(now))
        }
    }
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(seconds.unsigned_abs())
}

proptest! {
    #[test]
    fn n4_n5_a_row_does_as_a_simple_model_of_it(events in vec(event(), 1..60)) {
        let mut row = WorkRow::new(NoticeId(Uuid::from_u128(7)), Owner::default(), at(0));
        let mut simple = Simple::default();
        let mut now = 0;
        for event in &events {
            if let Event::Pass(seconds) = event {
                now += seconds;
            }
            let after = carry_out(&row, &mut simple, event, now);
            prop_assert_eq!(state(&after), simple.state(), "{:?}", event);
            prop_assert_eq!(after.epoch, simple.epoch);
            prop_assert!(after.epoch >= u64::from(after.attempts.count));
            if let (WorkState::Waiting { next_attempt_at }, WorkStatus::Held) = (&after.state, row.status()) {
                let wait = *next_attempt_at - at(now);
                let end = after.attempts.first_at.unwrap() + TimeDelta::hours(72);
                prop_assert!(wait > TimeDelta::zero() && *next_attempt_at <= end);
                prop_assert!(wait >= TimeDelta::seconds(24) || *next_attempt_at == end);
                prop_assert!(wait <= TimeDelta::minutes(72));
            }
            row = after;
        }
    }
}

#[test]
fn n5_webhooks_are_tried_for_five_days_and_other_channels_for_three() {
    let days = |channel: Channel| channel.retry().period.num_days();
    assert_eq!([Channel::Host, Channel::Email, Channel::Webhook].map(days), [3, 3, 5]);
    let statuses = WorkStatus::ALL.map(|status| WorkStatus::parse(status.as_str()));
    assert_eq!(statuses, WorkStatus::ALL.map(Some));
    let reasons = GivenUp::ALL.map(|reason| GivenUp::parse(reason.as_str()));
    assert_eq!(reasons, GivenUp::ALL.map(Some));
}

/// Waiting work of owners: the targets, in the order in which they wait.
#[derive(Debug, Clone)]
struct Book {
    waiting: BTreeMap<Owner, Vec<u8>>,
    taken: Vec<(Owner, u8)>,
}

impl Waiting for Book {
    type Error = Infallible;
    type Target = u8;

    fn next_owner(&mut self, after: Option<&Owner>) -> Result<Option<Owner>, Infallible> {
        Ok(self.waiting.keys().find(|owner| after.is_none_or(|after| *owner > after)).cloned())
    }

    fn take_next(&mut self, owner: &Owner, room: &WorkRoom<u8>) -> Result<Option<u8>, Infallible> {
        let waiting = self.waiting.entry(owner.clone()).or_default();
        let Some(place) = waiting.iter().position(|target| room.has_room_for(target)) else {
            return Ok(None);
        };
        let target = waiting.remove(place);
        self.taken.push((owner.clone(), target));
        Ok(Some(target))
    }
}

fn owner(number: u8) -> Owner {
    Owner::new(format!("owner-{number}")).unwrap()
}

proptest! {
    #[test]
    fn n4_turns_and_limits_of_targets_are_kept_and_nothing_is_left_that_has_room(
        waiting in vec((0..4_u8, 0..3_u8), 0..30),
        held in vec(0..3_u8, 0..5),
        limit in 0..20_usize,
        per_target in 0..4_u32,
        turn in proptest::option::of(0..4_u8),
    ) {
        let mut book = Book { waiting: BTreeMap::new(), taken: Vec::new() };
        for (of, target) in &waiting {
            book.waiting.entry(owner(*of)).or_default().push(*target);
        }
        let per_target = NonZeroU32::new(per_target);
        let room = WorkRoom::new(limit, per_target, held.clone());
        let last = pick(&mut book, turn.map(owner), room).unwrap();
        prop_assert!(book.taken.len() <= limit);
        prop_assert_eq!(last, book.taken.last().map(|(of, _)| of.clone()).or(turn.map(owner)));
        let count = |target: u8| {
            held.iter().filter(|one| **one == target).count()
                + book.taken.iter().filter(|(_, one)| *one == target).count()
        };
        let has_room = |target: u8| per_target.is_none_or(|max| count(target) < max.get() as usize);
        for target in 0..3_u8 {
            let before = held.iter().filter(|one| **one == target).count();
            let max = per_target.map_or(usize::MAX, |max| max.get() as usize);
            prop_assert!(count(target) <= max.max(before));
        }
        let left = book.waiting.values().flatten().filter(|target| has_room(**target)).count();
        prop_assert!(left == 0 || book.taken.len() == limit);
        // Nobody is served twice while another, who is served later, has not been served.
        for (place, (of, _)) in book.taken.iter().enumerate() {
            let since = book.taken[..place].iter().rposition(|(other, _)| other == of);
            let between = since.map_or(&book.taken[..0], |since| &book.taken[since + 1..place]);
            for (later, _) in book.taken[place..].iter().filter(|(later, _)| later != of && since.is_some()) {
                prop_assert!(between.iter().any(|(other, _)| other == later), "{:?}", book.taken);
            }
        }
    }
}
