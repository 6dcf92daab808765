//! A place as one engine reaches it: each call may end the engine, or let it stand still, and is checked.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::board::Board;
use super::bug::DeliveryBug;
use super::spots::Place;
use crate::domain::delivery::destination::{DestinationDescription, Naming, ServerIdentity};
use crate::domain::delivery::path::RemotePath;
use crate::ports::destination::{Connection, Destination, DestinationError, Session, Stored, Upload};
use crate::ports::sink::{SinkError, SinkErrorKind};

/// How many times as often engines stand still while they write in place: such files are small, and written at once.
const STOPS_IN_PLACE: u64 = 100;

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

    /// Lets the engine meet its fate on its way to a call that creates, removes or replaces. Where nothing is renamed,
    /// nothing comes between the question for the claim and such a call: no place could fence the engine off.
    async fn stumble_before(&self) {
        if self.place.naming != Naming::Direct {
            self.stumble().await;
        }
    }

    fn touches(&self, path: &RemotePath, does: &str) {
        self.board.check_touching(self.engine, &self.place, path, does);
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
        self.way.board.check_sending(self.way.engine, &self.way.place, path);
        self.way.stumble_before().await;
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
        self.way.touches(to, "renames to");
        self.way.stumble_before().await;
        let renamed = self.session.rename(from, to).await;
        self.way.look(to);
        self.way.stumble().await;
        renamed
    }

    async fn remove(&mut self, path: &RemotePath) -> Result<(), DestinationError> {
        self.way.touches(path, "removes");
        self.way.stumble_before().await;
        let removed = self.session.remove(path).await;
        self.way.look(path);
        self.way.stumble().await;
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
        let Way { board, engine, place } = &self.way;
        if place.naming == Naming::Direct {
            board.stumble_more(*engine, STOPS_IN_PLACE).await;
            let is_late = board.state().is_late(*engine, &(place.id.clone(), self.path.clone()));
            // The planted bug: an engine that stood still takes what is there for its own.
            if is_late && board.has(DeliveryBug::AbortedUnasked) {
                place.memory.take(&self.path);
                self.way.look(&self.path);
                return Err(SinkError::new(SinkErrorKind::Unavailable, "the planted bug"));
            }
        } else {
            self.way.stumble().await;
        }
        let written = self.upload.write(bytes).await;
        self.way.look(&self.path);
        written
    }

    async fn finish(self: Box<Self>) -> Result<Stored, SinkError> {
        let Self { way, path, upload } = *self;
        if way.place.naming == Naming::Whole {
            way.touches(&path, "finishes");
        }
        way.stumble_before().await;
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
        if self.way.place.naming == Naming::Direct {
            self.way.touches(&self.path, "aborts");
        }
        self.way.stumble_before().await;
        let aborted = self.upload.abort().await;
        self.way.look(&self.path);
        aborted
    }
}
