//! Timeframes as people type them and as they are stored.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};

use super::{FixedRange, Timeframe};
use crate::domain::violation::{Code, RuleViolation, quoted};

const FORMS: &str =
    "all, rolling:1w, previous:1d, since-last, since-last:2026-01-01T00:00:00Z or fixed:START..END";

impl fmt::Display for Timeframe {
    /// Writes the form that people type: `all`, `rolling:1w`, `previous:1d`, `since-last`,
    /// `since-last:ORIGIN` or `fixed:START..END`, with instants in whole microseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Fixed(range) => write!(f, "fixed:{}..{}", rfc3339(range.start), rfc3339(range.end)),
            Self::Rolling(span) => write!(f, "rolling:{span}"),
            Self::Previous(span) => write!(f, "previous:{span}"),
            Self::SinceLastExport { origin: None } => f.write_str("since-last"),
            Self::SinceLastExport { origin: Some(origin) } => {
                write!(f, "since-last:{}", rfc3339(origin.trunc_subsecs(6)))
            }
        }
    }
}

impl FromStr for Timeframe {
    type Err = RuleViolation;

    /// Reads the form that [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, rest) = match text.split_once(':') {
            Some((name, rest)) => (name, Some(rest)),
            None => (text, None),
        };
        match (name, rest) {
            ("all", None) => Ok(Self::All),
            ("rolling", Some(span)) => span.parse().map(Self::Rolling),
            ("previous", Some(span)) => span.parse().map(Self::Previous),
            ("since-last", None) => Ok(Self::SinceLastExport { origin: None }),
            ("since-last", Some(origin)) => Ok(Self::SinceLastExport { origin: Some(instant(origin)?) }),
            ("fixed", Some(range)) => fixed(range),
            _ => Err(refusal(format!("{} is not a timeframe: write {FORMS}", quoted(text)))),
        }
    }
}

pub(super) fn rfc3339(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn refusal(why: String) -> RuleViolation {
    RuleViolation::new(Code::InvalidTimeframe, why)
}

fn fixed(range: &str) -> Result<Timeframe, RuleViolation> {
    let (start, end) = range.split_once("..").ok_or_else(|| {
        refusal(format!(
            "{} is not a range: write START..END, like 2026-01-01T00:00:00Z..2026-02-01T00:00:00Z",
            quoted(range)
        ))
    })?;
    FixedRange::new(instant(start)?, instant(end)?).map(Timeframe::Fixed)
}

/// Reads an RFC 3339 instant and truncates it to whole microseconds (rule W1).
fn instant(text: &str) -> Result<DateTime<Utc>, RuleViolation> {
    DateTime::parse_from_rfc3339(text).map(|instant| instant.to_utc().trunc_subsecs(6)).map_err(|_| {
        refusal(format!("{} is not an instant: write it like 2026-01-31T00:00:00Z", quoted(text)))
    })
}
