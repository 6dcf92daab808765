//! Deliveries: whether a set has arrived, wherever its execution is told of (rules N4, N5).

use std::time::Duration;

use cdds_core::ports::destination::DestinationErrorKind;
use cdds_core::testing::MemoryDestination;
use cdds_core::testing::destination::{Fate, RemoteCall};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::host::{ADA, Host, MALLORY, OLGA, VIC, once};
use crate::partner::{Postbox, place, ports, told};

/// A destination that refuses every connection.
fn refusing() -> MemoryDestination {
    place().with_fate(|call| match call {
        RemoteCall::Connect => Fate::Fails(DestinationErrorKind::Refused),
        _ => Fate::Works,
    })
}

/// A host whose destination refuses every connection, and one whose destination works.
fn broken() -> Host {
    Host::with(ports(&[&refusing()], &Postbox::default()))
}

fn working() -> Host {
    Host::with(ports(&[&place()], &Postbox::default()))
}

/// Exports once, and returns the execution.
async fn exported(host: &Host) -> String {
    let job = host.job(ADA, told(once("Calls"))).await;
    host.run().await;
    host.execution(&job)
}

#[tokio::test]
async fn n4_an_execution_says_whether_its_set_has_arrived_and_who_was_told() {
    let host = working();
    let execution = exported(&host).await;
    let shown = host.get(VIC, &format!("/api/v1/executions/{execution}")).await.json();
    assert_eq!((&shown["status"], &shown["delivery"]), (&"finished".into(), &"delivered".into()), "{shown}");
    let delivery = &shown["deliveries"][0];
    assert_eq!((&delivery["destination"], &delivery["path"]), (&"partner".into(), &"in/2026".into()));
    assert!(delivery["delivered_at"].is_string() && delivery["files"].as_u64().unwrap() >= 2, "{delivery}");
    let mut told: Vec<_> = shown["notices"].as_array().unwrap().iter().map(|one| &one["target"]).collect();
    told.sort_by_key(ToString::to_string);
    assert_eq!(told, ["mailto:ada@example.com", "webhook:billing"], "{shown}");
    let list = host.get(VIC, "/api/v1/executions").await.json();
    assert_eq!(list["items"][0]["delivery"], "delivered");
}

#[tokio::test]
async fn n5_a_set_that_did_not_arrive_is_listed_and_delivered_again() {
    let host = broken();
    let execution = exported(&host).await;
    let waits = host.get(VIC, &format!("/api/v1/executions/{execution}")).await.json();
    assert_eq!((&waits["status"], &waits["delivery"]), (&"finished".into(), &"pending".into()), "{waits}");
    // It is tried for three days.
    host.memory.clock.advance(Duration::from_secs(73 * 3600));
    host.run().await;
    let list = host.get(VIC, "/api/v1/executions").await.json();
    let one = &list["items"][0];
    assert_eq!((&one["status"], &one["delivery"]), (&"finished".into(), &"failed".into()), "{list}");
    for (query, count) in [
        ("", 1),
        ("?status=given_up&destination=partner", 1),
        (&*format!("?execution={execution}"), 1),
        ("?status=done", 0),
        ("?destination=other", 0),
        ("?execution=00000000-0000-0000-0000-000000000000", 0),
    ] {
        let page = host.get(VIC, &format!("/api/v1/deliveries{query}")).await.json();
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{query}: {page}");
        assert!(page["items"].as_array().unwrap().iter().all(|one| one["state"] == "failed"), "{page}");
    }
    let other = host.get(MALLORY, "/api/v1/deliveries").await.json();
    assert_eq!(other["items"], json!([]));

    let path = format!("/api/v1/executions/{execution}/redeliver");
    for body in [json!({}), json!({"destination": null}), json!({"destination": "partner"})] {
        let again = host.send(OLGA, Method::POST, &path, &body).await;
        assert_eq!(again.status, StatusCode::ACCEPTED, "{}", again.text);
        assert_eq!(again.header("location"), format!("../{execution}"));
        let items = &again.json()["items"];
        assert_eq!((&items[0]["state"], &items[0]["attempts"]), (&"pending".into(), &0.into()), "{items}");
    }
    for (body, status, code) in [
        (json!({"destination": "other"}), 404, "not_found"),
        (json!({"destination": "no such name"}), 422, "invalid_form"),
        (json!([]), 422, "invalid_form"),
    ] {
        let refused = host.send(OLGA, Method::POST, &path, &body).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["type"]), (status, &code.into()), "{body}");
    }
}

#[tokio::test]
async fn n5_a_set_that_is_gone_is_not_delivered_again() {
    let host = working();
    let execution = exported(&host).await;
    host.send(ADA, Method::DELETE, &format!("/api/v1/sets/{execution}"), &Value::Null).await;
    let path = format!("/api/v1/executions/{execution}/redeliver");
    let refused = host.send(OLGA, Method::POST, &path, &json!({})).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
    assert_eq!(refused.json()["type"], "nothing_to_deliver");
}

#[tokio::test]
async fn n4_deliveries_come_in_pages() {
    let host = working();
    let (first, second) = (exported(&host).await, exported(&host).await);
    let page = host.get(VIC, "/api/v1/deliveries?limit=1").await.json();
    let next = page["next"].as_str().unwrap();
    let rest = host.get(VIC, &format!("/api/v1/deliveries?limit=1&next={next}")).await.json();
    let mut found = [&page, &rest].map(|page| page["items"][0]["execution_id"].as_str().unwrap().to_owned());
    let mut expected = [first, second];
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    let wrong = host.get(VIC, &format!("/api/v1/notices?next={next}")).await;
    assert_eq!(wrong.json()["type"], "invalid_parameter", "{}", wrong.text);
}

#[tokio::test]
async fn n5_pages_say_that_a_finished_run_has_not_arrived_and_deliver_again() {
    let host = broken();
    let job = host.job(ADA, told(once("Calls <b>"))).await;
    host.run().await;
    let execution = host.execution(&job);
    let page = format!("/history/{execution}");
    let pages = ["/jobs", "/history", &*format!("/jobs/{job}"), &*page].map(str::to_owned);
    for path in &pages {
        let shown = host.get(VIC, path).await.text;
        assert!(shown.contains("<span>Finished, delivery pending</span>"), "{path}: {shown}");
        assert!(!shown.contains("Calls <b>"), "{path}");
    }
    // The marks of the last runs are no greener.
    let shown = host.get(VIC, &pages[2]).await.text;
    assert!(shown.contains("Finished, delivery pending\"><svg"), "{shown}");
    host.memory.clock.advance(Duration::from_secs(73 * 3600));
    host.run().await;
    for path in &pages {
        let shown = host.get(VIC, path).await.text;
        assert!(shown.contains("<span>Finished, not delivered</span>"), "{path}: {shown}");
        assert!(!shown.contains("<span>Finished</span>"), "{path}: {shown}");
    }
    let shown = host.get(OLGA, &page).await.text;
    for said in ["<code>in/2026</code>", "Not tried again", "Deliver again", "compared by size"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    assert!(!host.get(VIC, &page).await.text.contains("Deliver again"));
    let again = format!("{page}/redeliver");
    assert_eq!(host.post(VIC, &again, "").await.status, StatusCode::FORBIDDEN);
    assert_eq!(host.post(MALLORY, &again, "").await.status, StatusCode::NOT_FOUND);
    let done = host.post(OLGA, &again, "destination=partner").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let shown = host.get(VIC, &format!("{page}?done=redelivered")).await.text;
    for said in ["The set is delivered again", "Finished, delivery pending", "0 attempts"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
}

#[tokio::test]
async fn n5_the_page_of_a_set_and_the_list_of_files_say_that_it_has_not_arrived() {
    let host = broken();
    let execution = exported(&host).await;
    let set = format!("/sets/{execution}");
    for path in [&*set, "/artifacts"] {
        let shown = host.get(VIC, path).await.text;
        assert!(shown.contains("<span>Delivery pending</span>"), "{path}: {shown}");
    }
    host.memory.clock.advance(Duration::from_secs(73 * 3600));
    host.run().await;
    for path in [&*set, "/artifacts"] {
        let shown = host.get(VIC, path).await.text;
        assert!(shown.contains("<span>Not delivered</span>"), "{path}: {shown}");
    }
    let again = format!("{set}/redeliver");
    assert!(host.get(OLGA, &set).await.text.contains("action=\"../sets/"));
    assert!(!host.get(VIC, &set).await.text.contains("Deliver again"));
    assert_eq!(host.post(VIC, &again, "").await.status, StatusCode::FORBIDDEN);
    assert_eq!(host.post(MALLORY, &again, "").await.status, StatusCode::NOT_FOUND);
    let done = host.post(OLGA, &again, "destination=partner").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    assert_eq!(done.header("location"), format!("../../sets/{execution}?done=redelivered"));
    assert!(host.get(VIC, "/artifacts").await.text.contains("<span>Delivery pending</span>"));
    let undelivered = Host::new();
    undelivered.exported(ADA, "Kept here").await;
    let list = undelivered.get(VIC, "/artifacts").await.text;
    assert!(!list.contains("eliver"), "nothing is said of a job without destinations: {list}");
}

#[tokio::test]
async fn n5_what_fails_or_is_disabled_needs_attention_and_jobs_say_so_of_their_destinations() {
    let host = broken();
    host.job(ADA, once("Kept here")).await;
    let quiet = host.get(VIC, "/jobs").await.text;
    assert!(!quiet.contains("Needs attention"), "{quiet}");
    let job = host.job(ADA, told(once("Calls"))).await;
    host.run().await;
    let page = host.get(VIC, "/jobs").await.text;
    for told in [
        "Needs attention",
        "href=\"./destinations\">Partner &lt;i&gt;Ltd&lt;/i&gt;",
        "does not work at the moment",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let shown = host.get(VIC, &format!("/jobs/{job}")).await.text;
    assert!(shown.contains("Does not work at the moment"), "{shown}");
    host.post(ADA, "/destinations/disable", "name=partner").await;
    host.post(ADA, "/notices/disable", "name=billing").await;
    let page = host.get(VIC, "/jobs").await.text;
    for told in
        ["by ada", "Deliveries to it wait.", "href=\"./notices#endpoints\">billing", "Notices to it wait."]
    {
        assert!(page.contains(told), "{told}: {page}");
    }
    let shown = host.get(VIC, &format!("/jobs/{job}")).await.text;
    assert!(shown.contains("<span>Disabled</span>"), "{shown}");
    let other = host.get(MALLORY, "/jobs").await.text;
    assert!(!other.contains("billing") && !other.contains("Ltd"), "{other}");
}

#[tokio::test]
async fn n5_a_delivery_to_a_disabled_destination_waits_for_people_and_each_is_delivered_again_by_itself() {
    let (broken, second) = (refusing(), MemoryDestination::new("second".parse().unwrap()));
    let host = Host::with(ports(&[&broken, &second], &Postbox::default()));
    let mut settings = told(once("Calls"));
    settings["destination"] = json!(["partner", "second"]);
    let job = host.job(ADA, settings).await;
    host.run().await;
    let execution = host.execution(&job);
    let pages = [format!("/history/{execution}"), format!("/sets/{execution}")];
    for page in &pages {
        let shown = host.get(OLGA, page).await.text;
        for said in ["Next try ", "Deliver again: partner", "Deliver again: second", "Deliver to all again"] {
            assert!(shown.contains(said), "{said}: {shown}");
        }
        assert!(shown.contains("<a href=\"../destinations\">Partner &lt;i&gt;Ltd&lt;/i&gt;</a>"), "{shown}");
        assert!(!host.get(VIC, page).await.text.contains("Deliver "), "a viewer delivers nothing");
    }
    host.post(ADA, "/destinations/disable", "name=partner").await;
    for page in &pages {
        let shown = host.get(OLGA, page).await.text;
        assert!(shown.contains("When somebody enables the destination"), "{shown}");
        assert!(!shown.contains("Next try"), "{shown}");
    }
    let again = format!("/history/{execution}/redeliver");
    assert_eq!(host.post(OLGA, &again, "destination=second").await.status, StatusCode::SEE_OTHER);
    let shown = host.get(VIC, &format!("/api/v1/executions/{execution}")).await.json();
    let deliveries = shown["deliveries"].as_array().unwrap().iter();
    let mut states: Vec<_> = deliveries.map(|one| (&one["destination"], &one["attempts"])).collect();
    states.sort_by_key(|(name, _)| name.to_string());
    assert_eq!(states, [(&json!("partner"), &json!(1)), (&json!("second"), &json!(0))], "{shown}");
}

#[tokio::test]
async fn n4_pages_say_where_a_set_has_arrived() {
    let host = working();
    let execution = exported(&host).await;
    let shown = host.get(VIC, &format!("/history/{execution}")).await.text;
    for said in ["<span>Finished</span>", "<span>Delivered</span>", "<code>in/2026</code>"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    assert!(!shown.contains("pending"), "{shown}");
}
