//! The operations of a session.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use cdds_core::domain::delivery::path::RemotePath;
use cdds_core::ports::destination::{DestinationError, DestinationErrorKind, Session, Upload};
use futures::stream::BoxStream;
use suppaftp::{FtpError, Status};

use super::failure::{failed, is_answer, is_no, is_unknown, refused};
use super::link::{Link, Server};
use super::read::read_back;
use super::upload::FtpUpload;
use crate::net::Net;

/// The place of the control connection while nobody uses it. Who uses it takes it out, and puts it back if all went
/// well; otherwise, and if the call is dropped, it is gone, and the next one signs in anew.
#[derive(Debug, Clone)]
pub(super) struct Slot(Arc<Mutex<Option<Link>>>);

impl Slot {
    fn take(&self) -> Option<Link> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn put(&self, link: Link) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(link);
    }
}

/// A signed-in connection, and the means to make another one.
#[derive(Debug)]
pub(super) struct FtpSession {
    server: Arc<Server>,
    net: Net,
    slot: Slot,
}

impl FtpSession {
    pub(super) fn new(server: Arc<Server>, net: Net, link: Link) -> Self {
        Self { server, net, slot: Slot(Arc::new(Mutex::new(Some(link)))) }
    }

    async fn link(&self) -> Result<Link, DestinationError> {
        match self.slot.take() {
            Some(link) => Ok(link),
            None => Link::open(&self.server, &self.net).await,
        }
    }

    /// Returns a connection that serves a further transfer.
    async fn link_to_transfer(&self) -> Result<Link, DestinationError> {
        match self.slot.take().filter(|link| !link.is_used_up(&self.server)) {
            Some(link) => Ok(link),
            None => Link::open(&self.server, &self.net).await,
        }
    }

    /// Puts a connection back if its server has answered, whatever that was.
    fn done<T>(&self, link: Link, answer: Result<T, FtpError>, action: &str) -> Result<T, DestinationError> {
        if answer.as_ref().err().is_none_or(is_answer) {
            self.slot.put(link);
        }
        answer.map_err(|why| failed(action, why))
    }
}

#[async_trait]
impl Session for FtpSession {
    async fn create(&mut self, path: &RemotePath) -> Result<Box<dyn Upload>, DestinationError> {
        let path = self.server.path(path);
        let mut link = self.link_to_transfer().await?;
        match self.net.run(link.store(&path)).await {
            Ok(transfer) => {
                let (server, net) = (Arc::clone(&self.server), self.net.clone());
                Ok(Box::new(FtpUpload::new(server, net, self.slot.clone(), path, link, transfer)))
            }
            Err(why) => self.done(link, Err(why), &self.server.action("store", &path)),
        }
    }

    async fn size(&mut self, path: &RemotePath) -> Result<Option<u64>, DestinationError> {
        let path = self.server.path(path);
        let mut link = self.link().await?;
        let size = self.net.run(link.size(&path)).await;
        self.done(link, size, &self.server.action("measure", &path))
    }

    async fn read(
        &mut self,
        path: &RemotePath,
    ) -> Result<BoxStream<'static, Result<Bytes, DestinationError>>, DestinationError> {
        let path = self.server.path(path);
        let action = self.server.action("read", &path);
        let mut link = self.link_to_transfer().await?;
        let why = match self.net.run(link.retrieve(&path)).await {
            Ok(transfer) => {
                return Ok(read_back(self.net.clone(), self.slot.clone(), link, transfer, action));
            }
            Err(why) => why,
        };
        let is_missing = is_no(&why) && self.net.run(link.size(&path)).await.is_ok_and(|size| size.is_none());
        let told: Result<_, DestinationError> = self.done(link, Err(why), &action);
        told.map_err(|error| if is_missing { missing(&action) } else { error })
    }

    async fn rename(&mut self, from: &RemotePath, to: &RemotePath) -> Result<(), DestinationError> {
        let (from, to) = (self.server.path(from), self.server.path(to));
        let action = self.server.action("rename", &from);
        let mut link = self.link().await?;
        let asked = link.control.custom_command(format!("RNFR {from}"), &[Status::RequestFilePending]);
        if let Err(why) = self.net.run(asked).await {
            let is_missing =
                is_no(&why) && self.net.run(link.size(&from)).await.is_ok_and(|size| size.is_none());
            let cannot = is_no(&why) || is_unknown(&why);
            let told = self.done(link, Err(why), &action);
            return match (is_missing, cannot) {
                (true, _) => Err(missing(&action)),
                (false, true) => told.map_err(cannot_rename),
                _ => told,
            };
        }
        let done = [Status::RequestedFileActionOk, Status::CommandOk];
        let renamed = self.net.run(link.control.custom_command(format!("RNTO {to}"), &done)).await;
        let cannot = renamed.as_ref().err().is_some_and(is_unknown);
        let told = self.done(link, renamed.map(|_| ()), &action);
        if cannot { told.map_err(cannot_rename) } else { told }
    }

    async fn remove(&mut self, path: &RemotePath) -> Result<(), DestinationError> {
        let path = self.server.path(path);
        let mut link = self.link().await?;
        let mut removed = self.net.run(link.control.rm(&path)).await;
        // Servers answer alike if there is no such file and if it may not be removed.
        if removed.as_ref().err().is_some_and(is_no)
            && self.net.run(link.size(&path)).await.is_ok_and(|s| s.is_none())
        {
            removed = Ok(());
        }
        self.done(link, removed, &self.server.action("remove", &path))
    }

    async fn list(&mut self, folder: &RemotePath) -> Result<Option<Vec<String>>, DestinationError> {
        let folder = self.server.path(folder);
        let mut link = self.link_to_transfer().await?;
        let names = self.net.run(link.names(&folder)).await;
        // After a failure in between, the folder may not be the user's own any more.
        match names {
            Ok(names) => self.done(link, Ok(Some(names)), ""),
            Err(why) => Err(failed(&self.server.action("list", &folder), why)),
        }
    }

    async fn close(self: Box<Self>) -> Result<(), DestinationError> {
        if let Some(mut link) = self.slot.take() {
            let _ = self.net.run(link.control.quit()).await;
        }
        Ok(())
    }
}

fn missing(action: &str) -> DestinationError {
    DestinationError::new(DestinationErrorKind::NotFound, format!("cannot {action}: there is no such file"))
}

fn cannot_rename(told: DestinationError) -> DestinationError {
    if told.kind() == DestinationErrorKind::Unavailable {
        return told;
    }
    let context = "the server does not let the user rename: have files written directly";
    DestinationError::new(DestinationErrorKind::CannotRename, context).caused_by(refused(told.report()))
}
