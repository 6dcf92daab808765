//! A simulation that does not find a planted bug would not find another one.

use cdds_core::testing::sim::{Invariant, PlantedBug, World};

/// Each bug is to be found within so many seeds.
const SEEDS: u64 = 200;

/// What each bug may be found by: the first invariant that it breaks.
fn breaks(bug: PlantedBug) -> &'static [Invariant] {
    use Invariant::{Ends, I1, I2, I3, I4, I6, I7, I8, I9, I10, I11, I12, Lease, Record};
    match bug {
        PlantedBug::NoFence | PlantedBug::BlindCommitRetry | PlantedBug::LeaseRenewedAfterExpiry => &[I6],
        PlantedBug::LeaseStolen => &[Lease],
        PlantedBug::NoTakeOver => &[I11],
        PlantedBug::WatermarkOutsideTransaction => &[I3],
        PlantedBug::BackfillMovesWatermark => &[I2, I7],
        PlantedBug::SkipNotRecorded | PlantedBug::NoticeOutsideTransaction => &[Record],
        PlantedBug::ResumeRunsMissed => &[I1, I9],
        PlantedBug::OneTimeTwice => &[I9],
        PlantedBug::OverlapAllowed => &[I10],
        PlantedBug::RetentionIgnoresHold | PlantedBug::RetentionTooShort => &[I12],
        PlantedBug::SweepIgnoresStanding | PlantedBug::UnfinishedNotListed | PlantedBug::DeleteForgotten => {
            &[I8]
        }
        PlantedBug::SharedKey => &[I6, I8],
        PlantedBug::NoSettleLag | PlantedBug::ClosedWindow => &[I4, I1],
        PlantedBug::RevisionIgnored => &[Record],
        PlantedBug::EmptyWindowPanics | PlantedBug::EmptyWindowWaits => &[Ends],
        other => panic!("say what {other:?} breaks"),
    }
}

/// The first seed that finds the bug; the same world without it is clean.
fn is_found(bug: PlantedBug) {
    let found = (0..SEEDS).find_map(|seed| World::new(seed).days(4).planted(bug).run().err());
    let violation = found.unwrap_or_else(|| panic!("{bug:?} is not found within {SEEDS} seeds"));
    assert!(breaks(bug).contains(&violation.invariant), "{bug:?}: {violation}");
    let clean = World::new(violation.seed).days(4).run();
    assert!(clean.is_ok(), "without {bug:?}: {}", clean.unwrap_err());
    let again = World::new(violation.seed).days(4).planted(bug).run().unwrap_err();
    assert_eq!(violation, again, "{bug:?} is found again in the same way");
}

macro_rules! planted {
    ($($test:ident: $bug:ident,)*) => {
        $(#[test]
        fn $test() {
            is_found(PlantedBug::$bug);
        })*

        #[test]
        fn every_planted_bug_has_its_test() {
            let tested = [$(PlantedBug::$bug,)*];
            assert_eq!(PlantedBug::ALL.iter().find(|bug| !tested.contains(bug)), None);
        }
    };
}

planted! {
    i6_a_missing_fence_is_found: NoFence,
    i6_a_lost_claim_that_goes_on_is_found: LeaseRenewedAfterExpiry,
    e5_a_stolen_lease_is_found: LeaseStolen,
    i11_work_of_the_dead_that_nobody_takes_is_found: NoTakeOver,
    i6_a_commit_repeated_blindly_is_found: BlindCommitRetry,
    i3_a_watermark_outside_the_transaction_is_found: WatermarkOutsideTransaction,
    i7_a_backfill_that_moves_the_watermark_is_found: BackfillMovesWatermark,
    e1_a_skip_that_is_not_recorded_is_found: SkipNotRecorded,
    j7_a_resume_that_runs_what_was_missed_is_found: ResumeRunsMissed,
    i9_a_one_time_job_that_runs_twice_is_found: OneTimeTwice,
    i10_two_executions_of_a_job_at_once_are_found: OverlapAllowed,
    i12_a_retention_that_ignores_holds_is_found: RetentionIgnoresHold,
    i12_a_retention_that_is_too_short_is_found: RetentionTooShort,
    n2_a_notice_outside_the_transaction_is_found: NoticeOutsideTransaction,
    i8_a_sweep_that_asks_nobody_is_found: SweepIgnoresStanding,
    i6_keys_shared_by_epochs_are_found: SharedKey,
    i8_unfinished_uploads_that_stay_are_found: UnfinishedNotListed,
    i8_files_that_are_not_deleted_are_found: DeleteForgotten,
    i4_a_missing_settle_lag_is_found: NoSettleLag,
    i4_a_window_with_its_end_inside_is_found: ClosedWindow,
    j1_a_change_over_the_change_of_another_is_found: RevisionIgnored,
    a_panic_is_found: EmptyWindowPanics,
    a_world_without_end_is_found: EmptyWindowWaits,
}
