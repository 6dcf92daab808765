//! A pooler in front of a server, in transaction mode.

use std::os::unix::fs::{PermissionsExt, chown};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use cdds_storage::source::{PostgresConnections, PostgresServer};
use tempfile::TempDir;
use tokio_postgres::Config;

use crate::postgres_server::Server;

/// Who runs the pooler where root runs the tests, whom it refuses: "nobody" of Debian.
const UID: u32 = 65534;

const PORT: u16 = 6432;

#[derive(Debug)]
pub(crate) struct Pooler {
    folder: TempDir,
    child: Child,
    role: String,
}

impl Pooler {
    /// Starts a pooler with two sessions of a role at the server.
    pub(crate) fn start(server: &Server, role: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let own = folder.path().display();
        let server = server.config("postgres");
        let host = match &server.get_hosts()[0] {
            tokio_postgres::config::Host::Unix(path) => path.display().to_string(),
            tokio_postgres::config::Host::Tcp(name) => name.clone(),
        };
        let settings = format!(
            "[databases]\npostgres = host={host} dbname=postgres user={role}\n\
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
        Self { folder, child, role: role.to_owned() }
    }

    pub(crate) fn connections(&self) -> PostgresConnections {
        let mut settings = Config::new();
        settings.host_path(self.folder.path()).port(PORT).user(&self.role).dbname("postgres");
        PostgresConnections::to(&PostgresServer::of(settings)).unwrap()
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
