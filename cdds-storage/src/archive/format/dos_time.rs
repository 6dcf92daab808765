//! APPNOTE 4.4.6: date and time fields in MS-DOS format, two-second steps, 1980 to 2107.

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};

/// An instant as the two fields `time` and `date`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::archive) struct DosDateTime {
    pub(in crate::archive) time: u16,
    pub(in crate::archive) date: u16,
}

impl DosDateTime {
    const FIRST: Self = Self::pack(0, 1, 1, 0, 0, 0);
    const LAST: Self = Self::pack(127, 12, 31, 23, 59, 58);

    /// Converts an instant in UTC, rounded down; clamps it to the years of the format.
    pub(in crate::archive) fn new(at: DateTime<Utc>) -> Self {
        match at.year() {
            ..1980 => Self::FIRST,
            2108.. => Self::LAST,
            year => Self::pack(
                year.abs_diff(1980),
                at.month(),
                at.day(),
                at.hour(),
                at.minute(),
                at.second().min(59),
            ),
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "each field is masked to the bits it has")]
    const fn pack(years: u32, month: u32, day: u32, hour: u32, minute: u32, second: u32) -> Self {
        Self {
            time: ((hour & 31) << 11 | (minute & 63) << 5 | (second / 2) & 31) as u16,
            date: ((years & 127) << 9 | (month & 15) << 5 | day & 31) as u16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DosDateTime {
        DosDateTime::new(text.parse().unwrap())
    }

    #[test]
    fn instants_are_packed_rounded_and_clamped() {
        assert_eq!(
            at("2024-02-29T13:37:59Z"),
            DosDateTime { time: 13 << 11 | 37 << 5 | 29, date: 44 << 9 | 2 << 5 | 29 }
        );
        assert_eq!(at("1969-01-01T10:00:00Z"), DosDateTime { time: 0, date: 1 << 5 | 1 });
        assert_eq!(at("2200-01-01T00:00:00Z"), at("2107-12-31T23:59:59Z"));
    }
}
