//! Rule F7: laws that slots obey, however they are computed.

use cdds_core::domain::calendar::frequency::Frequency;
use cdds_core::testing::strategies::{frequency, instant, recurring_frequency};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

/// The period after which the calendar repeats: 400 years have 146,097 days, a whole number of weeks.
const FOUR_HUNDRED_YEARS: TimeDelta = TimeDelta::days(146_097);
const NANOSECOND: TimeDelta = TimeDelta::nanoseconds(1);

/// Instants in the first and last ten years of the calendar, often its very ends.
fn at_the_ends() -> impl Strategy<Value = DateTime<Utc>> {
    let ten_years = 315_576_000_000_i64;
    let away = prop_oneof![Just(0_i64), 0..=86_400_000_i64, 0..=ten_years];
    (any::<bool>(), away).prop_map(|(end, away)| {
        let away = TimeDelta::milliseconds(away);
        if end { DateTime::<Utc>::MAX_UTC - away } else { DateTime::<Utc>::MIN_UTC + away }
    })
}

/// Whether the slot is found both from just before and from just after it.
fn is_slot(frequency: &Frequency, slot: DateTime<Utc>) -> bool {
    let before = slot.checked_sub_signed(NANOSECOND);
    let after = slot.checked_add_signed(NANOSECOND);
    before.is_none_or(|before| frequency.next_after(before) == Some(slot))
        && after.is_none_or(|after| frequency.last_before(after) == Some(slot))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16 * ProptestConfig::default().cases))]

    #[test]
    fn f7_the_next_slot_is_strictly_after_and_none_lies_between(
        frequency in frequency(), after in prop_oneof![4 => instant(), 1 => at_the_ends()],
    ) {
        if let Some(next) = frequency.next_after(after) {
            prop_assert!(next > after && is_slot(&frequency, next));
            // No slot lies between `after` and the next slot: the last one before either is the same.
            let at_or_before = after.checked_add_signed(NANOSECOND).and_then(|behind| frequency.last_before(behind));
            prop_assert_eq!(frequency.last_before(next), at_or_before);
        }
    }

    #[test]
    fn f7_the_last_slot_is_strictly_before_and_none_lies_between(
        frequency in frequency(), before in prop_oneof![4 => instant(), 1 => at_the_ends()],
    ) {
        if let Some(last) = frequency.last_before(before) {
            prop_assert!(last < before && is_slot(&frequency, last));
            let at_or_after = before.checked_sub_signed(NANOSECOND).and_then(|ahead| frequency.next_after(ahead));
            prop_assert_eq!(frequency.next_after(last), at_or_after);
        }
    }

    #[test]
    fn f7_the_last_slot_before_the_next_is_the_one_we_came_from(
        frequency in recurring_frequency(), after in instant(),
    ) {
        let slot = frequency.next_after(after).unwrap();
        let next = frequency.next_after(slot).unwrap();
        prop_assert_eq!(frequency.last_before(next), Some(slot));
        prop_assert_eq!(frequency.next_after(frequency.last_before(slot).unwrap()), Some(slot));
    }

    #[test]
    fn f7_slots_repeat_every_four_hundred_years(
        frequency in recurring_frequency(), from in instant(), cycles in -600_i32..600,
    ) {
        let shift = FOUR_HUNDRED_YEARS * cycles;
        let next = frequency.next_after(from).unwrap();
        prop_assert_eq!(frequency.next_after(from + shift), Some(next + shift));
        let last = frequency.last_before(from).unwrap();
        prop_assert_eq!(frequency.last_before(from + shift), Some(last + shift));
    }

    #[test]
    fn f7_what_recurs_ends_only_with_the_calendar(frequency in recurring_frequency(), from in at_the_ends()) {
        // No frequency waits longer than the eight years between 29 February 2096 and 2104.
        let far = TimeDelta::days(8 * 366);
        let (next, last) = (frequency.next_after(from), frequency.last_before(from));
        prop_assert!(next.is_some() || from.checked_add_signed(far).is_none(), "after {from}");
        prop_assert!(last.is_some() || from.checked_sub_signed(far).is_none(), "before {from}");
    }
}

#[test]
fn f7_the_ends_of_the_calendar_are_not_a_panic() {
    for frequency in ["* * * * *", "59 23 31 12 *", "0 0 1 1 *", "0 0 * * 1"].map(|text| {
        Frequency::Cron(cdds_core::domain::calendar::frequency::CronExpression::new(text).unwrap())
    }) {
        assert_eq!(frequency.next_after(DateTime::<Utc>::MAX_UTC), None);
        assert_eq!(frequency.last_before(DateTime::<Utc>::MIN_UTC), None);
        assert!(frequency.next_after(DateTime::<Utc>::MIN_UTC).is_some());
        assert!(frequency.last_before(DateTime::<Utc>::MAX_UTC).is_some());
    }
}
