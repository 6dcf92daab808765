//! A line that delays.

use std::time::Duration;

use cdds_benches::Failure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Where servers listen.
pub(crate) const FAR: &str = "127.0.0.1";

/// Where the line begins. Its ports are the servers' own, since servers of FTP tell their clients ports and no more.
pub(crate) const NEAR: &str = "127.0.0.2";

/// Pieces on the line at most: as wide as no test is.
const PIECES_MAX: usize = 4_096;

/// Leads from a port at the near end to the same one at the far end.
pub(crate) async fn delayed(port: u16, delay: Duration) -> Result<(), Failure> {
    let listener = TcpListener::bind((NEAR, port)).await?;
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let Ok(far) = TcpStream::connect((FAR, port)).await else { continue };
            let _ = (near.set_nodelay(true), far.set_nodelay(true));
            let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
            tokio::spawn(carry(near_read, far_write, delay));
            tokio::spawn(carry(far_read, near_write, delay));
        }
    });
    Ok(())
}

/// Carries what comes out of one end to the other, later.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let (sender, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES_MAX);
    tokio::spawn(async move {
        while let Some((at, piece)) = pieces.recv().await {
            sleep_until(at).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    });
    let mut piece = vec![0; 16 * 1024];
    while let Ok(bytes @ 1..) = from.read(&mut piece).await {
        if sender.send((Instant::now() + delay, piece[..bytes].to_vec())).await.is_err() {
            return;
        }
    }
}
