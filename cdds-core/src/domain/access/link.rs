//! Rule C3: for how long a link to a stored file is valid, and the name that a file is offered under.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, Utc};

/// How long a link to a stored file is valid: 1 second to 15 minutes, in whole seconds.
///
/// Whoever has the link has the file, so it only has to last until a download has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkLifetime(u16);

impl LinkLifetime {
    /// The longest lifetime in seconds: 15 minutes.
    pub const SECONDS_MAX: u16 = 15 * 60;

    /// Creates a lifetime of this many seconds. Returns `None` outside 1 to 900.
    pub const fn from_secs(seconds: u16) -> Option<Self> {
        if seconds >= 1 && seconds <= Self::SECONDS_MAX { Some(Self(seconds)) } else { None }
    }

    /// Returns the number of seconds.
    pub const fn as_secs(self) -> u16 {
        self.0
    }

    /// Shortens a lifetime that begins at `now`, so that a link ends no later than its file, which expires at
    /// `expires_at` (rule A7). Returns `None` if less than a second remains, also for a file that a hold alone keeps.
    #[must_use]
    pub fn within(self, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<Self> {
        let left = (expires_at - now).num_seconds();
        let left = u16::try_from(left.clamp(0, i64::from(Self::SECONDS_MAX))).unwrap_or_default();
        Self::from_secs(self.0.min(left))
    }
}

impl Default for LinkLifetime {
    /// One minute.
    fn default() -> Self {
        Self(60)
    }
}

impl From<LinkLifetime> for Duration {
    fn from(lifetime: LinkLifetime) -> Self {
        Self::from_secs(lifetime.0.into())
    }
}

/// Returns the value of the header `Content-Disposition` that lets a browser save a file under this name (RFC 6266),
/// whatever characters it has. The value has only visible ASCII characters and spaces.
pub fn attachment(name: &str) -> String {
    let plain = |character: char| match character {
        '"' | '\\' | '/' | '%' => '_',
        ' '..='~' => character,
        _ => '_',
    };
    let fallback: String = name.chars().map(plain).collect();
    let mut header = format!("attachment; filename=\"{fallback}\"");
    if fallback != name {
        header.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            let _infallible = match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                    write!(header, "{}", char::from(byte))
                }
                _ => write!(header, "%{byte:02X}"),
            };
        }
    }
    header
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn c3_a_link_lasts_one_second_to_fifteen_minutes() {
        for (seconds, is_one) in [(0, false), (1, true), (60, true), (900, true), (901, false)] {
            assert_eq!(
                LinkLifetime::from_secs(seconds).map(LinkLifetime::as_secs),
                is_one.then_some(seconds)
            );
        }
        assert_eq!(Duration::from(LinkLifetime::default()), Duration::from_secs(60));
    }

    #[test]
    fn c3_a_link_ends_no_later_than_its_file() {
        let (now, minute) = (DateTime::UNIX_EPOCH, LinkLifetime::default());
        let within = |left: i64| {
            let shortened = minute.within(now + TimeDelta::milliseconds(left), now);
            shortened.map(LinkLifetime::as_secs)
        };
        assert_eq!([within(86_400_000), within(60_000), within(59_999)], [Some(60), Some(60), Some(59)]);
        assert_eq!([within(1_000), within(999), within(0), within(-86_400_000)], [Some(1), None, None, None]);
    }
}
