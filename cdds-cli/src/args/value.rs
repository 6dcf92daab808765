//! Values whose form is checked while the command line is parsed; their meaning is checked later.

use std::str::FromStr;

use cdds_core::domain::access::Action;
use cdds_core::domain::calendar::frequency::FrequencyKind;
use cdds_core::domain::delivery::destination::DestinationKind;
use cdds_core::domain::execution::Status;
use cdds_core::domain::notice::NoticeKind;
use cdds_core::domain::subject::request::{RequestKind, RequestStatus};
use cdds_core::domain::work::row::WorkStatus;
use cdds_core::ports::catalog::query::{
    ArtifactColumn, AuditColumn, ExecutionColumn, JobColumn, LatestStatus, Sort, SubjectRequestColumn,
};
use cdds_view::settings::{parse_bytes, parse_split_bytes};
use cdds_view::{HealthState, NoticeState};
use chrono::{DateTime, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// An option that a word such as `none` or `default` unsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting<T> {
    /// As if the option had never been given.
    Unset,
    /// This value.
    Is(T),
}

impl<T> Setting<T> {
    /// Returns the value, if there is one.
    pub(crate) fn value(self) -> Option<T> {
        match self {
            Self::Unset => None,
            Self::Is(value) => Some(value),
        }
    }
}

/// Parses `word` as unset, and anything else as a value.
fn unless<T>(
    word: &str,
    text: &str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Setting<T>, String> {
    if text == word {
        return Ok(Setting::Unset);
    }
    read(text).map(Setting::Is).map_err(|why| format!("{why}, or {word}"))
}

/// Parses an RFC 3339 instant and converts it to UTC.
pub(super) fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|instant| instant.to_utc())
        .map_err(|_| "write an instant like 2026-01-31T02:00:00Z".to_owned())
}

/// Parses the name of a role.
#[cfg(feature = "serve")]
pub(super) fn role() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(
        cdds_core::domain::access::Role::ALL.map(cdds_core::domain::access::Role::as_str),
    )
}

/// Parses an instant, or `none`.
pub(super) fn instant_or_none(text: &str) -> Result<Setting<DateTime<Utc>>, String> {
    unless("none", text, instant)
}

/// Parses a split size, or `none`.
pub(super) fn split_bytes_or_none(text: &str) -> Result<Setting<u64>, String> {
    unless("none", text, split_bytes)
}

/// Parses a whole number or the word `unset` (`none` or `default`); `bounds` goes into the error message.
pub(super) fn whole_or<T: FromStr>(
    unset: &'static str,
    bounds: &'static str,
) -> impl Fn(&str) -> Result<Setting<T>, String> + Clone {
    move |text| unless(unset, text, whole(bounds))
}

/// Parses a whole number; `bounds` goes into the error message.
pub(super) fn whole<T: FromStr>(bounds: &'static str) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| text.parse().map_err(|_| format!("write a whole number, {bounds}"))
}

/// Parses a whole number between two bounds.
pub(super) fn between(first: u32, last: u32) -> impl Fn(&str) -> Result<u32, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| (first..=last).contains(number));
        number.ok_or_else(|| format!("write a whole number, {first} to {last}"))
    }
}

/// Parses a number of MB (= 2^20 bytes, rule A4), or a number with a unit: `1024`, `64KiB`, `100 MB`, `1GiB`.
fn split_bytes(text: &str) -> Result<u64, String> {
    parse_split_bytes(text)
        .ok_or_else(|| "write whole MB like 1024, or a unit: 64KiB, 100MiB, 1GiB".to_owned())
}

/// Parses a number of bytes, or a number with a unit.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    parse_bytes(text).ok_or_else(|| "write a number of bytes, or a unit: 64KiB, 100MiB, 1GiB".to_owned())
}

/// Splits a typed list such as `a,b` into its items. A backslash makes the next character literal.
pub(crate) fn items(text: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == ',' {
            items.push(String::new());
        } else if let (Some(item), Some(c)) =
            (items.last_mut(), if c == '\\' { chars.next() } else { Some(c) })
        {
            item.push(c);
        }
    }
    items
}

/// Escapes a name so that it parses as this one item, whatever its characters, and never as the word `all`.
pub(crate) fn item(name: &str) -> String {
    if name == "all" {
        return format!("\\{name}");
    }
    name.replace('\\', "\\\\").replace(',', "\\,")
}

/// Parses the name of a frequency.
pub(super) fn frequency() -> impl TypedValueParser<Value = FrequencyKind> {
    one_of(FrequencyKind::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect())
}

/// Parses the status of an execution.
pub(super) fn status() -> impl TypedValueParser<Value = Status> {
    one_of(Status::ALL.iter().map(|status| (status.as_str(), *status)).collect())
}

/// Parses the name of an action.
pub(super) fn action() -> impl TypedValueParser<Value = Action> {
    one_of(Action::ALL.iter().map(|action| (action.as_str(), *action)).collect())
}

/// Parses the latest status of a job, which is never skipped (rule E1).
pub(super) fn latest_status() -> impl TypedValueParser<Value = LatestStatus> {
    let ran = Status::ALL.iter().filter(|status| **status != Status::Skipped);
    let ran = ran.map(|status| (status.as_str(), LatestStatus::Is(*status)));
    one_of([(cdds_view::YET_TO_RUN, LatestStatus::YetToRun)].into_iter().chain(ran).collect())
}

/// Parses the state of a notice, by its name in the JSON form.
pub(super) fn notice_state() -> impl TypedValueParser<Value = WorkStatus> {
    one_of(WorkStatus::ALL.iter().map(|status| (NoticeState::from(*status).as_str(), *status)).collect())
}

/// Parses what a notice tells.
pub(super) fn notice_kind() -> impl TypedValueParser<Value = NoticeKind> {
    one_of(NoticeKind::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect())
}

/// Parses what a data subject asks for.
pub(super) fn request_kind() -> impl TypedValueParser<Value = RequestKind> {
    one_of(RequestKind::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect())
}

/// Parses how far a request of a data subject has come.
pub(super) fn request_state() -> impl TypedValueParser<Value = RequestStatus> {
    one_of(RequestStatus::ALL.iter().map(|status| (status.as_str(), *status)).collect())
}

/// Parses the kind of a destination.
pub(super) fn destination_kind() -> impl TypedValueParser<Value = DestinationKind> {
    one_of(DestinationKind::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect())
}

/// Parses the state of a destination, by its name in the JSON form.
pub(super) fn health_state() -> impl TypedValueParser<Value = HealthState> {
    let all = [HealthState::Unused, HealthState::Working, HealthState::Failing, HealthState::Disabled];
    one_of(all.iter().map(|state| (state.as_str(), *state)).collect())
}

/// Parses one of these values by its name; help and completions list the names.
fn one_of<T: Copy + Send + Sync + 'static>(
    known: Vec<(&'static str, T)>,
) -> impl TypedValueParser<Value = T> {
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    PossibleValuesParser::new(names).try_map(move |typed| {
        known.iter().find(|(name, _)| *name == typed).map(|(_, value)| *value).ok_or("not one of them")
    })
}

pub(super) fn job_sort(text: &str) -> Result<Sort<JobColumn>, String> {
    sort(text, JobColumn::ALL, JobColumn::as_str)
}

pub(super) fn history_sort(text: &str) -> Result<Sort<ExecutionColumn>, String> {
    sort(text, ExecutionColumn::ALL, ExecutionColumn::as_str)
}

pub(super) fn artifact_sort(text: &str) -> Result<Sort<ArtifactColumn>, String> {
    sort(text, ArtifactColumn::ALL, ArtifactColumn::as_str)
}

pub(super) fn audit_sort(text: &str) -> Result<Sort<AuditColumn>, String> {
    sort(text, AuditColumn::ALL, AuditColumn::as_str)
}

pub(super) fn subject_sort(text: &str) -> Result<Sort<SubjectRequestColumn>, String> {
    sort(text, SubjectRequestColumn::ALL, SubjectRequestColumn::as_str)
}

/// Parses `COL`, `COL:asc` or `COL:desc`.
fn sort<C: Copy>(text: &str, columns: &[C], name: fn(C) -> &'static str) -> Result<Sort<C>, String> {
    let (column, direction) = text.split_once(':').unwrap_or((text, "asc"));
    let descending = match direction {
        "asc" => false,
        "desc" => true,
        _ => return Err("write asc or desc after the colon".to_owned()),
    };
    match columns.iter().find(|known| name(**known) == column) {
        Some(column) => Ok(Sort { column: *column, descending }),
        None => {
            let known: Vec<&str> = columns.iter().map(|column| name(*column)).collect();
            Err(format!("choose a column from {}", known.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a4_split_sizes_are_whole_mb_or_carry_a_unit() {
        for (text, expected) in [
            ("1024", 1 << 30),
            ("1", 1 << 20),
            ("64KiB", 1 << 16),
            ("64 kb", 1 << 16),
            ("65537B", 65_537),
            ("100MB", 100 << 20),
            ("1GiB", 1 << 30),
            ("99999999999999999999", u64::MAX),
        ] {
            assert_eq!(split_bytes_or_none(text), Ok(Setting::Is(expected)), "{text}");
        }
        for bad in ["", "MB", "1.5GiB", "-1", "64K", "1TiB", "None"] {
            assert!(split_bytes_or_none(bad).is_err(), "{bad:?}");
        }
        assert_eq!(split_bytes_or_none("none"), Ok(Setting::Unset));
    }

    #[test]
    fn a8_other_sizes_are_bytes_or_carry_a_unit() {
        for (text, expected) in [("0", 0), ("1024", 1_024), ("64KiB", 1 << 16)] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        assert!(bytes("1.5").is_err());
    }

    #[test]
    fn j3_j4_any_names_can_be_listed() {
        assert_eq!(items("a,b"), ["a", "b"]);
        assert_eq!(items("a\\,b,c\\\\"), ["a,b", "c\\"]);
        assert_eq!((items(""), items("a\\")), (vec![String::new()], vec!["a".to_owned()]));
        for name in ["voice", "a,b", "\\", "\\,", "all", "\\all", "ü, ö"] {
            assert_eq!(items(&item(name)), [name]);
            assert_ne!(item(name), "all");
        }
    }

    #[test]
    fn values_that_can_be_taken_away_name_the_word() {
        assert_eq!(whole_or::<u32>("none", "")("none"), Ok(Setting::Unset));
        assert_eq!(whole_or("default", "")("3"), Ok(Setting::Is(3_u16)));
        let told = whole_or::<u32>("none", "0 to 100")("-1").unwrap_err();
        assert_eq!(told, "write a whole number, 0 to 100, or none");
        assert!(whole_or::<std::num::NonZeroU32>("none", "")("0").is_err());
        assert_eq!((between(1, 3)("3"), between(1, 3)("4").is_err()), (Ok(3), true));
        assert!(instant_or_none("yesterday").unwrap_err().ends_with(", or none"));
    }

    #[test]
    fn sorting_names_a_column_and_a_direction() {
        assert_eq!(job_sort("title"), Ok(Sort { column: JobColumn::Title, descending: false }));
        assert_eq!(job_sort("title:desc"), Ok(Sort { column: JobColumn::Title, descending: true }));
        assert!(job_sort("titel").unwrap_err().contains("title"));
        assert!(job_sort("title:down").is_err());
    }
}
