//! A simulation that does not find a planted bug would not find a real one either.

use cdds_core::testing::sim::{Invariant, PlantedBug, World};

/// The number of seeds within which each bug must be found.
const SEEDS: u64 = 200;

/// The invariant that each bug breaks first.
fn breaks(bug: PlantedBug) -> Invariant {
    use Invariant::{
        Answer, Audit, Cancel, Complete, D3, D4, D5, D6, D7, D8, D9, D10, D11, Ends, I1, I2, I3, I4, I5, I6,
        I7, I8, I9, I10, I11, I12, Lease, Order, Owner, Reason, Record,
    };
    match bug {
        PlantedBug::ShiftedWindow | PlantedBug::NoSettleLag | PlantedBug::DaysOfUtc => I1,
        PlantedBug::WatermarkBack => I2,
        PlantedBug::WatermarkOutsideTransaction | PlantedBug::BytesRot => I3,
        PlantedBug::ClosedWindow
        | PlantedBug::LateRows
        | PlantedBug::RowLost
        | PlantedBug::RowTwice
        | PlantedBug::ChangeUnnoticed
        | PlantedBug::ChangesPassedOver
        | PlantedBug::SecondReadForgotten
        | PlantedBug::OldVersions => I4,
        PlantedBug::RerunIgnoresRivals => I5,
        PlantedBug::NoFence
        | PlantedBug::BlindCommitRetry
        | PlantedBug::NoticeWithoutFence
        | PlantedBug::LeaseRenewedAfterExpiry
        | PlantedBug::BeginWithoutFence
        | PlantedBug::KeyWithoutNonce
        | PlantedBug::UploadRepeated => I6,
        PlantedBug::CompletenessIgnored => Complete,
        PlantedBug::OwnerLeak | PlantedBug::InvisibleShown => Owner,
        PlantedBug::BackfillMovesWatermark | PlantedBug::UnstableOrder => I7,
        PlantedBug::SweepIgnoresStanding
        | PlantedBug::DeletesUnknown
        | PlantedBug::DeletesGivenUp
        | PlantedBug::UnfinishedNotListed
        | PlantedBug::DeleteForgotten
        | PlantedBug::DiscardOnUnknownCommit
        | PlantedBug::AbortedUploadLands
        | PlantedBug::SharedKey => I8,
        PlantedBug::ResumeRunsMissed | PlantedBug::OneTimeTwice => I9,
        PlantedBug::OverlapAllowed => I10,
        PlantedBug::NoTakeOver | PlantedBug::NothingDue => I11,
        PlantedBug::RetentionIgnoresHold
        | PlantedBug::RetentionTooShort
        | PlantedBug::NeverExpires
        | PlantedBug::ForgetsTooMuch
        | PlantedBug::ForgetsNothing => I12,
        PlantedBug::SkipNotRecorded
        | PlantedBug::NoticeOutsideTransaction
        | PlantedBug::RevisionIgnored
        | PlantedBug::RestForgotten
        | PlantedBug::DeadShownAlive
        | PlantedBug::ExpiryUntold
        | PlantedBug::HeldSaidToExpire
        | PlantedBug::GapLoses
        | PlantedBug::FoldDoubles
        | PlantedBug::DriftsWithClock
        | PlantedBug::RenewalLosesSlot
        | PlantedBug::OlderComputes
        | PlantedBug::SlotsByOwnClock => Record,
        PlantedBug::LeaseStolen
        | PlantedBug::GivenTwice
        | PlantedBug::RoundHoldsBeats
        | PlantedBug::HouseKeptTwice
        | PlantedBug::DrainUnheard
        | PlantedBug::LeasesByOwnClock => Lease,
        PlantedBug::AckWithoutWrite
        | PlantedBug::RefusesWithoutNeed
        | PlantedBug::SignOfLifeLost
        | PlantedBug::DrainNotStored => Answer,
        PlantedBug::EverythingCovered
        | PlantedBug::EverythingTooOld
        | PlantedBug::FailsWhenCalm
        | PlantedBug::EmptyWindowPanics
        | PlantedBug::CoveredInWordsOnly
        | PlantedBug::DeselectedCategory
        | PlantedBug::DayBefore => Reason,
        PlantedBug::NewestFirst
        | PlantedBug::OneAtATime
        | PlantedBug::NoticeBlocksOthers
        | PlantedBug::NoTurns
        | PlantedBug::SourceLimitIgnored => Order,
        PlantedBug::CancelIgnored
        | PlantedBug::CancelUnheeded
        | PlantedBug::CancelRetried
        | PlantedBug::CancelOvertaken => Cancel,
        PlantedBug::AuditOutside | PlantedBug::ViewerDeletes => Audit,
        // Engines ask once a second for what waits behind the source that hangs, until the world has had its
        // turns.
        PlantedBug::PanicEndsEngine | PlantedBug::EmptyWindowWaits | PlantedBug::StallUnnoticed => Ends,
        PlantedBug::ErasureBeforeCopy | PlantedBug::AnswerWithoutFence => D3,
        PlantedBug::CountAfterErasure => D4,
        PlantedBug::ErasesOtherOwners => D5,
        PlantedBug::IdentifiersKept => D6,
        PlantedBug::EndBeforeLedger | PlantedBug::ReapplyForgetsKey => D7,
        PlantedBug::RepeatTaken => D8,
        PlantedBug::CopyIncomplete => D9,
        PlantedBug::LostFilterHoldsNothing | PlantedBug::FilterAfterTemplate => D10,
        PlantedBug::RecallAgain | PlantedBug::RecallUnheard => D11,
        other => panic!("say what {other:?} breaks"),
    }
}

#[test]
fn every_invariant_is_broken_by_a_bug() {
    let broken: Vec<Invariant> = PlantedBug::ALL.into_iter().map(breaks).collect();
    let mut all = Invariant::ALL.into_iter().chain(Invariant::OF_REQUESTS);
    assert_eq!(all.find(|invariant| !broken.contains(invariant)), None);
}

/// Asserts that a seed finds the bug, and that the same world without the bug is clean.
fn is_found(bug: PlantedBug) {
    let world = |seed| match bug {
        // Nothing is unknown, and no claim comes again, in a world without restores.
        PlantedBug::DeletesUnknown | PlantedBug::DeletesGivenUp | PlantedBug::KeyWithoutNonce => {
            World::new(seed).days(4).restoring()
        }
        PlantedBug::GapLoses
        | PlantedBug::FoldDoubles
        | PlantedBug::DriftsWithClock
        | PlantedBug::RenewalLosesSlot
        | PlantedBug::OlderComputes
        | PlantedBug::DaysOfUtc => World::new(seed).days(4).zoned(),
        _ if bug.is_of_requests() => World::new(seed).days(4).asking(),
        _ => World::new(seed).days(4),
    };
    let found = (0..SEEDS).find_map(|seed| world(seed).planted(bug).run().err());
    let violation = found.unwrap_or_else(|| panic!("{bug:?} is not found within {SEEDS} seeds"));
    let others: &[Invariant] = match bug {
        // A source that hangs late in a world holds its work up before the world has had its turns.
        PlantedBug::StallUnnoticed => &[Invariant::I11],
        // By a clock that is ahead a set expires early, or work is put off to what is the present there,
        // perhaps before anything is due early.
        PlantedBug::SlotsByOwnClock => &[Invariant::I12, Invariant::Reason],
        _ => &[],
    };
    let expected = violation.invariant == breaks(bug) || others.contains(&violation.invariant);
    assert!(expected, "{bug:?}: {violation}");
    let clean = world(violation.seed).run();
    assert!(clean.is_ok(), "without {bug:?}: {}", clean.unwrap_err());
    let again = world(violation.seed).planted(bug).run().unwrap_err();
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
    e14_executions_forgotten_before_their_files_are_found: ForgetsTooMuch,
    e14_a_record_that_grows_for_ever_is_found: ForgetsNothing,
    e15_a_house_that_everybody_keeps_is_found: HouseKeptTwice,
    e2_an_owner_whose_turn_is_passed_over_is_found: NoTurns,
    e2_a_source_that_reads_for_too_many_is_found: SourceLimitIgnored,
    j16_a_source_that_returns_the_records_of_others_is_found: OwnerLeak,
    j16_a_source_that_is_shown_to_others_is_found: InvisibleShown,
    i6_a_missing_fence_is_found: NoFence,
    w3b_a_begin_without_a_fence_is_found: BeginWithoutFence,
    w3b_a_source_that_is_not_heeded_is_found: CompletenessIgnored,
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
    n4_a_notice_that_is_settled_without_a_fence_is_found: NoticeWithoutFence,
    n4_a_notice_that_holds_up_others_is_found: NoticeBlocksOthers,
    n8_a_set_that_expires_untold_is_found: ExpiryUntold,
    n8_a_set_on_hold_that_is_said_to_expire_is_found: HeldSaidToExpire,
    i8_a_sweep_that_asks_nobody_is_found: SweepIgnoresStanding,
    e16_a_sweep_that_deletes_what_nobody_knows_is_found: DeletesUnknown,
    e17_a_sweep_that_deletes_what_a_lost_time_has_published_is_found: DeletesGivenUp,
    e17_keys_that_come_again_after_a_restore_are_found: KeyWithoutNonce,
    i6_keys_shared_by_epochs_are_found: SharedKey,
    i8_unfinished_uploads_that_stay_are_found: UnfinishedNotListed,
    i8_files_that_are_not_deleted_are_found: DeleteForgotten,
    w4_a_missing_settle_lag_is_found: NoSettleLag,
    i4_a_window_with_its_end_inside_is_found: ClosedWindow,
    w4_work_skipped_as_covered_is_found: EverythingCovered,
    e4_work_skipped_as_too_old_is_found: EverythingTooOld,
    e5_failures_without_a_fault_are_found: FailsWhenCalm,
    an_answer_without_a_write_is_found: AckWithoutWrite,
    a_refusal_without_need_is_found: RefusesWithoutNeed,
    e2_work_given_twice_is_found: GivenTwice,
    e2_work_given_out_of_order_is_found: NewestFirst,
    e2_work_left_in_the_queue_is_found: OneAtATime,
    e8_a_cancel_that_nobody_is_told_of_is_found: CancelIgnored,
    e8_a_cancel_that_nobody_heeds_is_found: CancelUnheeded,
    e8_a_cancel_that_is_forgotten_is_found: CancelRetried,
    e8_a_commit_over_an_accepted_cancel_is_found: CancelOvertaken,
    i1_a_shifted_window_is_found: ShiftedWindow,
    i2_a_watermark_that_goes_back_is_found: WatermarkBack,
    i5_a_rerun_of_what_has_succeeded_is_found: RerunIgnoresRivals,
    i7_an_order_that_differs_is_found: UnstableOrder,
    i12_sets_that_never_expire_are_found: NeverExpires,
    i8_a_commit_taken_for_lost_is_found: DiscardOnUnknownCommit,
    i6_files_written_over_are_found: UploadRepeated,
    i3_bytes_that_change_are_found: BytesRot,
    i4_records_that_come_late_are_missed_and_found: LateRows,
    i4_a_lost_record_is_found: RowLost,
    i4_a_record_that_is_there_twice_is_found: RowTwice,
    i11_a_schedule_that_does_nothing_is_found: NothingDue,
    j1_a_change_over_the_change_of_another_is_found: RevisionIgnored,
    e5_a_panic_without_a_fault_is_found: EmptyWindowPanics,
    a_panic_that_ends_the_engine_is_found: PanicEndsEngine,
    e5_a_source_that_hangs_for_ever_is_found: StallUnnoticed,
    e8_an_upload_that_comes_after_its_end_is_found: AbortedUploadLands,
    i4_data_that_changed_under_a_read_is_found: ChangeUnnoticed,
    e7_a_round_that_holds_beats_up_is_found: RoundHoldsBeats,
    a_world_without_end_is_found: EmptyWindowWaits,
    w3a_occurrences_covered_in_words_only_are_found: CoveredInWordsOnly,
    w7_changes_that_are_taken_by_their_event_are_found: ChangesPassedOver,
    w7_versions_that_were_replaced_are_found: OldVersions,
    j10_changes_that_stop_at_the_first_of_what_waits_are_found: RestForgotten,
    j17_a_second_type_that_is_not_written_is_found: SecondReadForgotten,
    j3_a_record_of_a_deselected_category_is_found: DeselectedCategory,
    t4_slots_by_the_clock_of_an_engine_are_found: SlotsByOwnClock,
    t4_leases_by_the_clock_of_a_worker_are_found: LeasesByOwnClock,
    w1_a_record_of_a_day_outside_the_window_is_found: DayBefore,
    c2_an_audit_outside_the_transaction_is_found: AuditOutside,
    c1_a_viewer_who_deletes_is_found: ViewerDeletes,
    e19_a_sign_of_life_that_is_not_stored_is_found: SignOfLifeLost,
    e19_a_dead_worker_that_is_shown_alive_is_found: DeadShownAlive,
    e20_a_request_to_drain_that_is_not_stored_is_found: DrainNotStored,
    e20_an_engine_that_does_not_heed_it_is_found: DrainUnheard,
    f9_an_occurrence_lost_in_a_gap_is_found: GapLoses,
    f9_an_occurrence_doubled_in_a_fold_is_found: FoldDoubles,
    f9_a_schedule_that_drifts_is_found: DriftsWithClock,
    f9_windows_by_the_days_of_utc_are_found: DaysOfUtc,
    f9_an_occurrence_lost_to_a_newer_database_is_found: RenewalLosesSlot,
    f9_a_worker_that_computes_by_an_older_database_is_found: OlderComputes,
    d3_an_erasure_before_its_copy_is_published_is_found: ErasureBeforeCopy,
    d3_an_answer_of_a_lost_claim_is_found: AnswerWithoutFence,
    d4_a_count_that_is_stored_after_the_erasure_is_found: CountAfterErasure,
    d5_an_erasure_for_all_owners_is_found: ErasesOtherOwners,
    d6_identifiers_that_are_kept_at_the_end_are_found: IdentifiersKept,
    d7_an_end_before_the_ledger_is_written_is_found: EndBeforeLedger,
    d7_a_key_that_is_forgotten_when_erasures_are_applied_again_is_found: ReapplyForgetsKey,
    d8_a_request_that_repeats_another_is_found: RepeatTaken,
    d9_a_copy_that_leaves_a_record_out_is_found: CopyIncomplete,
    d10_a_lost_filter_that_says_nothing_is_there_is_found: LostFilterHoldsNothing,
    d10_a_filter_that_is_filled_after_fields_were_left_out_is_found: FilterAfterTemplate,
    d11_a_recall_that_tells_twice_is_found: RecallAgain,
    d11_a_recall_that_tells_nobody_is_found: RecallUnheard,
}
