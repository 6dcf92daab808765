//! As much of HTTP/1.1 as it takes to ask the server: a connection that is kept, and answers of a known length.

use std::net::SocketAddr;

use cdds_benches::Failure;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};

/// How much is read at once.
const CHUNK_BYTES: usize = 64 * 1024;

pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
}

/// The digest and the size of a file, from the answer of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Print {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::with_capacity(CHUNK_BYTES, stream), address })
    }

    /// Opens a connection of which the system takes in as little as it can before it is read.
    pub(crate) async fn open_narrow(address: SocketAddr) -> Result<Self, Failure> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(1)?;
        let stream = socket.connect(address).await?;
        Ok(Self { stream: BufReader::with_capacity(1024, stream), address })
    }

    /// Asks for a page, and returns it.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Vec<u8>, Failure> {
        self.ask(&format!("GET {path}"), "").await
    }

    /// Sends a form in JSON, and returns the answer.
    pub(crate) async fn post(&mut self, path: &str, form: &Value) -> Result<Value, Failure> {
        Ok(serde_json::from_slice(&self.ask(&format!("POST {path}"), &form.to_string()).await?)?)
    }

    /// Deletes what has this address.
    pub(crate) async fn delete(&mut self, path: &str) -> Result<(), Failure> {
        self.ask(&format!("DELETE {path}"), "").await.map(drop)
    }

    /// Asks for a view in JSON.
    pub(crate) async fn view(&mut self, path: &str) -> Result<Value, Failure> {
        Ok(serde_json::from_slice(&self.get(path).await?)?)
    }

    /// Downloads a file, and returns what it was.
    pub(crate) async fn download(&mut self, path: &str) -> Result<Print, Failure> {
        let bytes = self.begin(&format!("GET {path}"), "").await?;
        self.rest(Sha256::new(), bytes, bytes).await
    }

    /// Asks for a file, of which nothing is read yet. Returns its size.
    pub(crate) async fn begin(&mut self, what: &str, body: &str) -> Result<u64, Failure> {
        let head = format!(
            "{what} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        self.stream.write_all(head.as_bytes()).await?;
        let (mut line, mut first, mut bytes) = (String::new(), String::new(), None);
        loop {
            line.clear();
            if self.stream.read_line(&mut line).await? == 0 {
                return Err(format!("{what}: the server closed the connection").into());
            }
            let line = line.trim_end();
            match line.split_once(": ") {
                None if line.is_empty() => break,
                None => line.clone_into(&mut first),
                Some(("content-length", length)) => bytes = Some(length.parse::<u64>()?),
                Some(_) => {}
            }
        }
        let status = first.split(' ').nth(1);
        // No content, of which no length is told.
        if status == Some("204") {
            return Ok(0);
        }
        let bytes = bytes.ok_or_else(|| format!("{what}: {first}, of no known length"))?;
        match status {
            Some("200" | "201" | "202") => Ok(bytes),
            _ => {
                let mut page = vec![0; usize::try_from(bytes)?];
                self.stream.read_exact(&mut page).await?;
                Err(format!("{what}: {first}: {}", String::from_utf8_lossy(&page)).into())
            }
        }
    }

    /// Reads some bytes of the answer.
    pub(crate) async fn some(&mut self, hasher: &mut Sha256, bytes: usize) -> Result<(), Failure> {
        let mut piece = vec![0; bytes];
        self.stream.read_exact(&mut piece).await?;
        hasher.update(&piece);
        Ok(())
    }

    /// Reads the rest of a file of which the first bytes were read.
    pub(crate) async fn rest(
        &mut self,
        mut hasher: Sha256,
        bytes: u64,
        mut left: u64,
    ) -> Result<Print, Failure> {
        let mut piece = vec![0; CHUNK_BYTES];
        while left > 0 {
            let most = usize::try_from(left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
            let read = self.stream.read(&mut piece[..most]).await?;
            if read == 0 {
                return Err(format!("the file broke off {left} bytes before its end").into());
            }
            hasher.update(&piece[..read]);
            left -= read as u64;
        }
        let sha256 = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Print { bytes, sha256 })
    }

    async fn ask(&mut self, what: &str, body: &str) -> Result<Vec<u8>, Failure> {
        let bytes = self.begin(what, body).await?;
        let mut page = vec![0; usize::try_from(bytes)?];
        self.stream.read_exact(&mut page).await?;
        Ok(page)
    }
}
