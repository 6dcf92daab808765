//! Rules E2, N4: owners take turns, so that the work of one does not keep another waiting.

use std::collections::BTreeSet;

use crate::domain::id::Owner;

/// The work of all owners, in a claim.
pub trait Line {
    /// The error of the catalog.
    type Error;

    /// Returns whether the claim has what it may have.
    fn is_full(&self) -> bool;

    /// Returns the first owner after `after`, in the order of [`Owner`], that may have work; with `None`, the
    /// first of all.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    fn next_owner(&mut self, after: Option<&Owner>) -> Result<Option<Owner>, Self::Error>;

    /// Serves an owner once: takes at most one piece of the owner's work.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    fn serve(&mut self, owner: &Owner) -> Result<Served, Self::Error>;
}

/// The outcome of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// The owner had its turn.
    HadTurn,
    /// The owner has nothing to take in this claim and is not asked again.
    NothingLeft,
}

/// Serves the owners in turns until the claim is full or nothing is left. `last` is the owner served last by
/// an earlier claim, of any worker. Returns the owner served last after this one.
///
/// # Errors
/// The first error of the line.
pub fn take_turns<L: Line>(line: &mut L, last: Option<Owner>) -> Result<Option<Owner>, L::Error> {
    let mut turns = Turns { last, exhausted: BTreeSet::new() };
    while !line.is_full() && turns.circle(line)? {}
    Ok(turns.last)
}

/// A claim under way.
struct Turns {
    /// The owner who was served last.
    last: Option<Owner>,
    /// Owners with nothing left.
    exhausted: BTreeSet<Owner>,
}

impl Turns {
    /// Offers every owner one turn, from the one after whoever was served last. Returns whether any owner had
    /// one.
    fn circle<L: Line>(&mut self, line: &mut L) -> Result<bool, L::Error> {
        let first = self.last.clone();
        let mut served = false;
        let mut at = first.clone();
        while let Some(owner) = line.next_owner(at.as_ref())? {
            served |= self.serve(line, &owner)?;
            if line.is_full() {
                return Ok(served);
            }
            at = Some(owner);
        }
        // Wrap around: continue from the very first owner up to the one served last, who therefore comes
        // last.
        let Some(last) = first else { return Ok(served) };
        let mut at = None;
        while let Some(owner) = line.next_owner(at.as_ref())?.filter(|owner| *owner <= last) {
            served |= self.serve(line, &owner)?;
            if line.is_full() {
                return Ok(served);
            }
            at = Some(owner);
        }
        Ok(served)
    }

    fn serve<L: Line>(&mut self, line: &mut L, owner: &Owner) -> Result<bool, L::Error> {
        if self.exhausted.contains(owner) {
            return Ok(false);
        }
        match line.serve(owner)? {
            Served::HadTurn => {
                self.last = Some(owner.clone());
                Ok(true)
            }
            Served::NothingLeft => {
                self.exhausted.insert(owner.clone());
                Ok(false)
            }
        }
    }
}
