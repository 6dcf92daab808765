//! Decides which records a read returns, and where each belongs.

use std::sync::Arc;

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::record::Place;
use cdds_core::domain::record::selection::CategorySelection;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use cdds_core::domain::subject::SubjectMatcher;
use cdds_core::ports::source::{ReadRequest, RecordInstant, SourceError, SourceErrorKind};
use chrono::{DateTime, Utc};

use super::config::TypeConfig;

/// The window and the categories of one read, prepared for checking each record.
#[derive(Debug)]
pub(super) struct Selection {
    request: ReadRequest,
    declared: Vec<Arc<str>>,
    /// Whom the records of a database are about (rule D1); `None` for anybody.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    subject: Option<SubjectMatcher>,
}

impl Selection {
    /// Returns the selection that `request` makes from a type.
    ///
    /// # Errors
    /// [`SourceErrorKind::Invalid`] if the window needs an instant that the type does not have (rule W7), if
    /// categories are selected and the type has none (rule J3), or if a person is asked for and the type names nobody
    /// (rule D1).
    pub(super) fn new<R>(config: &TypeConfig<R>, request: &ReadRequest) -> Result<Self, SourceError> {
        let invalid = |reason: &str| {
            SourceError::new(SourceErrorKind::Invalid, format!("data type {}: {reason}", config.id))
        };
        let cannot_tell = match request.by {
            RecordInstant::Event => config.time.is_none() && request.window.start().is_some(),
            RecordInstant::Change => config.time.is_none() && config.changed.is_none(),
        };
        if cannot_tell {
            return Err(invalid("it has no such instant and can only be exported as a whole"));
        }
        if config.category.is_none() && request.categories != CategorySelection::All {
            return Err(invalid("it has no categories: leave the selection out"));
        }
        if config.subjects.is_empty() && request.subject.is_some() {
            return Err(invalid("it names no subject field, so nobody knows whom its records are about"));
        }
        let values = config.category.iter().flat_map(|category| &category.values);
        let declared = values.map(|value| Arc::from(value.as_str())).collect();
        Ok(Self {
            request: request.clone(),
            declared,
            #[cfg(any(feature = "postgres", feature = "sqlite"))]
            subject: request.subject.as_ref().map(|subject| SubjectMatcher::new(&config.subjects, subject)),
        })
    }

    /// Returns what tells which records are about the person whom the request names; `None` if it names nobody.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) fn subject(&self) -> Option<&SubjectMatcher> {
        self.subject.as_ref()
    }

    /// Returns the instant by which records are selected.
    pub(super) fn by(&self) -> RecordInstant {
        self.request.by
    }

    /// Returns the window of that instant.
    pub(super) fn window(&self) -> Window {
        self.request.window
    }

    /// Decides by its instants whether a record is exported. Reads them only as far as they matter (rule W7):
    /// a change instant decides by itself, so an unwanted record need not have a readable event instant.
    pub(super) fn event_at<E>(
        &self,
        changed_at: impl FnOnce() -> Result<Option<DateTime<Utc>>, E>,
        event_at: impl FnOnce() -> Result<Option<DateTime<Utc>>, E>,
    ) -> Result<Timing, E> {
        let changed_at = match self.request.by {
            RecordInstant::Event => None,
            RecordInstant::Change => changed_at()?,
        };
        if changed_at.is_some() && !self.request.wants(None, changed_at) {
            return Ok(Timing::Outside);
        }
        let event_at = event_at()?;
        Ok(match (self.request.wants(event_at, changed_at), event_at.or(changed_at)) {
            (true, _) => Timing::Wanted(EventInstant(event_at)),
            (false, Some(_)) => Timing::Outside,
            (false, None) => Timing::Undated,
        })
    }

    /// Returns the category of a record, if it is selected. An undeclared value counts as no category (rule
    /// A1). Call this before reading the instants, so that a bad record of another category does not affect
    /// this read.
    pub(super) fn category(&self, value: Option<&str>) -> Option<SelectedCategory> {
        let declared = value.and_then(|value| self.declared.iter().find(|declared| ***declared == *value));
        let selected = self.request.categories.includes(declared.map(|declared| &**declared));
        selected.then(|| SelectedCategory(declared.cloned()))
    }

    /// Returns the place of a wanted record.
    pub(super) fn place(&self, category: SelectedCategory, event_at: EventInstant) -> Place {
        self.request.place(category.0, event_at.0)
    }
}

/// The category of a selected record; `None` if it has no declared one.
#[derive(Debug, Clone)]
pub(super) struct SelectedCategory(Option<Arc<str>>);

/// The outcome of a record's instants.
#[derive(Debug, Clone, Copy)]
pub(super) enum Timing {
    /// The record lies in the window.
    Wanted(EventInstant),
    /// The record lies outside.
    Outside,
    /// The record has no instant, so no window of this kind ever includes it; it is counted.
    Undated,
}

/// The event instant of a wanted record, if known.
#[derive(Debug, Clone, Copy)]
pub(super) struct EventInstant(Option<DateTime<Utc>>);
