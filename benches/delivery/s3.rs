//! moto, which stands in for S3, and boto3.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use cdds_benches::Failure;
use cdds_core::domain::id::DestinationId;
use cdds_core::ports::destination::Destination;
use cdds_delivery::net::Net;
use cdds_delivery::object::S3Destination;
use cdds_delivery::secret::Secret;

use super::Pair;
use super::line::FAR;
use super::server::{Server, free_ports, run, tool};

/// Key and secret: moto checks no signature.
const KEY: &str = "bench";

/// Uploads a file as boto3 does by itself, and prints the seconds that it took without the start of Python.
const BOTO3: &str = "
import sys, time, boto3
url, key, source = sys.argv[1:]
began = time.monotonic()
client = boto3.client('s3', endpoint_url=url, region_name='us-east-1', aws_access_key_id=key, aws_secret_access_key=key)
client.upload_file(source, 'exports', 'theirs')
print(time.monotonic() - began)
";

pub(crate) struct S3 {
    server: Server,
}

impl S3 {
    pub(crate) fn start() -> Result<Self, Failure> {
        let (folder, port) = (Server::folder()?, free_ports(1)?);
        let (host, numbered) = (format!("-H{FAR}"), format!("-p{port}"));
        let mut moto = python("from moto.server import main; main()")?;
        // It keeps large objects in files.
        moto.args([host, numbered]).env("TMPDIR", folder.path());
        let server = Server::start(folder, port, &mut moto)?;
        run(Command::new("curl").args(["--silent", "--fail", "--noproxy", "*", "--request", "PUT"]).args([
            "--header",
            "Authorization: AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/s3/aws4_request, \
             SignedHeaders=host, Signature=0",
            &format!("http://{FAR}:{port}/exports"),
        ]))?;
        Ok(Self { server })
    }

    fn url(&self, host: &str) -> String {
        format!("http://{host}:{}", self.server.port)
    }
}

impl Pair for S3 {
    fn names(&self) -> (&'static str, &'static str) {
        ("S3", "boto3")
    }

    fn ports(&self) -> Vec<u16> {
        vec![self.server.port]
    }

    fn destination(&self, host: &str, net: Net) -> Result<Box<dyn Destination>, Failure> {
        let destination = S3Destination::new(DestinationId::new("bench")?, "exports", net)
            .with_endpoint(self.url(host))
            .with_keys(KEY, Secret::ask(|| Ok(KEY.to_owned())));
        Ok(Box::new(destination))
    }

    fn theirs(&self, host: &str, source: &Path) -> Result<Duration, Failure> {
        let seconds = run(python(BOTO3)?.args([&self.url(host), KEY]).arg(source))?;
        Ok(Duration::from_secs_f64(seconds.parse()?))
    }
}

/// A program in Python that finds moto and the boto3 that comes with it, and asks no proxy.
fn python(program: &str) -> Result<Command, Failure> {
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", tool("moto")?).env("NO_PROXY", "*").args(["-c", program]);
    Ok(python)
}
