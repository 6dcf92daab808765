//! What every destination has to do, on every server.

use std::time::Duration;

use bytes::Bytes;
use cdds_core::domain::delivery::path::RemotePath;
use cdds_core::ports::destination::{
    Connection, Destination, DestinationError, DestinationErrorKind, Session, Upload,
};
use cdds_core::ports::sink::{SinkError, SinkErrorKind};
use cdds_core::testing::conformance;
use cdds_delivery::net::Net;
use futures::TryStreamExt;
use futures::executor::block_on;
use sha2::{Digest, Sha256};

/// What a destination is expected to offer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Abilities {
    pub(crate) renames: bool,
}

pub(crate) fn path(path: &str) -> RemotePath {
    RemotePath::new(path).unwrap()
}

/// Returns bytes in which line ends stand, and which no compression makes small.
pub(crate) fn contents(bytes: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        state.to_le_bytes()[5]
    };
    (0..bytes).map(|n| if n % 1000 == 0 { b'\n' } else { next() }).collect()
}

/// Writes a file in pieces of uneven length.
pub(crate) async fn write(session: &mut dyn Session, to: &str, contents: &Bytes) -> Result<u64, String> {
    let told = |error: SinkError| error.report();
    let mut upload = session.create(&path(to)).await.map_err(|error| error.report())?;
    for piece in contents.chunks(70_001) {
        upload.write(Bytes::copy_from_slice(piece)).await.map_err(told)?;
    }
    upload.finish().await.map(|stored| stored.bytes).map_err(told)
}

pub(crate) async fn read(session: &mut dyn Session, from: &str) -> Result<Vec<u8>, DestinationError> {
    let pieces = session.read(&path(from)).await?;
    pieces
        .try_fold(Vec::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await
}

pub(crate) fn connect(destination: &dyn Destination) -> Connection {
    block_on(destination.connect(None)).unwrap_or_else(|error| panic!("{}", error.report()))
}

/// Returns why a destination cannot be connected to.
pub(crate) fn refusal(destination: &dyn Destination) -> (DestinationErrorKind, String) {
    let error = block_on(destination.connect(None)).unwrap_err();
    (error.kind(), error.report())
}

/// Delivers five files and a manifest by one session, and looks at them by all means. Then asks for everything that the
/// port promises.
pub(crate) fn deliver_a_set(destination: &dyn Destination, abilities: Abilities) {
    deliver_six_files(destination, abilities);
    block_on(conformance::destination::check(destination)).assert();
}

fn deliver_six_files(destination: &dyn Destination, abilities: Abilities) {
    let mut session = connect(destination).session;
    block_on(async {
        let session = session.as_mut();
        assert_eq!(session.list(&path("2026/11")).await.unwrap(), Some(Vec::new()), "no folder, no names");
        for (n, bytes) in [0, 1, 32 * 1024, 3_000_001, 40_000].into_iter().enumerate() {
            deliver(session, abilities, &format!("export-{n}.zip"), &contents(bytes, n as u64)).await;
        }
        deliver(session, abilities, "manifest.json", &contents(700, 9)).await;
        let mut names = session.list(&path("2026/11")).await.unwrap().unwrap();
        names.sort();
        let mut expected: Vec<String> = (0..5).map(|n| format!("export-{n}.zip")).collect();
        expected.push("manifest.json".to_owned());
        assert_eq!(names, expected);

        let shorter = contents(20, 10);
        assert_eq!(write(session, "2026/11/export-3.zip", &shorter).await.unwrap(), 20);
        assert_eq!(
            read(session, "2026/11/export-3.zip").await.unwrap(),
            shorter,
            "a longer file was replaced"
        );

        let mut aborted = session.create(&path("2026/11/aborted")).await.unwrap();
        aborted.write(contents(100_000, 11)).await.unwrap();
        aborted.abort().await.unwrap();
        assert_eq!(session.size(&path("2026/11/aborted")).await.unwrap(), None);

        for _ in 0..2 {
            session.remove(&path("2026/11/export-4.zip")).await.unwrap();
        }
        assert_eq!(session.size(&path("2026/11/export-4.zip")).await.unwrap(), None);
        let error = read(session, "2026/11/export-4.zip").await.unwrap_err();
        assert_eq!(error.kind(), DestinationErrorKind::NotFound, "{}", error.report());
    });
}

/// Writes under a temporary name, measures, renames and reads back, as the engine does.
async fn deliver(session: &mut dyn Session, abilities: Abilities, name: &str, contents: &Bytes) {
    let (last, bytes) = (format!("2026/11/{name}"), contents.len() as u64);
    let first = if abilities.renames { format!("{last}.1-0000000000000007.part") } else { last.clone() };
    assert_eq!(write(session, &first, contents).await.unwrap_or_else(|why| panic!("{name}: {why}")), bytes);
    assert_eq!(session.size(&path(&first)).await.unwrap(), Some(bytes), "{name}");
    let renamed = session.rename(&path(&format!("{last}.other")), &path("2026/11/x")).await;
    let kind = renamed.unwrap_err().kind();
    assert!(matches!(kind, DestinationErrorKind::NotFound | DestinationErrorKind::CannotRename), "{kind:?}");
    if abilities.renames {
        session.rename(&path(&first), &path(&last)).await.unwrap();
        assert_eq!(session.size(&path(&first)).await.unwrap(), None, "{name} has left its first name");
    }
    let back = read(session, &last).await.unwrap();
    assert_eq!(Sha256::digest(&back), Sha256::digest(contents), "{name}");
}

/// Writes until the server answers no more, and returns the upload and what it said last.
pub(crate) fn fill(upload: &mut dyn Upload, megabytes_max: usize) -> Result<(), SinkError> {
    block_on(async {
        for n in 0..megabytes_max {
            upload.write(contents(1_000_000, n as u64)).await?;
        }
        Ok(())
    })
}

/// Fills a small disk, and expects an error of this kind. Afterwards what was written can be removed.
pub(crate) fn fill_the_disk(destination: &dyn Destination, kind: SinkErrorKind) {
    let mut session = connect(destination).session;
    let mut upload = block_on(session.create(&path("full/big"))).unwrap();
    let error = match fill(upload.as_mut(), 20) {
        Err(error) => {
            block_on(upload.abort()).unwrap();
            error
        }
        Ok(()) => block_on(upload.finish()).unwrap_err(),
    };
    assert_eq!(error.kind(), kind, "{}", error.report());
    block_on(session.remove(&path("full/big"))).unwrap();
    assert_eq!(block_on(write(session.as_mut(), "full/small", &contents(1_000, 1))), Ok(1_000));
}

/// Kills the server in the middle of an upload.
pub(crate) fn lose_the_server(destination: &dyn Destination, kill: impl FnOnce()) {
    let mut session = connect(destination).session;
    let mut upload = block_on(session.create(&path("big"))).unwrap();
    fill(upload.as_mut(), 3).unwrap();
    kill();
    let error = match fill(upload.as_mut(), 100) {
        Err(error) => error,
        Ok(()) => block_on(upload.finish()).unwrap_err(),
    };
    assert_eq!(error.kind(), SinkErrorKind::Unavailable, "{}", error.report());
    let error = block_on(session.size(&path("big"))).unwrap_err();
    assert_eq!(error.kind(), DestinationErrorKind::Unavailable, "{}", error.report());
}

/// Stops the server: calls then wait for it until their caller drops them, which must not wait.
pub(crate) fn wait_in_vain(destination: &dyn Destination, stop: impl FnOnce()) {
    let net = Net::new().unwrap();
    let soon = Duration::from_secs(1);
    let mut session = connect(destination).session;
    let mut upload = block_on(session.create(&path("big"))).unwrap();
    let piece = contents(1_000_000, 1);
    block_on(upload.write(piece.clone())).unwrap();
    stop();
    let much = async {
        for _ in 0..1_000 {
            upload.write(piece.clone()).await.unwrap();
        }
    };
    let waited = block_on(net.run(async { tokio::time::timeout(soon, much).await }));
    assert!(waited.is_err(), "a gigabyte is not taken into memory");
    let waited = block_on(net.run(async { tokio::time::timeout(soon, upload.finish()).await }));
    assert!(waited.is_err() || waited.is_ok_and(|answer| answer.is_err()), "nothing is confirmed");
    let waited = block_on(net.run(async { tokio::time::timeout(soon, session.size(&path("big"))).await }));
    assert!(waited.is_err() || waited.is_ok_and(|answer| answer.is_err()), "nothing is known");
    drop(session);
    let waited = block_on(net.run(async { tokio::time::timeout(soon, destination.connect(None)).await }));
    assert!(waited.is_err(), "nobody greets");
}
