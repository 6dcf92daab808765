//! Clients that read a file as slowly as a server must bear.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cdds_benches::Failure;
use sha2::{Digest as _, Sha256};
use tokio::task::JoinHandle;

use crate::client::Connection;
use crate::crowd::File;

/// How much each reads in a second.
const BYTES: u16 = 1024;

/// How many of them read their file to its end once they may.
const TO_THE_END: usize = 4;

pub(crate) struct Readers {
    is_over: Arc<AtomicBool>,
    readers: Vec<JoinHandle<Result<(), Failure>>>,
}

impl Readers {
    /// Begins the downloads. Each has got its first bytes when this returns.
    pub(crate) async fn begin(address: SocketAddr, count: usize, file: &File) -> Result<Self, Failure> {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut readers = Vec::with_capacity(count);
        for number in 0..count {
            let mut connection = Connection::open_narrow(address).await?;
            let bytes = connection.begin(&format!("GET {}", file.path), "").await?;
            let (file, is_over) = (file.clone(), Arc::clone(&is_over));
            readers.push(tokio::spawn(read(connection, bytes, file, is_over, number < TO_THE_END)));
        }
        Ok(Self { is_over, readers })
    }

    /// Lets some read to the end, and the others go away without a word.
    pub(crate) async fn end(self) -> Result<(), Failure> {
        self.is_over.store(true, Ordering::Relaxed);
        for reader in self.readers {
            reader.await??;
        }
        Ok(())
    }
}

async fn read(
    mut connection: Connection,
    bytes: u64,
    file: File,
    is_over: Arc<AtomicBool>,
    to_the_end: bool,
) -> Result<(), Failure> {
    let (mut hasher, mut left) = (Sha256::new(), bytes);
    while !is_over.load(Ordering::Relaxed) && left > BYTES.into() {
        connection.some(&mut hasher, BYTES.into()).await?;
        left -= u64::from(BYTES);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    if to_the_end {
        let got = connection.rest(hasher, bytes, left).await?;
        if got != file.print {
            return Err(format!("{}: {got:?} in place of {:?}", file.path, file.print).into());
        }
    }
    Ok(())
}
