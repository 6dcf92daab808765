//! The page of a job, and what is done with several.

use http::{Method, StatusCode};
use serde_json::json;

use crate::host::{ADA, Answer, Host, MALLORY, OLGA, VIC, daily, once};

fn assert_has(answer: &Answer, texts: &[&str]) {
    for text in texts {
        assert!(answer.text.contains(text), "{text} is not in {}", answer.text);
    }
}

async fn state(host: &Host, id: &str) -> String {
    host.get(ADA, &format!("/api/v1/jobs/{id}")).await.json()["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_page_says_everything_about_a_job() {
    let host = Host::new();
    let id = host
        .job(ADA, json!({
            "title": "<b>Calls</b>", "description": "A & B", "source": "calls", "type": "call", "filter": ["queue=<i>"],
            "run": "weekly", "day": "tue", "at": "02:00", "plaintext": true, "split-size": "64KiB", "retention-days": 7,
            "retries": 4, "jitter": "10m", "pause-after-failures": 3, "bad-records": "skip:5", "incomplete": "go-on:6h",
            "overlap": "queue", "catch-up": "7d", "ends-at": "2027-01-01T00:00:00Z"
        }))
        .await;
    host.post(ADA, &format!("/jobs/{id}/run"), "from=job").await;
    host.run().await;
    let page = host.get(ADA, &format!("/jobs/{id}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_has(
        &page,
        &[
            "<h1>&lt;b&gt;Calls&lt;/b&gt;</h1>",
            "A &amp; B",
            "Telephony",
            "<code>queue=&lt;i&gt;</code>",
            "Weekly on Tuesday at 02:00 UTC",
            "64.00 KiB",
            "7 days",
            "10 minutes",
            "Up to 5: one more fails the run",
            "Go on after 6 hours",
            "1 Jan 2027",
            "unencrypted",
            "Tue 1 Dec 02:00 UTC",
            "aria-label=\"26 Nov 14:32: Finished\"",
            &format!("href=\"../history?job={id}\""),
            &format!("href=\"../audit?object={id}\""),
            "Add a job",
            "Run a job now",
            &format!("href=\"../jobs/new?clone={id}\""),
            "Delete “&lt;b&gt;Calls&lt;/b&gt;”?",
            "Its history stays",
        ],
    );
    assert!(!page.text.contains("<b>") && !page.text.contains("<i>"), "{}", page.text);
    let other = host.get(MALLORY, &format!("/jobs/{id}")).await;
    assert!(other.status == StatusCode::NOT_FOUND && !other.text.contains("Calls"), "{}", other.text);
}

#[tokio::test]
async fn buttons_are_for_those_who_may_and_changes_for_those_who_see_the_audit() {
    let host = Host::new();
    let id = host.job(ADA, daily("Calls")).await;
    let page = format!("/jobs/{id}");
    for (user, has, lacks) in [
        (VIC, "", &["formaction", "/edit", "popovertarget=\"del\"", "Who changed what", "backfill"][..]),
        (OLGA, "formaction=\"../jobs/", &["popovertarget=\"del\"", "Who changed what"]),
        (ADA, "popovertarget=\"del\"", &[]),
    ] {
        let text = host.get(user, &page).await.text;
        assert!(text.contains(has), "{user}: {text}");
        assert!(lacks.iter().all(|lacked| !text.contains(lacked)), "{user}: {text}");
    }
    for verb in ["run", "suspend", "resume", "backfill", "bring-back", "delete"] {
        let path = format!("/jobs/{id}/{verb}");
        let form = "from-date=2026-11-20&to-date=2026-11-22";
        assert_eq!(host.post(VIC, &path, form).await.status, StatusCode::FORBIDDEN, "{verb}");
        assert_eq!(host.post(MALLORY, &path, form).await.status, StatusCode::NOT_FOUND, "{verb}");
    }
}

#[tokio::test]
async fn actions_lead_back_to_the_job_and_say_what_was_done() {
    let host = Host::new();
    let id = host.job(ADA, daily("Calls")).await;
    for (verb, word, says) in [
        ("run", "queued", "A run was queued"),
        ("suspend", "suspended", "The job was suspended."),
        ("resume", "resumed", "The job was resumed."),
        ("bring-back", "back", "The job was brought back."),
    ] {
        let done = host.post(OLGA, &format!("/jobs/{id}/{verb}"), "from=job").await;
        let there = done.header("location");
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{verb}");
        assert!(there.starts_with(&format!("../../jobs/{id}?")), "{verb}: {there}");
        assert!(there.ends_with(&format!("done={word}")), "{verb}: {there}");
        let page = host.get(OLGA, &format!("/jobs/{id}?done={word}")).await;
        assert_has(&page, &[&format!("role=\"status\">{says}")]);
    }
    let forged = host.get(OLGA, &format!("/jobs/{id}?done=Call+0900")).await;
    assert!(!forged.text.contains("0900"), "{}", forged.text);
    host.run().await;
    let deleted = host.post(ADA, &format!("/jobs/{id}/delete"), "").await;
    assert_eq!(
        (deleted.status, deleted.header("location")),
        (StatusCode::SEE_OTHER, "../../jobs?done=deleted")
    );
    assert_eq!(host.get(ADA, &format!("/jobs/{id}")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_range_of_the_past_is_queued_or_refused_beside_its_form() {
    let host = Host::new();
    let rolling = json!({"title": "Calls", "source": "calls", "type": "call", "run": "daily", "at": "02:00",
        "plaintext": true, "timeframe": "all"});
    let id = host.job(ADA, rolling).await;
    let path = format!("/jobs/{id}/backfill");
    let refused = host.post(OLGA, &path, "from-date=2026-11-20&from-time=late&to-date=").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_has(
        &refused,
        &["<title>Error: Calls", "id=\"from-time-e\"", "id=\"to-date-e\"", "value=\"late\"", "open>"],
    );
    let refused = host.post(OLGA, &path, "from-date=2026-11-20&to-date=2026-11-22").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_has(&refused, &["id=\"errors\"", "value=\"2026-11-20\""]);
}

#[tokio::test]
async fn a_job_that_does_not_go_on_says_why() {
    let host = Host::new();
    let ran = host.job(ADA, once("Once")).await;
    // A one-time job is suspended while it waits, and yet there is nothing to resume (rule J8).
    let waits = host.get(OLGA, &format!("/jobs/{ran}")).await;
    assert_has(&waits, &["It waits to start", "<span>Waits to start</span>"]);
    let list = host.get(OLGA, "/jobs").await;
    assert_has(&list, &["data-l=\"State\">Waits to start"]);
    for page in [&waits, &list] {
        assert!(
            !page.text.contains(&format!("{ran}/resume")) && !page.text.contains("has started"),
            "{}",
            page.text
        );
    }
    host.run().await;
    assert_has(&host.get(OLGA, &format!("/jobs/{ran}")).await, &["runs only once", "Clone"]);
    let suspended = host.job(ADA, daily("Suspended")).await;
    host.post(OLGA, &format!("/jobs/{suspended}/suspend"), "").await;
    assert_has(
        &host.get(OLGA, &format!("/jobs/{suspended}")).await,
        &["The schedule starts nothing until it is resumed."],
    );
}

#[tokio::test]
async fn several_jobs_are_deleted_after_a_question_that_names_them() {
    let host = Host::new();
    let ids = [host.job(ADA, daily("One <i>")).await, host.job(ADA, daily("Two")).await];
    let form = format!("id={}&id={}&do=delete", ids[0], ids[1]);
    let asked = host.post(ADA, "/jobs/selected", &form).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert_has(&asked, &["Delete 2 jobs?", "One &lt;i&gt;", "Two", "value=\"delete_all\"", "Keep them"]);
    assert_eq!(host.post(OLGA, "/jobs/selected", &form).await.status, StatusCode::FORBIDDEN);
    assert_eq!(host.post(MALLORY, "/jobs/selected", &form).await.status, StatusCode::NOT_FOUND);
    let done = host.post(ADA, "/jobs/selected", &form.replace("delete", "delete_all")).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "../jobs?done=deleted"));
    assert!(host.get(ADA, "/jobs").await.text.contains("No jobs yet"));
}

#[tokio::test]
async fn a_refusal_of_one_job_is_told_and_stops_none_of_the_others() {
    let host = Host::new();
    let ran = host.job(ADA, once("Once")).await;
    host.run().await;
    let ids = [ran, host.job(ADA, daily("Two")).await];
    host.post(ADA, &format!("/jobs/{}/suspend", ids[1]), "").await;
    let form = format!("id={}&id={}&do=resume", ids[0], ids[1]);
    let told = host.post(ADA, "/jobs/selected", &form).await;
    assert_eq!(told.status, StatusCode::OK);
    assert_has(&told, &["1 done, 1 not", "Once", "one_time_cannot_resume"]);
    assert_eq!(state(&host, &ids[1]).await, "active");
}

#[tokio::test]
async fn at_most_a_hundred_jobs_are_changed_at_once_and_some_deeds_are_for_one_alone() {
    let host = Host::new();
    let id = host.job(ADA, daily("Calls")).await;
    let many: String = (0..101).map(|number| format!("id=00000000-0000-0000-0000-{number:012}&")).collect();
    let refused = host.post(ADA, "/jobs/selected", &format!("{many}do=suspend")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_has(&refused, &["tick 100 rows at most"]);
    assert_has(&host.post(ADA, "/jobs/selected", "do=suspend").await, &["tick at least one row first"]);
    for (deed, there) in [("history", format!("../history?job={id}")), ("edit", format!("../jobs/{id}/edit"))]
    {
        let one = host.post(ADA, "/jobs/selected", &format!("id={id}&do={deed}")).await;
        assert_eq!((one.status, one.header("location")), (StatusCode::SEE_OTHER, &*there));
        let two = format!("id={id}&id=00000000-0000-0000-0000-000000000001&do={deed}");
        assert_has(&host.post(ADA, "/jobs/selected", &two).await, &["tick a single job"]);
    }
}

#[tokio::test]
async fn each_column_has_its_filter_and_the_list_says_what_was_done() {
    let host = Host::new();
    host.job(ADA, daily("Calls")).await;
    let page = host.get(ADA, "/jobs?created_from=2026-11-01&sort=title&done=deleted").await;
    assert_has(
        &page,
        &[
            "role=\"status\">Deleted. History and files stay",
            "Filtered<span class=\"vh\">: Created",
            "Filter<span class=\"vh\">: Title",
            "name=\"created_from\" type=\"date\" value=\"2026-11-01\"",
            "name=\"next_starts_to\"",
            "name=\"latest_started_from\"",
            "popover role=\"dialog\"",
        ],
    );
    assert!(!page.text.contains("done=deleted"), "links do not say it again: {}", page.text);
    assert!(host.get(ADA, "/jobs?created_from=2026-12-01").await.text.contains("No job fits these filters"));
    // A filter keeps the others, and how the list is sorted.
    assert_has(&page, &["<input type=\"hidden\" name=\"sort\" value=\"title\">"]);
}

#[tokio::test]
async fn settings_are_told_in_english_wherever_people_look() {
    let host = Host::new();
    let mut settings = daily("Calls");
    for (name, value) in [
        ("run", json!("weekly")),
        ("day", json!("wed")),
        ("description", json!("For the review.\nAsk Grace.")),
        ("split-size", json!(512)),
        ("overlap", json!("coalesce")),
        ("catch-up", json!("queue:36h")),
        ("jitter", json!("10m")),
        ("bad-records", json!("skip:5")),
        ("incomplete", json!("go-on:6h")),
        ("retries", json!(3)),
        ("pause-after-failures", json!(2)),
    ] {
        settings[name] = value;
    }
    let id = host.job(ADA, settings).await;
    host.post(ADA, &format!("/jobs/{id}/run"), "").await;
    host.run().await;
    let page = host.get(ADA, &format!("/jobs/{id}")).await.text;
    let execution = host.get(ADA, &format!("/history/{}", host.execution(&id))).await.text;
    for (page, words) in [(&page, "<dd>10 minutes</dd>"), (&execution, "<dd>Up to 10 minutes</dd>")] {
        for words in [
            words,
            "Weekly on Wednesday at 02:00 UTC",
            "<dd>Everything</dd>",
            "Let the newest cover the others",
            "Run each, up to 36 hours back",
            "Up to 5: one more fails the run",
            "Go on after 6 hours",
        ] {
            assert!(page.contains(words), "{words} is not in {page}");
        }
        for raw in ["skip:5", "go-on", "queue:36h", ">coalesce<", ">all<", "on wed"] {
            assert!(!page.contains(raw), "{raw} is in {page}");
        }
    }
    assert!(
        execution.contains("<dd>3 times</dd>") && execution.contains("<dd>2 failures</dd>"),
        "{execution}"
    );
    assert!(page.contains("<p class=\"lines\">For the review.\nAsk Grace.</p>"), "{page}");
    assert!(page.contains("Run by hand"), "{page}");

    let list = host.get(ADA, "/jobs").await.text;
    assert!(list.contains("Weekly on Wednesday at 02:00 UTC. Everything"), "{list}");
    assert!(host.get(ADA, "/history").await.text.contains("Run by hand"));

    let changes = json!({"at": "05:00", "retention-days": 7, "bad-records": "fail"});
    host.send(ADA, Method::PATCH, &format!("/api/v1/jobs/{id}"), &changes).await;
    for path in [format!("/jobs/{id}"), "/audit".to_owned()] {
        let page = host.get(ADA, &path).await.text;
        let told = "version 1 to 2: schedule, how long files are kept, when things go wrong";
        assert!(page.contains(told), "{page}");
    }
}

#[tokio::test]
async fn f9_slots_are_shown_by_the_clock_of_the_job_too() {
    let host = Host::new();
    let mut settings = daily("Calls");
    settings["time-zone"] = json!("Asia/Kolkata");
    let job = host.job(ADA, settings).await;
    // Daily at 02:00 there, where the clock is ahead by five hours and a half all year.
    for page in ["/jobs".to_owned(), format!("/jobs/{job}")] {
        let page = host.get(VIC, &page).await;
        assert_has(&page, &["02:00 +05:30</span>"]);
    }
}
