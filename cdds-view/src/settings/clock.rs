//! The parts of a job's clock, each optional, over the present clock of a job (rule F9).

use cdds_core::domain::calendar::wall_clock::{Fold, Gap, WallClock};
use cdds_core::domain::calendar::zone::Zone;
use cdds_core::domain::violation::{Code, RuleViolation};

/// The parts of a clock, as people give them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClockParts {
    /// The time zone, by its name in the IANA database.
    pub time_zone: Option<String>,
    /// What happens to times that the clock leaves out: `shift` or `skip`.
    pub gap: Option<String>,
    /// What happens to times that the clock shows twice: `first`, `second` or `both`.
    pub fold: Option<String>,
}

/// Leaves out every part that is the default.
impl From<&WallClock> for ClockParts {
    fn from(clock: &WallClock) -> Self {
        let (gap, fold) = (clock.gap(), clock.fold());
        Self {
            time_zone: (!clock.is_utc()).then(|| clock.zone().name().to_owned()),
            gap: (gap != Gap::default()).then(|| gap.as_str().to_owned()),
            fold: (fold != Fold::default()).then(|| fold.as_str().to_owned()),
        }
    }
}

impl ClockParts {
    /// Returns the clock. A part that is left out keeps its present value.
    ///
    /// # Errors
    /// [`Code::InvalidTimeZone`] if the zone is not known, another part has no such value, or one is given for UTC,
    /// whose clock leaves nothing out and shows nothing twice.
    pub fn over(&self, present: &WallClock) -> Result<WallClock, RuleViolation> {
        let zone = self.time_zone.as_deref().map_or_else(|| Ok(present.zone().clone()), Zone::new)?;
        let gap = self.gap.as_deref().map_or(Ok(present.gap()), str::parse)?;
        let fold = self.fold.as_deref().map_or(Ok(present.fold()), str::parse)?;
        if zone.is_utc() && (self.gap.is_some() || self.fold.is_some()) {
            return Err(RuleViolation::new(
                Code::InvalidTimeZone,
                "gap and fold go with a time zone: in UTC, the clock leaves nothing out and shows nothing twice",
            ));
        }
        Ok(WallClock::new(zone, gap, fold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(time_zone: &str, gap: &str, fold: &str) -> ClockParts {
        let part = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        ClockParts { time_zone: part(time_zone), gap: part(gap), fold: part(fold) }
    }

    #[test]
    fn f9_what_is_left_out_stays() {
        let berlin = parts("Europe/Berlin", "skip", "both").over(&WallClock::UTC).unwrap();
        assert_eq!(ClockParts::from(&berlin), parts("Europe/Berlin", "skip", "both"));
        for (given, words) in [
            (parts("", "", ""), "Europe/Berlin, gap skip, fold both"),
            (parts("europe/paris", "", ""), "Europe/Paris, gap skip, fold both"),
            (parts("", "shift", "first"), "Europe/Berlin"),
            (parts("", "", "second"), "Europe/Berlin, gap skip, fold second"),
            (parts("Etc/UTC", "", ""), "UTC"),
        ] {
            assert_eq!(given.over(&berlin).unwrap().to_string(), words);
        }
        assert_eq!(ClockParts::from(&WallClock::UTC), ClockParts::default());
        assert_eq!(ClockParts::default().over(&WallClock::UTC).unwrap(), WallClock::UTC);
    }

    #[test]
    fn f9_what_is_not_possible_is_refused() {
        for given in [
            parts("Europe/Bonn", "", ""),
            parts("", "skip", ""),
            parts("UTC", "", "both"),
            parts("Europe/Berlin", "last", ""),
            parts("Europe/Berlin", "", "third"),
        ] {
            assert_eq!(given.over(&WallClock::UTC).unwrap_err().code(), Code::InvalidTimeZone, "{given:?}");
        }
    }
}
