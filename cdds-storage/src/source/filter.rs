//! Which records a read gives, and where each belongs.

use std::sync::Arc;

use cdds_core::domain::record::Place;
use cdds_core::domain::selection::CategorySelection;
use cdds_core::domain::window::Window;
use cdds_core::ports::source::{ReadRequest, SourceError, SourceErrorKind};
use chrono::{DateTime, Utc};

use super::config::TypeConfig;

/// The window and the selection of one read, ready to be asked for each record.
#[derive(Debug)]
pub(super) struct Filter {
    window: Window,
    categories: CategorySelection,
    declared: Vec<Arc<str>>,
}

impl Filter {
    /// What `request` asks of a type.
    ///
    /// # Errors
    /// [`SourceErrorKind::Invalid`] if the type has no event instant and the window has a start (rule W7),
    /// or if it has no categories and some are selected (rule J3).
    pub(super) fn new<R>(config: &TypeConfig<R>, request: &ReadRequest) -> Result<Self, SourceError> {
        let invalid = |reason: &str| {
            SourceError::new(SourceErrorKind::Invalid, format!("data type {}: {reason}", config.id))
        };
        if config.time.is_none() && request.window.start().is_some() {
            return Err(invalid("it has no event instant and can only be exported as a whole"));
        }
        if config.category.is_none() && request.categories != CategorySelection::All {
            return Err(invalid("it has no categories: leave the selection out"));
        }
        let values = config.category.iter().flat_map(|category| &category.values);
        Ok(Self {
            window: request.window,
            categories: request.categories.clone(),
            declared: values.map(|value| Arc::from(value.as_str())).collect(),
        })
    }

    /// Where a record belongs, if it is to be exported at all. A value that is not declared counts as no
    /// category (rule A1).
    pub(super) fn place(&self, category: Option<&str>, event_at: Option<DateTime<Utc>>) -> Option<Place> {
        if !self.window.contains(event_at) {
            return None;
        }
        let category = category.and_then(|value| self.declared.iter().find(|declared| ***declared == *value));
        let selected = self.categories.includes(category.map(|category| &**category));
        selected.then(|| Place::of(category.cloned(), event_at))
    }
}
