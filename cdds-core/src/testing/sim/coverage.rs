//! Which faults there were at which calls: what never went wrong was never tried.

use std::collections::BTreeMap;
use std::fmt;

use super::report::FaultKind;

/// The faults that there were at each call to a port.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    counts: BTreeMap<&'static str, Counts>,
}

type Counts = [u64; FaultKind::ALL.len()];

impl Coverage {
    pub(super) fn add(&mut self, call: &'static str, fault: FaultKind) {
        let counts = self.counts.entry(call).or_default();
        if let Some(count) = counts.get_mut(fault as usize) {
            *count += 1;
        }
    }

    pub(super) fn extend(&mut self, other: &Self) {
        for (call, counts) in &other.counts {
            let known = self.counts.entry(call).or_default();
            known.iter_mut().zip(counts).for_each(|(known, count)| *known += count);
        }
    }

    /// The calls at which there was a fault.
    pub fn calls(&self) -> impl Iterator<Item = &'static str> {
        self.counts.keys().copied()
    }

    /// How often there was this fault at this call.
    pub fn count(&self, call: &str, fault: FaultKind) -> u64 {
        self.counts.get(call).map_or(0, |counts| counts[fault as usize])
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<26}", "call")?;
        FaultKind::ALL.iter().try_for_each(|fault| write!(f, "{:>12}", fault.as_str()))?;
        for (call, counts) in &self.counts {
            write!(f, "\n{call:<26}")?;
            counts.iter().try_for_each(|count| write!(f, "{count:>12}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_counted_where_they_were() {
        for (place, fault) in FaultKind::ALL.into_iter().enumerate() {
            assert_eq!(fault as usize, place);
        }
        let (mut one, mut other) = (Coverage::default(), Coverage::default());
        one.add("sink.read", FaultKind::Crash);
        other.add("sink.read", FaultKind::Crash);
        other.add("catalog.claim", FaultKind::Error);
        one.extend(&other);
        assert_eq!(one.calls().collect::<Vec<_>>(), ["catalog.claim", "sink.read"]);
        assert_eq!(one.count("sink.read", FaultKind::Crash), 2);
        assert_eq!((one.count("sink.read", FaultKind::Pause), one.count("none", FaultKind::Pause)), (0, 0));
    }
}
