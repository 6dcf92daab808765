//! The page of notices: what it shows, to whom, and what its forms do (rules N2, N4, N5, N9).

use cdds_core::ports::notifier::NotifyErrorKind;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::host::{ADA, Host, MALLORY, OLGA, VIC, daily, once};
use crate::partner::{Postbox, place, ports, told};

/// A host with a set that was delivered, of which people were told, and one run that nobody follows.
async fn told_of() -> (Host, Postbox, String) {
    let postbox = Postbox::default();
    let host = Host::with(ports(&[&place()], &postbox));
    let job = host.job(ADA, told(once("Calls <b>daily</b>"))).await;
    host.exported(ADA, "Followed by nobody").await;
    host.run().await;
    (host, postbox, job)
}

#[tokio::test]
async fn n2_while_nobody_was_told_the_page_says_how_to_have_notices() {
    let host = Host::new();
    host.exported(ADA, "Followed by nobody").await;
    let page = host.get(VIC, "/notices").await.text;
    for told in ["Nobody was told of anything yet", "[[webhook]]", "href=\"./notices\" aria-current=\"page\""]
    {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(!page.contains("action=\"./notices/test\""), "viewers send no tests: {page}");
}

#[tokio::test]
async fn n2_the_log_says_who_was_told_of_what_and_not_what_the_service_keeps_for_itself() {
    let (host, _, job) = told_of().await;
    let page = host.get(VIC, "/notices").await.text;
    for told in [
        "A set was delivered",
        ">ada@example.com<",
        ">billing<",
        "E-mail",
        "Webhook",
        "Sent",
        "2 notices",
        "Calls &lt;b&gt;daily&lt;/b&gt;",
        &*format!("href=\"./jobs/{job}\""),
        &*format!("href=\"./history/{}\"", host.execution(&job)),
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    // The filter of jobs offers both.
    assert_eq!(
        page.matches("Followed by nobody").count(),
        page.matches("Followed by nobody</option>").count()
    );
    assert!(!page.contains("Send again"), "viewers send nothing again: {page}");
    let offered = host.get(OLGA, "/notices").await.text;
    assert_eq!(offered.matches("action=\"./notices/replay\"").count(), 2, "somebody never got it: {offered}");
    let other = host.get(MALLORY, "/notices").await.text;
    assert!(
        !other.contains(">billing<") && !other.contains(">ada@example.com<") && !other.contains("Calls"),
        "{other}"
    );
}

#[tokio::test]
async fn n2_each_column_narrows_and_sorts_the_log() {
    let (host, _, job) = told_of().await;
    let execution = host.execution(&job);
    let rows = async |query: &str| {
        let answer = host.get(VIC, &format!("/notices?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text);
        answer.text.matches("role=\"rowheader\">A ").count()
    };
    let nobody = "00000000-0000-0000-0000-000000000000";
    for (query, count) in [
        ("kind=delivered", 2),
        ("kind=failed", 0),
        ("channel=email", 1),
        ("subscriber=billing", 1),
        ("subscriber=ada@example.com&channel=webhook", 0),
        ("status=done", 2),
        ("status=given_up", 0),
        ("from=2026-11-26&to=2026-11-27", 2),
        ("to=2026-11-26", 0),
        // Those for the service itself are shown to who asks: of two sets, and of one that arrived.
        ("channel=host", 3),
        (&*format!("job={job}"), 2),
        (&*format!("job={nobody}"), 0),
        (&*format!("execution={execution}"), 2),
        (&*format!("execution={nobody}"), 0),
    ] {
        // Endpoints are a table of their own, which has other row headers.
        assert_eq!(rows(query).await, count, "{query}");
    }
    let page = host.get(VIC, "/notices?sort=subscriber:desc").await.text;
    let (ada, billing) = (page.find(">ada@example.com<").unwrap(), page.find(">billing<").unwrap());
    assert!(billing < ada, "{page}");
    for column in ["kind", "at", "subscriber", "channel", "status"] {
        assert!(page.contains(&format!("sort={column}")), "{column}: {page}");
    }
    let api = host.get(VIC, "/api/v1/notices?channel=email&kind=delivered&sort=kind:desc").await.json();
    assert_eq!((api["items"].as_array().unwrap().len(), &api["total"]), (1, &1.into()), "{api}");
    let wrong = host.get(VIC, "/api/v1/notices?kind=nothing").await;
    assert_eq!(wrong.json()["type"], "invalid_parameter", "{}", wrong.text);
}

#[tokio::test]
async fn n5_what_was_given_up_says_why_and_is_sent_again() {
    let postbox = Postbox::default();
    *postbox.fails.lock().unwrap() = Some(NotifyErrorKind::Refused);
    let host = Host::with(ports(&[&place()], &postbox));
    host.job(ADA, told(once("Calls"))).await;
    host.run().await;
    let page = host.get(VIC, "/notices").await.text;
    for told in
        ["Given up", "<b>receiver</b> is away", "1 attempt"].map(|text| text.replace("<b>", "&lt;b&gt;"))
    {
        let told = told.replace("</b>", "&lt;/b&gt;");
        assert!(page.contains(&told), "{told}: {page}");
    }
    assert!(!page.contains("action=\"./notices/replay\""), "viewers send nothing again: {page}");
    let page = host.get(OLGA, "/notices?subscriber=billing").await.text;
    assert_eq!(page.matches("action=\"./notices/replay\"").count(), 1, "{page}");
    let list = host.get(OLGA, "/api/v1/notices?subscriber=billing").await.json();
    let id = list["items"][0]["id"].as_str().unwrap();
    assert!(page.contains(&format!("value=\"{id}\"")), "{page}");

    let body = format!("id={id}");
    assert_eq!(host.post(VIC, "/notices/replay", &body).await.status, StatusCode::FORBIDDEN);
    assert_eq!(host.post(MALLORY, "/notices/replay", &body).await.status, StatusCode::NOT_FOUND);
    assert_eq!(host.post(OLGA, "/notices/replay", "id=x").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    *postbox.fails.lock().unwrap() = None;
    let again = host.post(OLGA, "/notices/replay", &body).await;
    assert_eq!(
        (again.status, again.header("location")),
        (StatusCode::SEE_OTHER, "../notices?done=notice-queued")
    );
    let page = host.get(OLGA, "/notices?done=notice-queued").await.text;
    assert!(page.contains("The notice is sent again") && page.contains("To be sent"), "{page}");
    host.run().await;
    let sent = host.get(OLGA, "/notices?subscriber=billing&status=done").await.text;
    assert!(sent.contains("A set was delivered") && sent.contains(">Sent<"), "{sent}");
}

#[tokio::test]
async fn n9_endpoints_say_whether_they_work_and_are_enabled_and_disabled() {
    let postbox = Postbox::default();
    let host = Host::with(ports(&[], &postbox));
    let page = host.post(OLGA, "/notices/test", "to=billing").await.text;
    assert!(page.contains("Test of billing") && page.contains("The message was taken"), "{page}");
    assert!(postbox.sent.lock().unwrap()[0].is_test);
    let offered = async |user: &str| {
        let page = host.get(user, "/notices").await.text;
        let forms = ["test", "enable", "disable"];
        let is_offered = |form: &&str| page.contains(&format!("action=\"./notices/{form}\""));
        (forms.into_iter().filter(is_offered).collect::<Vec<_>>(), page)
    };
    let (viewer, page) = offered(VIC).await;
    assert!(viewer.is_empty() && page.contains(">billing<") && page.contains("Works"), "{viewer:?} {page}");
    assert_eq!(offered(OLGA).await.0, ["test"]);
    assert_eq!(offered(ADA).await.0, ["test", "disable"]);
    assert!(!offered(MALLORY).await.1.contains(">billing<"));
    let does = async |form: &str| {
        let answer = host.post(ADA, &format!("/notices/{form}"), "name=billing").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        let next = answer.header("location").trim_start_matches("..").to_owned();
        host.get(ADA, &next).await.text
    };
    let page = does("disable").await;
    assert!(page.contains("The endpoint was disabled") && page.contains("by ada"), "{page}");
    assert_eq!(offered(ADA).await.0, ["test", "enable"]);
    let page = does("enable").await;
    assert!(page.contains("The endpoint was enabled") && !page.contains("by ada"), "{page}");
    for form in ["enable", "disable"] {
        let path = format!("/notices/{form}");
        let others = host.post(MALLORY, &path, "name=billing").await.status;
        let viewers = host.post(VIC, &path, "name=billing").await.status;
        let nothing = host.post(ADA, &path, "").await.status;
        let expected = (StatusCode::NOT_FOUND, StatusCode::FORBIDDEN, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!((others, viewers, nothing), expected, "{form}");
    }
}

#[tokio::test]
async fn n2_a_test_says_how_it_went_and_is_refused_beside_its_field() {
    let postbox = Postbox::default();
    let host = Host::with(ports(&[], &postbox));
    let test = async |user: &str, to: &str| host.post(user, "/notices/test", &format!("to={to}")).await;
    let sent = test(OLGA, "+ada@example.com+").await;
    assert!(sent.text.contains("Test of ada@example.com") && sent.text.contains("The message was taken"));
    *postbox.fails.lock().unwrap() = Some(NotifyErrorKind::Unavailable);
    let failed = test(OLGA, "webhook:billing").await.text;
    for told in
        ["The message was not taken", "&lt;b&gt;receiver&lt;/b&gt; is away", "value=\"webhook:billing\""]
    {
        assert!(failed.contains(told), "{told}: {failed}");
    }
    for wrong in ["", "unknown", "%3Cb%3E", "fax:1"] {
        let refused = test(OLGA, wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}: {}", refused.text);
        assert!(
            refused.text.contains("id=\"to-e\"") && !refused.text.contains("<b>"),
            "{wrong}: {}",
            refused.text
        );
    }
    assert_eq!(test(VIC, "billing").await.status, StatusCode::FORBIDDEN);
    let other = test(MALLORY, "billing").await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", other.text);
}

#[tokio::test]
async fn n4_the_page_of_a_run_leaves_out_what_nobody_is_told() {
    let host = Host::new();
    let execution = host.exported(ADA, "Followed by nobody").await;
    let page = host.get(VIC, &format!("/history/{execution}")).await.text;
    assert!(
        page.contains("Published") && !page.contains("Notice:") && !page.contains("Yet to be sent"),
        "{page}"
    );
    let host = Host::with(ports(&[], &Postbox::default()));
    let job = host.job(ADA, {
        let mut settings = told(daily("Calls"));
        settings["destination"] = Value::Array(Vec::new());
        settings
    });
    let job = job.await;
    host.send(ADA, Method::POST, &format!("/api/v1/jobs/{job}/run"), &Value::Null).await;
    host.run().await;
    let page = host.get(VIC, &format!("/history/{}", host.execution(&job))).await.text;
    for told in ["Notice:", "ada@example.com", "billing"] {
        assert!(page.contains(told), "{told}: {page}");
    }
}
