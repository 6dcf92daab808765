//! Statuses for people: the remark beside them, and their tone.

/// A status and the remark that a list shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusLine {
    /// The status, by its name in the JSON forms.
    pub status: &'static str,
    /// How much is done, in percent, 0 to 100; `None` if that is unknown or nothing is under way.
    pub share: Option<u8>,
    /// A remark like `13 s left, 1,234 records`; may be empty.
    pub words: String,
}

impl StatusLine {
    /// Returns a status without a remark.
    pub(crate) fn plain(status: &'static str) -> Self {
        Self { status, share: None, words: String::new() }
    }
}

/// The meaning of a word for a person who looks for trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tone {
    /// As it should be.
    Good,
    /// Goes on.
    Busy,
    /// Look at it.
    Doubtful,
    /// Went wrong.
    Bad,
    /// Over, or not begun.
    Quiet,
    /// Nothing to say.
    Plain,
}

impl Tone {
    /// Returns the tone of a state or a status, by its name in the JSON forms. A word that is neither is
    /// plain.
    pub fn of(word: &str) -> Self {
        match word {
            "finished" | "alive" | "delivered" | "sent" | "working" => Self::Good,
            "in_progress" | "running" => Self::Busy,
            "finished_with_errors" | "suspended" | "retry" | "pending" => Self::Doubtful,
            "failed" | "gone" | "failing" | "disabled" => Self::Bad,
            "cancelled" | "skipped" | "yet_to_run" | "completed" | "left" | "unused" => Self::Quiet,
            _ => Self::Plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cdds_core::domain::execution::Status;

    #[test]
    fn every_ended_status_has_a_tone() {
        for status in Status::ALL {
            let plain = Tone::of(status.as_str()) == Tone::Plain;
            assert_eq!(plain, status == Status::Queued, "{status:?}");
        }
        assert_eq!(Tone::of(crate::YET_TO_RUN), Tone::Quiet);
    }
}
