//! Rule N3: what a probe of a destination has found.

use std::fmt;
use std::time::Duration;

use super::destination::ServerIdentity;
use super::health::ContactOutcome;

/// What a probe of a destination has found: a small file was written, renamed, read back and removed, as far as that
/// worked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Probe {
    /// The identity that the server has shown, if it has one.
    pub identity: Option<ServerIdentity>,
    /// What was tried, in order.
    pub steps: Vec<ProbedStep>,
}

/// A step of a probe that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProbedStep {
    /// The step.
    pub step: ProbeStep,
    /// Why it did not work; `None` if it did. For people, without secrets.
    pub failure: Option<String>,
    /// How long it took.
    pub took: Duration,
}

/// A step of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ProbeStep {
    /// Connecting and signing in.
    Connect,
    /// Writing a file.
    Write,
    /// Asking for its size, and comparing it.
    Size,
    /// Renaming it, where deliveries rename.
    Rename,
    /// Reading it back, and comparing it.
    ReadBack,
    /// Removing it.
    Remove,
}

impl ProbeStep {
    /// Every step, in order.
    pub const ALL: [Self; 6] =
        [Self::Connect, Self::Write, Self::Size, Self::Rename, Self::ReadBack, Self::Remove];

    /// Returns the name as it is printed: `read_back`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Write => "write",
            Self::Size => "size",
            Self::Rename => "rename",
            Self::ReadBack => "read_back",
            Self::Remove => "remove",
        }
    }

    /// Returns whether deliveries depend on it. Reading back is needed only for receipts by digest (rule N6), and what
    /// cannot be removed stays as a small file.
    pub const fn is_needed(self) -> bool {
        match self {
            Self::Connect | Self::Write | Self::Size | Self::Rename => true,
            Self::ReadBack | Self::Remove => false,
        }
    }
}

impl fmt::Display for ProbeStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ProbedStep {
    /// A step that worked.
    pub fn worked(step: ProbeStep, took: Duration) -> Self {
        Self { step, failure: None, took }
    }

    /// A step that did not work.
    pub fn failed(step: ProbeStep, failure: impl Into<String>, took: Duration) -> Self {
        Self { step, failure: Some(failure.into()), took }
    }
}

impl Probe {
    /// Returns the first step that deliveries depend on and that did not work.
    pub fn failure(&self) -> Option<&ProbedStep> {
        self.steps.iter().find(|one| one.step.is_needed() && one.failure.is_some())
    }

    /// Returns whether sets can be delivered, as far as a probe tells.
    pub fn is_well(&self) -> bool {
        self.failure().is_none()
    }

    /// Returns what it says about the health of the destination.
    pub fn contact(&self) -> ContactOutcome {
        let failed = self.failure().and_then(|one| Some((one.step, one.failure.as_deref()?)));
        match failed {
            None => ContactOutcome::Worked { identity: self.identity.clone() },
            Some((ProbeStep::Connect, why)) => ContactOutcome::Failed { message: why.to_owned() },
            Some((step, why)) => {
                ContactOutcome::Failed { message: format!("a probe failed at {}: {why}", step.as_str()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n3_a_destination_is_well_if_a_file_can_be_written_measured_and_renamed() {
        for step in ProbeStep::ALL {
            let steps = vec![ProbedStep::failed(step, "no", Duration::ZERO)];
            let probe = Probe { identity: None, steps };
            assert_eq!(probe.is_well(), matches!(step, ProbeStep::ReadBack | ProbeStep::Remove), "{step}");
            assert_eq!(matches!(probe.contact(), ContactOutcome::Worked { .. }), probe.is_well());
        }
    }
}
