//! Why an occurrence was not run.

use cdds_core::domain::execution::SkipReason;
use serde::{Deserialize, Serialize};

/// Why an occurrence was not run, without times and numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SkipKind {
    /// A later occurrence covers it (rule E3).
    Coalesced,
    /// It was missed for longer than the catch-up limit (rule E4).
    CatchUpLimit,
    /// The job was suspended before it started (rule J7).
    Suspended,
    /// The job was deleted before it started (rule J12).
    Deleted,
    /// An edit of the job put another occurrence in its place (rule J10).
    Replaced,
    /// Everything that it would have exported was exported already (rule W4).
    Covered,
}

impl SkipKind {
    /// Returns the name in the JSON form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Coalesced => "coalesced",
            Self::CatchUpLimit => "catch_up_limit",
            Self::Suspended => "suspended",
            Self::Deleted => "deleted",
            Self::Replaced => "replaced",
            Self::Covered => "covered",
        }
    }
}

impl From<SkipReason> for SkipKind {
    fn from(reason: SkipReason) -> Self {
        match reason {
            SkipReason::Coalesced { .. } => Self::Coalesced,
            SkipReason::CatchUpLimit { .. } => Self::CatchUpLimit,
            SkipReason::Suspended { .. } => Self::Suspended,
            SkipReason::Deleted { .. } => Self::Deleted,
            SkipReason::Replaced => Self::Replaced,
            SkipReason::Covered { .. } => Self::Covered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_the_name_of_the_domain() {
        let at = "2030-03-17T12:00:00Z".parse().unwrap();
        let (first, last, count) = (at, at, 1);
        for reason in [
            SkipReason::Coalesced { first, last, count, into: at },
            SkipReason::CatchUpLimit { first, last, count },
            SkipReason::Suspended { first, last, count },
            SkipReason::Deleted { first, last, count },
            SkipReason::Replaced,
            SkipReason::Covered { watermark: None },
        ] {
            let kind = SkipKind::from(reason);
            assert_eq!(kind.as_str(), reason.as_str());
            assert_eq!(serde_json::to_value(kind).unwrap(), reason.as_str());
            assert!(!reason.as_str().is_empty());
        }
    }
}
