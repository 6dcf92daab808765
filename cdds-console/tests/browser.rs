//! The pages in a real browser: Chromium, driven by playwright-core, judged by axe-core.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "console/host.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod host;
#[path = "console/partner.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod partner;
#[path = "console/person.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod person;
#[path = "console/pretended.rs"]
mod pretended;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::post;
use axum::{Router, body::Bytes};
use cdds_console::{Services, router};
use cdds_core::domain::recipient::{CertificateFacts, Recipient};
use cdds_core::domain::record::selection::CategoryDimension;
use cdds_core::ports::destination::DestinationErrorKind;
use cdds_core::ports::notifier::NotifyErrorKind;
use cdds_core::system::SystemClock;
use cdds_core::testing::destination::{Fate, RemoteCall};
use cdds_core::testing::{MemoryPorts, PreparedSource};
use cdds_core::{DataType, JobRules, Ownership, SourceDescription, Sources};
use http::{HeaderValue, StatusCode, header};

use crate::host::{ADA, Host, OLGA, daily, once, users};
use crate::partner::{Postbox, place, ports, told};
use crate::person::{People, asks};

/// The console at an address of its own, which collects what browsers report about its content policy.
struct Server {
    address: String,
    reports: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(host: &Host) -> Self {
        // Streams of events wait by this clock, and the hosts' own does not wait.
        let ports = host.memory.ports.clone().with_clock(Arc::new(SystemClock::new()));
        let router = router(Services::new(&ports, JobRules::default()), users());
        let reports = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&reports);
        let hear = move |report: Bytes| async move {
            heard.lock().unwrap().push(String::from_utf8_lossy(&report).into_owned());
            StatusCode::NO_CONTENT
        };
        let routes = Router::new()
            .route("/csp-report", post(hear))
            .nest_service("/exports", router)
            .layer(from_fn(reporting));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/exports", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, reports }
    }
}

/// Lets browsers report what the content policy refuses.
async fn reporting(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(policy) = response.headers().get(header::CONTENT_SECURITY_POLICY) {
        let policy = format!("{}; report-uri /csp-report", policy.to_str().unwrap());
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_str(&policy).unwrap());
    }
    response
}

/// The folder of tools that `.ci/tools` fills.
fn modules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/browser")
}

/// Runs a script in node, and returns what it printed; fails if it found anything.
async fn node(script: &'static str, arguments: Vec<String>) -> String {
    let run = move || {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser").join(script);
        Command::new("node").arg(script).arg(modules()).args(arguments).output()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    said
}

/// A job that has something in every part of its form.
fn monthly() -> serde_json::Value {
    serde_json::json!({
        "title": "Everything", "description": "For the monthly review", "source": "calls", "type": "call",
        "filter": ["queue=sales"], "run": "monthly", "day": 31, "at": "02:30", "missing-day": "last",
        "ends-at": "2030-01-01T00:00:00Z", "split-size": 512, "plaintext": true, "retention-days": 7, "retries": 3,
        "bad-records": "skip:5", "incomplete": "go-on:6h"
    })
}

/// A host with a source that has categories, and one that cannot be used, which says why at length.
fn with_categories() -> Host {
    let values = ["voice", "video", "fax, letters and other paper"].map(str::to_owned).to_vec();
    let call = DataType::new("call".parse().unwrap())
        .with_ownership(Ownership::Shared)
        .with_category(CategoryDimension { name: "Channel".to_owned(), values });
    let description = SourceDescription::new("calls".parse().unwrap(), "Telephony").with_type(call);
    let sources = Sources::new().with(PreparedSource::new(description, Vec::new()));
    let reason = "The archive has no interface for exports yet, and nobody knows when there will be one.";
    let sources = sources.with_unsupported("mail".parse().unwrap(), "Mail", reason);
    Host::with(MemoryPorts::new("2026-11-26T14:32:08Z".parse().unwrap(), sources))
}

/// A recipient whose certificate has expired.
fn law() -> Recipient {
    Recipient {
        owner: "acme".parse().unwrap(),
        name: "law".parse().unwrap(),
        certificate: CertificateFacts {
            der: Vec::new(),
            fingerprint: "0".repeat(64),
            subject: "CN=law".to_owned(),
            not_before: "2025-01-01T00:00:00Z".parse().unwrap(),
            not_after: "2026-01-01T00:00:00Z".parse().unwrap(),
            warnings: vec!["The certificate is self-signed.".to_owned()],
        },
        added_at: "2025-01-01T00:00:00Z".parse().unwrap(),
    }
}

/// A host whose destination and endpoint refuse, with all pages that say so.
async fn refused() -> (Host, Vec<String>) {
    let postbox = Postbox::default();
    *postbox.fails.lock().unwrap() = Some(NotifyErrorKind::Refused);
    let place = place().with_fate(|call| match call {
        RemoteCall::Connect => Fate::Fails(DestinationErrorKind::Refused),
        _ => Fate::Works,
    });
    let host = Host::with(ports(&[&place], &postbox));
    let mut settings = told(once("Calls of the day before"));
    settings["notify"] =
        serde_json::json!(["mailto:ada@example.com?on=published,failed", "webhook:billing?on=published"]);
    let job = host.job(ADA, settings).await;
    host.run().await;
    host.memory.clock.advance(std::time::Duration::from_secs(73 * 3600));
    host.run().await;
    let execution = host.execution(&job);
    let paths = [
        "/notices",
        "/notices?done=notice-queued",
        "/notices?channel=host",
        "/destinations",
        "/artifacts",
        "/jobs",
    ];
    let of_one = [
        format!("/sets/{execution}"),
        format!("/history/{execution}"),
        format!("/jobs/{job}"),
        format!("/jobs/new?clone={job}"),
    ];
    (host, paths.map(str::to_owned).into_iter().chain(of_one).collect())
}

/// A host that has requests of data subjects in every state, with all pages about them.
async fn asked() -> (Host, Vec<String>) {
    let people = People::new();
    for title in ["Calls of the day before", "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen"] {
        people.exported(title).await;
    }
    *people.crm.fails.lock().unwrap() = true;
    let failed = people.approved("erasure").await;
    people.host.run().await;
    *people.crm.fails.lock().unwrap() = false;
    let done = people.approved("both").await;
    people.host.run().await;
    // Others ask for no less, so what is open is withdrawn first.
    let withdrawn = people.asked("access").await;
    people.send(OLGA, &format!("/{withdrawn}/withdraw"), &serde_json::Value::Null).await;
    people.host.memory.clock.advance(std::time::Duration::from_secs(25 * 86_400));
    let mut later = asks("both");
    later["identifier"] = serde_json::json!(["phone=+49 40 9", "customer-id=17"]);
    let id = people.send(OLGA, "", &later).await.json()["id"].as_str().unwrap().to_owned();
    let received = people.asked("access").await;
    people.send(OLGA, &format!("/{id}/verify"), &person::evidence()).await;
    let of_one = [
        format!("/subjects/{done}"),
        format!("/subjects/{failed}"),
        format!("/subjects/{withdrawn}"),
        format!("/subjects/{received}?done=request-received"),
        format!("/subjects/{received}/verify"),
        format!("/subjects/{id}"),
        format!("/subjects/{id}/preview"),
        format!("/subjects/{id}/approve"),
        format!("/subjects/{id}/extend"),
        format!("/subjects/{id}/refuse"),
        format!("/subjects/{id}/withdraw"),
        format!("/subjects/{id}/copies?all=true"),
        format!("/subjects/{id}/copies/notify"),
        format!("/subjects/{id}/copies/delete"),
    ];
    let lists = ["/subjects", "/subjects?open=true&sort=due_at", "/subjects/new"].map(str::to_owned);
    (people.host, lists.into_iter().chain(of_one).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_readable_for_everybody() {
    let host = Host::new();
    let empty = Host::new();
    let categories = with_categories();
    let word = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen";
    for title in ["Calls of the day before", &word.repeat(4), "<b>bold</b> & \"quoted\"", "مرحبا بالعالم"]
    {
        host.job(ADA, daily(title)).await;
    }
    let pictures = modules().join("pictures");
    std::fs::create_dir_all(&pictures).unwrap();
    let id = host.job(ADA, monthly()).await;
    host.post(ADA, &format!("/jobs/{id}/run"), "").await;
    host.run().await;
    host.post(ADA, &format!("/jobs/{id}/suspend"), "").await;
    let execution = host.exported(ADA, &word.repeat(3)).await;
    host.post(ADA, &format!("/sets/{execution}/hold"), "").await;
    host.memory.ports.catalog.insert_recipient(&law(), &[]).await.unwrap();
    let filled = vec![
        "/history".to_owned(),
        format!("/history/{execution}"),
        "/artifacts".to_owned(),
        format!("/sets/{execution}"),
        "/recipients".to_owned(),
        "/recipients/renew?name=law".to_owned(),
        "/sources".to_owned(),
        "/audit".to_owned(),
        "/jobs".to_owned(),
        "/jobs?state=suspended".to_owned(),
        "/jobs/new".to_owned(),
        format!("/jobs/{id}/edit"),
        format!("/jobs/{id}?done=suspended"),
    ];
    let (refused, of_refused) = refused().await;
    let (asked, of_asked) = asked().await;
    for (host, paths) in [
        (&host, filled),
        (&refused, of_refused),
        (&asked, of_asked),
        (&categories, vec!["/jobs/new".to_owned()]),
        (
            &empty,
            [
                "/jobs",
                "/history",
                "/artifacts",
                "/recipients",
                "/subjects",
                "/notices",
                "/destinations",
                "/audit",
            ]
            .map(str::to_owned)
            .to_vec(),
        ),
    ] {
        let server = Server::start(host).await;
        let arguments = [server.address.clone(), ADA.to_owned(), pictures.display().to_string()].into_iter();
        let said = node("check.mjs", arguments.chain(paths).collect()).await;
        assert!(said.contains("no findings on"), "{said}");
        assert_eq!(*server.reports.lock().unwrap(), Vec::<String>::new());
    }
}
