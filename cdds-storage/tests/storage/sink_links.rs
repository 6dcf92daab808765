//! Links by which files are fetched from the store itself (rule C3), of an S3 server that runs here (`s3rver`). It refuses
//! links that have expired, and, like S3, requests that bring another proof beside the link.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cdds_core::LinkLifetime;
use cdds_core::ports::sink::{Key, LinkRequest, Sink};
use cdds_storage::ObjectSink;
use futures::executor::block_on;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::memory::InMemory;
use object_store::signer::Url;
use tempfile::TempDir;

const NAME: &str = "calls \"März\".zip";

/// An S3 server with the bucket `exports`, until it is dropped.
struct Server {
    process: Child,
    address: String,
    _data: TempDir,
}

impl Server {
    fn start() -> Self {
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
            pause(Duration::from_millis(50));
        }
        Self { process, address: format!("http://{address}"), _data: data }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[allow(clippy::disallowed_methods, reason = "the server has a clock of its own")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

fn bucket(address: &str) -> ObjectSink {
    let bucket = AmazonS3Builder::new()
        .with_endpoint(address)
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_bucket_name("exports")
        .with_access_key_id("S3RVER")
        .with_secret_access_key("S3RVER");
    ObjectSink::with_links(Arc::new(bucket.build().unwrap()))
}

fn asked(sink: &ObjectSink, key: &Key, seconds: u16) -> Option<String> {
    let request = LinkRequest::new(NAME, LinkLifetime::from_secs(seconds).unwrap());
    block_on(sink.link(key, &request)).unwrap().map(|link| link.expose().to_owned())
}

/// Fetches an address by curl: the status, and the headers with the body behind them.
fn fetch(link: &str, options: &[&str]) -> (String, String) {
    let curl =
        Command::new("curl").args(["-sS", "-i", "--noproxy", "*", link]).args(options).output().unwrap();
    let said = String::from_utf8_lossy(&curl.stdout).into_owned();
    assert!(curl.status.success(), "{}", String::from_utf8_lossy(&curl.stderr));
    (said.split(' ').nth(1).unwrap().to_owned(), said)
}

#[test]
fn c3_a_link_gives_the_stored_bytes_under_the_name_until_it_expires() {
    let server = Server::start();
    let (sink, key) = (bucket(&server.address), Key::new("e/1-ab/000001"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut upload = sink.begin(&key).await.unwrap();
        upload.write(Bytes::from_static(b"the stored bytes")).await.unwrap();
        upload.finish().await.unwrap();
    });
    let link = asked(&sink, &key, 900).unwrap();
    let (status, whole) = fetch(&link, &[]);
    assert_eq!((&*status, whole.ends_with("\r\n\r\nthe stored bytes")), ("200", true), "{whole}");
    let named = "attachment; filename=\"calls _M_rz_.zip\"; filename*=UTF-8''calls%20%22M%C3%A4rz%22.zip";
    assert!(whole.contains(&format!("Content-Disposition: {named}\r\n")), "{whole}");
    assert!(whole.contains("Content-Type: application/octet-stream\r\n"), "{whole}");
    let (status, part) = fetch(&link, &["-r", "4-9"]);
    assert_eq!((&*status, part.ends_with("\r\n\r\nstored")), ("206", true), "{part}");
    assert_eq!(fetch(&link, &["-H", "Authorization: Bearer token"]).0, "400");

    let short = asked(&sink, &key, 1).unwrap();
    pause(Duration::from_secs(3));
    assert_eq!(fetch(&short, &[]).0, "403", "expired");
    assert_eq!(fetch(&link, &[]).0, "200");
}

#[test]
fn c3_name_type_and_lifetime_are_part_of_what_is_signed() {
    let sink = bucket("http://127.0.0.1:9");
    let link = Url::parse(&asked(&sink, &Key::new("e/1-ab/000001"), 60).unwrap()).unwrap();
    let value = |name: &str| link.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    assert_eq!(link.path(), "/exports/e/1-ab/000001");
    assert_eq!(value("X-Amz-Expires"), "60");
    assert_eq!(value("response-content-type"), "application/octet-stream");
    assert!(value("response-content-disposition").starts_with("attachment; filename="));
    let other = LinkRequest::new("other.zip", LinkLifetime::default());
    let other = block_on(sink.link(&Key::new("e/1-ab/000001"), &other)).unwrap().unwrap();
    let other = Url::parse(other.expose()).unwrap();
    let signature = other.query_pairs().find(|(key, _)| key == "X-Amz-Signature").unwrap().1.into_owned();
    assert_ne!(signature, value("X-Amz-Signature"));
}

#[test]
fn c3_a_store_that_cannot_name_the_file_gives_no_link() {
    let azure = MicrosoftAzureBuilder::new().with_account("account").with_container_name("exports");
    let azure = azure.with_access_key("c2VjcmV0").build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for sink in [
        ObjectSink::with_links(Arc::new(azure)),
        ObjectSink::new(Arc::new(InMemory::new())),
        ObjectSink::local(folder.path()).unwrap(),
    ] {
        assert_eq!(asked(&sink, &Key::new("e/1-ab/000001"), 60), None, "{sink:?}");
    }
}
