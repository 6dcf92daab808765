//! The operations of a session.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cdds_core::domain::delivery::path::RemotePath;
use cdds_core::ports::destination::{DestinationError, DestinationErrorKind, Session, Upload};
use futures::stream::BoxStream;
use russh_sftp::client::error::Error;
use russh_sftp::protocol::{FileAttributes, OpenFlags, Packet, StatusCode};

use super::failure::{failed, has_status};
use super::read::read_back;
use super::remote::Remote;
use super::upload::SftpUpload;
use crate::net::Net;

/// A signed-in connection.
#[derive(Debug)]
pub(super) struct SftpSession {
    remote: Arc<Remote>,
    net: Net,
}

impl SftpSession {
    pub(super) fn new(remote: Remote, net: Net) -> Self {
        Self { remote: Arc::new(remote), net }
    }

    async fn open_new(&self, path: &str) -> Result<String, DestinationError> {
        let flags = OpenFlags::CREATE | OpenFlags::TRUNCATE | OpenFlags::WRITE;
        let open = || self.remote.raw.open(path, flags, FileAttributes::empty());
        let why = match open().await {
            Ok(opened) => return Ok(opened.handle),
            Err(why) => why,
        };
        // Servers disagree how they say that a folder is missing.
        if has_status(&why, StatusCode::NoSuchFile) || has_status(&why, StatusCode::Failure) {
            let obstacle = self.make_folders(path).await;
            return match (open().await, obstacle) {
                (Ok(opened), _) => Ok(opened.handle),
                (Err(again), Some((folder, why))) if has_status(&again, StatusCode::NoSuchFile) => {
                    Err(self.remote.not_written("create the folder", &folder, why).await)
                }
                (Err(again), _) => Err(self.remote.not_written("create", path, again).await),
            };
        }
        Err(self.remote.not_written("create", path, why).await)
    }

    /// Creates the folders above a file: the lowest that can be, then those below. Failures count only if the file
    /// cannot be created afterwards, because somebody else may create them at the same time. Folders that are there
    /// are left alone: users see not every folder above their own, and some servers answer with codes that the
    /// protocol does not have. Returns the last failure.
    async fn make_folders(&self, path: &str) -> Option<(String, Error)> {
        let ends = path.match_indices('/').map(|(end, _)| end).filter(|end| *end > 0);
        let folders: Vec<&str> = ends.map(|end| &path[..end]).collect();
        let make = |folder| self.remote.raw.mkdir(folder, FileAttributes::empty());
        let mut missing = Vec::new();
        let mut obstacle = None;
        for folder in folders.into_iter().rev() {
            match make(folder).await {
                Ok(_) => break,
                Err(why) if has_status(&why, StatusCode::PermissionDenied) => {
                    return Some((folder.to_owned(), why));
                }
                Err(why) => obstacle = Some((folder.to_owned(), why)),
            }
            missing.push(folder);
        }
        while let Some(folder) = missing.pop() {
            obstacle = make(folder).await.err().map(|why| (folder.to_owned(), why));
        }
        obstacle
    }

    async fn move_file(&self, from: &str, to: &str) -> Result<(), DestinationError> {
        let why = match self.remote.raw.rename(from, to).await {
            Ok(_) => return Ok(()),
            Err(why) => why,
        };
        let action = self.remote.action("rename", from);
        let no_file = has_status(&why, StatusCode::NoSuchFile);
        // Plain renames need hard links on some servers, whose file systems may have none.
        if matches!(why, Error::Status(_)) && !no_file && self.remote.has(POSIX_RENAME) {
            let request = [from, to].map(field).concat();
            return match self.remote.raw.extended(POSIX_RENAME, request).await {
                Ok(Packet::Status(status)) if status.status_code == StatusCode::Ok => Ok(()),
                Ok(Packet::Status(status)) => Err(not_renamed(&action, status.into())),
                Ok(_) => Err(failed(&action, Error::UnexpectedPacket)),
                Err(why) => Err(failed(&action, why)),
            };
        }
        Err(not_renamed(&action, why))
    }

    async fn names(&self, folder: &str) -> Result<Vec<String>, Error> {
        let handle = match self.remote.raw.opendir(folder).await {
            Ok(opened) => opened.handle,
            Err(why) if has_status(&why, StatusCode::NoSuchFile) => return Ok(Vec::new()),
            Err(why) => return Err(why),
        };
        let mut names = Vec::new();
        let read = loop {
            match self.remote.raw.readdir(handle.as_str()).await {
                Ok(some) => names.extend(some.files.into_iter().map(|file| file.filename)),
                Err(why) if has_status(&why, StatusCode::Eof) => break Ok(()),
                Err(why) => break Err(why),
            }
        };
        let closed = self.remote.raw.close(handle).await;
        read?;
        closed?;
        names.retain(|name| name != "." && name != "..");
        Ok(names)
    }
}

/// OpenSSH's rename, which overwrites (PROTOCOL of OpenSSH, section 4.3).
const POSIX_RENAME: &str = "posix-rename@openssh.com";

/// The user has just written the file, so a server that forbids its rename forbids all of them.
fn not_renamed(action: &str, why: Error) -> DestinationError {
    let forbidden = [StatusCode::OpUnsupported, StatusCode::PermissionDenied];
    if !forbidden.into_iter().any(|code| has_status(&why, code)) {
        return failed(action, why);
    }
    let context =
        format!("cannot {action}: the server does not let the user rename: have files written directly");
    DestinationError::new(DestinationErrorKind::CannotRename, context)
}

/// A string in a request: its length, then its bytes (RFC 4251, section 5).
fn field(text: &str) -> Vec<u8> {
    let bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
    [&bytes.to_be_bytes()[..], text.as_bytes()].concat()
}

#[async_trait]
impl Session for SftpSession {
    async fn create(&mut self, path: &RemotePath) -> Result<Box<dyn Upload>, DestinationError> {
        let path = self.remote.path(path);
        let handle = self.net.run(self.remote.until_ended(self.open_new(&path))).await?;
        Ok(Box::new(SftpUpload::new(Arc::clone(&self.remote), self.net.clone(), path, handle)))
    }

    async fn size(&mut self, path: &RemotePath) -> Result<Option<u64>, DestinationError> {
        let path = self.remote.path(path);
        let action = self.remote.action("measure", &path);
        match self.net.run(self.remote.until_ended(self.remote.raw.stat(path))).await {
            Ok(found) => match found.attrs.size {
                Some(bytes) => Ok(Some(bytes)),
                None => Err(failed(&action, Error::UnexpectedBehavior("it tells no size".to_owned()))),
            },
            Err(why) if has_status(&why, StatusCode::NoSuchFile) => Ok(None),
            Err(why) => Err(failed(&action, why)),
        }
    }

    async fn read(
        &mut self,
        path: &RemotePath,
    ) -> Result<BoxStream<'static, Result<Bytes, DestinationError>>, DestinationError> {
        let path = self.remote.path(path);
        let opening = read_back(Arc::clone(&self.remote), self.net.clone(), path);
        self.net.run(self.remote.until_ended(opening)).await
    }

    async fn rename(&mut self, from: &RemotePath, to: &RemotePath) -> Result<(), DestinationError> {
        let (from, to) = (self.remote.path(from), self.remote.path(to));
        self.net.run(self.remote.until_ended(self.move_file(&from, &to))).await
    }

    async fn remove(&mut self, path: &RemotePath) -> Result<(), DestinationError> {
        let path = self.remote.path(path);
        match self.net.run(self.remote.until_ended(self.remote.raw.remove(path.as_str()))).await {
            Ok(_) => Ok(()),
            Err(why) if has_status(&why, StatusCode::NoSuchFile) => Ok(()),
            Err(why) => Err(failed(&self.remote.action("remove", &path), why)),
        }
    }

    async fn list(&mut self, folder: &RemotePath) -> Result<Option<Vec<String>>, DestinationError> {
        let folder = self.remote.path(folder);
        let names = self.net.run(self.remote.until_ended(self.names(&folder))).await;
        names.map(Some).map_err(|why| failed(&self.remote.action("list", &folder), why))
    }

    async fn close(self: Box<Self>) -> Result<(), DestinationError> {
        self.net.run(self.remote.leave()).await;
        Ok(())
    }
}
