use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::executor::block_on;
use futures::future::BoxFuture;
use sha2::{Digest, Sha256};

use super::*;
use crate::domain::archive::artifact::Key;
use crate::domain::id::DestinationId;
use crate::ports::clock::Clock;
use crate::ports::destination::Destination;
use crate::testing::MemorySink;
use crate::testing::destination::{Fate, MemoryDestination, RemoteCall};

/// A clock on which waiting is over at once, or never: what hangs is then given up, or is killed.
#[derive(Debug)]
struct Waits {
    end: bool,
}

impl Clock for Waits {
    fn now(&self) -> DateTime<Utc> {
        DateTime::<Utc>::UNIX_EPOCH
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        if self.end { futures::future::ready(()).boxed() } else { futures::future::pending().boxed() }
    }
}

/// A claim that holds so many more times, and remembers what has arrived.
struct Counting {
    left: u32,
    stored: DeliveryProgress,
    /// Whether it is known at once that the claim holds no more.
    is_told: bool,
}

#[async_trait::async_trait]
impl Guard for Counting {
    async fn holds(&mut self, progress: DeliveryProgress) -> Result<bool, WorkFailure> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(false) };
        (self.left, self.stored) = (left, progress);
        Ok(true)
    }

    fn is_lost(&self) -> bool {
        self.left == 0 && self.is_told
    }
}

/// Three parts and a manifest in a store.
fn stored() -> (MemorySink, DeliveryPlan) {
    let sink = MemorySink::new();
    let folder = RemotePath::new("in/2026-01-01").unwrap();
    let files = [("a.z01", 300_000), ("a.z02", 300), ("a.zip", 0), ("a.manifest.json", 40)];
    let files = files.into_iter().enumerate().map(|(index, (name, bytes))| {
        let contents: Vec<u8> = (0..bytes).map(|at| u8::try_from((at * 7 + index) % 251).unwrap()).collect();
        let key = Key::new(format!("set/{name}"));
        block_on(async {
            let mut upload = sink.begin(&key).await.unwrap();
            upload.write(Bytes::from(contents.clone())).await.unwrap();
            upload.finish().await.unwrap();
        });
        let sha256 = Sha256Digest(Sha256::digest(&contents).into());
        PlannedFile { key, path: folder.join(name), bytes: contents.len() as u64, sha256 }
    });
    let files = files.collect();
    (sink, DeliveryPlan { files })
}

fn place(naming: Naming) -> MemoryDestination {
    let id = DestinationId::new("partner").unwrap();
    MemoryDestination::new(id).described(|description| description.with_naming(naming))
}

/// Makes one attempt. Returns `None` if it hung and was killed.
fn attempt(
    sink: &MemorySink,
    plan: &DeliveryPlan,
    place: &MemoryDestination,
    receipt: Receipt,
    epoch: u64,
    guard: &mut Counting,
    ends: bool,
) -> Option<Result<DeliveryProgress, Broken>> {
    let clock: Arc<dyn Clock> = Arc::new(Waits { end: ends });
    let carried = async {
        let connected = Remote::connect(&clock, place, None).await;
        let (remote, _) = connected.map_err(|error| {
            Broken::Failed(WorkFailure::new(error.kind().into(), error.report(), error.is_retryable()))
        })?;
        let (naming, progress) = (place.describe().naming, guard.stored);
        let nonce = Nonce(epoch * 11);
        let mut carrier = Carrier { remote, sink, guard, naming, receipt, epoch, nonce, progress };
        let done = carrier.carry(plan).await?;
        carrier.remote.close().await;
        Ok(done)
    };
    carried.now_or_never()
}

fn whole(plan: &DeliveryPlan, files: &BTreeMap<RemotePath, Bytes>) -> Vec<Option<bool>> {
    let state = |file: &PlannedFile| {
        files.get(&file.path).map(|bytes| Sha256Digest(Sha256::digest(bytes).into()) == file.sha256)
    };
    plan.files.iter().map(state).collect()
}

#[test]
fn n1_files_arrive_in_order_and_the_manifest_last() {
    for naming in Naming::ALL {
        for receipt in Receipt::ALL {
            let calls = Arc::new(Mutex::new(Vec::new()));
            let (sink, plan) = stored();
            let seen = Arc::clone(&calls);
            let place = place(naming).with_fate(move |call| {
                seen.lock().unwrap().push(call.clone());
                Fate::Works
            });
            let mut guard = Counting { left: 99, stored: DeliveryProgress::default(), is_told: false };
            let done = attempt(&sink, &plan, &place, receipt, 1, &mut guard, true).unwrap().unwrap();
            assert_eq!(done, DeliveryProgress { files: 4, bytes: 300_340 }, "{naming} {receipt}");
            assert_eq!(guard.stored, done);
            assert_eq!(whole(&plan, &place.files()), [Some(true); 4], "{naming} {receipt}");
            assert_eq!(place.files().len(), 4, "nothing else is left");
            let final_calls: Vec<_> = calls
                .lock()
                .unwrap()
                .iter()
                .filter_map(|call| match call {
                    RemoteCall::Rename(path) => Some(path.clone()),
                    RemoteCall::Finish(path) if naming != Naming::Rename => Some(path.clone()),
                    _ => None,
                })
                .collect();
            let order: Vec<_> = plan.files.iter().map(|file| file.path.clone()).collect();
            assert_eq!(final_calls, order);
        }
    }
}

/// What happens to the calls of one attempt.
fn fate_of(dice: &mut fastrand::Rng, call: &RemoteCall, naming: Naming) -> Fate {
    if dice.u8(0..100) >= 8 {
        return Fate::Works;
    }
    match dice.u8(0..5) {
        0 => Fate::Hangs,
        1 => Fate::ReplyLost,
        // An object store that loses half an object and says that it did not is none.
        2 if naming == Naming::Whole && matches!(call, RemoteCall::Finish(_) | RemoteCall::Write(_)) => {
            Fate::Works
        }
        2 => Fate::CutsShort,
        3 => Fate::Fails(DestinationErrorKind::Unavailable),
        _ => Fate::Fails(DestinationErrorKind::Full),
    }
}

#[test]
fn n1_whatever_breaks_off_nothing_half_made_has_a_final_name_and_nothing_confirmed_is_sent_again() {
    let (sink, plan) = stored();
    let (mut finished, mut attempts, mut killed, mut lost) = (0, 0, 0, 0);
    for seed in 0..400 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let naming = Naming::ALL[dice.usize(0..3)];
        let receipt = Receipt::ALL[dice.usize(0..2)];
        let (sent, shared) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(dice.fork())));
        let calls = Arc::clone(&sent);
        let place = place(naming).with_fate(move |call| {
            if let RemoteCall::Create(path) = call {
                calls.lock().unwrap().push(path.clone());
            }
            fate_of(&mut shared.lock().unwrap(), call, naming)
        });
        let mut stored = DeliveryProgress::default();
        for epoch in 1..200 {
            attempts += 1;
            sent.lock().unwrap().clear();
            let before = stored;
            let left = if dice.u8(0..10) == 0 { dice.u32(0..6) } else { 99 };
            let mut guard = Counting { left, stored, is_told: dice.bool() };
            let done = attempt(&sink, &plan, &place, receipt, epoch, &mut guard, dice.bool());
            stored = guard.stored;
            let confirmed = usize::try_from(before.files).unwrap();
            for file in &plan.files[..confirmed] {
                let again = sent.lock().unwrap().iter().any(|path| path.name().starts_with(file.path.name()));
                assert!(!again, "seed {seed}: {} was confirmed and sent again", file.path);
            }
            let files = whole(&plan, &place.files());
            if naming != Naming::Direct {
                assert!(!files.contains(&Some(false)), "seed {seed}, {naming}: {files:?}");
            }
            if files[3] == Some(true) {
                assert_eq!(files, [Some(true); 4], "seed {seed}, {naming}: the manifest came too early");
            }
            match done {
                None => killed += 1,
                Some(Err(Broken::Lost)) => lost += 1,
                Some(Err(
                    Broken::Failed(failure) | Broken::Unreached(failure) | Broken::Unreadable(failure),
                )) => {
                    assert!(failure.retryable, "seed {seed}: {failure:?}");
                }
                Some(Ok(progress)) => {
                    assert_eq!((progress.files, files), (4, vec![Some(true); 4]), "seed {seed}, {naming}");
                    finished += 1;
                    break;
                }
            }
        }
    }
    assert_eq!(finished, 400, "each delivery ends");
    assert!(attempts > 1_000 && killed > 100 && lost > 10, "{attempts} {killed} {lost}");
}

#[test]
fn n1_what_the_store_has_lost_is_never_delivered() {
    for naming in Naming::ALL {
        let (sink, mut plan) = stored();
        plan.files[1].sha256 = Sha256Digest([7; 32]);
        let place = place(naming);
        let mut guard = Counting { left: 99, stored: DeliveryProgress::default(), is_told: false };
        let done = attempt(&sink, &plan, &place, Receipt::Size, 1, &mut guard, true).unwrap();
        let Err(Broken::Unreadable(failure)) = done else { panic!("{naming}: {done:?}") };
        assert!(!failure.retryable && failure.message.contains("look at the store"), "{failure:?}");
        let files = whole(&plan, &place.files());
        assert_eq!(files, [Some(true), None, None, None], "{naming}");
    }
}

#[test]
fn n6_a_digest_finds_what_a_size_does_not() {
    let (sink, plan) = stored();
    let place = place(Naming::Rename);
    let wrong = vec![0; 300];
    place.put(plan.files[1].path.clone(), &wrong);
    let mut guard = Counting { left: 99, stored: DeliveryProgress::default(), is_told: false };
    attempt(&sink, &plan, &place, Receipt::Size, 1, &mut guard, true).unwrap().unwrap();
    assert_eq!(whole(&plan, &place.files())[1], Some(false), "a size does not see it");
    let mut guard = Counting { left: 99, stored: DeliveryProgress::default(), is_told: false };
    attempt(&sink, &plan, &place, Receipt::Digest, 2, &mut guard, true).unwrap().unwrap();
    assert_eq!(whole(&plan, &place.files()), [Some(true); 4]);
}

#[test]
fn n1_a_server_that_cannot_rename_is_told_how_to_be_used() {
    let (sink, plan) = stored();
    let place = place(Naming::Rename).with_fate(|call| match call {
        RemoteCall::Rename(_) => Fate::Fails(DestinationErrorKind::CannotRename),
        _ => Fate::Works,
    });
    let mut guard = Counting { left: 99, stored: DeliveryProgress::default(), is_told: false };
    let done = attempt(&sink, &plan, &place, Receipt::Size, 1, &mut guard, true).unwrap();
    assert!(matches!(done, Err(Broken::Failed(failure)) if !failure.retryable));
}

#[test]
fn n1_a_file_that_another_claim_has_finished_meanwhile_stays() {
    for receipt in Receipt::ALL {
        let (sink, plan) = stored();
        let there = place(Naming::Rename);
        let removed = Arc::new(Mutex::new(Vec::new()));
        let (files, objects, others) = (plan.files.clone(), sink.objects(), there.clone());
        let seen = Arc::clone(&removed);
        let place = there.clone().with_fate(move |call| {
            match call {
                // This worker stands still after it has checked its file, and another one finishes the same.
                RemoteCall::Size(path) if path.name().ends_with(".part") => {
                    for file in files.iter().filter(|file| path.as_str().starts_with(file.path.as_str())) {
                        others.put(file.path.clone(), &objects[&file.key]);
                    }
                }
                RemoteCall::Remove(path) => seen.lock().unwrap().push(path.name().to_owned()),
                _ => {}
            }
            Fate::Works
        });
        let mut guard = Counting { left: 99, stored: DeliveryProgress::default(), is_told: false };
        let done = attempt(&sink, &plan, &place, receipt, 1, &mut guard, true).unwrap().unwrap();
        assert_eq!(done, DeliveryProgress { files: 4, bytes: 300_340 }, "{receipt}");
        assert_eq!(whole(&plan, &there.files()), [Some(true); 4], "{receipt}");
        let removed = removed.lock().unwrap();
        assert!(removed.len() == 4 && removed.iter().all(|name| name.ends_with(".part")), "{removed:?}");
    }
}

#[test]
fn n1_a_claim_that_is_lost_leaves_no_temporary_file() {
    for is_told in [false, true] {
        for left in 0..6 {
            let (sink, plan) = stored();
            let place = place(Naming::Rename);
            let mut guard = Counting { left, stored: DeliveryProgress::default(), is_told };
            let done = attempt(&sink, &plan, &place, Receipt::Size, 1, &mut guard, true).unwrap();
            assert_eq!(done, Err(Broken::Lost));
            let files: Vec<String> = place.files().keys().map(ToString::to_string).collect();
            assert!(files.iter().all(|name| !name.ends_with(".part")), "{left}, {is_told}: {files:?}");
        }
    }
}

#[test]
fn n1_a_claim_that_is_lost_leaves_what_it_has_begun_in_place_whole() {
    for is_told in [false, true] {
        let (sink, plan) = stored();
        let place = place(Naming::Direct);
        for file in &plan.files {
            place.put(file.path.clone(), &sink.objects()[&file.key]);
        }
        // Two questions come before the first byte: whether the manifest may be removed, and this.
        let mut guard = Counting { left: 2, stored: DeliveryProgress::default(), is_told };
        let done = attempt(&sink, &plan, &place, Receipt::Size, 1, &mut guard, true).unwrap();
        assert_eq!(done, Err(Broken::Lost));
        assert_eq!(whole(&plan, &place.files())[..3], [Some(true); 3], "{is_told}");
    }
}

#[test]
fn n1_what_a_late_worker_has_cut_or_removed_is_written_again_before_the_manifest() {
    for is_removed in [false, true] {
        let (sink, plan) = stored();
        let there = place(Naming::Direct);
        let (first, late) = (plan.files[0].path.clone(), there.clone());
        let looked = Arc::new(Mutex::new(0));
        let place = there.clone().with_fate(move |call| {
            // The worker of an earlier claim goes on while the second file is looked at.
            if matches!(call, RemoteCall::Size(path) if path.name() == "a.z02") {
                let mut looked = looked.lock().unwrap();
                *looked += 1;
                if *looked == 1 && is_removed {
                    late.take(&first);
                } else if *looked == 1 {
                    late.put(first.clone(), b"");
                }
            }
            Fate::Works
        });
        let mut guard = Counting { left: 99, stored: DeliveryProgress::default(), is_told: false };
        let done = attempt(&sink, &plan, &place, Receipt::Size, 2, &mut guard, true).unwrap().unwrap();
        assert_eq!(done, DeliveryProgress { files: 4, bytes: 300_340 });
        assert_eq!(whole(&plan, &there.files()), [Some(true); 4], "{is_removed}");
    }
}
