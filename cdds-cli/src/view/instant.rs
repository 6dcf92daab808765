//! Instants as they are printed.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use crate::output::{Cell, exact};

/// An instant by RFC 3339, in UTC, with `Z` and only the digits needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instant(pub(crate) DateTime<Utc>);

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&exact(self.0))
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<Instant> for Cell {
    fn from(Instant(at): Instant) -> Self {
        Self::At(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_end_in_z_and_keep_their_microseconds() {
        for (text, printed) in [
            ("2026-11-22T02:00:00+01:00", "2026-11-22T01:00:00Z"),
            ("2026-11-22T02:00:00.000123Z", "2026-11-22T02:00:00.000123Z"),
        ] {
            let instant = Instant(DateTime::parse_from_rfc3339(text).unwrap().to_utc());
            assert_eq!(instant.to_string(), printed);
            assert_eq!(serde_json::to_string(&instant).unwrap(), format!("{printed:?}"));
        }
    }
}
