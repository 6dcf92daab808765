//! Jobs: the page, the API, and that owners stay apart.

use cdds_core::Sources;
use cdds_core::testing::MemoryPorts;
use http::{Method, StatusCode};
use serde_json::json;

use crate::history::Broken;
use crate::host::{ADA, Host, MALLORY, OLGA, VIC, daily};

#[tokio::test]
async fn the_page_lists_jobs_and_escapes_what_people_typed() {
    let host = Host::new();
    let id = host.job(ADA, daily("<script>alert(1)</script> & \"more\"")).await;
    let page = host.get(VIC, "/jobs").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.text.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;more&quot;"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("<script>alert"), "{}", page.text);
    assert!(page.text.contains(&format!("href=\"./jobs/{id}\"")));
    assert!(page.text.contains("Telephony"));
    let other = host.get(MALLORY, "/jobs").await;
    assert!(!other.text.contains(&id) && other.text.contains("No jobs yet"), "{}", other.text);
}

#[tokio::test]
async fn an_empty_list_says_which_of_three_things_are_needed() {
    let host = Host::new();
    let page = host.get(OLGA, "/jobs").await.text;
    for said in
        ["A source", "1 registered.", "A certificate", "nobody can be chosen yet", "A job", "./recipients"]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(!host.get(VIC, "/jobs").await.text.contains("jobs/new"), "a viewer adds none");
    let bare = Host::with(MemoryPorts::new("2026-11-26T14:32:08Z".parse().unwrap(), Sources::new()));
    for path in ["/jobs", "/jobs/new"] {
        let page = bare.get(OLGA, path).await.text;
        assert!(page.contains("No source is registered"), "{path}: {page}");
    }
}

#[tokio::test]
async fn what_is_pointed_out_has_a_way_to_what_can_be_done() {
    let host = Host::over(Broken::new());
    let id = host.job(ADA, daily("Calls & more")).await;
    host.post(ADA, &format!("/jobs/{id}/run"), "").await;
    host.run().await;
    let page = host.get(VIC, "/jobs").await.text;
    let way = format!("href=\"./jobs/{id}\" aria-label=\"See what to do: Calls &amp; more\"");
    assert!(page.contains("Needs attention") && page.contains(&way), "{page}");
}

#[tokio::test]
async fn the_switch_suspends_and_resumes_for_those_who_may() {
    let host = Host::new();
    let id = host.job(ADA, daily("Calls")).await;
    let refused = host.post(VIC, &format!("/jobs/{id}/suspend"), "").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text.contains("Vic may not suspend jobs: ask an operator to do it"), "{}", refused.text);
    assert!(refused.text.contains("href=\"../../assets/console.css"), "{}", refused.text);
    assert!(!host.get(VIC, "/jobs").await.text.contains("role=\"switch\""));

    for (verb, checked, told) in [("suspend", "false", "suspended"), ("resume", "true", "resumed")] {
        let done = host.post(OLGA, &format!("/jobs/{id}/{verb}"), "").await;
        assert_eq!(
            (done.status, done.header("location")),
            (StatusCode::SEE_OTHER, &*format!("../../jobs?done={told}"))
        );
        let page = host.get(OLGA, "/jobs").await.text;
        assert!(page.contains(&format!("role=\"switch\" aria-checked=\"{checked}\"")), "{verb}: {page}");
    }
}

#[tokio::test]
async fn several_jobs_are_changed_at_once() {
    let host = Host::new();
    let ids = [host.job(ADA, daily("One")).await, host.job(ADA, daily("Two")).await];
    let form = format!("id={}&id={}&do=suspend", ids[0], ids[1]);
    assert_eq!(host.post(ADA, "/jobs/selected", &form).await.status, StatusCode::SEE_OTHER);
    for id in ids {
        assert_eq!(host.get(ADA, &format!("/api/v1/jobs/{id}")).await.json()["state"], "suspended");
    }
}

#[tokio::test]
async fn a_program_submits_and_reads_jobs_and_sees_those_of_its_owner_alone() {
    let host = Host::new();
    let created = host.send(OLGA, Method::POST, "/api/v1/jobs", &daily("Calls")).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    let id = created.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(created.header("location"), format!("jobs/{id}"));

    let list = host.get(VIC, "/api/v1/jobs?search=cal&sort=title:desc").await.json();
    assert_eq!((&list["items"][0]["id"], &list["next"]), (&id.as_str().into(), &serde_json::Value::Null));
    let path = format!("/api/v1/jobs/{id}");
    let missing = host.get(MALLORY, &path).await;
    assert_eq!((missing.status, missing.json()["type"].as_str()), (StatusCode::NOT_FOUND, Some("not_found")));

    let wrong = host.get(VIC, "/api/v1/jobs?titel=x").await;
    assert_eq!(
        (wrong.status, wrong.header("content-type")),
        (StatusCode::UNPROCESSABLE_ENTITY, "application/problem+json")
    );
    assert_eq!(wrong.json()["type"], "invalid_parameter");
}

#[tokio::test]
async fn f8_a_program_is_told_how_many_records_a_preview_expects_if_it_may_store_the_settings() {
    let host = Host::with_records(7);
    let id = host.job(ADA, daily("Calls")).await;
    let stored = format!("/api/v1/jobs/{id}/preview?count=2");
    for (user, of_draft) in [(OLGA, json!(7)), (VIC, json!(null))] {
        let ahead = host.get(user, &stored).await.json();
        let first = &ahead["items"][0];
        assert_eq!(
            (ahead["items"].as_array().unwrap().len(), &first["slot"]),
            (2, &json!("2026-11-27T02:00:00Z"))
        );
        assert_eq!((&first["estimated_records"], &first["so_far"]), (&json!(7), &json!(true)), "{user}");
        let draft = host.send(user, Method::POST, "/api/v1/jobs/preview", &daily("Other")).await.json();
        assert_eq!(draft["items"][0]["estimated_records"], of_draft, "{user}: {draft}");
    }
    let dry =
        host.send(OLGA, Method::POST, "/api/v1/jobs?dry_run=true&count=1", &daily("Other")).await.json();
    assert_eq!(dry["occurrences"][0]["estimated_records"], 7, "{dry}");
    assert_eq!(host.get(MALLORY, &stored).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn j6_several_jobs_are_cloned_as_a_draft_each_and_nothing_is_stored() {
    let host = Host::new();
    let ids = [host.job(ADA, daily("One <i>")).await, host.job(ADA, daily("Two")).await];
    let one = host.post(OLGA, "/jobs/selected", &format!("id={}&do=clone", ids[0])).await;
    let there = format!("../jobs/new?clone={}", ids[0]);
    assert_eq!((one.status, one.header("location")), (StatusCode::SEE_OTHER, &*there));

    let form = format!("id={}&id={}&do=clone", ids[0], ids[1]);
    let both = host.post(OLGA, "/jobs/selected", &form).await;
    assert_eq!(both.status, StatusCode::OK, "{}", both.text);
    for (id, title) in ids.iter().zip(["One &lt;i&gt;", "Two"]) {
        let link = format!("<a href=\"../jobs/new?clone={id}\">Clone “{title}”</a>");
        assert!(both.text.contains(&link), "{link} is not in {}", both.text);
    }
    assert!(both.text.contains("Clone 2 jobs") && both.text.contains("Nothing is added"), "{}", both.text);
    assert_eq!(host.get(ADA, "/api/v1/jobs").await.json()["items"].as_array().unwrap().len(), 2);
    for (user, status) in [(VIC, StatusCode::FORBIDDEN), (MALLORY, StatusCode::NOT_FOUND)] {
        let refused = host.post(user, "/jobs/selected", &form).await;
        assert_eq!(refused.status, status, "{user}");
        assert!(!refused.text.contains("Two"), "{}", refused.text);
    }
}

#[tokio::test]
async fn every_list_is_sorted_and_filtered_by_its_heads_and_above_them() {
    let host = Host::new();
    host.exported(ADA, "Calls").await;
    for (path, sort, filter) in [
        ("/jobs", "title", "source"),
        ("/history", "slot", "status"),
        ("/artifacts", "size", "size_min"),
        ("/audit", "action", "principal"),
    ] {
        let page = host.get(ADA, path).await.text;
        // In the head of its column, and above the list, where small screens have no heads.
        let in_head = (0..9).any(|column| page.contains(&format!("id=\"by-{column}-{filter}\"")));
        assert!(in_head && page.contains(&format!("id=\"f-{filter}\"")), "{path}: {page}");
        assert!(page.contains(&format!("<a href=\"?sort={sort}")), "{path}: {page}");
        assert!(page.contains(&format!("<option value=\"{sort}:desc\"")), "{path}: {page}");
        let sorted = host.get(ADA, &format!("{path}?sort={sort}:desc")).await.text;
        assert!(sorted.contains("aria-sort=\"descending\""), "{path}: {sorted}");
        assert!(sorted.contains(&format!("<option value=\"{sort}:desc\" selected>")), "{path}: {sorted}");
    }
}
