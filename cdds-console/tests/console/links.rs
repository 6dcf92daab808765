//! Downloads that the store answers itself, where the host lets it (rule C3).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use cdds_console::access::{Denied, Visitor, by_request};
use cdds_console::{Access, Services, router};
use cdds_core::ports::sink::Key;
use cdds_core::testing::MemorySink;
use cdds_core::{JobRules, LinkLifetime};
use http::request::Parts;
use http::{Method, StatusCode};

use crate::host::{ADA, Answer, Host, MALLORY, OLGA, VIC, ask, principal, request, users};

/// Where nobody answers.
const STORE: &str = "https://store.example/exports";

/// A host whose store gives links to an address, and which hands them out if it `lets` it.
fn linking(address: &str, lets: bool, access: impl Access + 'static) -> Host {
    let Host { memory, .. } = Host::new();
    let mut ports = memory.ports.clone();
    ports.sink = Arc::new(memory.sink.clone().with_links(address));
    let services = Services::new(&ports, JobRules::default());
    let services = if lets { services.with_links(LinkLifetime::default()) } else { services };
    Host { memory, router: router(services, access) }
}

/// Returns the only file of a host, and its two addresses.
async fn file(host: &Host) -> (serde_json::Value, [String; 2]) {
    let listed = host.get(ADA, "/api/v1/artifacts").await.json();
    let content = format!("/artifacts/{}/content", listed["items"][0]["id"].as_str().unwrap());
    (listed["items"][0].clone(), [format!("/api/v1{content}"), content])
}

async fn asked(host: &Host, method: Method, path: &str, header: (&str, &str)) -> Answer {
    let request = request(method, OLGA, path).header(header.0, header.1);
    ask(&host.router, request.body(Body::empty()).unwrap()).await
}

/// Returns the outcomes of the downloads on record, the last one first.
async fn outcomes(host: &Host) -> Vec<String> {
    let audit = host.get(ADA, "/api/v1/audit?action=download").await.json();
    let outcomes = audit["items"].as_array().unwrap().iter();
    outcomes.map(|entry| entry["outcome"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn c3_a_download_is_sent_to_the_store_and_the_audit_says_so() {
    let host = linking(STORE, true, users());
    host.exported(ADA, "Calls").await;
    let (artifact, addresses) = file(&host).await;
    let etag = format!("\"{}\"", artifact["sha256"].as_str().unwrap());
    for path in &addresses {
        for range in [None, Some(("range", "bytes=2-5"))] {
            let sent = asked(&host, Method::GET, path, range.unwrap_or(("accept", "*/*"))).await;
            assert_eq!((sent.status, &*sent.text), (StatusCode::TEMPORARY_REDIRECT, ""), "{path}");
            let location = sent.header("location");
            assert!(location.starts_with(STORE) && location.ends_with("?expires=60"), "{location}");
            assert!(!format!("{:?}", sent.headers).contains("store.example"), "a link is a secret");
            assert_eq!((sent.header("etag"), sent.header("referrer-policy")), (&*etag, "no-referrer"));
            assert!(sent.header("repr-digest").starts_with("sha-256=:"));
            assert!(sent.header("cache-control").contains("no-store"));
        }
    }
    assert_eq!(outcomes(&host).await, ["linked"; 4]);
    for path in &addresses {
        let head = asked(&host, Method::HEAD, path, ("accept", "*/*")).await;
        assert_eq!((head.status, head.header("location"), head.header("etag")), (StatusCode::OK, "", &*etag));
        let known = asked(&host, Method::GET, path, ("if-none-match", &etag)).await;
        assert_eq!((known.status, known.header("location")), (StatusCode::NOT_MODIFIED, ""));
        for (user, status) in [(VIC, StatusCode::FORBIDDEN), (MALLORY, StatusCode::NOT_FOUND)] {
            let refused = host.get(user, path).await;
            assert_eq!((refused.status, refused.header("location")), (status, ""), "{user} {path}");
        }
    }
    assert_eq!(outcomes(&host).await, ["forbidden", "forbidden", "linked", "linked", "linked", "linked"]);
    assert_eq!(file(&host).await.0["downloads"], 0, "nobody saw what was fetched");
    let page = host.get(ADA, "/audit").await.text;
    assert!(page.contains("Linked") && page.contains("fetched from the store, if at all"), "{page}");
}

#[tokio::test]
async fn c3_without_leave_or_links_the_bytes_come_from_here() {
    let refusing = linking(STORE, false, users());
    let unable = Host::new();
    let services =
        Services::new(&unable.memory.ports, JobRules::default()).with_links(LinkLifetime::default());
    let unable = Host { router: router(services, users()), ..unable };
    for host in [refusing, unable] {
        host.exported(ADA, "Calls").await;
        let (artifact, addresses) = file(&host).await;
        for path in &addresses {
            let given = host.get(OLGA, path).await;
            assert_eq!(
                (given.status, given.text.len() as u64),
                (StatusCode::OK, artifact["size"].as_u64().unwrap())
            );
        }
        assert_eq!(outcomes(&host).await, ["verified"; 2]);
    }
}

/// Serves routes at an address of this machine, which is returned.
async fn served(routes: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    address
}

/// Gives an object of a store. Like S3, it refuses a request that has another proof beside the link.
fn object(sink: &MemorySink, request: &Request) -> Response {
    if request.headers().contains_key("authorization") || request.headers().contains_key("cookie") {
        return (StatusCode::BAD_REQUEST, "Only one auth mechanism allowed").into_response();
    }
    let key = Key::new(request.uri().path().trim_start_matches('/'));
    sink.object(&key).ok_or(StatusCode::NOT_FOUND).into_response()
}

/// Runs a program in a folder, and returns what it printed.
async fn run(folder: PathBuf, mut program: Command) -> String {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/python");
    program.current_dir(folder).env("no_proxy", "*").env("PYTHONPATH", tools);
    let output = tokio::task::spawn_blocking(move || program.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_and_python_follow_to_the_store_and_keep_the_token_from_it() {
    let sink = Arc::new(std::sync::OnceLock::<MemorySink>::new());
    let held = Arc::clone(&sink);
    let store = served(Router::new().fallback(move |request: Request| {
        let held = Arc::clone(&held);
        async move { object(held.get().unwrap(), &request) }
    }))
    .await;
    let access = by_request(|request: &Parts| {
        let token = request.headers.get("authorization").ok_or(Denied::sign_in())?.to_str().unwrap();
        Ok(Visitor::new(principal(token.strip_prefix("Bearer ").unwrap())))
    });
    let host = linking(&store, true, access);
    sink.set(host.memory.sink.clone()).unwrap();
    let execution = host.exported(ADA, "Calls").await;
    let published = host.memory.sink.objects();
    let console = served(host.router.clone()).await;

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("links");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let bearer = format!("Authorization: Bearer {OLGA}");
    let mut fetch = Command::new("curl");
    fetch.args([
        "-sSf",
        "-H",
        &bearer,
        "-o",
        "download.sh",
        &format!("{console}/sets/{execution}/download.sh"),
    ]);
    run(folder.clone(), fetch).await;
    let mut script = Command::new("sh");
    script.arg("download.sh").env("CDDS_TOKEN", OLGA).env("CDDS_CONSOLE", &console);
    run(folder.clone(), script).await;
    let saved = std::fs::read(folder.join(format!("export-{execution}.zip"))).unwrap();
    assert!(published.values().any(|object| *object == saved));

    let listed = format!("{console}/api/v1/artifacts");
    let program = format!(
        "import hashlib, requests\nhead = {{'Authorization': 'Bearer {OLGA}'}}\n\
         file = requests.get({listed:?}, headers=head).json()['items'][0]\n\
         answer = requests.get({listed:?} + '/' + file['id'] + '/content', headers=head)\n\
         answer.raise_for_status()\n\
         assert [one.status_code for one in answer.history] == [307], answer.history\n\
         assert hashlib.sha256(answer.content).hexdigest() == file['sha256']\n"
    );
    let mut python = Command::new("python3");
    python.args(["-c", &program]);
    run(folder, python).await;
    let bearer = |method, path: &str| {
        let request = axum::http::Request::builder().method(method).uri(path);
        request.header("authorization", format!("Bearer {ADA}")).body(Body::empty()).unwrap()
    };
    let audit = ask(&host.router, bearer(Method::GET, "/api/v1/audit?action=download")).await.json();
    let linked = audit["items"].as_array().unwrap().iter().filter(|entry| entry["outcome"] == "linked");
    assert_eq!(linked.count(), 2);
}
