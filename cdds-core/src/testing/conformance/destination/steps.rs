//! What the checks of a destination do again and again.

use bytes::Bytes;
use futures::TryStreamExt;

use super::path;
use crate::ports::destination::{Destination, DestinationError, DestinationErrorKind, Session};
use crate::testing::conformance::same;

/// What a check found: nothing, or what was done, what should have come of it, and what did.
pub(super) type Found<T = ()> = Result<T, String>;

/// The bytes of one write.
const PIECE_BYTES: usize = 70_001;

pub(super) fn told(what: &str, error: &DestinationError) -> String {
    format!("{what} failed: {}", error.report())
}

/// Opens a session.
pub(super) async fn connected(destination: &dyn Destination) -> Found<Box<dyn Session>> {
    let connection = destination.connect(None).await.map_err(|error| told("connecting", &error))?;
    Ok(connection.session)
}

/// Writes a file in pieces of an uneven length. Returns the size that is reported.
pub(super) async fn written(session: &mut dyn Session, name: &str, content: &Bytes) -> Found<u64> {
    let what = |doing: &str, why: String| format!("{doing} {name} failed: {why}");
    let created = session.create(&path(name)?).await;
    let mut upload = created.map_err(|error| what("creating", error.report()))?;
    let mut rest = content.clone();
    while !rest.is_empty() {
        let piece = rest.split_to(PIECE_BYTES.min(rest.len()));
        upload.write(piece).await.map_err(|error| what("writing", error.report()))?;
    }
    let stored = upload.finish().await.map_err(|error| what("finishing", error.report()))?;
    Ok(stored.bytes)
}

/// Reads a file back, which must have these bytes.
pub(super) async fn has(session: &mut dyn Session, name: &str, content: &Bytes) -> Found {
    let read = session.read(&path(name)?).await.map_err(|error| told(&format!("reading {name}"), &error))?;
    let all = read.try_fold(Vec::new(), |mut all, piece| async move {
        all.extend_from_slice(&piece);
        Ok(all)
    });
    let all = all.await.map_err(|error| told(&format!("reading {name}"), &error))?;
    same(&all, content, name)
}

/// Requires the size of a file, or that there is none.
pub(super) async fn sized(session: &mut dyn Session, name: &str, should: Option<usize>) -> Found {
    let is =
        session.size(&path(name)?).await.map_err(|error| told(&format!("the size of {name}"), &error))?;
    if is == should.map(|bytes| bytes as u64) {
        return Ok(());
    }
    Err(format!("the size of {name} is {is:?} instead of {should:?}"))
}

pub(super) async fn removed(session: &mut dyn Session, name: &str) -> Found {
    session.remove(&path(name)?).await.map_err(|error| told(&format!("removing {name}"), &error))
}

/// Returns the names in a folder, sorted; `None` if the destination cannot list.
pub(super) async fn listed(session: &mut dyn Session, folder: &str) -> Found<Option<Vec<String>>> {
    let names = session.list(&path(folder)?).await;
    let mut names = names.map_err(|error| told(&format!("listing {folder}"), &error))?;
    if let Some(names) = &mut names {
        names.sort();
    }
    Ok(names)
}

/// Requires that a call is refused as this kind.
pub(super) fn refused<T>(
    what: &str,
    answer: Result<T, DestinationError>,
    should: DestinationErrorKind,
) -> Found {
    match answer {
        Err(error) if error.kind() == should => Ok(()),
        Err(error) => {
            Err(format!("{what} is refused as {:?} instead of {should:?}: {}", error.kind(), error.report()))
        }
        Ok(_) => Err(format!("{what} succeeds instead of being refused as {should:?}")),
    }
}
