//! An open connection, as the session, its upload and its readers share it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use cdds_core::domain::delivery::path::RemotePath;
use cdds_core::ports::destination::{DestinationError, DestinationErrorKind};
use russh::client::{Handle, Msg};
use russh::{Channel, ChannelMsg, Disconnect};
use russh_sftp::client::error::Error;
use russh_sftp::client::rawsession::Limits;
use russh_sftp::client::{Config, RawSftpSession};

use super::ended::Ended;
use super::failure::{EndedEarly, broken_off, failed, is_vague, refused};
use super::handshake::HostKeyCheck;
use crate::net::Line;

/// Requests on their way at once: 64 of 32 KiB fill a link of 50 ms with 40 MiB/s.
pub(super) const IN_FLIGHT_MAX: usize = 64;

/// Bytes of a request. Every server takes 32 KiB (draft-ietf-secsh-filexfer-02, section 3).
const PACKET_BYTES: usize = 32 * 1024;

/// Bytes of a piece that is read.
pub(super) const READ_BYTES: u32 = 32 * 1024;

/// Bytes of a write request besides its data and its handle: length, type, id, two lengths, offset.
const WRITE_BYTES_OVERHEAD: usize = 4 + 1 + 4 + 4 + 8 + 4;

/// A request waits for those before it, 2 MiB on a link that may be slow. The engine has limits of its own, so this
/// only ends what everybody has forgotten.
const REQUEST_SECONDS_MAX: u64 = 3_600;

/// The connection ends with the last owner.
pub(super) struct Remote {
    pub(super) raw: Arc<RawSftpSession>,
    extensions: HashMap<String, String>,
    write_bytes: u64,
    /// Bytes of one read.
    pub(super) read_bytes: u32,
    folder: String,
    place: String,
    ended: Ended,
    ssh: Handle<HostKeyCheck>,
    _line: Line,
}

impl Remote {
    /// Starts the subsystem. Call it within a runtime.
    pub(super) async fn open(
        line: Line,
        ssh: Handle<HostKeyCheck>,
        place: &str,
        folder: String,
    ) -> Result<Self, DestinationError> {
        let channel = subsystem(&ssh, place).await?;
        let config = Config { request_timeout_secs: REQUEST_SECONDS_MAX, ..Config::default() };
        let (channel, ended) = Ended::watch(channel.into_stream());
        let mut raw = RawSftpSession::new_with_config(channel, config);
        let greeted = ended.or(raw.init(), || Err(Error::ended_early(place))).await;
        let greeted = greeted.map_err(|why| failed(&format!("begin SFTP at {place}"), why))?;
        let extensions = greeted.extensions;
        let (mut write_bytes, mut read_bytes) = (u64::MAX, READ_BYTES);
        if extensions.get("limits@openssh.com").is_some_and(|version| version == "1") {
            let asked = ended.or(raw.limits(), || Err(Error::ended_early(place))).await;
            let limits =
                Limits::from(asked.map_err(|why| failed(&format!("ask {place} for its limits"), why))?);
            write_bytes = limits.write_len.unwrap_or(write_bytes);
            let most = limits.read_len.and_then(|most| u32::try_from(most).ok());
            read_bytes = most.map_or(read_bytes, |most| read_bytes.min(most));
            raw.set_limits(limits);
        }
        let (raw, place) = (Arc::new(raw), place.to_owned());
        Ok(Self { raw, extensions, write_bytes, read_bytes, folder, place, ended, ssh, _line: line })
    }

    /// Waits for a call, at most until the connection ends.
    pub(super) async fn until_ended<T, E: EndedEarly>(
        &self,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.ended.or(call, || Err(E::ended_early(&self.place))).await
    }

    /// Returns whether the server has announced an extension.
    pub(super) fn has(&self, extension: &str) -> bool {
        self.extensions.contains_key(extension)
    }

    /// Returns the bytes of one write.
    pub(super) fn write_bytes(&self, handle: &str) -> usize {
        let fitting = PACKET_BYTES.saturating_sub(WRITE_BYTES_OVERHEAD + handle.len()).max(1);
        usize::try_from(self.write_bytes).map_or(fitting, |most| fitting.min(most.max(1)))
    }

    /// Returns a path as the server takes it.
    pub(super) fn path(&self, path: &RemotePath) -> String {
        match (self.folder.trim_end_matches('/'), path.as_str()) {
            ("", "") if self.folder.is_empty() => ".".to_owned(),
            ("", "") => "/".to_owned(),
            ("", below) if self.folder.is_empty() => below.to_owned(),
            (folder, "") => folder.to_owned(),
            (folder, below) => format!("{folder}/{below}"),
        }
    }

    /// Returns an action for errors: "write in/x.zip at partner.example:22".
    pub(super) fn action(&self, verb: &str, path: &str) -> String {
        format!("{verb} {path} at {}", self.place)
    }

    /// Tells why writing failed. Many servers answer a full disk with "Failure" only, so the free space is asked for.
    pub(super) async fn not_written(&self, verb: &str, path: &str, why: Error) -> DestinationError {
        let action = self.action(verb, path);
        if is_vague(&why) && self.is_full(path).await {
            let context = format!("cannot {action}: there is no space left: free some there");
            return DestinationError::new(DestinationErrorKind::Full, context);
        }
        failed(&action, why)
    }

    async fn is_full(&self, path: &str) -> bool {
        if !self.has("statvfs@openssh.com") {
            return false;
        }
        let folder = match path.rsplit_once('/') {
            Some(("", _)) => "/",
            Some((folder, _)) => folder,
            None => ".",
        };
        let in_flight = IN_FLIGHT_MAX.saturating_mul(PACKET_BYTES) as u64;
        self.raw.statvfs(folder).await.is_ok_and(|free| {
            free.blocks_avail.saturating_mul(free.fragment_size) < in_flight
                || (free.inodes > 0 && free.inodes_avail == 0)
        })
    }

    /// Closes a handle whose owner no longer waits. Call it within a runtime.
    pub(super) fn close_later(&self, handle: String) {
        // Without the line: it must end although a server never answers.
        let (raw, ended) = (Arc::clone(&self.raw), self.ended.clone());
        tokio::spawn(async move { ended.or(async { drop(raw.close(handle).await) }, || ()).await });
    }

    /// Says goodbye.
    pub(super) async fn leave(&self) {
        let _ = self.raw.close_session();
        let _ = self.ssh.disconnect(Disconnect::ByApplication, "", "en").await;
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("place", &self.place)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

async fn subsystem(ssh: &Handle<HostKeyCheck>, place: &str) -> Result<Channel<Msg>, DestinationError> {
    let opened = ssh.channel_open_session().await;
    let mut channel = opened.map_err(|why| broken_off(place, why))?;
    channel.request_subsystem(true, "sftp").await.map_err(|why| broken_off(place, why))?;
    loop {
        match channel.wait().await {
            Some(ChannelMsg::Success) => return Ok(channel),
            Some(ChannelMsg::Failure) => {
                return Err(refused(format!(
                    "{place} does not offer SFTP to this user: ask the server's operators to enable it"
                )));
            }
            Some(_) => {}
            None => return Err(broken_off(place, russh::Error::Disconnect)),
        }
    }
}
