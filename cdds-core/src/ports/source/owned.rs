//! A registered source, whose types each owner reads only if they say whose their records are, and by subject only if
//! they name people.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{
    EraseRequest, Erased, Estimate, Field, ReadRequest, RecordStream, Source, SourceDescription, SourceError,
    SourceErrorKind,
};
use crate::domain::id::{Owner, TypeId};

/// Stands in front of every registered source, so that no caller can read, count or ask about records that may
/// be another owner's (rule J16), and a source that knows nothing of people is not asked for one (rule D1).
/// Everything else is passed on.
#[derive(Debug)]
pub(super) struct OwnedSource(pub(super) Arc<dyn Source>);

impl OwnedSource {
    fn check_owner(&self, data_type: &TypeId, owner: &Owner) -> Result<(), SourceError> {
        let checked = self.0.describe().check_owner(data_type, owner);
        checked.map_err(|refused| SourceError::new(SourceErrorKind::Invalid, refused.to_string()))
    }

    fn check(&self, request: &ReadRequest) -> Result<(), SourceError> {
        let described = self.0.describe();
        self.check_owner(&request.data_type, &request.owner)?;
        let names_nobody =
            described.data_type(&request.data_type).is_some_and(|known| known.subject_fields.is_empty());
        if request.subject.is_some() && names_nobody {
            return Err(SourceError::invalid(format!(
                "type {} of source {} names no subject field, so it is not read by subject: declare the fields that \
                 name people",
                request.data_type, described.id
            )));
        }
        Ok(())
    }
}

#[async_trait]
impl Source for OwnedSource {
    fn describe(&self) -> &SourceDescription {
        self.0.describe()
    }

    async fn estimate(&self, request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        self.check(request)?;
        self.0.estimate(request).await
    }

    async fn complete_until(&self, request: &ReadRequest) -> Result<Option<DateTime<Utc>>, SourceError> {
        self.check(request)?;
        self.0.complete_until(request).await
    }

    async fn remarks(&self, owner: &Owner) -> Result<Vec<String>, SourceError> {
        self.0.remarks(owner).await
    }

    async fn fields(&self, owner: &Owner, data_type: &TypeId) -> Result<Option<Vec<Field>>, SourceError> {
        self.check_owner(data_type, owner)?;
        self.0.fields(owner, data_type).await
    }

    async fn faults(&self, owner: &Owner, data_type: &TypeId) -> Result<Vec<String>, SourceError> {
        self.check_owner(data_type, owner)?;
        self.0.faults(owner, data_type).await
    }

    async fn erase(&self, request: EraseRequest) -> Result<Erased, SourceError> {
        let described = self.0.describe();
        self.check_owner(&request.data_type, &request.owner)?;
        match described.data_type(&request.data_type) {
            Some(data_type) if data_type.erasure.is_some() && !data_type.subject_fields.is_empty() => {
                self.0.erase(request).await
            }
            _ => Err(SourceError::unsupported(&described.id, &request.data_type)),
        }
    }

    async fn read(&self, request: ReadRequest) -> Result<RecordStream, SourceError> {
        self.check(&request)?;
        self.0.read(request).await
    }
}
