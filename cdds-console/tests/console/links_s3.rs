//! A download that an S3 server answers itself (`s3rver`), from the export to the bytes that come over (rule C3).

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use cdds_console::{Services, router};
use cdds_core::system::SystemClock;
use cdds_core::{JobRules, LinkLifetime};
use cdds_storage::ObjectSink;
use http::StatusCode;
use object_store::aws::AmazonS3Builder;
use tempfile::TempDir;

use crate::host::{ADA, Host, OLGA, users};

/// An S3 server with the bucket `exports`, until it is dropped.
struct Server {
    process: Child,
    address: String,
    _data: TempDir,
}

impl Server {
    async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let data = tempfile::tempdir().unwrap();
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/s3/node_modules/s3rver");
        let mut process = Command::new("node")
            .arg(tools.join("bin/s3rver.js"))
            .args(["--silent", "-a", "127.0.0.1", "-p", &port, "--configure-bucket", "exports", "-d"])
            .arg(data.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let address = format!("127.0.0.1:{port}");
        while TcpStream::connect(&address).is_err() {
            assert!(process.try_wait().unwrap().is_none(), "s3rver ended: see .ci/tools");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Self { process, address: format!("http://{address}"), _data: data }
    }

    /// A host that exports to the bucket, and lets it give the files.
    fn host(&self) -> Host {
        let bucket = AmazonS3Builder::new()
            .with_endpoint(&self.address)
            .with_allow_http(true)
            .with_region("us-east-1")
            .with_bucket_name("exports")
            .with_access_key_id("S3RVER")
            .with_secret_access_key("S3RVER");
        let mut memory = Host::with_records(500).memory;
        // The host's own clock does not wait, so the time of an export would be over before the server has answered.
        memory.ports = memory.ports.with_clock(Arc::new(SystemClock::new()));
        memory.ports.sink = Arc::new(ObjectSink::with_links(Arc::new(bucket.build().unwrap())));
        let services = Services::new(&memory.ports, JobRules::default());
        Host { router: router(services.with_links(LinkLifetime::default()), users()), memory }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a program, and returns what it printed.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_what_was_exported_to_s3_is_fetched_there_whole_and_under_its_name() {
    let server = Server::start().await;
    let host = server.host();
    host.exported(ADA, "Calls").await;
    let listed = host.get(OLGA, "/api/v1/artifacts").await.json();
    let file = &listed["items"][0];
    let (id, name) = (file["id"].as_str().unwrap(), file["name"].as_str().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("saved");
    let saved = saved.to_str().unwrap();

    for path in [format!("/api/v1/artifacts/{id}/content"), format!("/artifacts/{id}/content")] {
        let sent = host.get(OLGA, &path).await;
        assert_eq!((sent.status, &*sent.text), (StatusCode::TEMPORARY_REDIRECT, ""), "{path}");
        let etag = format!("\"{}\"", file["sha256"].as_str().unwrap());
        assert_eq!((sent.header("etag"), sent.header("referrer-policy")), (&*etag, "no-referrer"));
        assert!(sent.header("repr-digest").starts_with("sha-256=:"));
        assert!(sent.header("cache-control").contains("no-store"));
        let link = sent.header("location");
        assert!(link.starts_with(&format!("{}/exports/", server.address)), "{link}");
        assert!(link.contains("X-Amz-Expires=60&") && link.contains("X-Amz-Signature="), "{link}");

        let head = said("curl", &["-sSf", "--noproxy", "*", "-D", "-", "-o", saved, link]);
        assert!(head.contains(&format!("attachment; filename=\"{name}\"")), "{head}");
        let digest = said("sha256sum", &[saved]);
        assert_eq!(digest.split(' ').next(), file["sha256"].as_str());
        let whole = std::fs::read(saved).unwrap();
        assert_eq!(whole.len() as u64, file["size"].as_u64().unwrap());
        said("curl", &["-sSf", "--noproxy", "*", "-r", "10-19", "-o", saved, link]);
        assert_eq!(std::fs::read(saved).unwrap(), &whole[10..20]);
    }

    let audit = host.get(ADA, "/api/v1/audit?action=download").await.json();
    let linked = audit["items"].as_array().unwrap().iter();
    let linked =
        linked.map(|entry| (entry["outcome"].as_str().unwrap(), entry["object"]["id"].as_str().unwrap()));
    assert_eq!(linked.collect::<Vec<_>>(), [("linked", id); 2]);
}
