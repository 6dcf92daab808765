//! What pages say of certificates that do not last (rule S3), and of unusual ones.

use cdds_core::Owner;
use cdds_core::domain::recipient::{CertificateFacts, EXPIRES_SOON, Recipient, SELF_SIGNED};
use chrono::{TimeDelta, Utc};

use crate::host::{Host, OLGA};
use crate::job_form::{assert_has, filled};

const NOW: &str = "2026-11-26T14:32:08Z";

/// Stores a certificate that can be used for so many hours more.
async fn store(host: &Host, name: &str, hours: i64, warnings: &[String]) {
    let now: chrono::DateTime<Utc> = NOW.parse().unwrap();
    let recipient = Recipient {
        owner: Owner::new("acme").unwrap(),
        name: name.parse().unwrap(),
        certificate: CertificateFacts {
            der: Vec::new(),
            fingerprint: "ab".repeat(32),
            subject: "CN=acme".to_owned(),
            not_before: now - TimeDelta::days(90),
            not_after: now + TimeDelta::hours(hours),
            warnings: warnings.to_vec(),
        },
        added_at: now - TimeDelta::days(80),
    };
    host.memory.ports.catalog.insert_recipient(&recipient, &[]).await.unwrap();
}

#[tokio::test]
async fn s3_the_form_warns_beside_recipients_whose_certificate_does_not_last() {
    let host = Host::new();
    for (name, hours) in [("gone", -1), ("tonight", 6), ("soon", 240), ("late", 24 * 90)] {
        store(&host, name, hours, &[]).await;
    }
    // When it would run is known from a preview.
    let preview = host.post(OLGA, "/jobs/new", &filled(&[("do", "preview")])).await.text;
    for (name, warning) in [
        ("gone", Some("Expired: every run would fail")),
        ("tonight", Some("Expires before the next run, which would fail")),
        ("soon", Some("Expires in 10 d")),
        ("late", None),
    ] {
        let (_, choice) = preview.split_once(&format!("value=\"{name}\"")).unwrap();
        let (choice, _) = choice.split_once("</label>").unwrap();
        assert_eq!(choice.contains("class=\"st "), warning.is_some(), "{name}: {choice}");
        assert!(choice.contains(warning.unwrap_or("until")), "{name}: {choice}");
    }
}

#[tokio::test]
async fn s3_recipients_tell_an_end_once_and_what_was_accepted_without_a_warning() {
    let host = Host::new();
    let warnings = [
        format!("{EXPIRES_SOON}, on 2026-12-06: have it renewed."),
        format!("{SELF_SIGNED}: compare."),
        "It is odd.".to_owned(),
    ];
    store(&host, "team", 240, &warnings).await;
    let page = host.get(OLGA, "/recipients").await;
    assert_has(&page, &["Expires in 10 d", "<p class=\"hint\">The certificate is self-signed: compare.</p>"]);
    assert!(!page.text.contains(EXPIRES_SOON), "{}", page.text);
    assert_eq!(page.text.matches("class=\"st warn\"").count(), 2, "the end, and what is odd: {}", page.text);
}
