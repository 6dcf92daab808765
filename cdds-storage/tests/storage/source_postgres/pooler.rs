//! A pooler in between, in transaction mode: sessions are shared, so nothing may be left in them.

use std::os::unix::fs::{PermissionsExt, chown};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::ports::source::Source;
use cdds_storage::source::{PostgresConnections, PostgresServer, PostgresSource};
use chrono::{DateTime, Utc};
use futures::executor::block_on;
use tempfile::TempDir;
use tokio_postgres::Config;

use super::scene::{Scene, config, everything, lines, query, table};

/// Who runs the pooler where root runs the tests, whom it refuses: "nobody" of Debian.
const UID: u32 = 65534;

const PORT: u16 = 6432;

struct Pooler {
    folder: TempDir,
    child: Child,
}

impl Pooler {
    /// Starts a pooler with two sessions at the server.
    fn start(scene: &Scene) -> Self {
        let folder = TempDir::new().unwrap();
        let own = folder.path().display();
        let server = scene.server.config("postgres");
        let host = match &server.get_hosts()[0] {
            tokio_postgres::config::Host::Unix(path) => path.display().to_string(),
            tokio_postgres::config::Host::Tcp(name) => name.clone(),
        };
        let settings = format!(
            "[databases]\npostgres = host={host} dbname=postgres user=reader\n\
             [pgbouncer]\nlisten_addr =\nlisten_port = {PORT}\nunix_socket_dir = {own}\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = 2\n"
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings).unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if rustix::process::geteuid().is_root() {
            chown(folder.path(), Some(UID), Some(UID)).unwrap();
            let uid = UID.to_string();
            command.args(["--reuid", &uid, "--regid", &uid, "--clear-groups"]);
        }
        command.arg("/usr/sbin/pgbouncer").arg("-q").arg(&file);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        while !folder.path().join(format!(".s.PGSQL.{PORT}")).exists() {
            assert_eq!(child.try_wait().unwrap(), None, "the pooler has ended");
            thread::park_timeout(Duration::from_millis(10));
        }
        Self { folder, child }
    }

    fn connections(&self) -> PostgresConnections {
        let mut settings = Config::new();
        settings.host_path(self.folder.path()).port(PORT).user("reader").dbname("postgres");
        PostgresConnections::to(&PostgresServer::of(settings)).unwrap()
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn sessions_that_are_shared_change_no_record_and_keep_nothing() {
    let scene = Scene::new(
        "CREATE TABLE calls (n int4, at timestamptz DEFAULT now()); CREATE INDEX ON calls (at);
         INSERT INTO calls SELECT n FROM generate_series(1, 5000) AS n;
         GRANT pg_read_all_stats TO reader; ALTER ROLE reader SET TimeZone = 'Asia/Tokyo'",
    );
    let pooler = Pooler::start(&scene);
    let direct = lines(&scene.source(table("calls")), everything());
    let source = |data_type| PostgresSource::new(config(data_type), pooler.connections()).unwrap();
    thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    // Each client numbers its statements as the others do.
                    let source = source(table("calls").with_time("at", InstantFormat::Any));
                    for _again in 0..5 {
                        assert_eq!(lines(&source, everything()), direct);
                        block_on(source.estimate(&everything())).unwrap();
                        let until: Option<DateTime<Utc>> =
                            block_on(source.complete_until(&everything())).unwrap();
                        assert!(until.is_some());
                    }
                })
            })
            .collect();
        for reader in readers {
            reader.join().unwrap();
        }
    });
    // A read that is dropped leaves its session to others.
    let many = source(query("SELECT repeat('long ', 500) AS note FROM generate_series(1, 50000)"));
    let mut stream = block_on(many.read(everything())).unwrap();
    block_on(futures::StreamExt::next(&mut stream)).unwrap().unwrap();
    drop(stream);
    assert_eq!(lines(&source(table("calls")), everything()), direct);
    let zone = scene.texts(
        "SELECT DISTINCT state FROM pg_stat_activity WHERE usename = 'reader' AND xact_start IS NOT NULL",
    );
    assert_eq!(zone, Vec::<String>::new());
}
