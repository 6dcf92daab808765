//! A table that grows while its rows are exported, with a clock that leaps.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use cdds_core::ports::clock::Clock;
use cdds_core::system::SystemClock;
use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use futures::executor::block_on;
use rusqlite::{Connection, TransactionBehavior};

use super::told;
use crate::support::Place;

/// The time that the workers are given. Between leaps it runs like theirs.
pub(super) struct Time(Mutex<SystemClock>);

impl Time {
    pub(super) fn starting_at(instant: DateTime<Utc>) -> Self {
        Self(Mutex::new(SystemClock::starting_at(instant)))
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.without_leap(|now| now)
    }

    pub(super) fn leap(&self, by: TimeDelta) {
        let mut clock = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *clock = SystemClock::starting_at(clock.now() + by);
    }

    /// Does something at the present instant, while leaps are held back.
    fn without_leap<T>(&self, work: impl FnOnce(DateTime<Utc>) -> T) -> T {
        let clock = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(clock.now())
    }
}

/// The program that inserts rows.
pub(super) struct Growth {
    stopped: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Growth {
    pub(super) fn start(place: &Place, time: &Arc<Time>, rng: Rng) -> Self {
        let (stopped, path) = (Arc::new(AtomicBool::new(false)), place.path("contacts.db"));
        let (stop, time) = (Arc::clone(&stopped), Arc::clone(time));
        Self { stopped, thread: std::thread::spawn(move || grow(&path, &time, rng, &stop)) }
    }

    /// Stops inserting. Returns the number of rows, which are numbered from 0.
    pub(super) fn stop(self) -> u64 {
        self.stopped.store(true, Ordering::Release);
        self.thread.join().unwrap()
    }
}

/// Inserts a few rows at a time, occasionally many, each with the instant of its insertion.
fn grow(path: &Path, time: &Time, mut rng: Rng, stop: &AtomicBool) -> u64 {
    let mut source = Connection::open(path).unwrap();
    source.busy_timeout(Duration::from_secs(60)).unwrap();
    source.pragma_update(None, "synchronous", "off").unwrap();
    let mut inserted = 0;
    while !stop.load(Ordering::Acquire) {
        let rows = if rng.u8(..) < 4 { 1_000 } else { rng.u64(1..20) };
        time.without_leap(|now| insert(&mut source, inserted..inserted + rows, now));
        inserted += rows;
        block_on(SystemClock::new().sleep(Duration::from_millis(rng.u64(5..50))));
    }
    inserted
}

fn insert(source: &mut Connection, numbers: Range<u64>, now: DateTime<Utc>) {
    let transaction = source.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    let sql = "insert into interactions values ('c-' || ?1, ?2, null,
                 case ?1 % 3 when 0 then 'voice' when 1 then 'chat' else 'email' end, hex(randomblob(400)), ?1)";
    for number in numbers {
        transaction.execute(sql, (i64::try_from(number).unwrap(), told(now))).unwrap();
    }
    transaction.commit().unwrap();
}
