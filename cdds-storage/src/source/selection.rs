//! Which records a read gives, and where each belongs.

use std::sync::Arc;

use cdds_core::domain::record::Place;
use cdds_core::domain::selection::CategorySelection;
use cdds_core::domain::window::Window;
use cdds_core::ports::source::{ReadRequest, RecordInstant, SourceError, SourceErrorKind};
use chrono::{DateTime, Utc};

use super::config::TypeConfig;

/// The window and the categories of one read, ready to be asked for each record.
#[derive(Debug)]
pub(super) struct Selection {
    request: ReadRequest,
    declared: Vec<Arc<str>>,
}

impl Selection {
    /// What `request` asks of a type.
    ///
    /// # Errors
    /// [`SourceErrorKind::Invalid`] if the type has no instant by which its records could be told apart, and
    /// they are to be (rule W7), or if it has no categories and some are selected (rule J3).
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
        let values = config.category.iter().flat_map(|category| &category.values);
        let declared = values.map(|value| Arc::from(value.as_str())).collect();
        Ok(Self { request: request.clone(), declared })
    }

    /// By which of their instants records are taken.
    pub(super) fn by(&self) -> RecordInstant {
        self.request.by
    }

    /// From when to when they are taken.
    pub(super) fn window(&self) -> Window {
        self.request.window
    }

    /// Whether a record is to be exported by its instants. Instants are read as far as they decide (rule W7): a
    /// change tells by itself whether a record is wanted, and one that is not need not have a readable event
    /// instant.
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

    /// The category of a record, if it is selected. A value that is not declared counts as no category (rule
    /// A1). Asked before the instants, so that a bad record of another category is none of this read.
    pub(super) fn category(&self, value: Option<&str>) -> Option<SelectedCategory> {
        let declared = value.and_then(|value| self.declared.iter().find(|declared| ***declared == *value));
        let selected = self.request.categories.includes(declared.map(|declared| &**declared));
        selected.then(|| SelectedCategory(declared.cloned()))
    }
}

/// The category of a record that is selected; none if it has no declared one.
#[derive(Debug, Clone)]
pub(super) struct SelectedCategory(Option<Arc<str>>);

impl SelectedCategory {
    /// Where a record that is wanted belongs.
    pub(super) fn place(self, event_at: EventInstant) -> Place {
        Place::of(self.0, event_at.0)
    }
}

/// What the instants of a record say of it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Timing {
    /// It lies in the window.
    Wanted(EventInstant),
    /// It lies outside.
    Outside,
    /// It has no instant, so that no window of this kind ever holds it: it is counted.
    Undated,
}

/// When a record that is wanted happened, if that is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct EventInstant(Option<DateTime<Utc>>);
