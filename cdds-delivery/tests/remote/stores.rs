//! Object stores: s3rver, moto and Azurite, and one that refuses.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use cdds_core::domain::id::DestinationId;
use cdds_delivery::net::tls::Roots;
use cdds_delivery::net::{AddressPolicy, Net};
use cdds_delivery::object::{AzureDestination, GcsDestination, S3Destination};
use cdds_delivery::secret::Secret;
use tempfile::TempDir;

use super::process::{Server, folder, free_ports, needed, output_of};

/// The keys that s3rver knows.
const S3RVER: &str = "S3RVER";
const ACCOUNT: &str = "partner";
/// Base64, as Azure's are.
pub(crate) const ACCOUNT_KEY: &str = "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ==";

pub(crate) fn secret(text: &'static str) -> Secret {
    Secret::ask(move || Ok(text.to_owned()))
}

fn id() -> DestinationId {
    DestinationId::new("partner").unwrap()
}

pub(crate) fn any() -> Net {
    Net::new().unwrap().with_policy(AddressPolicy::any())
}

/// Where `.ci/tools` has put the servers.
fn tool(path: &str) -> String {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools");
    needed(&tools.join(path)).canonicalize().unwrap().display().to_string()
}

/// Starts s3rver with a bucket. It knows its keys, and checks no signature.
fn s3rver(options: &str) -> Server {
    let [port] = free_ports();
    s3rver_at(folder(), port, options)
}

/// Starts it in a folder in which one may have been before.
pub(crate) fn s3rver_at(folder: TempDir, port: u16, options: &str) -> Server {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.path().join("leaf.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.path().join("leaf.key"), made.signing_key.serialize_pem()).unwrap();
    let program = tool("s3/node_modules/s3rver/bin/s3rver.js");
    let script = format!(
        "exec node {program} --silent -a 127.0.0.1 -p {port} --configure-bucket exports -d data {options}"
    );
    Server::run(folder, port, &script)
}

pub(crate) fn s3() -> Server {
    s3rver("")
}

pub(crate) fn s3_over_tls() -> (Server, Roots) {
    let server = s3rver("--key leaf.key --cert leaf.pem");
    let pem = std::fs::read(server.folder.path().join("leaf.pem")).unwrap();
    (server, Roots::pem(&pem).unwrap())
}

pub(crate) fn on_s3(server: &Server) -> S3Destination {
    S3Destination::new(id(), "exports", any())
        .with_endpoint(format!("http://127.0.0.1:{}", server.port))
        .with_keys(S3RVER, secret(S3RVER))
}

/// Starts moto with a bucket. It checks no signature.
pub(crate) fn moto() -> Server {
    moto_with("")
}

/// Starts moto with a bucket, which only this key opens.
pub(crate) fn moto_that_checks((id, secret): (&str, &str)) -> Server {
    moto_with(&format!("{id} {secret}"))
}

/// Ends moto, which cuts off what is under way, and starts it again with what it had.
pub(crate) fn moto_again(server: Server) -> Server {
    let port = server.port;
    moto_at(server.ended(), port, "")
}

fn moto_with(key: &str) -> Server {
    let [port] = free_ports();
    let server = moto_at(folder(), port, key);
    assert!(ask(&server, "PUT", "/exports").starts_with("HTTP/1.1 200"));
    server
}

fn moto_at(folder: TempDir, port: u16, key: &str) -> Server {
    let modules = tool("moto");
    needed(Path::new(&modules).join("moto/server.py").as_path());
    let program = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../cdds-delivery/tests/remote/moto_server.py")
        .display()
        .to_string();
    let script = format!("PYTHONPATH={modules} exec python3 {program} {port} {key}");
    Server::run(folder, port, &script)
}

/// Sends a request without a body and a proof to moto, and returns the answer.
pub(crate) fn ask(server: &Server, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        server.port
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

pub(crate) fn on_moto(server: &Server) -> S3Destination {
    on_s3(server)
}

/// A service account of Google that asks for no tokens.
pub(crate) const ACCOUNT_WITHOUT_OAUTH: &str =
    r#"{"private_key": "", "private_key_id": "", "client_email": "", "disable_oauth": true}"#;

/// Google's multipart protocol and lists are those of S3, and so is all else that is asked for.
pub(crate) fn gcs_on_moto(server: &Server) -> GcsDestination {
    GcsDestination::new(id(), "exports", any())
        .with_endpoint(format!("http://127.0.0.1:{}", server.port))
        .with_service_account(secret(ACCOUNT_WITHOUT_OAUTH))
}

fn azurite_at(folder: TempDir, port: u16) -> Server {
    let program = tool("azure/node_modules/azurite/dist/src/blob/main.js");
    let script = format!(
        "AZURITE_ACCOUNTS={ACCOUNT}:{ACCOUNT_KEY} exec node {program} --blobHost 127.0.0.1 --blobPort {port} \
         --location data --silent --disableTelemetry --skipApiVersionCheck"
    );
    Server::run(folder, port, &script)
}

/// Starts Azurite with a container.
pub(crate) fn azurite() -> Server {
    let [port] = free_ports();
    let server = azurite_at(folder(), port);
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../cdds-delivery/tests/remote/container.py");
    let port = port.to_string();
    output_of(Command::new("python3").arg(script).args([&*port, ACCOUNT, ACCOUNT_KEY, "exports"]));
    server
}

pub(crate) fn on_azurite(server: &Server) -> AzureDestination {
    container(server, "exports")
}

pub(crate) fn container(server: &Server, name: &str) -> AzureDestination {
    AzureDestination::new(id(), ACCOUNT, name, any())
        .with_endpoint(format!("http://127.0.0.1:{}/{ACCOUNT}", server.port))
        .with_access_key(secret(ACCOUNT_KEY))
}

/// Starts a store that lets everybody in and stores nothing, for a reason of its own, and returns where. Real ones have
/// none of these reasons on demand.
pub(crate) fn refusing(status: u16, code: &'static str) -> S3Destination {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || refuse(&stream, status, code));
        }
    });
    S3Destination::new(id(), "exports", any())
        .with_endpoint(format!("http://127.0.0.1:{port}"))
        .with_keys(S3RVER, secret(S3RVER))
}

fn refuse(mut stream: &TcpStream, status: u16, code: &str) {
    let mut requests = BufReader::new(stream);
    loop {
        let (mut head, mut line) = (String::new(), String::new());
        while requests.read_line(&mut line).is_ok_and(|read| read > 0) && !line.trim().is_empty() {
            head.push_str(&line.to_ascii_lowercase());
            line.clear();
        }
        if head.is_empty() {
            return;
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
        requests.read_exact(&mut body).unwrap();
        let (status, body) = if head.starts_with("get ") {
            (200, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>".to_owned())
        } else {
            (status, format!("<Error><Code>{code}</Code><Message>Some words</Message></Error>"))
        };
        let answer = format!("HTTP/1.1 {status} Some\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
