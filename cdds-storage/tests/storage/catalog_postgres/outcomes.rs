//! Changes whose end nobody hears of: the connection breaks while they are stored, or the server crashes.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use cdds_core::domain::id::{JobId, Owner};
use cdds_core::ports::catalog::query::{JobQuery, Slice};
use cdds_core::ports::catalog::{CatalogErrorKind, JobStore};
use cdds_storage::source::{PostgresConnections, PostgresServer};
use futures::executor::block_on;
use tempfile::TempDir;
use tokio_postgres::config::Host;
use uuid::Uuid;

use super::rivals::insert;
use super::scene::{Scene, open};
use crate::postgres_server::Server;

/// What the line does with the next commit.
const PASSED_ON: u8 = 0;
pub(super) const NEVER_SENT: u8 = 1;
pub(super) const NEVER_ANSWERED: u8 = 2;

/// A line to the server that breaks when it is told to.
pub(super) struct Line {
    folder: TempDir,
    pub(super) next: Arc<AtomicU8>,
    broken: Arc<AtomicUsize>,
}

impl Line {
    pub(super) fn to(server: &Server) -> Self {
        let folder = TempDir::new().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let far = match &server.config("postgres").get_hosts()[0] {
            Host::Unix(path) => path.join(".s.PGSQL.5432"),
            Host::Tcp(name) => PathBuf::from(name),
        };
        let (next, broken) = (Arc::new(AtomicU8::new(PASSED_ON)), Arc::new(AtomicUsize::new(0)));
        let line = Self { folder, next: Arc::clone(&next), broken: Arc::clone(&broken) };
        // Ends with the process.
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = UnixStream::connect(&far) else { continue };
                let (next, broken) = (Arc::clone(&next), Arc::clone(&broken));
                thread::spawn(move || carry(near, far, &next, &broken));
            }
        });
        line
    }

    pub(super) fn connections(&self) -> PostgresConnections {
        let mut config = tokio_postgres::Config::new();
        config.host_path(self.folder.path()).user("postgres").dbname("postgres");
        PostgresConnections::to(&PostgresServer::of(config)).unwrap()
    }
}

fn carry(mut near: UnixStream, mut far: UnixStream, next: &AtomicU8, broken: &AtomicUsize) {
    let is_cut = Arc::new(AtomicBool::new(false));
    let (mut back_from, mut back_to) = (far.try_clone().unwrap(), near.try_clone().unwrap());
    let cut = Arc::clone(&is_cut);
    let back = thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while let Ok(read @ 1..) = back_from.read(&mut buffer) {
            if cut.load(Ordering::SeqCst) {
                // The server has answered, so it has stored it.
                break;
            }
            if back_to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _ = back_to.shutdown(Shutdown::Both);
        let _ = back_from.shutdown(Shutdown::Both);
    });
    let mut buffer = [0; 65_536];
    while let Ok(read @ 1..) = near.read(&mut buffer) {
        let text = String::from_utf8_lossy(&buffer[..read]);
        if text.contains("INTO receipt") {
            match next.swap(PASSED_ON, Ordering::SeqCst) {
                NEVER_SENT => {
                    broken.fetch_add(1, Ordering::SeqCst);
                    break;
                }
                NEVER_ANSWERED => {
                    broken.fetch_add(1, Ordering::SeqCst);
                    is_cut.store(true, Ordering::SeqCst);
                }
                _ => {}
            }
        }
        if far.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = near.shutdown(Shutdown::Both);
    let _ = far.shutdown(Shutdown::Both);
    let _ = back.join();
}

#[test]
fn a_change_is_stored_once_whether_its_commit_or_the_answer_is_lost() {
    let scene = Scene::new();
    let line = Line::to(&scene.server);
    let catalog = open(&line.connections(), "line").unwrap();
    for (number, lost) in [NEVER_SENT, NEVER_ANSWERED, NEVER_ANSWERED, NEVER_SENT].into_iter().enumerate() {
        line.next.store(lost, Ordering::SeqCst);
        // Stored twice, it would be a conflict; not at all, it would be missing below.
        insert(&catalog, JobId(Uuid::new_v4()), &format!("job {number}")).unwrap();
        assert_eq!(line.broken.load(Ordering::SeqCst), number + 1, "the line has broken");
        let page = block_on(catalog.jobs(&Owner::default(), &JobQuery::default())).unwrap();
        assert_eq!(page.items.len(), number + 1);
    }
}

#[test]
fn what_was_said_to_be_stored_survives_crashes_of_the_server_and_nothing_is_stored_twice() {
    let mut scene = Scene::new();
    let (connections, schema) = (scene.connections.clone(), scene.schema());
    open(&connections, &schema).unwrap();
    let (is_over, stored) = (AtomicBool::new(false), AtomicUsize::new(0));
    let said: Vec<BTreeMap<JobId, bool>> = thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let catalog = open(&connections, &schema).unwrap();
                    let mut said = BTreeMap::new();
                    while !is_over.load(Ordering::SeqCst) {
                        let id = JobId(Uuid::new_v4());
                        let answer = insert(&catalog, id, "a job");
                        if let Err(error) = &answer {
                            assert_eq!(error.kind(), CatalogErrorKind::Unavailable, "{error}");
                        }
                        said.insert(id, answer.is_ok());
                        stored.fetch_add(1, Ordering::SeqCst);
                    }
                    said
                })
            })
            .collect();
        for crash in 1..=4 {
            while stored.load(Ordering::SeqCst) < crash * 60 {
                thread::park_timeout(Duration::from_millis(2));
            }
            scene.server.crash_and_start();
        }
        while stored.load(Ordering::SeqCst) < 300 {
            thread::park_timeout(Duration::from_millis(2));
        }
        is_over.store(true, Ordering::SeqCst);
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let catalog = open(&connections, &schema).unwrap();
    let query = JobQuery::default().with_slice(Slice::first(1_000_000));
    let kept = block_on(catalog.jobs(&Owner::default(), &query)).unwrap();
    let kept: std::collections::BTreeSet<JobId> = kept.items.iter().map(|overview| overview.job.id).collect();
    let said: BTreeMap<JobId, bool> = said.into_iter().flatten().collect();
    for (id, is_stored) in &said {
        assert!(!is_stored || kept.contains(id), "job {id} was lost");
    }
    // Whoever could wait half a minute for the server was told the truth.
    assert_eq!(said.values().filter(|stored| **stored).count(), kept.len());
}
