//! The examples of docs/RECEIVERS.md, run.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use cdds_core::domain::id::Subscriber;
use cdds_core::ports::notifier::{Channel, NoticeKind, Notifier};
use cdds_delivery::net::{AddressPolicy, Net};
use cdds_delivery::secret::Secret;
use cdds_delivery::webhook::{Endpoint, WebhookNotifier};
use futures::executor::block_on;
use sha2::{Digest, Sha256};

use crate::messages::full;
use crate::programs::{node, python, run};
use crate::receiver::{Answer, Receiver, Recorded};

const PAGE: &str = include_str!("../../../docs/RECEIVERS.md");
const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PAIR: &str = "whsk_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// The only example in a language that holds `part`.
fn example(language: &str, part: &str) -> &'static str {
    let opening = format!("```{language}\n");
    let blocks = PAGE.split(opening.as_str()).skip(1).filter_map(|rest| rest.split("\n```").next());
    let mut found = blocks.filter(|block| block.contains(part));
    let block = found.next().unwrap_or_else(|| panic!("no example with {part}"));
    assert_eq!(found.next(), None, "two examples with {part}");
    block
}

fn endpoint(port: u16) -> Endpoint {
    let url = format!("http://127.0.0.1:{port}/");
    Endpoint::over_http(Subscriber::new("billing").unwrap(), &url, secret(KEY)).unwrap()
}

fn secret(key: &'static str) -> Secret {
    Secret::ask(move || Ok(key.to_owned()))
}

fn call(endpoint: Endpoint) -> Result<(), cdds_core::ports::notifier::NotifyError> {
    let net = Net::new().unwrap().with_policy(AddressPolicy::any());
    let message = full(NoticeKind::Published, Channel::Webhook, "billing");
    block_on(WebhookNotifier::new(net).with_endpoint(endpoint).send(&message))
}

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a receiver of the page takes a call, which it must print, and refuses one with another key.
fn receives(mut command: Command) {
    // Free a moment ago; nobody else asks for ports meanwhile on most machines.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    command.env("PORT", port.to_string()).env("WEBHOOK_KEY", KEY).stdout(Stdio::piped());
    let mut receiver = Running(command.spawn().expect("`bash .ci/tools` installs node and python3"));
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(receiver.0.try_wait().unwrap().is_none(), "the receiver has ended");
        std::thread::yield_now();
    }
    call(endpoint(port)).unwrap();
    let mut line = String::new();
    BufReader::new(receiver.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let id = full(NoticeKind::Published, Channel::Webhook, "billing").notice.work.id;
    assert_eq!(line.trim(), format!("{id} export.published"));
    let url = format!("http://127.0.0.1:{port}/");
    let forged = Endpoint::over_http(Subscriber::new("billing").unwrap(), &url, secret(PAIR)).unwrap();
    let error = call(forged).unwrap_err();
    assert!(error.report().contains("401"), "{}", error.report());
}

#[test]
fn n9_the_receiver_in_python_takes_calls() {
    let mut command = python();
    command.args(["-c", example("python", "BaseHTTPRequestHandler")]);
    receives(command);
}

#[test]
fn n9_the_receiver_in_node_takes_calls() {
    let mut command = node();
    command.args(["-e", example("js", "createServer")]);
    receives(command);
}

/// Runs an example of the shell over a recorded call.
fn verifies(example: &str, recorded: &Recorded, key: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("body.json"), &recorded.body).unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", example]).current_dir(folder.path()).env("WEBHOOK_KEY", key);
    for (variable, header) in
        [("id", "webhook-id"), ("timestamp", "webhook-timestamp"), ("signatures", "webhook-signature")]
    {
        shell.env(variable, recorded.header(header));
    }
    let output = run(&mut shell, b"");
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    let is_clear =
        output.status.success() || said.contains("not signed") || said.contains("Verification Failure");
    assert!(is_clear, "{said}");
    output.status.success()
}

#[test]
fn n9_the_shell_verifies_calls() {
    let receiver = Receiver::start(&[Answer::status("200 OK")], None);
    let endpoint = endpoint(receiver.port).with_key(secret(PAIR));
    let public = endpoint.public_keys().unwrap().remove(0);
    call(endpoint).unwrap();
    let recorded = receiver.requests().remove(0);
    let mut forged = recorded.clone();
    forged.body[20] ^= 1;
    for (part, key) in [("hexkey", KEY), ("pkeyutl", public.as_str())] {
        let example = example("sh", part);
        assert!(verifies(example, &recorded, key), "{part}");
        assert!(!verifies(example, &forged, key), "{part}");
    }
}

#[test]
fn the_shell_finds_out_whether_a_set_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let digest =
        |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let parts = ["export-ID.z01", "export-ID.zip"].map(|name| {
        std::fs::write(folder.path().join(name), name).unwrap();
        serde_json::json!({"name": name, "bytes": name.len(), "sha256": digest(name.as_bytes())})
    });
    let manifest = serde_json::json!({ "parts": parts }).to_string();
    std::fs::write(folder.path().join("export-ID.manifest.json"), manifest).unwrap();
    let is_complete = || {
        // The last command of the pipe decides.
        let mut shell = Command::new("sh");
        shell.args(["-c", example("sh", "sha256sum")]).current_dir(folder.path());
        run(&mut shell, b"").status.success()
    };
    assert!(is_complete());
    std::fs::write(folder.path().join("export-ID.z01"), "export-ID.z02").unwrap();
    assert!(!is_complete(), "changed");
    std::fs::remove_file(folder.path().join("export-ID.z01")).unwrap();
    assert!(!is_complete(), "missing");
}

#[test]
fn the_page_names_every_type_of_event() {
    for kind in NoticeKind::ALL {
        let receiver = Receiver::start(&[Answer::status("200 OK")], None);
        let net = Net::new().unwrap().with_policy(AddressPolicy::any());
        let message = full(*kind, Channel::Webhook, "billing");
        block_on(WebhookNotifier::new(net).with_endpoint(endpoint(receiver.port)).send(&message)).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&receiver.requests()[0].body).unwrap();
        assert!(PAGE.contains(&format!("| `{}` |", body["type"].as_str().unwrap())), "{body}");
    }
}
