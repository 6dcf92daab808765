//! Rule E2: who begins next, over owners, jobs and limited sources.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::convert::Infallible;

use cdds_core::domain::execution::queue::{
    COVERED_MAX, Candidate, Picked, Queue, QueuePlace, Room, SourceLimits, pick,
};
use cdds_core::domain::id::{ExecutionId, JobId, Owner, SourceId};
use chrono::{DateTime, Utc};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

/// A waiting execution: owner, job of that owner, source, place, whether it was begun, whether it is covered.
#[derive(Debug, Clone)]
struct Waiting {
    owner: Owner,
    candidate: Candidate,
    is_covered: bool,
}

fn owner(number: u8) -> Owner {
    Owner::new(format!("owner-{number}")).unwrap()
}

fn source(number: u8) -> SourceId {
    SourceId::new(format!("source-{number}")).unwrap()
}

fn waiting(owner_number: u8, job: u8, source_number: u8, at: i64, id: u128) -> Waiting {
    let instant = DateTime::<Utc>::from_timestamp(at, 0).unwrap();
    let place = QueuePlace { queue_at: instant, slot: instant, id: ExecutionId(Uuid::from_u128(id)) };
    let job = JobId(Uuid::from_u128(u128::from(owner_number) << 8 | u128::from(job)));
    let candidate = Candidate { place, job, source: source(source_number), is_begun: false };
    Waiting { owner: owner(owner_number), candidate, is_covered: false }
}

/// A queue in memory, and what became of it.
#[derive(Debug, Default)]
struct Book {
    waiting: Vec<Waiting>,
    returned: BTreeSet<QueuePlace>,
    running: Vec<(Owner, Candidate)>,
    covered: usize,
}

impl Queue for Book {
    type Error = Infallible;

    fn next_owner(&mut self, after: Option<&Owner>) -> Result<Option<Owner>, Infallible> {
        let owners: BTreeSet<&Owner> = self.waiting.iter().map(|one| &one.owner).collect();
        Ok(owners.into_iter().find(|owner| after.is_none_or(|after| *owner > after)).cloned())
    }

    fn next_candidate(
        &mut self,
        owner: &Owner,
        _closed: &HashSet<JobId>,
    ) -> Result<Option<Candidate>, Infallible> {
        let busy: HashSet<JobId> = self.running.iter().map(|(_, one)| one.job).collect();
        let mine = self.waiting.iter().filter(|one| one.owner == *owner).map(|one| &one.candidate);
        let left = mine.filter(|one| !self.returned.contains(&one.place) && !busy.contains(&one.job));
        let next = left.min_by_key(|one| one.place).cloned();
        self.returned.extend(next.as_ref().map(|next| next.place));
        Ok(next)
    }

    fn has_begun(&mut self, job: JobId) -> Result<bool, Infallible> {
        Ok(self.waiting.iter().any(|one| one.candidate.job == job && one.candidate.is_begun))
    }

    fn begin(&mut self, candidate: &Candidate) -> Result<Picked, Infallible> {
        let index = self.waiting.iter().position(|one| one.candidate == *candidate).unwrap();
        let Waiting { owner, candidate, is_covered } = self.waiting.remove(index);
        if is_covered {
            self.covered += 1;
            return Ok(Picked::Covered);
        }
        self.running.push((owner, candidate));
        Ok(Picked::Running)
    }
}

impl Book {
    fn claim(&mut self, turn: Option<Owner>, executions: usize, limits: &SourceLimits) -> Option<Owner> {
        self.returned.clear();
        let running: Vec<SourceId> = self.running.iter().map(|(_, one)| one.source.clone()).collect();
        let room =
            Room::new(executions, limits, |source| running.iter().filter(|one| *one == source).count());
        match pick(self, turn, room) {
            Ok(turn) => turn,
            Err(never) => match never {},
        }
    }

    fn owners(&self) -> Vec<&str> {
        self.running.iter().map(|(owner, _)| owner.as_str()).collect()
    }

    /// Whether a waiting execution could begin beside what runs.
    fn could_begin(&self, one: &Waiting, limits: &SourceLimits) -> bool {
        let Candidate { place, job, source, is_begun } = &one.candidate;
        let runs = self.running.iter().any(|(_, other)| other.job == *job);
        let of_job: Vec<&Candidate> =
            self.waiting.iter().map(|one| &one.candidate).filter(|other| other.job == *job).collect();
        let held = !is_begun && of_job.iter().any(|other| other.is_begun);
        let first = of_job.iter().filter(|other| other.is_begun == *is_begun).map(|other| other.place).min();
        let of_source = self.running.iter().filter(|(_, other)| other.source == *source).count();
        let is_full = limits.get(source).is_some_and(|limit| of_source >= limit.get() as usize);
        !runs && !held && first == Some(*place) && !is_full
    }
}

fn none() -> SourceLimits {
    SourceLimits::new()
}

fn limit(number: u8, executions: u32) -> SourceLimits {
    BTreeMap::from([(source(number), executions.try_into().unwrap())])
}

#[test]
fn e2_owners_take_turns_from_claim_to_claim() {
    // The first owner has a backlog of many jobs, the others one job each.
    let backlog = (0..50).map(|job| waiting(1, job, 0, i64::from(job), u128::from(job)));
    let others = [waiting(2, 0, 0, 900, 100), waiting(3, 0, 0, 901, 101)];
    let mut book = Book { waiting: backlog.chain(others).collect(), ..Book::default() };
    let mut turn = None;
    for _ in 0..5 {
        turn = book.claim(turn, 1, &none());
    }
    assert_eq!(book.owners(), ["owner-1", "owner-2", "owner-3", "owner-1", "owner-1"]);
    let mut book = Book { waiting: book.waiting, ..Book::default() };
    book.claim(turn, 3, &none());
    assert_eq!(book.owners(), ["owner-1"; 3], "a turn that nobody else takes comes back at once");
}

#[test]
fn e2_a_source_begins_no_more_than_it_allows_and_others_pass() {
    let jobs = [(1, 0, 0), (1, 1, 0), (1, 2, 1), (2, 0, 0), (2, 1, 1)];
    let all = jobs
        .iter()
        .zip(0_u8..)
        .map(|((owner, job, source), at)| waiting(*owner, *job, *source, i64::from(at), u128::from(at)));
    let mut book = Book { waiting: all.collect(), ..Book::default() };
    let turn = book.claim(None, 9, &limit(0, 1));
    let mut begun: Vec<i64> = book.running.iter().map(|(_, one)| one.place.slot.timestamp()).collect();
    begun.sort_unstable();
    assert_eq!(begun, [0, 2, 4], "of the limited source the first");
    book.claim(turn, 9, &limit(0, 1));
    assert_eq!(book.running.len(), 3, "what runs counts");
}

#[test]
fn e2_a_job_that_waits_for_its_source_is_not_overtaken_by_itself() {
    // Since an edit, its second execution reads another source.
    let busy = waiting(1, 9, 0, -1, 9);
    let all = vec![waiting(1, 0, 0, 0, 0), waiting(1, 0, 1, 1, 1), waiting(1, 1, 1, 2, 2)];
    let mut book = Book { running: vec![(busy.owner, busy.candidate)], waiting: all, ..Book::default() };
    book.claim(None, 9, &limit(0, 1));
    let begun: Vec<i64> = book.running.iter().skip(1).map(|(_, one)| one.place.slot.timestamp()).collect();
    assert_eq!(begun, [2]);
}

#[test]
fn e2_e13_what_is_covered_uses_up_a_turn_and_not_more() {
    let covered = (0..2 * COVERED_MAX as u128)
        .map(|id| Waiting { is_covered: true, ..waiting(1, 0, 0, i64::try_from(id).unwrap(), id) });
    let mut book =
        Book { waiting: covered.chain([waiting(2, 0, 0, 9_999, 9_999)]).collect(), ..Book::default() };
    let turn = book.claim(None, 1, &none());
    assert_eq!((book.covered, book.owners()), (COVERED_MAX, Vec::new()), "one claim is bounded");
    book.claim(turn, 1, &none());
    assert_eq!(book.owners(), ["owner-2"], "then it is another owner's turn");
}

fn any_waiting() -> impl Strategy<Value = Vec<Waiting>> {
    let one = (1_u8..4, 0_u8..3, 0_u8..3, 0_i64..20, prop::bool::weighted(0.1), prop::bool::weighted(0.2));
    vec(one, 0..25).prop_map(|all| {
        let numbered = all.into_iter().zip(0_u128..);
        let build = |((owner, job, source, at, is_begun, is_covered), id)| {
            let one = waiting(owner, job, source, at, id);
            // What was begun has its window: it is never covered.
            Waiting {
                candidate: Candidate { is_begun, ..one.candidate },
                is_covered: is_covered && !is_begun,
                ..one
            }
        };
        numbered.map(build).collect()
    })
}

proptest! {
    #[test]
    fn e2_every_claim_picks_by_the_rule(
        all in any_waiting(),
        claims in vec(1_usize..5, 1..12),
        limited in 1_u32..4,
    ) {
        let limits = limit(0, limited);
        let mut book = Book { waiting: all, ..Book::default() };
        let mut turn = None;
        for executions in claims {
            let (before, running) = (book.waiting.clone(), book.running.len());
            turn = book.claim(turn, executions, &limits);
            let begun = book.running[running..].to_vec();
            prop_assert!(begun.len() <= executions);

            // One execution of a job runs, and a source runs no more than its limit.
            let jobs: BTreeSet<JobId> = book.running.iter().map(|(_, one)| one.job).collect();
            prop_assert_eq!(jobs.len(), book.running.len());
            let of_limited = book.running.iter().filter(|(_, one)| one.source == source(0)).count();
            prop_assert!(of_limited <= limited as usize);

            // Room is left only if nothing could begin.
            if begun.len() < executions {
                let left = book.waiting.iter().find(|one| book.could_begin(one, &limits));
                prop_assert!(left.is_none(), "left {left:?}");
            }

            // Within an owner, the order of places, except past what waits for its source.
            for (owner, one) in &begun {
                let earlier = before.iter().filter(|other| other.owner == *owner && other.candidate.place < one.place);
                for other in earlier.filter(|other| book.waiting.iter().any(|left| left.candidate == other.candidate)) {
                    let could = book.could_begin(other, &limits) && other.candidate.job != one.job;
                    prop_assert!(!could, "{one:?} overtook {other:?}");
                }
            }

            // Turns: between two of one owner, every other owner who could begin something has begun one.
            for (index, pair) in begun.windows(2).enumerate() {
                if pair[0].0 == pair[1].0 {
                    let others = book.waiting.iter().filter(|one| one.owner != pair[0].0);
                    let after: Vec<_> = begun[index + 1..].iter().map(|(_, one)| one.source.clone()).collect();
                    for other in others.filter(|other| book.could_begin(other, &limits)) {
                        prop_assert!(after.contains(&other.candidate.source), "{other:?} was passed over");
                    }
                }
            }
            // Some executions end.
            book.running.retain(|(_, one)| one.place.id.0.as_u128() % 2 == 0);
        }
    }
}
