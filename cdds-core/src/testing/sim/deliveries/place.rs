//! A place as one engine reaches it: each call may end the engine, or let it stand still, and is checked.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::board::Board;
use super::bug::DeliveryBug;
use super::spots::Place;
use crate::domain::delivery::destination::{DestinationDescription, ServerIdentity};
use crate::domain::delivery::path::RemotePath;
use crate::ports::destination::{Connection, Destination, DestinationError, Session, Stored, Upload};
use crate::ports::sink::SinkError;

/// A place as one engine reaches it.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) board: Arc<Board>,
    pub(super) engine: usize,
    pub(super) place: Arc<Place>,
}

impl Way {
    /// Lets the engine meet its fate.
    async fn stumble(&self) {
        self.board.stumble(self.engine).await;
    }

    fn look(&self, path: &RemotePath) {
        self.board.check_place(&self.place, path);
    }
}

#[async_trait]
impl Destination for Way {
    fn describe(&self) -> &DestinationDescription {
        self.place.describe()
    }

    async fn connect(&self, pinned: Option<&ServerIdentity>) -> Result<Connection, DestinationError> {
        self.stumble().await;
        let Connection { session, identity } = self.place.present(&self.board).connect(pinned).await?;
        Ok(Connection { session: Box::new(WaySession { way: self.clone(), session }), identity })
    }
}

#[derive(Debug)]
struct WaySession {
    way: Way,
    session: Box<dyn Session>,
}

#[async_trait]
impl Session for WaySession {
    async fn create(&mut self, path: &RemotePath) -> Result<Box<dyn Upload>, DestinationError> {
        self.way.stumble().await;
        self.way.board.check_sending(self.way.engine, &self.way.place, path);
        let created = self.session.create(path).await;
        self.way.look(path);
        self.way.stumble().await;
        Ok(Box::new(WayUpload { way: self.way.clone(), path: path.clone(), upload: created? }))
    }

    async fn size(&mut self, path: &RemotePath) -> Result<Option<u64>, DestinationError> {
        self.way.stumble().await;
        self.session.size(path).await
    }

    async fn read(
        &mut self,
        path: &RemotePath,
    ) -> Result<BoxStream<'static, Result<Bytes, DestinationError>>, DestinationError> {
        self.way.stumble().await;
        self.session.read(path).await
    }

    async fn rename(&mut self, from: &RemotePath, to: &RemotePath) -> Result<(), DestinationError> {
        self.way.stumble().await;
        let renamed = self.session.rename(from, to).await;
        self.way.look(to);
        self.way.stumble().await;
        renamed
    }

    async fn remove(&mut self, path: &RemotePath) -> Result<(), DestinationError> {
        self.way.stumble().await;
        let removed = self.session.remove(path).await;
        self.way.look(path);
        removed
    }

    async fn list(&mut self, folder: &RemotePath) -> Result<Option<Vec<String>>, DestinationError> {
        self.way.stumble().await;
        self.session.list(folder).await
    }
}

#[derive(Debug)]
struct WayUpload {
    way: Way,
    path: RemotePath,
    upload: Box<dyn Upload>,
}

#[async_trait]
impl Upload for WayUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        self.way.stumble().await;
        let written = self.upload.write(bytes).await;
        self.way.look(&self.path);
        written
    }

    async fn finish(self: Box<Self>) -> Result<Stored, SinkError> {
        let Self { way, path, upload } = *self;
        way.stumble().await;
        let stored = upload.finish().await;
        let temporary = path.name().strip_suffix(".part").and_then(|name| name.rsplit_once('.'));
        // The planted bug: a server, or an engine, that renames before anybody has asked for the size.
        if let (Some((name, _)), true) = (temporary, way.board.has(DeliveryBug::RenamedUnchecked))
            && let Some(file) = way.place.memory.file(&path)
        {
            way.place.memory.take(&path);
            let renamed = path.folder().join(name);
            way.place.memory.put(renamed.clone(), &file);
            way.look(&renamed);
        }
        way.look(&path);
        way.stumble().await;
        stored
    }

    async fn abort(self: Box<Self>) -> Result<(), SinkError> {
        self.way.stumble().await;
        let aborted = self.upload.abort().await;
        self.way.look(&self.path);
        aborted
    }
}
