//! Rule D7: the ledger of erasures, in the artifact store: `subjects/<request>.json`. The engine writes it before a request
//! ends, and services read it: it outlives a catalog that is restored from a backup.

use bytes::Bytes;
use futures::TryStreamExt;

use crate::domain::id::SubjectRequestId;
use crate::domain::subject::ErasureEntry;
use crate::keys;
use crate::ports::sink::{Key, Sink, SinkError, SinkErrorKind};
use crate::stored::{StoredFormError, erasure_from_json, erasure_to_json};

/// The most bytes of an entry: twenty identifiers under some keys, and some thousand types.
const BYTES_MAX: usize = 4 << 20;

/// Writes the entry of an erasure, unless it is there: a catalog that was restored to a state before the end of a request
/// carries it out again, and what it erased at first is told by the first entry.
pub(crate) async fn put(sink: &dyn Sink, entry: &ErasureEntry) -> Result<(), SinkError> {
    let key = keys::erasure(entry.request);
    if read(sink, &key).await?.is_some() {
        return Ok(());
    }
    let json = erasure_to_json(entry).map_err(|error| corrupt(&key, &error))?;
    let mut upload = sink.begin(&key).await?;
    if let Err(error) = upload.write(Bytes::from(json)).await {
        // What remains is no object, and another attempt writes the same.
        let _ = upload.abort().await;
        return Err(error);
    }
    upload.finish().await.map(drop)
}

/// Returns all entries, and the keys of those that cannot be read, each with the reason.
pub(crate) async fn all(sink: &dyn Sink) -> Result<(Vec<ErasureEntry>, Vec<(Key, String)>), SinkError> {
    let (mut entries, mut unreadable) = (Vec::new(), Vec::new());
    let mut listed = sink.list(&keys::erasures()).await?;
    listed.sort_unstable();
    for key in listed {
        let Some(id) = keys::erasure_of(&key) else { continue };
        // A listing shows unfinished uploads, too, which are nothing yet.
        let Some(json) = read(sink, &key).await? else { continue };
        match erasure_from_json(&json).map_err(|error| error.to_string()).and_then(|entry| is_of(entry, id)) {
            Ok(entry) => entries.push(entry),
            Err(why) => unreadable.push((key, why)),
        }
    }
    Ok((entries, unreadable))
}

fn is_of(entry: ErasureEntry, id: SubjectRequestId) -> Result<ErasureEntry, String> {
    match entry.request == id {
        true => Ok(entry),
        false => Err(format!("it is the entry of request {}", entry.request)),
    }
}

async fn read(sink: &dyn Sink, key: &Key) -> Result<Option<Vec<u8>>, SinkError> {
    let mut chunks = match sink.read(key, 0).await {
        Err(error) if error.kind() == SinkErrorKind::NotFound => return Ok(None),
        chunks => chunks?,
    };
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.try_next().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > BYTES_MAX {
            // Too long to be an entry: whoever parses its beginning finds that out.
            break;
        }
    }
    Ok(Some(bytes))
}

fn corrupt(key: &Key, error: &StoredFormError) -> SinkError {
    SinkError::new(SinkErrorKind::Corrupt, format!("{key} cannot be written: {error}"))
}
