//! Recipients, sources and the audit: what the pages say, who may do what, and that owners stay apart.

use std::sync::Arc;

use axum::body::Body;
use cdds_console::{Services, router};
use cdds_core::testing::MemoryPorts;
use cdds_core::{JobRules, Sources};
use chrono::DateTime;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::host::{ADA, Host, MALLORY, OLGA, VIC, ask, daily, request, users};
use crate::pretended::Pretended;

const HOSTILE: &str = "CN=<img src=x onerror=alert(1)> \"&'";
const ESCAPED: &str = "CN=&lt;img src=x onerror=alert(1)&gt; &quot;&amp;'";

pub(crate) fn host() -> Host {
    let mut host = Host::new();
    host.memory.ports.certificates = Arc::new(Pretended);
    host.router = router(Services::new(&host.memory.ports, JobRules::default()), users());
    host
}

pub(crate) fn form(name: &str, certificate: &str) -> String {
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    format!("name={}&certificate={}", encoded(name), encoded(certificate))
}

#[tokio::test]
async fn recipients_are_added_shown_and_removed_by_their_owner_alone() {
    let host = host();
    assert!(host.get(VIC, "/recipients").await.text.contains("No recipient yet"));
    assert!(!host.get(VIC, "/recipients").await.text.contains("<textarea"));
    let added = form("team", &format!("CERTIFICATE {HOSTILE}"));
    assert_eq!(host.post(VIC, "/recipients", &added).await.status, StatusCode::FORBIDDEN);
    let done = host.post(OLGA, "/recipients", &added).await;
    assert_eq!(
        (done.status, done.header("location")),
        (StatusCode::SEE_OTHER, "./recipients?done=added"),
        "{}",
        done.text
    );
    let job = serde_json::json!({"title": "Sealed", "source": "calls", "type": "call", "run": "daily", "at": "02:00", "recipient": ["team"]});
    let job = host.job(ADA, job).await;

    let page = host.get(OLGA, "/recipients").await.text;
    assert!(page.contains(ESCAPED) && !page.contains("<img"), "{page}");
    for said in [
        &*"ab".repeat(32),
        "Expires in 10 d",
        "under the same name",
        "href=\"./recipients/renew?name=team\"",
        "<dd>CN=ca</dd>",
        "<code>0A5F</code>",
        "RSA, 3072 bits",
        "-inform DER -in sample.zip.smime",
        "Sealed",
        &format!("./jobs/{job}"),
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(!host.get(VIC, "/recipients").await.text.contains("recipients/renew"));
    let other = host.get(MALLORY, "/recipients").await.text;
    assert!(!other.contains("team") && !other.contains("Sealed"), "{other}");
    for (user, status) in
        [(VIC, StatusCode::FORBIDDEN), (MALLORY, StatusCode::NOT_FOUND), (OLGA, StatusCode::CONFLICT)]
    {
        assert_eq!(host.post(user, "/recipients/remove", "name=team").await.status, status, "{user}");
    }
    host.post(OLGA, "/recipients", &form("..", "CERTIFICATE CN=dots")).await;
    assert!(host.get(OLGA, "/recipients").await.text.contains("./recipients/sample?name=..\""));
    assert_eq!(host.post(OLGA, "/recipients/remove", "name=..").await.status, StatusCode::SEE_OTHER);
    assert!(!host.get(OLGA, "/recipients").await.text.contains("CN=dots"));
    let sample = host.get(VIC, "/recipients/sample?name=team").await;
    assert_eq!((sample.status, sample.text.starts_with("sealed")), (StatusCode::OK, true), "{}", sample.text);
    assert_eq!(sample.header("content-disposition"), "attachment; filename=\"sample.zip.smime\"");
    assert_eq!(host.get(MALLORY, "/recipients/sample?name=team").await.status, StatusCode::NOT_FOUND);
    assert_eq!(host.get(OLGA, "/recipients/sample").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

/// A form as browsers send it with a file.
pub(crate) fn with_file(fields: &[(&str, &str)], file: &[u8]) -> Request<Body> {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(
            format!("--XX\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
        );
    }
    let head = "--XX\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.pem\"\r\n\
                content-type: application/octet-stream\r\n\r\n";
    body.extend(head.bytes().chain(file.iter().copied()).chain(*b"\r\n--XX--\r\n"));
    let has = |known: &str| fields.iter().any(|(name, _)| *name == known);
    let path = match (has("replaces"), has("kind")) {
        (true, _) => "/recipients/renew",
        (_, true) => "/subjects/new",
        _ => "/recipients",
    };
    let request = request(Method::POST, OLGA, path)
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "multipart/form-data; boundary=XX");
    request.body(body.into()).unwrap()
}

#[tokio::test]
async fn a_certificate_is_taken_as_a_file_without_a_script() {
    let host = host();
    let page = host.get(OLGA, "/recipients").await.text;
    assert!(page.contains("enctype=\"multipart/form-data\"") && page.contains("type=\"file\""), "{page}");
    let added =
        ask(&host.router, with_file(&[("name", "team"), ("certificate", "")], b"CERTIFICATE CN=x")).await;
    assert_eq!(added.status, StatusCode::SEE_OTHER, "{}", added.text);
    let renewed = [("name", "team"), ("replaces", &*"ab".repeat(32)), ("certificate", " \r\n")];
    let done = ask(&host.router, with_file(&renewed, b"CERTIFICATE CN=new")).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "../recipients?done=renewed"));
    assert!(host.get(OLGA, "/recipients").await.text.contains(&"cd".repeat(32)));

    for (file, status, said) in [
        (vec![b'x'; 70_000], StatusCode::PAYLOAD_TOO_LARGE, "more than 64 KiB"),
        (vec![b'x'; 3 << 20], StatusCode::PAYLOAD_TOO_LARGE, "more than 2 MiB"),
        (vec![0xFF; 9], StatusCode::UNPROCESSABLE_ENTITY, "This is no certificate"),
    ] {
        let refused = ask(&host.router, with_file(&[("name", "other")], &file)).await;
        assert_eq!(refused.status, status, "{said}: {}", refused.text);
        assert!(refused.text.contains(said), "{said}: {}", refused.text);
    }
    let both = [("name", "other"), ("certificate", "CERTIFICATE CN=x")];
    let refused = ask(&host.router, with_file(&both, b"CERTIFICATE CN=x")).await;
    assert!(refused.text.contains("choose one of them"), "{}", refused.text);
    // No file was chosen.
    let mut empty = with_file(&both, b"");
    *empty.body_mut() = {
        let body = axum::body::to_bytes(std::mem::take(empty.body_mut()), 1 << 20).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap().replace("filename=\"a.pem\"", "filename=\"\"").into()
    };
    assert_eq!(ask(&host.router, empty).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn s3_a_certificate_is_renewed_on_a_page_of_its_own() {
    let host = host();
    host.post(OLGA, "/recipients", &form("team", &format!("CERTIFICATE {HOSTILE}"))).await;
    let page = host.get(OLGA, "/recipients/renew?name=team").await;
    assert_eq!(page.status, StatusCode::OK);
    for said in ["Renew team", ESCAPED, "RSA, 3072 bits", &"ab".repeat(32), "enctype=\"multipart/form-data\""]
    {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    let renewed = |certificate: &str, replaces: &str| {
        format!("{}&replaces={}", form("team", certificate), replaces.repeat(32))
    };
    for (user, status) in [(VIC, StatusCode::FORBIDDEN), (MALLORY, StatusCode::NOT_FOUND)] {
        for answer in [
            host.get(user, "/recipients/renew?name=team").await,
            host.post(user, "/recipients/renew", &renewed("CERTIFICATE CN=new", "ab")).await,
        ] {
            assert_eq!(answer.status, status, "{user}");
            assert!(!answer.text.contains(&*"ab".repeat(32)), "{user}");
        }
    }
    for (certificate, replaces, status, said) in [
        ("nothing", "ab", StatusCode::UNPROCESSABLE_ENTITY, "This is no certificate"),
        ("CERTIFICATE CN=x", "ab", StatusCode::UNPROCESSABLE_ENTITY, "has already: nothing was changed"),
        ("CERTIFICATE CN=new", "ef", StatusCode::CONFLICT, "changed by somebody else"),
    ] {
        let refused = host.post(OLGA, "/recipients/renew", &renewed(certificate, replaces)).await;
        assert_eq!(refused.status, status, "{said}: {}", refused.text);
        assert!(refused.text.contains(said) && refused.text.contains("<title>Error: Renew team"), "{said}");
    }
    let done = host.post(OLGA, "/recipients/renew", &renewed("CERTIFICATE CN=new", "ab")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let page = host.get(OLGA, "/recipients").await.text;
    assert!(page.contains(&*"cd".repeat(32)) && !page.contains(&*"ab".repeat(32)), "{page}");
    assert_eq!(host.get(OLGA, "/recipients/renew?name=nobody").await.status, StatusCode::NOT_FOUND);
    let audit = host.get(ADA, "/audit").await.text;
    let renewed = format!("certificate {}… to {}…", "ab".repeat(8), "cd".repeat(8));
    assert!(audit.contains("Renew a certificate") && audit.contains(&renewed), "{audit}");
}

#[tokio::test]
async fn s3_a_certificate_is_renewed_by_the_api() {
    let host = host();
    host.post(OLGA, "/recipients", &form("team", "CERTIFICATE CN=old")).await;
    let renew =
        async |body: Value| host.send(OLGA, Method::POST, "/api/v1/recipients/team/renew", &body).await;
    let stale = renew(json!({"certificate": "CERTIFICATE CN=new", "replaces": "ef"})).await;
    assert_eq!((stale.status, &stale.json()["field"]), (StatusCode::CONFLICT, &json!("replaces")));
    let bad = renew(json!({"certificate": "-----BEGIN PRIVATE KEY-----\nc2VjcmV0"})).await;
    assert_eq!((bad.status, &bad.json()["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("certificate")));
    assert!(!bad.text.contains("c2VjcmV0"), "{}", bad.text);
    let done = renew(json!({"certificate": "CERTIFICATE CN=new", "replaces": "ab".repeat(32)})).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert_eq!(done.json()["replaced"], "ab".repeat(32));
    assert_eq!(done.json()["recipient"]["key_bits"], 3072);
    let again = renew(json!({"certificate": "CERTIFICATE CN=new", "replaces": "ab".repeat(32)})).await;
    assert_eq!((again.status, &again.json()["replaced"]), (StatusCode::OK, &Value::Null));
    assert_eq!(host.get(VIC, "/api/v1/recipients/team").await.json(), again.json()["recipient"]);
}

#[tokio::test]
async fn a_refused_certificate_keeps_what_was_typed_but_no_private_key() {
    let host = host();
    let refused = host.post(OLGA, "/recipients", &form("team", "</textarea><img>")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    for said in
        ["<title>Error: Recipients", "value=\"team\"", "aria-invalid=\"true\"", "This is no certificate"]
    {
        assert!(refused.text.contains(said), "{said}: {}", refused.text);
    }
    assert!(!refused.text.contains("img&gt;"), "{}", refused.text);
    let certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
    let key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----";
    for (name, text) in [
        ("team", key),
        ("a b", key),
        ("team", "c2VjcmV0IHdpdGhvdXQgaGVhZA"),
        ("a b", &*format!("{certificate}\n{key}")),
    ] {
        let refused = host.post(OLGA, "/recipients", &form(name, text)).await;
        assert!(!refused.text.contains("c2VjcmV0"), "{}", refused.text);
    }
    let name = host.post(OLGA, "/recipients", &form("a b", certificate)).await;
    assert!(name.text.contains("id=\"name-error\"") && name.text.contains("MIIB"), "{}", name.text);
    host.post(OLGA, "/recipients", &form("team", "CERTIFICATE CN=x")).await;
    let taken = host.post(OLGA, "/recipients", &form("team", "CERTIFICATE CN=x")).await;
    assert!(taken.text.contains("already stored"), "{}", taken.text);
}

#[tokio::test]
async fn sources_say_what_they_offer_and_why_one_cannot_be_used() {
    let host = Host::new();
    let page = host.get(VIC, "/sources").await;
    assert_eq!(page.status, StatusCode::OK);
    for said in ["Telephony", "<code>calls</code>", "Shared: everybody", "Not declared"] {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    assert!(!page.text.contains("jobs/new") && host.get(OLGA, "/sources").await.text.contains("./jobs/new"));

    let sources =
        Sources::new().with_unsupported("old".parse().unwrap(), HOSTILE, format!("gone: {HOSTILE}"));
    let memory = MemoryPorts::new(DateTime::UNIX_EPOCH, sources);
    let router = router(Services::new(&memory.ports, JobRules::default()), users());
    let page = Host { memory, router }.get(VIC, "/sources").await.text;
    assert!(page.contains(&format!("Gone: {ESCAPED}")) && !page.contains("<img"), "{page}");
    let memory = MemoryPorts::new(DateTime::UNIX_EPOCH, Sources::new());
    let router = cdds_console::router(Services::new(&memory.ports, JobRules::default()), users());
    assert!(Host { memory, router }.get(VIC, "/sources").await.text.contains("No source is registered"));
}

#[tokio::test]
async fn the_audit_is_for_those_who_may_and_filters_in_every_column() {
    let host = Host::new();
    assert!(host.get(ADA, "/audit").await.text.contains("Nothing is on record yet"));
    let job = host.job(OLGA, daily("Calls")).await;
    host.post(ADA, &format!("/jobs/{job}/suspend"), "").await;
    host.post(VIC, &format!("/jobs/{job}/resume"), "").await;
    for user in [VIC, OLGA] {
        let refused = host.get(user, "/audit").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert!(!refused.text.contains(&job) && !host.get(user, "/jobs").await.text.contains("/audit\""));
    }
    let page = host.get(ADA, "/audit").await.text;
    for said in
        ["Add a job", "Suspend a job", "Resume a job", "Forbidden", ">olga<", &format!("./jobs/{job}")]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
    // By its name; the id is there on a second look.
    assert!(page.contains(&format!("title=\"{job}\"><a href=\"./jobs/{job}\">Calls</a>")), "{page}");
    assert!(!host.get(MALLORY, "/audit").await.text.contains(&job));
    for (query, seen) in [
        ("principal=olga", ["Add a job</th>"].as_slice()),
        ("action=suspend_job", &["Suspend a job</th>"]),
        ("principal=nobody", &[]),
        ("until=2026-11-26", &[]),
        ("since=2026-11-26&sort=at", &["Add a job</th>", "Suspend a job</th>", "Resume a job</th>"]),
        (&*format!("object={}&action=resume_job", job.to_uppercase()), &["Resume a job</th>"]),
    ] {
        let page = host.get(ADA, &format!("/audit?{query}")).await.text;
        for entry in ["Add a job</th>", "Suspend a job</th>", "Resume a job</th>"] {
            assert_eq!(page.contains(entry), seen.contains(&entry), "{query} {entry}");
        }
    }
    let run = host.exported(ADA, "Once <i>").await;
    host.post(ADA, &format!("/sets/{run}/hold"), "").await;
    host.post(ADA, &format!("/jobs/{job}/delete"), "").await;
    let page = host.get(ADA, "/audit").await.text;
    let set = format!("title=\"{run}\"><a href=\"./sets/{run}\">Once &lt;i&gt;</a>, <time");
    assert!(page.contains(&set), "{page}");
    // Of a job that is gone without a run, only the id is left.
    assert!(page.contains(&format!("<a href=\"./history?job={job}\"><code>{job}</code></a>")), "{page}");
    assert_eq!(host.get(ADA, "/audit?action=dance").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn s3_a_set_says_which_certificate_opens_it_after_a_renewal() {
    let host = host();
    host.post(OLGA, "/recipients", &form("team", "CERTIFICATE CN=old")).await;
    host.memory.clock.advance(std::time::Duration::from_secs(60));
    let job =
        json!({"title": "Sealed", "source": "calls", "type": "call", "run": "once", "recipient": ["team"]});
    let job = host.job(ADA, job).await;
    host.run().await;
    let set = format!("/sets/{}", host.execution(&job));
    let page = host.get(OLGA, &set).await.text;
    assert!(page.contains("openssl cms -decrypt") && !page.contains("was renewed"), "{page}");
    host.memory.clock.advance(std::time::Duration::from_secs(60));
    host.post(OLGA, "/recipients/renew", &form("team", "CERTIFICATE CN=new")).await;
    let page = host.get(OLGA, &set).await.text;
    let (old, new) = ("ab".repeat(32), "cd".repeat(32));
    for said in [
        "The certificate of team was renewed since".to_owned(),
        format!("Needed is the private key of the earlier certificate with SHA-256 <code>{old}</code>"),
        format!("The present certificate is another one, SHA-256 <code>{new}</code>, stored on"),
        "cdds is a program of one file".to_owned(),
        "bad decrypt".to_owned(),
    ] {
        assert!(page.contains(&said), "{said}: {page}");
    }
    let file = host.get(OLGA, "/api/v1/artifacts").await.json()["items"][0].clone();
    let (digest, name) = (&file["sha256"], &file["name"]);
    let line = format!("{}  {}\nEND", digest.as_str().unwrap(), name.as_str().unwrap());
    assert!(page.contains(&format!("sha256sum -c &lt;&lt;'END'\n{line}")), "{line}: {page}");
}

#[tokio::test]
async fn a_source_says_whether_it_can_be_read_to_those_who_may_add_jobs() {
    let host = Host::with_records(3);
    assert!(!host.get(VIC, "/sources").await.text.contains("sources/check"));
    assert!(host.get(OLGA, "/sources").await.text.contains("action=\"./sources/check\""));
    let found = host.post(OLGA, "/sources/check", "id=calls").await;
    assert_eq!(found.status, StatusCode::OK, "{}", found.text);
    for said in ["Check of Telephony", "It can be read", "Can be read", "data-l=\"Records read\">3</td>"] {
        assert!(found.text.contains(said), "{said}: {}", found.text);
    }
    assert!(!found.text.contains("+49"), "no record is shown");
    for (user, form, status) in [
        (VIC, "id=calls", StatusCode::FORBIDDEN),
        (OLGA, "id=nothing", StatusCode::NOT_FOUND),
        (OLGA, "", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(host.post(user, "/sources/check", form).await.status, status, "{user} {form}");
    }
    let found = host.send(OLGA, Method::POST, "/api/v1/sources/calls/check", &Value::Null).await.json();
    assert_eq!((&found["well"], &found["types"][0]["outcome"]), (&json!(true), &json!("read")));
    assert_eq!(
        (&found["types"][0]["records_read"], &found["types"][0]["all_read"]),
        (&json!(3), &json!(true))
    );

    let old = Sources::new().with_unsupported("old".parse().unwrap(), "Old", "it has no instants");
    let memory = MemoryPorts::new(DateTime::UNIX_EPOCH, old);
    let router = router(Services::new(&memory.ports, JobRules::default()), users());
    let host = Host { memory, router };
    let refused = host.send(OLGA, Method::POST, "/api/v1/sources/old/check", &Value::Null).await;
    assert_eq!(
        (refused.status, &refused.json()["type"]),
        (StatusCode::CONFLICT, &json!("unsupported_source"))
    );
}

#[tokio::test]
async fn j15_a_recipient_leads_to_the_jobs_that_use_it() {
    let host = host();
    for name in ["team", "law"] {
        host.post(OLGA, "/recipients", &form(name, "CERTIFICATE CN=x")).await;
    }
    for number in 1..=7 {
        let job = json!({"title": format!("Sealed {number}"), "source": "calls", "type": "call", "run": "daily",
            "at": "02:00", "recipient": ["team"]});
        host.job(ADA, job).await;
    }
    host.job(ADA, daily("Plain")).await;
    for path in ["/recipients", "/recipients/renew?name=team"] {
        let page = host.get(OLGA, path).await.text;
        assert!(page.contains("jobs?recipient=team\">and 2 more jobs</a>"), "{page}");
        assert_eq!(page.matches(">Sealed ").count(), 5, "{page}");
    }
    let jobs = host.get(OLGA, "/jobs?recipient=team").await.text;
    assert!(jobs.contains("Sealed 7") && !jobs.contains("Plain"), "{jobs}");
    assert!(jobs.contains("<option value=\"team\" selected>team</option>"), "{jobs}");
    let of = async |name: &str| host.get(OLGA, &format!("/api/v1/jobs?recipient={name}")).await.json();
    assert_eq!((&of("team").await["total"], &of("law").await["total"]), (&json!(7), &json!(0)));
    let attention = host.get(OLGA, "/jobs").await.text;
    assert!(attention.contains("recipients/renew?name=law\""), "{attention}");
}
