//! Reading a file back, with many requests on their way.

use std::sync::Arc;

use bytes::Bytes;
use cdds_core::ports::destination::DestinationError;
use futures::stream::{self, BoxStream, StreamExt};
use russh_sftp::client::error::Error;
use russh_sftp::protocol::{FileAttributes, OpenFlags, StatusCode};

use super::failure::{failed, has_status};
use super::remote::{IN_FLIGHT_MAX, READ_BYTES, Remote};
use crate::net::Net;

/// A file being read, which is closed in the end.
struct Open {
    remote: Arc<Remote>,
    net: Net,
    handle: String,
}

impl Drop for Open {
    fn drop(&mut self) {
        let handle = std::mem::take(&mut self.handle);
        self.net.within(|| self.remote.close_later(handle));
    }
}

/// Opens a file and returns its bytes, piece by piece.
pub(super) async fn read_back(
    remote: Arc<Remote>,
    net: Net,
    path: String,
) -> Result<BoxStream<'static, Result<Bytes, DestinationError>>, DestinationError> {
    let action = remote.action("read", &path);
    let opened = remote.raw.open(path, OpenFlags::READ, FileAttributes::empty()).await;
    let handle = opened.map_err(|why| failed(&action, why))?.handle;
    let open = Arc::new(Open { remote: Arc::clone(&remote), net: net.clone(), handle });
    let bytes = match open.remote.raw.fstat(open.handle.as_str()).await {
        Ok(found) => found.attrs.size,
        Err(Error::Status(_)) => None,
        Err(why) => return Err(failed(&action, why)),
    };
    // One piece more than there should be, so that what was added since is seen.
    let last = bytes.map_or(u64::MAX, |bytes| bytes / u64::from(READ_BYTES) + 1);
    let pieces = stream::iter(0..=last)
        .map(move |n| read_piece(Arc::clone(&open), n.saturating_mul(u64::from(READ_BYTES))))
        .buffered(IN_FLIGHT_MAX);
    let pieces = pieces.scan(false, |is_over, piece| {
        let was_over = *is_over;
        *is_over = piece.as_ref().map_or(true, |bytes| bytes.len() < READ_BYTES as usize);
        std::future::ready((!was_over).then_some(piece))
    });
    let pieces =
        pieces.filter(|piece| std::future::ready(piece.as_ref().map_or(true, |bytes| !bytes.is_empty())));
    let pieces = pieces.map(move |piece| piece.map_err(|why| failed(&action, why))).boxed();
    Ok(stream::unfold(Some((pieces, remote, net)), |reading| async move {
        let (mut pieces, remote, net) = reading?;
        let next = remote.until_ended(async { pieces.next().await.transpose() });
        let piece = net.run(next).await.transpose()?;
        // Nothing comes after an error.
        let reading = piece.is_ok().then_some((pieces, remote, net));
        Some((piece, reading))
    })
    .boxed())
}

/// Reads one piece; it is short only at the end of the file. Servers may answer with less than was asked for.
async fn read_piece(open: Arc<Open>, from: u64) -> Result<Bytes, Error> {
    let mut piece = Vec::new();
    while piece.len() < READ_BYTES as usize {
        let have = u32::try_from(piece.len()).unwrap_or(READ_BYTES);
        let (at, bytes) = (from.saturating_add(u64::from(have)), READ_BYTES - have);
        let asked = open.remote.raw.read(open.handle.as_str(), at, bytes.min(open.remote.read_bytes)).await;
        match asked {
            Ok(some) if some.data.is_empty() => break,
            Ok(some) if piece.is_empty() => piece = some.data,
            Ok(some) => piece.extend(some.data),
            Err(why) if has_status(&why, StatusCode::Eof) => break,
            Err(why) => return Err(why),
        }
    }
    Ok(piece.into())
}
