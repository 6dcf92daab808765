//! The core's fixed sets of words, written and read by their names.

use serde::de::{Deserialize as _, Deserializer, Error};

use cdds_core::domain::execution::Status;
use cdds_core::ports::catalog::query::LatestStatus;

/// The latest status of a job that never ran (rule E1).
pub const YET_TO_RUN: &str = "yet_to_run";

/// Returns the name of a job's latest status.
pub(crate) fn latest_status_name(status: LatestStatus) -> &'static str {
    match status {
        LatestStatus::YetToRun => YET_TO_RUN,
        LatestStatus::Is(status) => status.as_str(),
    }
}

/// Reads a word of a fixed set.
fn word<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    what: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    let name = String::deserialize(deserializer)?;
    parse(&name).ok_or_else(|| D::Error::custom(format_args!("{name:?} is not a known {what}")))
}

pub(crate) mod status {
    use super::{Deserializer, Status, word};
    use serde::Serializer;

    pub(crate) fn serialize<S: Serializer>(status: &Status, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(status.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Status, D::Error> {
        word(deserializer, "status", Status::parse)
    }
}

pub(crate) mod latest_status {
    use super::{Deserializer, LatestStatus, Status, YET_TO_RUN, latest_status_name, word};
    use serde::Serializer;

    pub(crate) fn serialize<S: Serializer>(status: &LatestStatus, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(latest_status_name(*status))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LatestStatus, D::Error> {
        word(deserializer, "latest status", |name| match name {
            YET_TO_RUN => Some(LatestStatus::YetToRun),
            name => Status::parse(name).map(LatestStatus::Is),
        })
    }
}

pub(crate) mod job_state {
    use super::{Deserializer, word};
    use cdds_core::domain::job::JobState;
    use serde::Serializer;

    pub(crate) fn serialize<S: Serializer>(state: &JobState, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(state.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<JobState, D::Error> {
        word(deserializer, "state of a job", JobState::parse)
    }
}

pub(crate) mod suspension_reason {
    use super::{Deserializer, word};
    use cdds_core::domain::job::SuspensionReason;
    use serde::Serializer;

    pub(crate) fn serialize<S: Serializer>(
        reason: &SuspensionReason,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(reason.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SuspensionReason, D::Error> {
        word(deserializer, "reason of a suspension", SuspensionReason::parse)
    }
}

pub(crate) mod worker_state {
    use super::{Deserializer, word};
    use cdds_core::domain::work::worker::WorkerState;
    use serde::Serializer;

    pub(crate) fn serialize<S: Serializer>(state: &WorkerState, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(state.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<WorkerState, D::Error> {
        word(deserializer, "state of a worker", |name| {
            WorkerState::ALL.into_iter().find(|state| state.as_str() == name)
        })
    }
}

pub(crate) mod frequency_kind {
    use super::{Deserializer, word};
    use cdds_core::domain::calendar::frequency::FrequencyKind;
    use serde::Serializer;

    pub(crate) fn serialize<S: Serializer>(kind: &FrequencyKind, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(kind.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FrequencyKind, D::Error> {
        word(deserializer, "frequency", |name| {
            FrequencyKind::ALL.iter().copied().find(|kind| kind.as_str() == name)
        })
    }
}

pub(crate) mod slot_note {
    use super::{Deserializer, word};
    use cdds_core::domain::calendar::schedule::SlotNote;
    use serde::{Deserialize, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        note: &Option<SlotNote>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        note.map(SlotNote::as_str).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SlotNote>, D::Error> {
        struct Named(SlotNote);
        impl<'de> Deserialize<'de> for Named {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                word(deserializer, "note on a slot", SlotNote::parse).map(Self)
            }
        }
        Ok(Option::<Named>::deserialize(deserializer)?.map(|Named(note)| note))
    }
}

pub(crate) mod overlap {
    use super::{Deserializer, word};
    use cdds_core::domain::job::policy::Overlap;
    use serde::{Deserialize, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        overlap: &Option<Overlap>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        overlap.map(Overlap::as_str).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Overlap>, D::Error> {
        struct Named(Overlap);
        impl<'de> Deserialize<'de> for Named {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                word(deserializer, "overlap", |name| name.parse().ok()).map(Self)
            }
        }
        Ok(Option::<Named>::deserialize(deserializer)?.map(|Named(overlap)| overlap))
    }
}
