use std::time::Duration;

use base64ct::{Base64, Encoding};
use cdds_core::domain::id::{Owner, Subscriber};
use cdds_core::domain::source::Visibility;
use cdds_core::ports::notifier::{Channel, Message, NoticeKind, Notifier, NotifyError, NotifyErrorKind};
use cdds_core::testing::conformance::{self, notifier::Subscribers};
use cdds_delivery::links::ConsoleLinks;
use cdds_delivery::net::tls::Roots;
use cdds_delivery::net::{AddressPolicy, Net};
use cdds_delivery::secret::Secret;
use cdds_delivery::webhook::{Endpoint, WebhookNotifier};
use futures::executor::block_on;
use serde_json::Value;

use crate::certificates::certified;
use crate::messages::{execution, full, message};
use crate::programs::{node, python, run};
use crate::receiver::{Answer, Receiver, Recorded};

const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const PAIR: &str = "whsk_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

fn secret(key: &'static str) -> Secret {
    Secret::ask(move || Ok(key.to_owned()))
}

fn net() -> Net {
    Net::new().unwrap().with_policy(AddressPolicy::any())
}

fn billing() -> Subscriber {
    Subscriber::new("billing").unwrap()
}

fn plain(receiver: &Receiver) -> Endpoint {
    let url = format!("http://127.0.0.1:{}/in?token=t0ken", receiver.port);
    Endpoint::over_http(billing(), &url, secret(OLD)).unwrap()
}

fn webhooks(receiver: &Receiver) -> WebhookNotifier {
    WebhookNotifier::new(net()).with_endpoint(plain(receiver))
}

fn published() -> Message {
    full(NoticeKind::Published, Channel::Webhook, "billing")
}

/// Sends one message to a receiver that answers `answer`.
fn answered(answer: Answer) -> Result<(), NotifyError> {
    let receiver = Receiver::start(&[answer], None);
    let sent = block_on(webhooks(&receiver).send(&published()));
    assert_eq!(receiver.requests().len(), 1, "one attempt is one call");
    sent
}

/// Whether both public verifiers accept a recorded request with `key`; they must agree.
fn verifies(recorded: &Recorded, key: &str, signatures: &str) -> bool {
    let headers: serde_json::Map<String, Value> = ["webhook-id", "webhook-timestamp"]
        .map(|name| (name.to_owned(), recorded.header(name).into()))
        .into_iter()
        .chain([("webhook-signature".to_owned(), signatures.into())])
        .collect();
    let headers = Value::from(headers).to_string();
    let by_node = r#"
        const { Webhook } = require("standardwebhooks");
        const body = require("fs").readFileSync(0, "utf8");
        console.log(new Webhook(process.argv[1]).verify(body, JSON.parse(process.argv[2])).type);"#;
    let by_python = r#"
import json, sys
from standardwebhooks.webhooks import Webhook
print(Webhook(sys.argv[1]).verify(sys.stdin.buffer.read(), json.loads(sys.argv[2]))["type"])"#;
    let outputs = [
        run(node().args(["-e", by_node, key, &headers]), &recorded.body),
        run(python().args(["-c", by_python, key, &headers]), &recorded.body),
    ];
    let verdicts = outputs.map(|output| {
        let (said, wrong) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.success() {
            let body: Value = serde_json::from_slice(&recorded.body).unwrap();
            assert_eq!(said.trim(), body["type"]);
        } else {
            assert!(wrong.contains("WebhookVerificationError"), "{wrong}");
        }
        output.status.success()
    });
    assert_eq!(verdicts[0], verdicts[1]);
    verdicts[0]
}

#[test]
fn n9_the_public_verifiers_accept_what_is_sent() {
    let receiver = Receiver::start(&[Answer::status("204 No Content")], None);
    block_on(webhooks(&receiver).send(&published())).unwrap();
    let recorded = receiver.requests().remove(0);
    assert!(recorded.head.starts_with("POST /in?token=t0ken HTTP/1.1\r\n"), "{}", recorded.head);
    assert_eq!(recorded.header("host"), format!("127.0.0.1:{}", receiver.port));
    assert_eq!(recorded.header("content-type"), "application/json");
    let signature = recorded.header("webhook-signature");
    assert!(verifies(&recorded, OLD, signature));
    assert!(!verifies(&recorded, NEW, signature));
    let mut forged = recorded.clone();
    forged.body[20] ^= 1;
    assert!(!verifies(&forged, OLD, signature));
}

#[test]
fn d11_n9_a_recall_names_the_set_and_no_person() {
    let receiver = Receiver::start(&[Answer::status("204 No Content")], None);
    let mut recall = full(NoticeKind::Recall, Channel::Webhook, "billing");
    recall.expires_at = None;
    block_on(webhooks(&receiver).send(&recall)).unwrap();
    let body: Value = serde_json::from_slice(&receiver.requests().remove(0).body).unwrap();
    assert_eq!((&body["type"], body["data"].get("expires_at")), (&"export.recalled".into(), None));
    assert_eq!(body["data"]["execution"]["id"], execution().to_string());
    assert!(body["data"]["files"][0]["sha256"].is_string() && body["data"].get("reason").is_none(), "{body}");
}

#[test]
fn n9_a_test_has_a_type_of_its_own_and_verifies() {
    let receiver = Receiver::start(&[Answer::status("204 No Content")], None);
    let (owner, endpoint) = (Owner::default(), published().notice.subscriber);
    let test = Message::test(
        owner,
        Channel::Webhook,
        endpoint,
        "00000000-0000-4000-8000-000000000007".parse().unwrap(),
        published().sent_at,
    );
    block_on(webhooks(&receiver).send(&test)).unwrap();
    let recorded = receiver.requests().remove(0);
    let body: Value = serde_json::from_slice(&recorded.body).unwrap();
    assert_eq!(body["type"], "test");
    assert_eq!(body["data"]["job"].get("url"), None);
    assert!(verifies(&recorded, OLD, recorded.header("webhook-signature")));
}

#[test]
fn n9_old_and_new_verifiers_accept_while_keys_are_rotated() {
    let receiver = Receiver::start(&[Answer::status("200 OK")], None);
    let endpoint = plain(&receiver).with_key(secret(NEW)).with_key(secret(PAIR));
    let public = endpoint.public_keys().unwrap();
    block_on(WebhookNotifier::new(net()).with_endpoint(endpoint).send(&published())).unwrap();
    let recorded = receiver.requests().remove(0);
    let signatures = recorded.header("webhook-signature");
    assert!(verifies(&recorded, OLD, signatures) && verifies(&recorded, NEW, signatures));
    let [_, _, asymmetric] = signatures.split(' ').collect::<Vec<_>>()[..] else { panic!("{signatures}") };
    assert!(!verifies(&recorded, OLD, asymmetric), "alone it proves nothing to who holds a symmetric key");
    let [public] = &public[..] else { panic!("{public:?}") };
    assert!(openssl_verifies(&recorded, public, asymmetric));
    let mut forged = recorded.clone();
    forged.body[20] ^= 1;
    assert!(!openssl_verifies(&forged, public, asymmetric));
}

/// Verifies an Ed25519 signature by the `openssl` program.
fn openssl_verifies(recorded: &Recorded, public: &str, signature: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // RFC 8410: the algorithm's name before the key.
    let mut key = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".to_vec();
    key.extend(Base64::decode_vec(public.strip_prefix("whpk_").unwrap()).unwrap());
    std::fs::write(path("key.der"), key).unwrap();
    let signature = Base64::decode_vec(signature.strip_prefix("v1a,").unwrap()).unwrap();
    std::fs::write(path("signature"), signature).unwrap();
    let signed = [
        recorded.header("webhook-id").as_bytes(),
        b".",
        recorded.header("webhook-timestamp").as_bytes(),
        b".",
        &recorded.body,
    ];
    std::fs::write(path("content"), signed.concat()).unwrap();
    let arguments =
        ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key.der", "-rawin", "-in", "content"];
    let mut openssl = std::process::Command::new("openssl");
    openssl.args(arguments).args(["-sigfile", "signature"]).current_dir(folder.path());
    let output = run(&mut openssl, b"");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("Verified Successfully") || said.contains("Verification Failure"), "{output:?}");
    output.status.success()
}

#[test]
fn n9_the_id_stays_and_the_timestamp_is_of_the_attempt() {
    let receiver = Receiver::start(&[Answer::status("500 Oops"), Answer::status("200 OK")], None);
    let notifier = webhooks(&receiver);
    let mut message = published();
    let first = block_on(notifier.send(&message)).unwrap_err();
    assert_eq!(first.kind(), NotifyErrorKind::Unavailable);
    message.sent_at += chrono::TimeDelta::seconds(30);
    block_on(notifier.send(&message)).unwrap();
    let [first, second] = &receiver.requests()[..] else { panic!("two calls") };
    assert_eq!(first.header("webhook-id"), message.notice.work.id.to_string());
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    let [one, two] = [first, second].map(|call| call.header("webhook-timestamp").parse::<i64>().unwrap());
    assert_eq!(two - one, 30);
    assert_ne!(first.header("webhook-signature"), second.header("webhook-signature"));
    assert_eq!(first.body, second.body);
}

#[test]
fn n9_replies_are_judged() {
    answered(Answer::status("200 OK")).unwrap();
    answered(Answer::status("204 No Content")).unwrap();
    let kind = |answer: Answer| answered(answer).unwrap_err().kind();
    assert_eq!(kind(Answer::status("410 Gone")), NotifyErrorKind::Gone);
    assert_eq!(kind(Answer::status("500 Oops")), NotifyErrorKind::Unavailable);
    assert_eq!(kind(Answer::status("404 Not Found")), NotifyErrorKind::Unavailable);
    let later = "HTTP/1.1 429 Slow Down\r\nretry-after: 90\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(kind(Answer::Bytes(later.into())), NotifyErrorKind::Later(Duration::from_secs(90)));
    assert_eq!(kind(Answer::Cut), NotifyErrorKind::Unavailable);
    assert_eq!(kind(Answer::Bytes("220 mail.example ESMTP\r\n".into())), NotifyErrorKind::Unavailable);
    assert_eq!(kind(Answer::Bytes("HTTP/1.1 2".into())), NotifyErrorKind::Unavailable);
}

#[test]
fn n9_redirects_are_not_followed() {
    let other = Receiver::start(&[Answer::status("200 OK")], None);
    for status in [301, 302, 303, 307, 308] {
        let port = other.port;
        let redirect = format!(
            "HTTP/1.1 {status} Moved\r\nlocation: http://127.0.0.1:{port}/\r\ncontent-length: 0\r\n\r\n"
        );
        let error = answered(Answer::Bytes(redirect)).unwrap_err();
        assert_eq!(error.kind(), NotifyErrorKind::Unavailable);
        assert!(error.report().contains("redirect"), "{}", error.report());
    }
    assert!(other.requests().is_empty());
}

#[test]
fn n9_an_endpoint_that_does_not_answer_is_left() {
    let receiver = Receiver::start(&[Answer::Silence], None);
    let notifier = webhooks(&receiver).with_limit(Duration::from_millis(200));
    let error = block_on(notifier.send(&published())).unwrap_err();
    assert_eq!(error.kind(), NotifyErrorKind::Unavailable);
    assert!(error.report().contains("did not answer within 0.2 seconds"), "{}", error.report());
}

#[test]
fn n9_the_body_of_a_reply_is_neither_needed_nor_shown() {
    let head = |status: &str, length: usize| format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n");
    answered(Answer::Bytes(format!("{}half", head("200 OK", 1000)))).unwrap();
    answered(Answer::BytesThenNothing(format!("{}{}", head("200 OK", 1 << 40), "x".repeat(1 << 13))))
        .unwrap();
    let body = "s3cret of the receiver";
    let error = answered(Answer::Bytes(format!("{}{body}", head("500 s3cret", body.len())))).unwrap_err();
    for shown in [error.report(), format!("{error:?}")] {
        assert!(shown.contains("500") && !shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
    }
}

#[test]
fn n9_tls_is_verified_for_the_host_of_the_url() {
    let send = |host: &str, certificate_for: &str, roots: Option<Roots>| {
        let certified = certified(certificate_for);
        let receiver = Receiver::start(&[Answer::status("200 OK")], Some(certified.server()));
        let url = format!("https://{host}:{}/", receiver.port);
        let endpoint = Endpoint::new(billing(), &url, secret(OLD)).unwrap();
        let own = Roots::pem(certified.authority.as_bytes()).unwrap();
        let notifier = WebhookNotifier::new(net()).with_endpoint(endpoint).with_roots(roots.unwrap_or(own));
        let sent = block_on(notifier.send(&published()));
        assert_eq!(
            receiver.requests().len(),
            usize::from(sent.is_ok()),
            "nothing is sent to who is not trusted"
        );
        sent
    };
    send("localhost", "localhost", None).unwrap();
    send("127.0.0.1", "127.0.0.1", None).unwrap();
    for error in [
        send("localhost", "other.example", None),
        send("localhost", "localhost", Some(Roots::machine())),
        send(
            "localhost",
            "localhost",
            Some(Roots::pem(certified("localhost").authority.as_bytes()).unwrap()),
        ),
    ] {
        let error = error.unwrap_err();
        assert_eq!(error.kind(), NotifyErrorKind::Unavailable);
        assert!(error.report().contains("certificate"), "{}", error.report());
    }
}

#[test]
fn n9_private_addresses_are_refused_unless_they_are_allowed() {
    let receiver = Receiver::start(&[Answer::status("200 OK")], None);
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]", "2130706433", "0x7f.1"] {
        let url = format!("http://{host}:{}/", receiver.port);
        let endpoint = Endpoint::over_http(billing(), &url, secret(OLD)).unwrap();
        let notifier = WebhookNotifier::new(Net::new().unwrap()).with_endpoint(endpoint);
        let error = block_on(notifier.send(&published())).unwrap_err();
        assert!(error.report().contains("may not be reached"), "{host}: {}", error.report());
        if host.contains([':', '.']) && !host.contains("0x") {
            let error = notifier.check(&billing(), &Owner::default()).unwrap_err();
            assert_eq!(error.kind(), NotifyErrorKind::Refused, "{host}");
        }
    }
    assert!(receiver.requests().is_empty());
}

#[test]
fn n9_a_subscriber_is_an_endpoint_that_its_owner_sees() {
    let (ada, bob) = (Owner::new("ada").unwrap(), Owner::new("bob").unwrap());
    let url = "https://hooks.example.com/in";
    let endpoint = Endpoint::new(billing(), url, secret(OLD)).unwrap();
    let endpoint = endpoint.with_visibility(Visibility::owners([ada.clone()]));
    let notifier = WebhookNotifier::new(net()).with_endpoint(endpoint);
    notifier.check(&billing(), &ada).unwrap();
    assert_eq!((notifier.endpoints_of(&ada), notifier.endpoints_of(&bob)), (vec![billing()], Vec::new()));
    let mut message = published();
    message.notice.work.owner = bob.clone();
    for error in [
        notifier.check(&billing(), &bob).unwrap_err(),
        notifier.check(&Subscriber::new("other").unwrap(), &ada).unwrap_err(),
        block_on(notifier.send(&message)).unwrap_err(),
    ] {
        assert_eq!(error.kind(), NotifyErrorKind::Refused);
        assert!(error.report().contains("there is no endpoint"), "{}", error.report());
    }
    let broken = Endpoint::new(billing(), url, secret("whsec_short")).unwrap();
    let broken = WebhookNotifier::new(net()).with_endpoint(broken);
    assert_eq!(broken.check(&billing(), &ada).unwrap_err().kind(), NotifyErrorKind::Refused);
    assert_eq!(broken.endpoints_of(&ada), [billing()], "people have to see the one that does not work");
    let error = block_on(broken.send(&published())).unwrap_err();
    assert!(error.is_retryable(), "a key may be mended");
    assert!(!error.report().contains("whsec_short"), "{}", error.report());
}

/// The body of the call for a message.
fn body(message: &Message) -> Value {
    let receiver = Receiver::start(&[Answer::status("200 OK")], None);
    let links = ConsoleLinks::new("https://exports.example.com/console/").unwrap();
    block_on(webhooks(&receiver).with_console(links).send(message)).unwrap();
    let body = receiver.requests().remove(0).body;
    assert!(body.len() <= 20_000, "{}", body.len());
    serde_json::from_slice(&body).unwrap()
}

#[test]
fn n9_the_notifier_keeps_its_contract() {
    let url = "https://hooks.example.com/in";
    let endpoint = |name: &str| Endpoint::new(name.parse().unwrap(), url, secret(OLD)).unwrap();
    let others = Visibility::owners([Owner::new("others").unwrap()]);
    let notifier = WebhookNotifier::new(net()).with_endpoint(endpoint("billing"));
    let notifier = notifier.with_endpoint(endpoint("foreign").with_visibility(others));
    let subscribers =
        Subscribers::new(billing(), "nowhere".parse().unwrap()).with_foreign("foreign".parse().unwrap());
    block_on(conformance::notifier::check(&notifier, &subscribers)).assert();
}

#[test]
fn n9_a_body_holds_ids_counts_and_digests() {
    insta::assert_snapshot!("published", format!("{:#}", body(&published())));
    let mut message = message(NoticeKind::Paused, Channel::Webhook, "billing");
    message.reason = Some("five runs in a row failed".to_owned());
    insta::assert_snapshot!("paused", format!("{:#}", body(&message)));
}

#[test]
fn n8_a_body_about_a_certificate_names_it_and_no_execution() {
    let message = crate::messages::certificate(Channel::Webhook, "billing");
    insta::assert_snapshot!("certificate", format!("{:#}", body(&message)));
}

#[test]
fn n9_each_kind_has_a_type() {
    let types = NoticeKind::ALL.iter().map(|kind| {
        let body = body(&message(*kind, Channel::Webhook, "billing"));
        body["type"].as_str().unwrap().to_owned()
    });
    assert_eq!(
        types.collect::<Vec<_>>(),
        [
            "export.published",
            "export.delivered",
            "export.delivery_failed",
            "export.failed",
            "certificate.expiring",
            "export.expiring",
            "job.paused",
            "destination.disabled",
            "export.recalled"
        ]
    );
}

#[test]
fn n9_a_body_has_less_than_20_kilobytes_whatever_it_tells_of() {
    let mut message = published();
    message.job.title = "\u{1F600}\"\u{202e}<script>\r\nx: y".repeat(200);
    message.reason = Some("\u{1}".repeat(100_000));
    let long = "é\"".repeat(2_000);
    message.files = (0..50).map(|_| message.files[0].clone()).collect();
    message.files[3].name.clone_from(&long);
    message.deliveries = (0..90).map(|_| message.deliveries[0].clone()).collect();
    for delivery in &mut message.deliveries {
        delivery.folder.clone_from(&long);
        delivery.failure = Some(long.clone());
    }
    let told = body(&message);
    assert_eq!(told["data"]["deliveries_total"], 90);
    assert_eq!(told["data"]["files_total"], 2);
    assert_eq!(told["data"]["execution"]["id"], execution().to_string());
    let mut message = published();
    message.files = (0..50).map(|_| message.files[0].clone()).collect();
    for file in &mut message.files {
        file.name = "f".repeat(400);
    }
    let told = body(&message);
    let listed = told["data"]["files"].as_array().unwrap();
    assert!((20..40).contains(&listed.len()), "{} find room", listed.len());
    assert_eq!(told["data"]["deliveries"].as_array().unwrap().len(), 2, "files make room first");
}
