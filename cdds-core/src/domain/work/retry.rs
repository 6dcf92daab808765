//! Rule E5: how long to wait between attempts.

use chrono::TimeDelta;
use uuid::Uuid;

/// Returns the wait after so many failures in a row: `first` after the first, doubled with each further one,
/// at most `max`, and then spread by a fifth to either side.
pub(in crate::domain) fn backoff(work: Uuid, failures: u32, first: TimeDelta, max: TimeDelta) -> TimeDelta {
    // 2 to the power of the number of earlier failures. A shift that overflows or reaches the sign bit
    // means the longest wait.
    let doubled = 1_i32.checked_shl(failures.saturating_sub(1)).filter(|factor| *factor > 0);
    let delay = doubled.and_then(|factor| first.checked_mul(factor)).map_or(max, |delay| delay.min(max));
    delay * spread_percent(work, failures) / 100
}

/// Returns 80 to 120 percent, derived from the work and the attempt. Work that failed together is thus not
/// tried again together, and deciding twice gives the same wait.
fn spread_percent(work: Uuid, attempt: u32) -> i32 {
    let seed = work.as_u128() ^ u128::from(attempt).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    // 41 is tiny compared with the seed, so the remainders are evenly spread. They are below 41 and always
    // fit.
    80 + i32::try_from(seed % 41).unwrap_or(20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e5_delays_are_spread_evenly_and_the_same_for_whoever_decides() {
        let mut counts = std::collections::BTreeMap::new();
        for id in 0..4_100 {
            *counts.entry(spread_percent(Uuid::from_u128(id), 1)).or_insert(0) += 1;
        }
        assert_eq!(counts.keys().copied().collect::<Vec<_>>(), (80..=120).collect::<Vec<_>>());
        assert!(counts.values().all(|count| (80..=120).contains(count)), "{counts:?}");
        // The values are fixed, so engines of other versions decide the same.
        let of = |attempt| spread_percent(Uuid::from_u128(7), attempt);
        assert_eq!([of(1), of(2), of(3), of(4)], [97, 82, 92, 118]);
    }
}
