//! A real PostgreSQL server of the test's own, over a socket in a folder of its own.
//!
//! ```ignore
//! let server = Server::start(&[]);
//! server.within(async {
//!     let client = server.client("postgres").await;
//!     client.query_typed("SELECT 1", &[]).await.unwrap();
//! });
//! ```

use std::fs::File;
use std::future::Future;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::yield_now;

use futures::executor::block_on;
use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls};

/// The user who runs the servers where root runs the tests, whom PostgreSQL refuses: "nobody" of Debian.
pub(crate) const UID: u32 = 65534;

/// Where Debian has the server's programs.
const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

/// A server that ends with its value. It loses everything in a power cut, since it never waits for the disk.
#[derive(Debug)]
pub(crate) struct Server {
    folder: TempDir,
    settings: Vec<String>,
    child: Option<Child>,
    runtime: tokio::runtime::Runtime,
}

impl Server {
    /// Starts a server with an empty cluster and the superuser `postgres`, who needs no password. The settings are
    /// like `max_connections=200`.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        if is_root() {
            chown(folder.path(), Some(UID), Some(UID)).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let mut server = Self { folder, settings, child: None, runtime: runtime.unwrap() };
        let options = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"];
        let made = server.program("initdb").args(options).arg("-D").arg(server.data()).output().unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        server.begin();
        server
    }

    /// Runs a future where connections may be opened: PostgreSQL's client needs a runtime of tokio around it.
    pub(crate) fn within<T>(&self, work: impl Future<Output = T>) -> T {
        let _entered = self.runtime.enter();
        block_on(work)
    }

    /// Returns how the superuser connects to a database.
    pub(crate) fn config(&self, database: &str) -> Config {
        let mut config = Config::new();
        config.host_path(self.folder.path()).user("postgres").dbname(database);
        config
    }

    /// Opens a connection to a database.
    pub(crate) async fn client(&self, database: &str) -> Client {
        let (client, connection) = self.config(database).connect(NoTls).await.unwrap();
        self.runtime.spawn(connection);
        client
    }

    /// Runs statements of setup, one after the other.
    pub(crate) fn run(&self, database: &str, statements: &str) {
        self.within(async { self.client(database).await.batch_execute(statements).await.unwrap() });
    }

    /// Ends the server as a crash does, without a last checkpoint, and starts it again over what is left.
    pub(crate) fn crash_and_start(&mut self) {
        self.end();
        self.begin();
    }

    /// Ends the server as an operator does, `fast` or `immediate`, and starts it again.
    pub(crate) fn restart(&mut self, mode: &str) {
        let data = self.data();
        let stopped =
            self.program("pg_ctl").args(["-w", "-m", mode, "stop", "-D"]).arg(data).output().unwrap();
        assert!(stopped.status.success(), "pg_ctl: {}", String::from_utf8_lossy(&stopped.stderr));
        let _ = self.child.take().map(|mut child| child.wait());
        self.begin();
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> String {
        let log = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Returns a command that runs a program of the server, as a user whom it accepts. The process gets SIGQUIT if the
    /// test ends without ending it.
    fn program(&self, name: &str) -> Command {
        let program = Path::new(PROGRAMS).join(name);
        assert!(program.exists(), "{} is missing: `bash .ci/tools` installs it", program.display());
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "QUIT"]);
        if is_root() {
            let uid = UID.to_string();
            command.args(["--reuid", &uid, "--regid", &uid, "--clear-groups"]);
        }
        command.arg(program).env("HOME", self.folder.path()).env("LC_ALL", "C.UTF-8");
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    fn begin(&mut self) {
        let folder = self.folder.path().display();
        let log = File::create(self.folder.path().join("log")).unwrap();
        let mut command = self.program("postgres");
        command.arg("-D").arg(self.data());
        let own = [format!("unix_socket_directories={folder}"), "listen_addresses=".to_owned()];
        for setting in ["fsync=off", "max_prepared_transactions=10"].map(str::to_owned).iter().chain(&own) {
            command.args(["-c", setting]);
        }
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let mut child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let pid = child.id();
        // The server accepts connections before it can answer them; its own file says when it is ready.
        let pid_file = self.data().join("postmaster.pid");
        let ready = || std::fs::read_to_string(&pid_file).is_ok_and(|text| is_ready(&text, pid));
        while !ready() {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the server has ended ({status}): {}", self.log());
            }
            yield_now();
        }
        self.child = Some(child);
    }

    fn end(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // SIGQUIT ends all its processes; SIGKILL would leave them.
        let _ = Command::new("kill").args(["-QUIT", &child.id().to_string()]).status();
        let _ = child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether the lock file is that of this process, and its last line says that it is ready.
fn is_ready(pid_file: &str, process: u32) -> bool {
    pid_file.lines().next().and_then(|line| line.parse().ok()) == Some(process)
        && pid_file.lines().nth(7).is_some_and(|line| line.trim() == "ready")
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn the_server_is_of_the_version_that_is_tested() {
    let mut server = Server::start(&["max_connections=20"]);
    let version = |server: &Server| {
        server.within(async {
            let client = server.client("postgres").await;
            let rows = client.query_typed("SELECT current_setting('server_version_num')::int4", &[]).await;
            rows.unwrap()[0].get::<_, i32>(0)
        })
    };
    assert_eq!(version(&server) / 10_000, 15);
    server.run("postgres", "CREATE TABLE kept (id int8)");
    server.crash_and_start();
    server.restart("fast");
    server.run("postgres", "DROP TABLE kept");
    assert_eq!(version(&server) / 10_000, 15);
}
