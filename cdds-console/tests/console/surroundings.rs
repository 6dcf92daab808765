//! Recipients, sources and the audit: what the pages say, who may do what, and that owners stay apart.

use std::sync::Arc;

use bytes::BytesMut;
use cdds_console::{Services, router};
use cdds_core::domain::recipient::{CertificateFacts, Recipient};
use cdds_core::ports::sealer::{Certificates, Sealer, SealerError, SealerErrorKind, Sealing};
use cdds_core::testing::MemoryPorts;
use cdds_core::{JobRules, Sources};
use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;

use crate::host::{ADA, Host, MALLORY, OLGA, VIC, daily, users};

const HOSTILE: &str = "CN=<img src=x onerror=alert(1)> \"&'";
const ESCAPED: &str = "CN=&lt;img src=x onerror=alert(1)&gt; &quot;&amp;'";

/// Certificates that begin with `CERTIFICATE`, whose subject is the rest.
#[derive(Debug)]
struct Pretended;

impl Certificates for Pretended {
    fn inspect(&self, encoded: &[u8], now: DateTime<Utc>) -> Result<CertificateFacts, SealerError> {
        let text = String::from_utf8_lossy(encoded).into_owned();
        let refusal = || SealerError::new(SealerErrorKind::Certificate, "this is no certificate");
        let subject = text.strip_prefix("CERTIFICATE ").ok_or_else(refusal)?;
        Ok(CertificateFacts {
            der: encoded.to_vec(),
            fingerprint: "ab".repeat(32),
            subject: subject.to_owned(),
            not_before: now - TimeDelta::days(1),
            not_after: now + TimeDelta::days(10),
            warnings: Vec::new(),
        })
    }

    fn sealer(&self, _: &[Recipient], _: DateTime<Utc>) -> Result<Arc<dyn Sealer>, SealerError> {
        Ok(Arc::new(Self))
    }
}

/// Seals by writing `sealed` before the content.
impl Sealer for Pretended {
    fn sealed_bytes(&self, plain: u64) -> u64 {
        plain + 6
    }

    fn begin(&self, out: &mut BytesMut) -> Result<Box<dyn Sealing>, SealerError> {
        out.extend_from_slice(b"sealed");
        Ok(Box::new(Self))
    }
}

impl Sealing for Pretended {
    fn update(&mut self, plain: &[u8], out: &mut BytesMut) -> Result<(), SealerError> {
        out.extend_from_slice(plain);
        Ok(())
    }

    fn finish(self: Box<Self>, _: &mut BytesMut) -> Result<(), SealerError> {
        Ok(())
    }
}

fn host() -> Host {
    let mut host = Host::new();
    host.memory.ports.certificates = Arc::new(Pretended);
    host.router = router(Services::new(&host.memory.ports, JobRules::default()), users());
    host
}

fn form(name: &str, certificate: &str) -> String {
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
    for said in
        [&*"ab".repeat(32), "Expires in 10 d", "under the same name", "Sealed", &format!("./jobs/{job}")]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
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

#[tokio::test]
async fn a_refused_certificate_keeps_what_was_typed_but_no_private_key() {
    let host = host();
    let refused = host.post(OLGA, "/recipients", &form("team", "</textarea><img>")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    for said in [
        "<title>Error: Recipients",
        "value=\"team\"",
        "aria-invalid=\"true\"",
        "This is no certificate",
        "&lt;/textarea&gt;&lt;img&gt;",
    ] {
        assert!(refused.text.contains(said), "{said}: {}", refused.text);
    }
    let secret = host.post(OLGA, "/recipients", &form("team", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0")).await;
    assert!(!secret.text.contains("c2VjcmV0"), "{}", secret.text);
    let name = host.post(OLGA, "/recipients", &form("a b", "CERTIFICATE CN=x")).await;
    assert!(
        name.text.contains("id=\"name-error\"") && name.text.contains("CERTIFICATE CN=x"),
        "{}",
        name.text
    );
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
    for said in ["Create job", "Suspend job", "Resume job", "Forbidden", ">olga<", &format!("./jobs/{job}")] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(!host.get(MALLORY, "/audit").await.text.contains(&job));
    for (query, seen) in [
        ("principal=olga", ["Create job</th>"].as_slice()),
        ("action=suspend_job", &["Suspend job</th>"]),
        ("principal=nobody", &[]),
        ("until=2026-11-26", &[]),
        ("since=2026-11-26&sort=at", &["Create job</th>", "Suspend job</th>", "Resume job</th>"]),
        (&*format!("object={}&action=resume_job", job.to_uppercase()), &["Resume job</th>"]),
    ] {
        let page = host.get(ADA, &format!("/audit?{query}")).await.text;
        for entry in ["Create job</th>", "Suspend job</th>", "Resume job</th>"] {
            assert_eq!(page.contains(entry), seen.contains(&entry), "{query} {entry}");
        }
    }
    assert_eq!(host.get(ADA, "/audit?action=dance").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}
