//! Instants as they are written.

use std::fmt;

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant by RFC 3339, in UTC, with `Z` and only the digits needed: `2026-11-22T01:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub DateTime<Utc>);

impl From<DateTime<Utc>> for Instant {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads any offset and converts it to UTC.
impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DateTime::<Utc>::deserialize(deserializer).map(Self)
    }
}

/// What a job's clock shows at an instant, by RFC 3339, with its offset from UTC: `2026-11-22T02:00:00+01:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime(pub DateTime<FixedOffset>);

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, false))
    }
}

impl Serialize for LocalTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LocalTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DateTime::<FixedOffset>::deserialize(deserializer).map(Self)
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
            let instant: Instant = serde_json::from_str(&format!("{text:?}")).unwrap();
            assert_eq!(instant, Instant(DateTime::parse_from_rfc3339(text).unwrap().to_utc()));
            assert_eq!(instant.to_string(), printed);
            assert_eq!(serde_json::to_string(&instant).unwrap(), format!("{printed:?}"));
        }
    }
}
