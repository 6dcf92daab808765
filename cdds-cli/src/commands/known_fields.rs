//! What a source knows of the fields of a type, for those who ask whether it has what a job names.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use cdds_core::domain::id::TypeId;
use cdds_core::domain::job::Read;
use cdds_core::domain::record::template::Filter;
use cdds_core::ports::source::Source;
use futures::future::{Either, select};

use crate::session::Session;

/// How long a source is asked: a server may be away, and nothing else depends on its answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Returns the answer of a source, if it has one and that comes in time.
pub(super) async fn in_time<T, E>(asked: impl Future<Output = Result<T, E>>, session: &Session) -> Option<T> {
    match select(pin!(asked), session.clock.sleep(PATIENCE)).await {
        Either::Left((answer, _)) => answer.ok(),
        Either::Right(_) => None,
    }
}

/// Returns the names of a type's fields; `None` if the source does not know them, or does not answer in time.
pub(super) async fn names(source: &dyn Source, data_type: &TypeId, session: &Session) -> Option<Vec<String>> {
    let fields = in_time(source.fields(&session.principal.owner, data_type), session).await??;
    Some(fields.into_iter().map(|field| field.name).collect())
}

/// Returns the fields that the template of a read names, of its choice and of its filters.
pub(super) fn named(read: &Read) -> BTreeSet<&str> {
    let fields = read.template.fields.names().unwrap_or_default().iter().map(String::as_str);
    fields.chain(read.template.filters.iter().map(Filter::field)).collect()
}
