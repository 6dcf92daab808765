//! The clause of a store without room.

use bytes::Bytes;

use super::Clause;
use super::checks::said;
use crate::ports::sink::{Key, Sink, SinkError, SinkErrorKind, Stored};
use crate::testing::conformance::Report;

/// Checks [`Clause::FullIsSaid`] of a store that has no room for 1 MiB: a quota, a small file system.
pub async fn check_full(full: &dyn Sink) -> Report<Clause> {
    let mut report = Report::new();
    report.add(Clause::FullIsSaid, is_said(full).await);
    report
}

async fn is_said(full: &dyn Sink) -> Result<(), String> {
    let key = Key::new("conformance/full/000001");
    let outcome = upload(full, &key).await;
    let seen = full.read(&key, 0).await.map(drop);
    let _left = full.delete(&key).await;
    match outcome {
        Ok(_) => return Err("an upload of 1 MiB to a full store finished".to_owned()),
        Err(error) if error.kind() != SinkErrorKind::Full => {
            return Err(format!("the upload failed with {:?} rather than Full", error.kind()));
        }
        Err(_) => {}
    }
    match seen {
        Err(error) if error.kind() == SinkErrorKind::NotFound => Ok(()),
        Err(error) => Err(said("reading the object that did not fit")(error)),
        Ok(()) => Err("the object that did not fit can be read".to_owned()),
    }
}

async fn upload(full: &dyn Sink, key: &Key) -> Result<Stored, SinkError> {
    let mut upload = full.begin(key).await?;
    for _write in 0..16 {
        if let Err(error) = upload.write(Bytes::from(vec![7; 64 * 1024])).await {
            let _gone = upload.abort().await;
            return Err(error);
        }
    }
    upload.finish().await
}
