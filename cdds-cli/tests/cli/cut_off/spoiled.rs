//! Connections to object stores that spoil something.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::place::Waiting;
use super::steps::{large_file, retry, start};
use super::store::{Make, Store};
use crate::delivering::store_steps::Fate::{self, IsCut, IsDoneAndRefused, IsRefused, LosesAnswer, Stalls};

/// What becomes of the first requests of a name: how many, and what.
type Spoilt = (&'static str, usize, Fate);

const PARTS: [Spoilt; 4] = [
    ("part", 1, IsCut),
    ("part", 1, LosesAnswer),
    // Longer than anybody tries it again at once.
    ("part", 20, IsCut),
    ("part", 20, IsRefused(503, "SlowDown")),
];

const REST: [Spoilt; 12] = [
    ("begin", 1, IsRefused(500, "InternalError")),
    ("part", 1, IsRefused(403, "AccessDenied")),
    ("complete", 1, IsDoneAndRefused(500, "InternalError")),
    ("complete", 1, IsDoneAndRefused(503, "SlowDown")),
    ("complete", 1, LosesAnswer),
    ("complete", 20, LosesAnswer),
    ("complete", 1, IsRefused(403, "AccessDenied")),
    ("put", 1, IsCut),
    ("put", 20, LosesAnswer),
    ("put", 1, IsDoneAndRefused(500, "InternalError")),
    ("put", 1, IsRefused(403, "AccessDenied")),
    ("head", 1, IsRefused(403, "AccessDenied")),
];

/// Longer than anybody waits.
const SLOW: [Spoilt; 4] =
    [("begin", 20, Stalls), ("part", 20, Stalls), ("complete", 20, Stalls), ("put", 20, Stalls)];

fn spoil(store: &Store, waiting: &mut Waiting, spoilt: Spoilt) {
    spoil_and_deliver(store, waiting, spoilt);
    assert_eq!(store.unfinished().unwrap_or(0), 0, "{spoilt:?}: parts remain");
}

fn spoil_and_deliver(store: &Store, waiting: &mut Waiting, (name, count, fate): Spoilt) {
    let copy = waiting.copy(store);
    let (mut left, spoilt) = (count, Arc::new(AtomicBool::new(false)));
    let is_spoilt = Arc::clone(&spoilt);
    store.spoil(move |step| {
        if step.name != name || left == 0 {
            return Fate::Passes;
        }
        left -= 1;
        is_spoilt.store(true, Ordering::Relaxed);
        fate
    });
    let ended = start(&copy, 0).wait().unwrap();
    assert!(ended.success(), "{ended}");
    store.spoil_nothing();
    let case = format!("{name}, {count} times: {fate:?}");
    assert!(spoilt.load(Ordering::Relaxed), "{case}: there is no such request");
    waiting.nothing_is_half_made(&copy, store, &case);
    retry(&copy);
    waiting.is_delivered(&copy, store, &case);
}

#[test]
fn n1_what_spoils_parts_on_their_way_to_s3_leaves_none() {
    let store = Store::start(Make::Moto);
    let mut waiting = large_file(&store);
    for spoilt in PARTS {
        spoil(&store, &mut waiting, spoilt);
    }
}

#[test]
fn n1_what_s3_has_done_without_saying_so_is_found() {
    let store = Store::start(Make::Moto);
    let mut waiting = large_file(&store);
    for spoilt in REST.into_iter().step_by(2) {
        spoil(&store, &mut waiting, spoilt);
    }
}

#[test]
fn n1_what_google_and_azure_have_done_without_saying_so_is_found() {
    for make in [Make::MotoForGoogle, Make::Azurite] {
        let store = Store::start(make);
        let mut waiting = large_file(&store);
        for spoilt in [PARTS[0], REST[2], REST[4], REST[9]] {
            spoil(&store, &mut waiting, spoilt);
        }
    }
}

/// The store alone knows of an upload if the answer to its beginning is lost. It takes no space.
#[test]
fn n1_an_upload_of_whose_beginning_nobody_heard_has_no_parts() {
    for make in [Make::Moto, Make::MotoForGoogle] {
        let store = Store::start(make);
        let mut waiting = large_file(&store);
        spoil_and_deliver(&store, &mut waiting, ("begin", 1, LosesAnswer));
        assert_eq!((store.unfinished(), store.unfinished_parts()), (Some(1), 0), "{make:?}");
    }
}

/// Each has a store of its own, since all of them wait for minutes.
#[test]
#[ignore = "takes minutes: the limits of time"]
fn n1_a_store_that_answers_too_late_has_what_it_was_asked_for_once() {
    std::thread::scope(|scope| {
        for spoilt in SLOW {
            scope.spawn(move || {
                let store = Store::start(Make::Moto);
                let mut waiting = large_file(&store);
                spoil_and_deliver(&store, &mut waiting, spoilt);
                assert_eq!(store.unfinished_parts(), 0, "{spoilt:?}: parts remain");
            });
        }
    });
}

#[test]
#[ignore = "takes minutes: everything at each store"]
fn n1_whatever_is_spoilt_at_every_object_store() {
    for make in [Make::S3rver, Make::Moto, Make::MotoForGoogle, Make::Azurite] {
        let store = Store::start(make);
        let mut waiting = large_file(&store);
        // Parts of a file at Azure need no beginning.
        let is_asked = |(name, ..): &Spoilt| *name != "begin" || make != Make::Azurite;
        for spoilt in PARTS.into_iter().chain(REST).filter(is_asked) {
            spoil(&store, &mut waiting, spoilt);
        }
    }
}
