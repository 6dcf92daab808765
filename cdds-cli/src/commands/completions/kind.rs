//! What an option or an argument names.

use std::ffi::OsStr;

use cdds_core::ports::catalog::query::{ArtifactColumn, AuditColumn, ExecutionColumn, JobColumn};
use cdds_view::{
    DestinationView, ExecutionView, FieldView, ForecastView, JobView, NoticeView, RecipientView,
    SubjectRequestView, WorkerView,
};
use clap::Arg;
use clap_complete::engine::CompletionCandidate;

use super::super::retention;
#[cfg(feature = "serve")]
use super::super::token;
use super::values::{self, Quoting, Value};
use crate::output::View;
use crate::view::{EntryView, FileView};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Job,
    Execution,
    Artifact,
    Notice,
    Worker,
    Recipient,
    Source,
    Type,
    Destination,
    Request,
    /// A field of the records that are chosen.
    Field,
    /// The same, as the beginning of a filter.
    Filter,
    /// What the audit may be asked about.
    Object,
    /// Columns of the list of this command.
    Columns(&'static [&'static str]),
    /// A column by which the list of this command is sorted.
    Sort(List),
}

/// The lists that can be sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Jobs,
    History,
    Artifacts,
    Audit,
}

impl Kind {
    /// Returns what an argument of the command at this path names, if that can be looked up.
    pub(super) fn of(path: &str, arg: &Arg) -> Option<Self> {
        let group = path.split(' ').next().unwrap_or_default();
        match arg.get_long() {
            Some("job") => Some(Self::Job),
            Some("execution") => Some(Self::Execution),
            Some("recipient") => Some(Self::Recipient),
            Some("source") => Some(Self::Source),
            Some("type") => Some(Self::Type),
            Some("destination") => Some(Self::Destination),
            Some("field") => Some(Self::Field),
            Some("filter") => Some(Self::Filter),
            Some("object") => Some(Self::Object),
            Some("columns") => columns(path).map(Self::Columns),
            Some("sort") => list(path).map(Self::Sort),
            Some(_) => None,
            None => match (group, arg.get_id().as_str()) {
                ("job", "id" | "ids") => Some(Self::Job),
                ("history", "id" | "ids") => Some(Self::Execution),
                ("artifact", "id" | "ids") => Some(Self::Artifact),
                ("notice", "id") => Some(Self::Notice),
                ("workers", "id") => Some(Self::Worker),
                ("recipient", "name") if path != "recipient add" => Some(Self::Recipient),
                ("source", "id") => Some(Self::Source),
                ("source", "type") => Some(Self::Type),
                ("subject", "id") => Some(Self::Request),
                ("destination", "id") => Some(Self::Destination),
                _ => None,
            },
        }
    }

    /// Returns whether several are typed at once, with commas between them.
    fn is_list(self) -> bool {
        matches!(self, Self::Type | Self::Field | Self::Columns(_))
    }

    /// Returns what may be typed instead of the beginning of a word.
    pub(super) fn values(self, typed: &OsStr, quoting: Quoting) -> Vec<CompletionCandidate> {
        let Some(typed) = typed.to_str().map(|typed| quoting.unquoted(typed)) else { return Vec::new() };
        // Of a list, the last item is completed.
        let (before, last) = match typed.rfind(',') {
            Some(at) if self.is_list() => typed.split_at(at + 1),
            _ => ("", typed.as_str()),
        };
        let known = match self {
            Self::Columns(headings) => {
                headings.iter().map(|heading| Value::plain(heading.replace(' ', "_"))).collect()
            }
            Self::Sort(list) => list.columns().into_iter().flat_map(by).collect(),
            _ => values::known(self, last),
        };
        let fitting = known.into_iter().filter(|value| value.word.starts_with(last));
        fitting.map(|value| value.candidate(before, quoting)).collect()
    }
}

/// A column in both directions.
fn by(column: &'static str) -> [Value; 2] {
    [Value::plain(column), Value::plain(format!("{column}:desc"))]
}

fn columns(path: &str) -> Option<&'static [&'static str]> {
    match path {
        "job list" => Some(JobView::COLUMNS),
        "job preview" => Some(ForecastView::COLUMNS),
        "history list" => Some(ExecutionView::COLUMNS),
        "artifact list" => Some(FileView::COLUMNS),
        "notice list" => Some(NoticeView::COLUMNS),
        "audit" => Some(EntryView::COLUMNS),
        "subject list" => Some(SubjectRequestView::COLUMNS),
        "workers list" => Some(WorkerView::COLUMNS),
        "recipient list" => Some(RecipientView::COLUMNS),
        "destination list" => Some(DestinationView::COLUMNS),
        "source fields" => Some(FieldView::COLUMNS),
        "retention preview" => Some(retention::COLUMNS),
        #[cfg(feature = "serve")]
        "token list" => Some(token::COLUMNS),
        _ => None,
    }
}

fn list(path: &str) -> Option<List> {
    match path {
        "job list" => Some(List::Jobs),
        "history list" => Some(List::History),
        "artifact list" => Some(List::Artifacts),
        "audit" => Some(List::Audit),
        _ => None,
    }
}

impl List {
    fn columns(self) -> Vec<&'static str> {
        match self {
            Self::Jobs => JobColumn::ALL.iter().map(|column| column.as_str()).collect(),
            Self::History => ExecutionColumn::ALL.iter().map(|column| column.as_str()).collect(),
            Self::Artifacts => ArtifactColumn::ALL.iter().map(|column| column.as_str()).collect(),
            Self::Audit => AuditColumn::ALL.iter().map(|column| column.as_str()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(kind: Kind, typed: &str) -> Vec<String> {
        let values = kind.values(OsStr::new(typed), Quoting::Shells).into_iter();
        values.map(|value| value.get_value().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn the_last_item_of_a_list_is_completed() {
        let columns = Kind::Columns(&["title", "next starts", "type"]);
        assert_eq!(words(columns, "t"), ["title", "type"]);
        assert_eq!(words(columns, "title,n"), ["title,next_starts"]);
        assert_eq!(words(Kind::Sort(List::Jobs), "title"), ["title", "title:desc"]);
        assert!(words(Kind::Sort(List::Jobs), "title,t").is_empty());
    }
}
