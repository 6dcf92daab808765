//! Where jobs stand, what is wrong with them, and the way out: on their pages and in their list.

use std::time::Duration;

use cdds_core::domain::recipient::{CertificateFacts, Recipient};
use cdds_core::testing::PreparedSource;
use cdds_core::{DataType, Owner, Ownership, SourceDescription};
use http::StatusCode;
use serde_json::{Value, json};

use crate::history::Broken;
use crate::host::{ADA, Answer, Host, MALLORY, OLGA, VIC, daily};

fn assert_has(answer: &Answer, texts: &[&str]) {
    for text in texts {
        assert!(answer.text.contains(text), "{text} is not in {}", answer.text);
    }
}

fn assert_lacks(answer: &Answer, texts: &[&str]) {
    for text in texts {
        assert!(!answer.text.contains(text), "{text} is in {}", answer.text);
    }
}

/// A host whose records have an instant, so that every timeframe fits.
fn with_instants() -> Host {
    let call = DataType::new("call".parse().unwrap()).with_ownership(Ownership::Shared);
    let call = call.with_event_instant().with_change_instant();
    let description = SourceDescription::new("calls".parse().unwrap(), "Telephony").with_type(call);
    Host::over(PreparedSource::new(description, Vec::new()))
}

fn daily_over(timeframe: &str) -> Value {
    let mut settings = daily("Calls");
    settings["timeframe"] = json!(timeframe);
    settings
}

#[tokio::test]
async fn a_job_that_was_paused_by_its_failures_says_so_and_goes_on_when_it_is_resumed() {
    let host = Host::over(Broken::new());
    let mut settings = daily("Calls");
    settings["pause-after-failures"] = json!(2);
    settings["retries"] = json!(0);
    let id = host.job(ADA, settings).await;
    let suspended = host.job(ADA, daily("Other")).await;
    host.post(OLGA, &format!("/jobs/{suspended}/suspend"), "").await;
    for _ in 0..2 {
        assert_lacks(&host.get(OLGA, "/jobs").await, &["aused after"]);
        host.post(OLGA, &format!("/jobs/{id}/run"), "").await;
        host.run().await;
        host.memory.clock.advance(Duration::from_secs(60));
    }

    let list = host.get(OLGA, "/jobs").await;
    let mark = "<span>Paused after 2 failures</span>";
    assert_has(&list, &["Needs attention", "was paused after 2 failures.", mark]);
    assert_eq!(list.text.matches("aused after").count(), 2, "{}", list.text);
    assert_has(&host.get(OLGA, "/jobs?state=suspended").await, &[mark]);
    // Why the latest run failed is what the source said.
    assert_has(&list, &["<span class=\"sub\">No table &lt;img src=x"]);
    assert_lacks(&list, &["<img"]);

    let address = format!("/jobs/{id}");
    let resume = format!("formaction=\"../jobs/{id}/resume\"");
    let page = host.get(OLGA, &address).await;
    let title = "<h2 id=\"why\">Paused after 2 failures</h2>";
    assert_has(&page, &[title, "Mend the cause first", "No table &lt;img", "<code>missing</code>", &resume]);
    let viewer = host.get(VIC, &address).await;
    assert_has(&viewer, &[title]);
    assert_lacks(&viewer, &[&resume]);

    let resumed = host.post(OLGA, &format!("{address}/resume"), "from=job").await;
    assert_eq!(resumed.status, StatusCode::SEE_OTHER);
    assert_lacks(&host.get(OLGA, &address).await, &["aused after"]);
    assert_lacks(&host.get(OLGA, "/jobs").await, &["aused after"]);
}

#[tokio::test]
async fn a_job_that_lies_in_the_future_is_brought_back_by_those_who_may() {
    let host = with_instants();
    let id = host.job(ADA, daily_over("since-last")).await;
    let address = format!("/jobs/{id}");
    let button = format!("formaction=\"../jobs/{id}/bring-back\"");
    assert_lacks(&host.get(OLGA, &address).await, &["lies in the future", &button]);
    // A clock that is half a year ahead.
    let now = "2026-11-26T14:32:08Z".parse().unwrap();
    host.memory.clock.set("2027-05-26T14:32:08Z".parse().unwrap());
    host.run().await;
    host.memory.clock.set(now);

    let told = ["This job lies in the future", "2027", &button, "Bring it back"];
    assert_has(&host.get(OLGA, &address).await, &told);
    let viewer = host.get(VIC, &address).await;
    assert_has(&viewer, &told[..2]);
    assert_lacks(&viewer, &told[2..]);
    for (user, status) in [(VIC, StatusCode::FORBIDDEN), (MALLORY, StatusCode::NOT_FOUND)] {
        assert_eq!(host.post(user, &format!("{address}/bring-back"), "").await.status, status, "{user}");
    }
    let back = host.post(OLGA, &format!("{address}/bring-back"), "").await;
    assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.text);
    let page = host.get(OLGA, &format!("{address}?done=back")).await;
    assert_has(&page, &["The job was brought back.", "Fri 27 Nov 02:00 UTC"]);
    assert_lacks(&page, &["lies in the future", &button]);
}

#[tokio::test]
async fn certificates_that_expire_soon_need_attention_and_others_do_not() {
    let host = Host::new();
    host.job(ADA, daily("Calls")).await;
    host.job(MALLORY, daily("Calls")).await;
    for (name, not_after) in [("soon", "2026-12-01T14:32:08Z"), ("late", "2027-11-26T14:32:08Z")] {
        let recipient = Recipient {
            owner: Owner::new("acme").unwrap(),
            name: name.parse().unwrap(),
            certificate: CertificateFacts {
                der: Vec::new(),
                fingerprint: "0".repeat(64),
                subject: "CN=acme".to_owned(),
                not_before: "2026-01-01T00:00:00Z".parse().unwrap(),
                not_after: not_after.parse().unwrap(),
                warnings: Vec::new(),
            },
            added_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        };
        host.memory.ports.catalog.insert_recipient(&recipient, &[]).await.unwrap();
    }
    let list = host.get(ADA, "/jobs").await;
    let told = "has a certificate that expires in 5 d.";
    assert_has(&list, &["Needs attention", "<a href=\"./recipients\">soon</a>", told, ">Renew</a>"]);
    assert_lacks(&list, &[">late</a>"]);
    let viewer = host.get(VIC, "/jobs").await;
    assert_has(&viewer, &[told]);
    assert_lacks(&viewer, &[">Renew</a>"]);
    assert_lacks(&host.get(MALLORY, "/jobs").await, &["Needs attention", "soon"]);
}

#[tokio::test]
async fn j7_days_that_no_later_run_exports_need_attention_until_they_are_made_up_for() {
    let host = with_instants();
    let (lost, covered) =
        (host.job(ADA, daily_over("rolling:1d")).await, host.job(ADA, daily_over("since-last")).await);
    for id in [&lost, &covered] {
        host.post(OLGA, &format!("/jobs/{id}/suspend"), "").await;
    }
    host.memory.clock.advance(Duration::from_secs(2 * 86_400));
    host.run().await;
    assert_lacks(&host.get(OLGA, "/jobs").await, &["was skipped"]);
    for id in [&lost, &covered] {
        host.post(OLGA, &format!("/jobs/{id}/resume"), "").await;
    }
    host.run().await;
    let list = host.get(VIC, "/jobs").await;
    assert_has(
        &list,
        &["Needs attention", "was skipped. The job was suspended when it was due: 2 runs, <time"],
    );
    assert_has(&list, &["No later run exports these records."]);
    assert_eq!(list.text.matches("was skipped.").count(), 1, "{}", list.text);
    let (_, gap) = list.text.split_once("was skipped.").unwrap();
    let (_, gap) = gap.split_once("href=\"./history/").unwrap();
    let (execution, _) = gap.split_once('"').unwrap();
    assert_has(&host.get(OLGA, &format!("/history/{execution}")).await, &["Export a range of the past"]);
    assert_lacks(&host.get(MALLORY, "/jobs").await, &["was skipped"]);

    let range = "from-date=2026-11-27&to-date=2026-11-29";
    let queued = host.post(OLGA, &format!("/jobs/{lost}/backfill"), range).await;
    assert_eq!(queued.status, StatusCode::SEE_OTHER, "{}", queued.text);
    assert_lacks(&host.get(OLGA, "/jobs").await, &["was skipped"]);
}

#[tokio::test]
async fn a_range_of_the_past_is_queued_and_runs() {
    let host = with_instants();
    let id = host.job(ADA, daily_over("rolling:1d")).await;
    let address = format!("/jobs/{id}");
    assert_has(&host.get(OLGA, &address).await, &["Export a range of the past", "Queue these runs"]);
    let range = "from-date=2026-11-20&from-time=&to-date=2026-11-23&to-time=12:00";
    let mut there = String::new();
    for (user, status) in
        [(VIC, StatusCode::FORBIDDEN), (MALLORY, StatusCode::NOT_FOUND), (OLGA, StatusCode::SEE_OTHER)]
    {
        let queued = host.post(user, &format!("{address}/backfill"), range).await;
        assert_eq!(queued.status, status, "{user}: {}", queued.text);
        there = queued.header("location").to_owned();
    }
    // The windows of the first and of the last run, by the record.
    let told = host.get(OLGA, there.trim_start_matches("../..")).await;
    let window = |from: &str, to: &str| {
        [from, to].map(|day| format!("<time datetime=\"2026-11-{day}T02:00:00Z\">")).join("§")
    };
    let spoken = told.text.replace("</time> to <time", "</time>§<time");
    for (says, from, to) in
        [("4 runs were queued. The first exports the data from", "19", "20"), ("; the last from", "22", "23")]
    {
        let (_, after) = spoken.split_once(says).unwrap_or_else(|| panic!("{says} is not in {spoken}"));
        let [from, to] =
            window(from, to).split('§').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
        let (start, end) = after.split_once('§').unwrap();
        assert!(start.contains(&from) && end.starts_with(&to), "{says}: {after}");
    }
    // A link names what is on record, or nothing.
    let other = host.job(ADA, daily_over("rolling:1d")).await;
    let forged = host.get(OLGA, &there.trim_start_matches("../..").replace(&id, &other)).await;
    assert_has(&forged, &["The runs were queued."]);
    assert_lacks(&forged, &["The first exports"]);
    let run = host.post(OLGA, &format!("/jobs/{other}/run"), "").await;
    let told = host.get(OLGA, run.header("location").trim_start_matches("../..")).await;
    assert_has(
        &told,
        &["A run was queued. It starts as soon as a worker has room. It exports the data from"],
    );
    host.run().await;
    let page = host.get(OLGA, &format!("{address}?done=backfilled")).await;
    assert_has(&page, &["The runs were queued.", "Mon 23 Nov 02:00 UTC", "Fri 20 Nov 02:00 UTC"]);
    assert_eq!(page.text.matches("Export of the past").count(), 4, "{}", page.text);
    let runs = host.get(OLGA, &format!("/api/v1/executions?job={id}")).await.json();
    let runs = runs["items"].as_array().unwrap();
    assert!(runs.iter().all(|run| run["status"] == "finished" && run["trigger"] == "backfill"), "{runs:?}");
    let job = host.get(OLGA, &format!("/api/v1/jobs/{id}")).await.json();
    assert_eq!((runs.len(), &job["next_starts_at"]), (4, &json!("2026-11-27T02:00:00Z")));
}
