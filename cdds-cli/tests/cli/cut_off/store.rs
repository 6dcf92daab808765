//! Object stores behind a line that tells their steps, and spoils some of them.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use cdds_core::domain::delivery::path::RemotePath;
use cdds_core::ports::destination::Destination;
use futures::TryStreamExt;
use futures::executor::block_on;

use super::remote::{Remote, Telling};
use crate::delivering::process::Server;
use crate::delivering::steps::{Step, Steps};
use crate::delivering::store_steps::{Fate, line};
use crate::delivering::stores;
use crate::support::Place;

/// Which program stands in for which service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    /// S3, on a disk.
    S3rver,
    /// S3, in memory.
    Moto,
    /// Google's service.
    MotoForGoogle,
    /// Azure.
    Azurite,
}

type Spoils = Arc<Mutex<Option<Box<dyn FnMut(&Step) -> Fate + Send>>>>;

pub(crate) struct Store {
    make: Make,
    steps: Steps,
    server: Option<Server>,
    /// The near end of the line.
    port: u16,
    spoils: Spoils,
}

impl Store {
    pub(crate) fn start(make: Make) -> Self {
        let server = match make {
            Make::S3rver => stores::s3(),
            Make::Moto | Make::MotoForGoogle => stores::moto(),
            Make::Azurite => stores::azurite(),
        };
        let (steps, spoils) = (Steps::listen(), Spoils::default());
        let told = Arc::clone(&spoils);
        let port = line(server.port, &steps, move |step| match &mut *told.lock().unwrap() {
            Some(spoil) => spoil(step),
            None => Fate::Passes,
        });
        Self { make, steps, server: Some(server), port, spoils }
    }

    /// Decides what becomes of requests from now on.
    pub(crate) fn spoil(&self, spoil: impl FnMut(&Step) -> Fate + Send + 'static) {
        *self.spoils.lock().unwrap() = Some(Box::new(spoil));
    }

    pub(crate) fn spoil_nothing(&self) {
        *self.spoils.lock().unwrap() = None;
    }

    /// Returns how many uploads in parts have neither been completed nor ended; `None` if the store does not tell.
    pub(crate) fn unfinished(&self) -> Option<usize> {
        if !matches!(self.make, Make::Moto | Make::MotoForGoogle) {
            return None;
        }
        Some(self.uploads().len())
    }

    /// Returns how many parts these have.
    pub(crate) fn unfinished_parts(&self) -> usize {
        let parts = |(key, id): &(String, String)| {
            let told = fetched(self.server(), &format!("/exports/{key}?uploadId={id}"));
            String::from_utf8(told).unwrap().matches("<PartNumber>").count()
        };
        self.uploads().iter().map(parts).sum()
    }

    /// Returns the keys and ids of uploads that moto knows.
    fn uploads(&self) -> Vec<(String, String)> {
        let told = String::from_utf8(fetched(self.server(), "/exports?uploads")).unwrap();
        let inner = |upload: &str, tag: &str| {
            let (_, rest) = upload.split_once(&format!("<{tag}>")).unwrap();
            rest.split('<').next().unwrap().to_owned()
        };
        told.split("<Upload>")
            .skip(1)
            .map(|upload| (inner(upload, "Key"), inner(upload, "UploadId")))
            .collect()
    }
}

impl Remote for Store {
    fn lines(&self, place: &Place, folder: &str) -> String {
        let (url, keys, secret) = match self.make {
            Make::S3rver | Make::Moto => ("s3://exports", "access_key_id = \"S3RVER\"\n", "S3RVER"),
            Make::MotoForGoogle => ("gs://exports", "", stores::ACCOUNT_WITHOUT_OAUTH),
            Make::Azurite => ("azure://partner/exports", "", stores::ACCOUNT_KEY),
        };
        let below = if self.make == Make::Azurite { "/partner" } else { "" };
        std::fs::write(place.path("secret"), secret).unwrap();
        format!(
            "\n[[destination]]\nid = \"partner\"\nurl = \"{url}/{folder}\"\n\
             endpoint = \"http://127.0.0.1:{}{below}\"\n{keys}secret_file = \"secret\"\nallow_private = true\n",
            self.port
        )
    }

    fn arrived(&self, _: &Place, folder: &str) -> BTreeMap<String, Vec<u8>> {
        match self.make {
            Make::Azurite => read(&stores::on_azurite(self.server()), folder),
            _ => {
                let listed = fetched(self.server(), &format!("/exports?list-type=2&prefix={folder}/"));
                let listed = String::from_utf8(listed).unwrap();
                let keys = listed.split("<Key>").skip(1).map(|key| key.split('<').next().unwrap());
                let name = |key: &str| key.strip_prefix(&format!("{folder}/")).unwrap().to_owned();
                keys.map(|key| (name(key), fetched(self.server(), &format!("/exports/{key}")))).collect()
            }
        }
    }
}

impl Telling for Store {
    fn steps(&self) -> &Steps {
        &self.steps
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    fn fall_and_rise(&mut self) {
        let server = self.server.take().unwrap();
        let port = server.port;
        let folder = server.killed();
        self.server = Some(match self.make {
            Make::S3rver => stores::s3rver_at(folder, port, ""),
            // Azurite writes what it has confirmed some seconds later, moto never.
            make => panic!("{make:?} forgets what it has confirmed"),
        });
    }
}

/// Returns the body of an answer of S3, without a proof of who asks.
fn fetched(server: &Server, path: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let head = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\n\r\n", server.port);
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    assert!(answer.starts_with(b"HTTP/1.") && answer[9..].starts_with(b"200"), "{path}");
    answer.split_off(end + 4)
}

/// Reads a folder by a destination that knows nothing of lines.
fn read(destination: &dyn Destination, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = RemotePath::new(folder).unwrap();
    block_on(async {
        let mut session = destination.connect(None).await.unwrap().session;
        let mut found = BTreeMap::new();
        for name in session.list(&folder).await.unwrap().unwrap() {
            let pieces = session.read(&folder.join(&name)).await.unwrap();
            let pieces: Vec<_> = pieces.try_collect().await.unwrap();
            found.insert(name, pieces.concat());
        }
        found
    })
}
