//! A shared source is a source.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{
    EraseRequest, Erased, Estimate, Field, ReadRequest, RecordStream, Source, SourceDescription, SourceError,
};
use crate::domain::id::{Owner, TypeId};

/// So that whatever takes a source also takes one that somebody else holds as well.
#[async_trait]
impl<S: Source + ?Sized> Source for Arc<S> {
    fn describe(&self) -> &SourceDescription {
        (**self).describe()
    }

    async fn estimate(&self, request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
        (**self).estimate(request).await
    }

    async fn complete_until(&self, request: &ReadRequest) -> Result<Option<DateTime<Utc>>, SourceError> {
        (**self).complete_until(request).await
    }

    async fn remarks(&self, owner: &Owner) -> Result<Vec<String>, SourceError> {
        (**self).remarks(owner).await
    }

    async fn fields(&self, owner: &Owner, data_type: &TypeId) -> Result<Option<Vec<Field>>, SourceError> {
        (**self).fields(owner, data_type).await
    }

    async fn faults(&self, owner: &Owner, data_type: &TypeId) -> Result<Vec<String>, SourceError> {
        (**self).faults(owner, data_type).await
    }

    async fn erase(&self, request: EraseRequest) -> Result<Erased, SourceError> {
        (**self).erase(request).await
    }

    async fn read(&self, request: ReadRequest) -> Result<RecordStream, SourceError> {
        (**self).read(request).await
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::stream::{self, StreamExt};

    use super::*;
    use crate::domain::calendar::window::Window;
    use crate::domain::subject::{Identifier, IdentifierKind, Subject};

    #[derive(Debug)]
    struct Full(SourceDescription);

    const INSTANT: DateTime<Utc> = DateTime::UNIX_EPOCH;

    #[async_trait]
    impl Source for Full {
        fn describe(&self) -> &SourceDescription {
            &self.0
        }

        async fn estimate(&self, _request: &ReadRequest) -> Result<Option<Estimate>, SourceError> {
            Ok(Some(Estimate::Records(7)))
        }

        async fn complete_until(&self, _request: &ReadRequest) -> Result<Option<DateTime<Utc>>, SourceError> {
            Ok(Some(INSTANT))
        }

        async fn remarks(&self, owner: &Owner) -> Result<Vec<String>, SourceError> {
            Ok(vec![owner.to_string()])
        }

        async fn fields(&self, _: &Owner, data_type: &TypeId) -> Result<Option<Vec<Field>>, SourceError> {
            Ok(Some(vec![Field::new(data_type.as_str())]))
        }

        async fn faults(&self, _: &Owner, data_type: &TypeId) -> Result<Vec<String>, SourceError> {
            Ok(vec![format!("{data_type} names a column that there is not")])
        }

        async fn erase(&self, _request: EraseRequest) -> Result<Erased, SourceError> {
            Ok(Erased { records: 9, kept: Vec::new() })
        }

        async fn read(&self, _request: ReadRequest) -> Result<RecordStream, SourceError> {
            Ok(stream::iter([Err(SourceError::interrupted("the one item"))]).boxed())
        }
    }

    fn answers(source: &dyn Source) -> String {
        let owner = Owner::default();
        let request = ReadRequest::new(owner.clone(), "t".parse().unwrap(), Window::until(INSTANT));
        let ada = Identifier::new(IdentifierKind::Phone, "+49 30 1").unwrap();
        let ada = Subject::new([ada]).unwrap();
        let read = async { source.read(request.clone()).await.unwrap().collect::<Vec<_>>().await };
        let rest = async {
            (
                source.estimate(&request).await,
                source.complete_until(&request).await,
                source.remarks(&owner).await,
                source.fields(&owner, &request.data_type).await,
                source.faults(&owner, &request.data_type).await,
                source.erase(EraseRequest::new(owner.clone(), request.data_type.clone(), ada)).await,
            )
        };
        format!("{:?} {:?} {:?}", source.describe(), block_on(rest), block_on(read))
    }

    #[test]
    fn a_shared_source_answers_like_itself_in_every_method() {
        let source = Full(SourceDescription::new("full".parse().unwrap(), "Full"));
        let expected = answers(&source);
        assert!(expected.contains("Records(7)"), "{expected}");
        let shared: Arc<dyn Source> = Arc::new(source);
        // Twice shared, so that the outer one is not dereferenced by the call.
        assert_eq!(answers(&Arc::new(shared)), expected);
    }
}
