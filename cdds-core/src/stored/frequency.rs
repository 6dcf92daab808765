//! Version 1 of the stored frequency.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::calendar::frequency::{
    CronExpression, Frequency, Hourly, MissingDay, Monthly, Start, parse_weekday, weekday_name,
};
use crate::domain::violation::RuleViolation;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum FrequencyV1 {
    Immediately,
    OnceAt(DateTime<Utc>),
    Hourly {
        every: u32,
        minute: u32,
    },
    Daily {
        at: String,
    },
    Weekly {
        day: String,
        at: String,
    },
    Monthly {
        day: u32,
        at: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        missing: Option<String>,
    },
    Cron(String),
}

impl From<&Frequency> for FrequencyV1 {
    fn from(frequency: &Frequency) -> Self {
        match frequency {
            Frequency::Once(Start::Immediately) => Self::Immediately,
            Frequency::Once(Start::At(start)) => Self::OnceAt(*start),
            Frequency::Hourly(hourly) => Self::Hourly { every: hourly.every(), minute: hourly.minute() },
            Frequency::Daily(at) => Self::Daily { at: at.to_string() },
            Frequency::Weekly { day, at } => {
                Self::Weekly { day: weekday_name(*day).to_owned(), at: at.to_string() }
            }
            Frequency::Monthly(monthly) => Self::Monthly {
                day: monthly.day(),
                at: monthly.at().to_string(),
                missing: (monthly.missing() != MissingDay::default())
                    .then(|| monthly.missing().as_str().to_owned()),
            },
            Frequency::Cron(cron) => Self::Cron(cron.as_str().to_owned()),
        }
    }
}

impl TryFrom<FrequencyV1> for Frequency {
    type Error = RuleViolation;

    fn try_from(form: FrequencyV1) -> Result<Self, Self::Error> {
        Ok(match form {
            FrequencyV1::Immediately => Self::Once(Start::Immediately),
            FrequencyV1::OnceAt(start) => Self::Once(Start::At(start)),
            FrequencyV1::Hourly { every, minute } => Self::Hourly(Hourly::new(every, minute)?),
            FrequencyV1::Daily { at } => Self::Daily(at.parse()?),
            FrequencyV1::Weekly { day, at } => Self::Weekly { day: parse_weekday(&day)?, at: at.parse()? },
            FrequencyV1::Monthly { day, at, missing } => {
                let missing = missing.map(|missing| missing.parse()).transpose()?.unwrap_or_default();
                Self::Monthly(Monthly::new(day, at.parse()?, missing)?)
            }
            FrequencyV1::Cron(text) => Self::Cron(CronExpression::new(&text)?),
        })
    }
}
