//! Ways to the server: the pool of a service, and encrypted connections.

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use cdds_core::domain::id::{JobId, Owner};
use cdds_core::ports::catalog::query::JobQuery;
use cdds_core::ports::catalog::{CatalogError, JobStore};
use cdds_storage::catalog::PostgresCatalog;
use cdds_storage::source::{PostgresConnections, PostgresServer};
use deadpool_postgres::{Manager, Pool};
use futures::executor::block_on;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio_postgres::NoTls;
use uuid::Uuid;

use super::rivals::insert;
use super::scene::{Scene, open};
use crate::postgres_server::Server;

/// Stores a job and finds it again.
fn is_used(catalog: &PostgresCatalog) {
    insert(catalog, JobId(Uuid::new_v4()), "T").unwrap();
    let page = block_on(catalog.jobs(&Owner::default(), &JobQuery::default())).unwrap();
    assert_eq!(page.items.len(), 1);
}

#[test]
fn a_service_shares_its_pool_and_its_runtime() {
    let scene = Scene::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let manager = Manager::new(scene.server.config("postgres"), NoTls);
    let pool = Pool::builder(manager).max_size(4).build().unwrap();
    let connections = PostgresConnections::of_pool(pool.clone(), runtime.handle().clone());
    is_used(&open(&connections, "shared").unwrap());
    let status = pool.status();
    assert!(status.size > 0 && status.size <= 4, "{status:?}");
    // What the catalog gives back is as the service lent it: in no transaction, and without settings.
    let shown = runtime.block_on(async {
        let client = pool.get().await.unwrap();
        let row = client.query_one("SELECT current_setting('search_path'), txid_current_if_assigned()", &[]);
        let row = row.await.unwrap();
        (row.get::<_, String>(0), row.get::<_, Option<i64>>(1))
    });
    assert_eq!(shown, ("\"$user\", public".to_owned(), None));
}

/// A server that encrypts, with a certificate for 127.0.0.1.
struct Encrypted {
    server: Server,
    port: u16,
    /// The authority of its certificate, in PEM.
    authority: String,
    _keys: TempDir,
}

impl Encrypted {
    fn start() -> Self {
        let keys = TempDir::new().unwrap();
        std::fs::set_permissions(keys.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let authority = authority();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let (crt, pem) = (keys.path().join("server.crt"), keys.path().join("server.key"));
        write(&crt, &certificate.pem());
        write(&pem, &key.serialize_pem());
        // Below the ports that the system hands out.
        let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
        let first = 12_000 + u16::try_from(std::process::id() % 20_000).unwrap();
        let port = (first..=u16::MAX).find(is_free).unwrap();
        let settings = [
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", crt.display()),
            format!("ssl_key_file={}", pem.display()),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
        ];
        let server = Server::start(&settings.each_ref().map(String::as_str));
        Self { server, port, authority: authority.pem(), _keys: keys }
    }

    /// Opens the catalog as a URL asks for it, whose certificate has to be of these authorities.
    fn open(&self, host: &str, mode: &str, authorities: &str) -> Result<PostgresCatalog, CatalogError> {
        let url = format!("postgres://postgres@{host}:{}/postgres?sslmode={mode}", self.port);
        let server = PostgresServer::new(&url).unwrap().with_authorities(authorities.as_bytes()).unwrap();
        open(&PostgresConnections::to(&server).unwrap(), "secret")
    }

    /// Returns how many sessions of the catalog are encrypted, and how many there are.
    fn sessions(&self) -> (i64, i64) {
        self.server.within(async {
            let mut config = self.server.config("postgres");
            let (client, connection) = config.port(self.port).connect(NoTls).await.unwrap();
            tokio::spawn(connection);
            let sql = "SELECT count(*) FILTER (WHERE ssl), count(*) FROM pg_stat_ssl
                       JOIN pg_stat_activity USING (pid) WHERE application_name = 'cdds'";
            let row = client.query_one(sql, &[]).await.unwrap();
            (row.get(0), row.get(1))
        })
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Writes a file that the server's user alone may read, as the server demands of its key.
fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
    if rustix::process::geteuid().is_root() {
        chown(path, Some(crate::postgres_server::UID), Some(crate::postgres_server::UID)).unwrap();
    }
}

#[test]
fn an_encrypted_connection_goes_to_the_server_whose_certificate_is_right_and_to_no_other() {
    let encrypted = Encrypted::start();
    let catalog = encrypted.open("127.0.0.1", "require", &encrypted.authority).unwrap();
    is_used(&catalog);
    let (secret, all) = encrypted.sessions();
    assert!(secret > 0 && secret == all, "{secret} of {all}");
    encrypted.open("127.0.0.1", "verify-full", &encrypted.authority).unwrap();

    // Another authority, and a name that the certificate does not have.
    let other = authority().pem();
    for (host, authorities) in [("127.0.0.1", &other), ("localhost", &encrypted.authority)] {
        let error = encrypted.open(host, "require", authorities).unwrap_err();
        let told = format!("{error:?}");
        assert!(told.to_lowercase().contains("certificate"), "{host}: {told}");
    }
}
