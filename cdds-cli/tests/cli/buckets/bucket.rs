//! A bucket of a server that the test starts.

use cdds_core::ports::sink::{Prefix, Sink};
use cdds_delivery::object::BucketStore;
use futures::executor::block_on;

use crate::delivering::process::Server;
use crate::delivering::stores;
use crate::support::Place;

/// Which program stands in for which service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    /// moto.
    S3,
    /// The same, which one key opens.
    S3ThatChecks,
    /// moto, whose multipart protocol Google's speaks too.
    Google,
    /// Azurite.
    Azure,
}

const KEY: (&str, &str) = ("AKIAEXPORTS", "rightsecretkey");

pub(crate) struct Bucket {
    make: Make,
    pub(crate) server: Server,
}

impl Bucket {
    pub(crate) fn start(make: Make) -> Self {
        let server = match make {
            Make::S3 | Make::Google => stores::moto(),
            Make::S3ThatChecks => stores::moto_that_checks(KEY),
            Make::Azure => stores::azurite(),
        };
        Self { make, server }
    }

    /// Ends the server of S3, which cuts off what is under way, and starts it again with what it had.
    pub(crate) fn again(self) -> Self {
        assert_eq!(self.make, Make::S3);
        Self { server: stores::moto_again(self.server), ..self }
    }

    /// Declares the bucket as the store of a place, and forgets the catalog that had another one.
    pub(crate) fn keep_for(&self, place: &Place) {
        self.declare(place, self.server.port);
        for file in ["cdds.db", "cdds.db-wal", "cdds.db-shm"] {
            let _ = std::fs::remove_file(place.path(file));
        }
        let _ = std::fs::remove_dir_all(place.path("artifacts"));
    }

    /// Declares it behind a port of this machine.
    pub(crate) fn declare(&self, place: &Place, port: u16) {
        let (lines, secret) = match self.make {
            Make::S3 => ("url = \"s3://exports/in\"\naccess_key_id = \"S3RVER\"", "S3RVER"),
            Make::S3ThatChecks => ("url = \"s3://exports/in\"\naccess_key_id = \"AKIAEXPORTS\"", KEY.1),
            Make::Google => ("url = \"gs://exports/in\"", stores::ACCOUNT_WITHOUT_OAUTH),
            Make::Azure => ("url = \"az://exports/in\"\naccount = \"partner\"", stores::ACCOUNT_KEY),
        };
        let below = if self.make == Make::Azure { "/partner" } else { "" };
        std::fs::write(place.path("store.key"), secret).unwrap();
        let config = std::fs::read_to_string(place.path("cdds.toml")).unwrap();
        let (before, rest) = config.split_once("[store]\n").unwrap();
        let (_, after) = rest.split_once("\n\n[engine]").unwrap();
        let store = format!(
            "{lines}\nsecret_file = \"store.key\"\nendpoint = \"http://127.0.0.1:{port}{below}\"\nallow_http = true"
        );
        std::fs::write(place.path("cdds.toml"), format!("{before}[store]\n{store}\n\n[engine]{after}"))
            .unwrap();
    }

    fn store(&self) -> BucketStore {
        match self.make {
            Make::S3 | Make::S3ThatChecks => stores::on_moto(&self.server)
                .with_keys(if self.make == Make::S3 { "S3RVER" } else { KEY.0 }, stores::secret(KEY.1))
                .with_folder("in")
                .store(),
            Make::Google => stores::gcs_on_moto(&self.server).with_folder("in").store(),
            Make::Azure => stores::on_azurite(&self.server).with_folder("in").store(),
        }
        .unwrap()
    }

    /// Returns all keys, those of unfinished uploads, too, in order.
    pub(crate) fn keys(&self) -> Vec<String> {
        let keys = block_on(self.store().sink().list(&Prefix::new(""))).unwrap();
        let mut keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        keys.sort();
        keys
    }

    /// Returns the keys of uploads in parts that have neither been completed nor ended, as moto itself says.
    pub(crate) fn unfinished(&self) -> Vec<String> {
        let told = stores::ask(&self.server, "GET", "/exports?uploads");
        assert!(told.starts_with("HTTP/1.1 200"), "{told}");
        let keys = told.split("<Upload>").skip(1).map(|upload| upload.split_once("<Key>").unwrap().1);
        keys.map(|key| key.split('<').next().unwrap().to_owned()).collect()
    }
}
