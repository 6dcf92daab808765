//! Reading a file back.

use bytes::{Bytes, BytesMut};
use cdds_core::ports::destination::DestinationError;
use futures::stream::{self, BoxStream, StreamExt};
use suppaftp::FtpError;
use tokio::io::AsyncReadExt;

use super::failure::failed;
use super::link::{Link, Transfer};
use super::session::Slot;
use crate::net::Net;

/// Bytes of a piece.
const PIECE_BYTES: usize = 64 * 1024;

/// A file being read. If it is dropped before its end, both connections end.
struct Reading {
    net: Net,
    slot: Slot,
    link: Link,
    transfer: Transfer,
    action: String,
}

/// Returns the bytes of a file, piece by piece.
pub(super) fn read_back(
    net: Net,
    slot: Slot,
    link: Link,
    transfer: Transfer,
    action: String,
) -> BoxStream<'static, Result<Bytes, DestinationError>> {
    let reading = Reading { net, slot, link, transfer, action };
    stream::unfold(Some(reading), |reading| async move {
        let mut reading = reading?;
        let mut piece = BytesMut::with_capacity(PIECE_BYTES);
        let net = reading.net.clone();
        match net.run(reading.transfer.read_buf(&mut piece)).await {
            Ok(0) => net.run(end(reading)).await.err().map(|error| (Err(error), None)),
            Ok(_) => Some((Ok(piece.freeze()), Some(reading))),
            Err(why) => Some((Err(failed(&reading.action, FtpError::ConnectionError(why))), None)),
        }
    })
    .boxed()
}

/// Has the server confirm that this was all.
async fn end(reading: Reading) -> Result<(), DestinationError> {
    let Reading { slot, link, transfer, action, .. } = reading;
    transfer.finish().await.map_err(|why| failed(&action, why))?;
    slot.put(link);
    Ok(())
}
