//! The clock of stored settings, of version 5.

use serde::{Deserialize, Serialize};

use crate::domain::calendar::wall_clock::{Fold, Gap, WallClock};
use crate::domain::calendar::zone::Zone;
use crate::domain::violation::RuleViolation;

/// A clock in a zone other than UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClockV5 {
    time_zone: String,
    gap: String,
    fold: String,
    /// The version of the database by which that was computed which is stored with these settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    database: Option<String>,
}

impl ClockV5 {
    /// Returns the stored form; `None` for UTC, which all versions mean.
    pub(super) fn of(clock: &WallClock) -> Option<Self> {
        (!clock.is_utc()).then(|| Self {
            time_zone: clock.zone().name().to_owned(),
            gap: clock.gap().as_str().to_owned(),
            fold: clock.fold().as_str().to_owned(),
            database: clock.zone().database().map(|version| version.to_string()),
        })
    }
}

impl TryFrom<ClockV5> for WallClock {
    type Error = RuleViolation;

    fn try_from(form: ClockV5) -> Result<Self, Self::Error> {
        let (gap, fold): (Gap, Fold) = (form.gap.parse()?, form.fold.parse()?);
        let version = form.database.map(|version| version.parse()).transpose()?;
        Ok(Self::new(Zone::on_record(&form.time_zone, version)?, gap, fold))
    }
}
