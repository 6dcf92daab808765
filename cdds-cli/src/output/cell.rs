//! The cells of a table, and how they are printed for people and for programs.

use cdds_view::{Instant, Tone, words};
use chrono::{DateTime, TimeDelta, Utc};

use crate::text::{Shorten, printable};

/// The cell of an unknown value.
pub(crate) const UNKNOWN: &str = "-";

/// How much of an id a person gets: two of 100,000 ids hardly ever begin with the same eight characters, and if
/// they do, the command that is given them names both.
const ID_COLUMNS: usize = 8;

/// Words, words with the beginning of an id (`subject request 4136f64a`) and names of files are not shortened below this
/// width.
const TEXT_COLUMNS_MIN: usize = 12;
const ABOUT_COLUMNS_MIN: usize = 24;
const FILE_COLUMNS_MIN: usize = 24;

/// The length of a whole id.
const UUID_COLUMNS: usize = 36;

/// The reader of the output, and the instant of reading.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader {
    /// A person at a terminal; else a program, or a file.
    pub(crate) person: bool,
    /// Whether ids are printed whole even for a person.
    pub(crate) whole: bool,
    /// The instant from which relative times count.
    pub(crate) now: DateTime<Utc>,
}

/// One value of a table.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    /// Words; shortened where columns are scarce.
    Text(String),
    /// A value to be copied or compared, never shortened.
    Whole(String),
    /// An id; its beginning is enough for a person.
    Id(String),
    /// Words and an id, such as `job 4136f64a`. Only an id like those of this program is shortened for a person; a name is
    /// not.
    About(String, String),
    /// The name of a file; its ending stays.
    File(String),
    /// A word of a fixed set, coloured by its meaning.
    Word(&'static str),
    /// A word of a fixed set, which people read as other words.
    Said {
        /// By its name in the contract.
        word: &'static str,
        /// What people read.
        says: String,
    },
    /// A status, with a remark.
    Status {
        /// By its name in the contract.
        status: &'static str,
        /// How far it is, while it runs.
        share: Option<u8>,
        /// A remark on the status; may be empty.
        words: String,
    },
    /// A number of things.
    Count(u64),
    /// A size.
    Bytes(u64),
    /// An instant.
    At(DateTime<Utc>),
    /// The instant at which something is due; once it has passed, it is overdue.
    Due(DateTime<Utc>),
    /// How long something took.
    Lasting(TimeDelta),
    /// How long something has taken that began at this instant.
    Since(DateTime<Utc>),
    /// Nothing.
    Unknown,
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Unknown, Into::into)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<DateTime<Utc>> for Cell {
    fn from(at: DateTime<Utc>) -> Self {
        Self::At(at)
    }
}

impl Cell {
    /// Formats the cell for a list: relative times and rounded sizes for people; exact instants, bytes and
    /// seconds for programs. Never empty, so that columns stay apart.
    pub(super) fn listed(&self, reader: Reader) -> String {
        match self {
            Self::Since(at) => Self::Lasting((reader.now - at).max(TimeDelta::zero())).listed(reader),
            Self::Text(text) | Self::File(text) | Self::Whole(text) if text.trim().is_empty() => {
                UNKNOWN.to_owned()
            }
            Self::Text(text) | Self::File(text) | Self::Whole(text) => printable(text).into_owned(),
            Self::Id(id) if reader.person && !reader.whole => id.chars().take(ID_COLUMNS).collect(),
            Self::Id(id) => id.clone(),
            Self::About(words, id) => {
                let is_short = reader.person && !reader.whole && id.len() == UUID_COLUMNS;
                let id: String = id.chars().take(if is_short { ID_COLUMNS } else { usize::MAX }).collect();
                printable(format!("{words} {id}").trim()).into_owned()
            }
            Self::Said { says, .. } if reader.person => says.clone(),
            Self::Word(word) | Self::Said { word, .. } => (*word).to_owned(),
            Self::Status { status, share, words } => status_words(status, *share, words, reader),
            Self::Count(count) if reader.person => words::count(*count),
            Self::Count(number) | Self::Bytes(number) if !reader.person => number.to_string(),
            Self::Count(number) | Self::Bytes(number) => words::bytes(*number),
            Self::At(at) if reader.person => words::relative(*at - reader.now),
            Self::Due(at) if reader.person => words::due(*at - reader.now),
            Self::At(at) | Self::Due(at) => Instant(*at).to_string(),
            Self::Lasting(duration) if reader.person => words::lasting(*duration),
            Self::Lasting(duration) => words::seconds(*duration),
            Self::Unknown => UNKNOWN.to_owned(),
        }
    }

    /// Formats the cell by itself: exact and, for people, also relative to now.
    pub(super) fn detailed(&self, reader: Reader) -> String {
        match self {
            Self::Bytes(number) => format!("{} ({number} bytes)", words::bytes(*number)),
            Self::At(at) if reader.person => {
                format!("{} ({})", Instant(*at), words::relative(*at - reader.now))
            }
            Self::Due(at) if reader.person => {
                format!("{} ({})", Instant(*at), words::due(*at - reader.now))
            }
            Self::Id(id) => id.clone(),
            Self::About(..) => self.listed(Reader { whole: true, ..reader }),
            _ => self.listed(reader),
        }
    }

    /// Returns whether the cell is a number, which is aligned to the right.
    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Count(_) | Self::Bytes(_) | Self::Lasting(_) | Self::Since(_))
    }

    /// Returns where the cell can be shortened, if at all, and to how many columns at least.
    pub(super) fn shortens(&self) -> Option<(Shorten, usize)> {
        match self {
            Self::Text(_) => Some((Shorten::End, TEXT_COLUMNS_MIN)),
            Self::About(..) => Some((Shorten::End, ABOUT_COLUMNS_MIN)),
            Self::File(_) => Some((Shorten::Middle, FILE_COLUMNS_MIN)),
            _ => None,
        }
    }

    pub(super) fn tone(&self) -> Tone {
        match self {
            Self::Word(word) | Self::Said { word, .. } | Self::Status { status: word, .. } => Tone::of(word),
            Self::Unknown => Tone::Quiet,
            _ => Tone::Plain,
        }
    }
}

fn status_words(status: &str, share: Option<u8>, remark: &str, reader: Reader) -> String {
    let share = share.map(|percent| {
        let share = words::share(percent);
        if reader.person { format!("{} {share}", bar(percent)) } else { share }
    });
    let remark = (!remark.is_empty()).then(|| remark.to_owned());
    let all: Vec<String> = share.into_iter().chain(remark).collect();
    match all.as_slice() {
        [] => status.to_owned(),
        all if reader.person => format!("{status} {}", all.join(", ")),
        all => format!("{status} ({})", all.join(", ")),
    }
}

/// How many columns the bar of a list takes.
const BAR_COLUMNS: usize = 12;

/// `[====>     ]`: a share of at most 100 %.
fn bar(percent: u8) -> String {
    let inside = BAR_COLUMNS - 2;
    let done = inside * usize::from(percent.min(100)) / 100;
    let head = if done < inside { ">" } else { "" };
    format!("[{}{head}{}]", "=".repeat(done), " ".repeat((inside - done).saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::from_timestamp(1_700_000_000, 0).unwrap();

    #[test]
    fn people_read_round_values_and_programs_exact_ones() {
        let running =
            || Cell::Status { status: "in_progress", share: Some(42), words: "13 s left".to_owned() };
        for (cell, listed, exact, detailed) in [
            (
                Cell::At(NOW + TimeDelta::hours(5)),
                "in 5 h",
                "2023-11-15T03:13:20Z",
                "2023-11-15T03:13:20Z (in 5 h)",
            ),
            (
                Cell::Due(NOW - TimeDelta::hours(5)),
                "overdue by 5 h",
                "2023-11-14T17:13:20Z",
                "2023-11-14T17:13:20Z (overdue by 5 h)",
            ),
            (
                Cell::Said { word: "suspended", says: "waits to start".to_owned() },
                "waits to start",
                "suspended",
                "waits to start",
            ),
            (Cell::Bytes(5 << 20), "5.00 MiB", "5242880", "5.00 MiB (5242880 bytes)"),
            (Cell::Count(1_234), "1,234", "1234", "1,234"),
            (Cell::Lasting(TimeDelta::milliseconds(75_010)), "1 min 15 s", "75.010", "1 min 15 s"),
            (
                running(),
                "in_progress [====>     ] 42 %, 13 s left",
                "in_progress (42 %, 13 s left)",
                "in_progress [====>     ] 42 %, 13 s left",
            ),
            (Cell::Text(" ".to_owned()), "-", "-", "-"),
            (
                Cell::About("job".to_owned(), "4136f64a-cd8e-4586-a51f-a8475adc8afb".to_owned()),
                "job 4136f64a",
                "job 4136f64a-cd8e-4586-a51f-a8475adc8afb",
                "job 4136f64a-cd8e-4586-a51f-a8475adc8afb",
            ),
            (
                Cell::About("recipient".to_owned(), "operations".to_owned()),
                "recipient operations",
                "recipient operations",
                "recipient operations",
            ),
            (Cell::from(None::<String>), "-", "-", "-"),
        ] {
            let person = Reader { person: true, whole: false, now: NOW };
            let program = Reader { person: false, whole: false, now: NOW };
            assert_eq!(cell.listed(person), listed);
            assert_eq!(cell.listed(program), exact);
            assert_eq!(cell.detailed(person), detailed);
        }
    }

    #[test]
    fn bars_are_full_at_the_end_only() {
        for (percent, drawn) in [
            (0, "[>         ]"),
            (9, "[>         ]"),
            (42, "[====>     ]"),
            (99, "[=========>]"),
            (100, "[==========]"),
            (255, "[==========]"),
        ] {
            assert_eq!(bar(percent), drawn);
        }
    }
}
