//! The members of a record that decide whether and where it is exported.

use std::borrow::Cow;

use cdds_core::domain::record::RecordError;
use cdds_core::domain::record::instant::UnreadableInstant;
use cdds_core::domain::record::template::spells;
use cdds_core::domain::subject::SubjectMatcher;
use cdds_core::ports::source::{ReadRequest, RecordInstant};
use chrono::{DateTime, Utc};

use super::JsonLinesType;
use super::owned::OwnerMember;
use crate::source::config::TimeConfig;

/// The members to look for.
#[derive(Debug)]
pub(super) struct Members {
    time: Option<TimeConfig>,
    changed: Option<TimeConfig>,
    category: Option<String>,
    /// `None` if records do not name their owner.
    owner: Option<OwnerMember>,
    /// Whom the records are about (rule D1); `None` for anybody.
    subject: Option<SubjectMatcher>,
}

/// The members found in one record, as spelled there. If a key occurs twice, the last member counts, as with
/// most JSON readers.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    time: Option<&'a [u8]>,
    changed: Option<&'a [u8]>,
    category: Option<&'a [u8]>,
    owner: Option<&'a [u8]>,
    /// By the number of the subject field. Empty until one is found.
    subjects: Vec<Option<&'a [u8]>>,
}

/// The reason why a line cannot be exported.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error(transparent)]
    Record(RecordError),
    #[error("member {column:?}: {cause}")]
    Time { column: String, cause: UnreadableInstant },
    #[error("it is longer than {bytes_max} bytes, the longest that is accepted: split the record")]
    TooLong { bytes_max: usize },
}

impl Members {
    /// Looks for the members that a type declares, among the records that a request asks for.
    pub(super) fn new(data_type: &JsonLinesType, request: &ReadRequest) -> Self {
        let category = data_type.category.as_ref().map(|category| category.column.clone());
        let owner = data_type.owner.field().map(|field| OwnerMember::new(field, &request.owner));
        let subject = request.subject.as_ref();
        let subject = subject.map(|subject| SubjectMatcher::new(&data_type.subjects, subject));
        Self { time: data_type.time.clone(), changed: data_type.changed.clone(), category, owner, subject }
    }

    /// Notes a member of the outermost object.
    #[inline]
    pub(super) fn visit<'a>(&self, found: &mut Found<'a>, key: &'a [u8], value: &'a [u8]) {
        if self.time.as_ref().is_some_and(|time| spells(key, &time.column)) {
            found.time = Some(value);
        }
        if self.changed.as_ref().is_some_and(|changed| spells(key, &changed.column)) {
            found.changed = Some(value);
        }
        if self.category.as_ref().is_some_and(|category| spells(key, category)) {
            found.category = Some(value);
        }
        if self.owner.as_ref().is_some_and(|owner| owner.is_in(key)) {
            found.owner = Some(value);
        }
        if let Some(subject) = &self.subject {
            for field in (0..subject.fields()).filter(|field| subject.is_in(*field, key)) {
                found.subjects.resize(subject.fields(), None);
                if let Some(found) = found.subjects.get_mut(field) {
                    *found = Some(value);
                }
            }
        }
    }

    /// Whether a person is asked for (rule D1).
    pub(super) fn name_subject(&self) -> bool {
        self.subject.is_some()
    }

    /// Whether a record with these members is about the person who is asked for, or nobody is.
    pub(super) fn are_about(&self, found: &Found<'_>) -> bool {
        self.subject.as_ref().is_none_or(|subject| {
            let mut members = found.subjects.iter().enumerate();
            members
                .any(|(field, member)| member.is_some_and(|member| subject.is_named_by_json(field, member)))
        })
    }

    /// Whether records name their owner (rule J16).
    pub(super) fn name_owners(&self) -> bool {
        self.owner.is_some()
    }

    /// Whether these members name an owner.
    pub(super) fn show_owner(&self, found: &Found<'_>) -> bool {
        found.owner.is_some()
    }

    /// Whether a record with these members is the owner's, or everybody's.
    pub(super) fn are_of_owner(&self, found: &Found<'_>) -> bool {
        self.owner.as_ref().is_none_or(|owner| found.owner.is_some_and(|member| owner.names_owner(member)))
    }

    /// Whether a record that begins with these members may be the owner's once it is whole.
    pub(super) fn may_be_of_owner(&self, found: &Found<'_>) -> bool {
        found.owner.is_none() || self.are_of_owner(found)
    }

    /// Returns the event instant; `None` if it is missing or empty (rule W7).
    pub(super) fn event_at(&self, found: &Found<'_>) -> Result<Option<DateTime<Utc>>, LineError> {
        instant(self.time.as_ref(), found.time)
    }

    /// Returns the instant of the last change, likewise.
    pub(super) fn changed_at(&self, found: &Found<'_>) -> Result<Option<DateTime<Utc>>, LineError> {
        instant(self.changed.as_ref(), found.changed)
    }

    /// Returns the instant by which an incomplete record is selected; `None` as long as it may still become
    /// another one.
    pub(super) fn told_instant(&self, found: &Found<'_>, by: RecordInstant) -> Option<DateTime<Utc>> {
        if by == RecordInstant::Change && self.changed.is_some() {
            found.changed?;
            if let Some(changed_at) = self.changed_at(found).ok()? {
                return Some(changed_at);
            }
        }
        self.event_at(found).ok()?
    }

    /// Returns the category: text, or a number, `true` or `false` as spelled.
    pub(super) fn category<'a>(&self, found: &Found<'a>) -> Option<Cow<'a, str>> {
        found.category.and_then(scalar)
    }
}

/// Returns a value as text: text, or a number, `true` or `false` as spelled.
pub(super) fn scalar(value: &[u8]) -> Option<Cow<'_, str>> {
    match value {
        b"null" | [b'{' | b'[', ..] => None,
        [b'"', ..] => text(value),
        _ => std::str::from_utf8(value).ok().map(Cow::Borrowed),
    }
}

fn instant(config: Option<&TimeConfig>, found: Option<&[u8]>) -> Result<Option<DateTime<Utc>>, LineError> {
    let (Some(config), Some(value)) = (config, found) else {
        return Ok(None);
    };
    let read = match value {
        b"null" | b"\"\"" => return Ok(None),
        [b'"', ..] => match text(value) {
            Some(text) => config.format.read_text(text.as_bytes()),
            None => Err(config.format.unreadable()),
        },
        _ => config.format.read_text(value),
    };
    read.map(Some).map_err(|cause| LineError::Time { column: config.column.clone(), cause })
}

/// Decodes a JSON string; returns `None` if it contains half a surrogate pair.
fn text(quoted: &[u8]) -> Option<Cow<'_, str>> {
    let plain = quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if !plain.contains(&b'\\') {
        return std::str::from_utf8(plain).ok().map(Cow::Borrowed);
    }
    serde_json::from_slice::<String>(quoted).ok().map(Cow::Owned)
}
