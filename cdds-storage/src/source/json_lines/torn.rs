//! The last line of a file whose writer has not finished it.

use cdds_core::domain::record::RecordError;
use cdds_core::domain::record::prune;
use cdds_core::ports::source::{RecordInstant, SourceError, SourceErrorKind};

use super::member::{Found, LineError};
use super::snapshot::NotedFile;
use super::{Reading, UNFINISHED_MAX};

impl LineError {
    /// Whether `line` is the beginning of a record that could still become whole.
    pub(super) fn breaks_off(&self, line: &[u8]) -> bool {
        matches!(self, Self::Record(RecordError::Json(error)) if error.breaks_off(line))
    }
}

impl Reading {
    /// Whether a record with this beginning may be asked for once it is whole. Its category or its instant
    /// may already rule that out: most lines that are being written belong to a later window.
    pub(super) fn may_want(&self, beginning: &[u8]) -> bool {
        let found = self.whole_members(beginning);
        if !self.members.may_be_of_owner(&found) {
            return false;
        }
        let category = self.members.category(&found);
        // Only a category that is there can rule the record out: a missing one may still come.
        if category.is_some() && self.selection.category(category.as_deref()).is_none() {
            return false;
        }
        let instant = self.members.told_instant(&found, self.selection.by());
        // Likewise: without an instant yet, the record may belong to any window.
        instant.is_none_or(|instant| self.selection.window().contains(Some(instant)))
    }

    /// Whether a line with this beginning names the owner for whom the source is read (rule J16).
    pub(super) fn begins_with_owner(&self, beginning: &[u8]) -> bool {
        self.members.are_of_owner(&self.whole_members(beginning))
    }

    /// Returns the members that are whole, whatever is wrong with the rest.
    pub(super) fn whole_members<'a>(&self, beginning: &'a [u8]) -> Found<'a> {
        let mut found = Found::default();
        let end = beginning.as_ptr_range().end;
        let _ = prune::object(beginning, &mut Vec::new(), |key, value| {
            // A number at the very end may continue.
            if value.as_ptr_range().end != end {
                self.members.visit(&mut found, key, value);
            }
        });
        found
    }

    /// Nothing of the window is exported while a record that may belong to it is incomplete. If the request
    /// is for changes since the last export, the next run handles them, because its window begins where this
    /// one does; a retry now would mostly find the same unfinished line. Any other window has no next run, so
    /// it is retried.
    pub(super) fn unfinished(&self, file: &NotedFile, number: u64) -> SourceError {
        let (kind, what_follows) = match self.selection.by() {
            RecordInstant::Change => (
                SourceErrorKind::Missing,
                "everything since the last export is left for the next run".to_owned(),
            ),
            RecordInstant::Event => {
                let hours = UNFINISHED_MAX.as_secs() / 3_600;
                let bad =
                    format!("counts as a bad record once the file has not been written to for {hours} h");
                (SourceErrorKind::Interrupted, format!("it will be read once it is complete, and {bad}"))
            }
        };
        let message =
            format!("{}: line {number} of {} is still being written: {what_follows}", self.name, file.name);
        SourceError::new(kind, message)
    }
}
