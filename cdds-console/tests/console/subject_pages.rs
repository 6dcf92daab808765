//! Requests of data subjects on pages: what they say and offer, to whom, and that no page shows an identifier.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::host::{ADA, Answer, Host, MALLORY, OLGA, VIC, ask};
use crate::person::{EMAIL, PHONE, People, assert_nothing_of_the_person, evidence};
use crate::surroundings::with_file;

pub(crate) fn assert_says(page: &Answer, texts: &[&str]) {
    for text in texts {
        assert!(page.text.contains(text), "{text} is not in {}", page.text);
    }
    assert_nothing_of_the_person(&page.text, "the page");
}

pub(crate) fn assert_silent(page: &Answer, texts: &[&str]) {
    for text in texts {
        assert!(!page.text.contains(text), "{text} is in {}", page.text);
    }
}

/// A form as browsers send it.
fn form(pairs: &[(&str, &str)]) -> String {
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    pairs.join("&")
}

fn identifiers() -> String {
    format!("phone={PHONE}\r\n\r\n email = {EMAIL}\r\n")
}

/// Puts a request on record by the form, and returns its id.
async fn asked(people: &People, user: &str, pairs: &[(&str, &str)]) -> String {
    let identifiers = identifiers();
    let pairs = [&[("identifier", identifiers.as_str())], pairs].concat();
    let done = people.host.post(user, "/subjects/new", &form(&pairs)).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let there = done.header("location").strip_prefix("../subjects/").unwrap();
    there.strip_suffix("?done=request-received").unwrap().to_owned()
}

#[tokio::test]
async fn d2_d3_a_request_goes_from_its_form_to_its_end_without_a_script() {
    let people = People::new();
    let empty = people.host.get(OLGA, "/subjects").await;
    assert_says(
        &empty,
        &["Nobody has asked for anything yet", "href=\"./subjects/new\"", "aria-current=\"page\""],
    );
    let new = people.host.get(OLGA, "/subjects/new").await;
    assert_says(
        &new,
        &[
            "enctype=\"multipart/form-data\"",
            "Kinds that the sources know: phone.",
            "<strong>Customers &amp; calls</strong> <code>crm</code>",
            "value=\"crm/invoice\"",
            "type=\"file\"",
            "name=\"plaintext\"",
            "name=\"due\" type=\"date\"",
        ],
    );
    let id = asked(&people, OLGA, &[("kind", "both"), ("plaintext", "true"), ("source", "crm")]).await;
    let at = format!("/subjects/{id}");
    let received = people.host.get(OLGA, &format!("{at}?done=request-received")).await;
    assert_says(
        &received,
        &[
            "The request is on record.",
            &format!("A copy and erasure, request {}", &id[..8]),
            "2 identifiers: email, phone",
            "Not encrypted",
            "Thu 26 Nov 14:32 UTC</time>, by olga",
            "Not checked yet",
            &format!("href=\"../subjects/{id}/verify\""),
            &format!("href=\"../subjects/{id}/withdraw\""),
            &format!("href=\"../subjects/{id}/copies\""),
        ],
    );
    assert_silent(&received, &["/approve\"", "/refuse\"", "audit?object", "done=", "Run what failed"]);

    let verified = people
        .host
        .post(OLGA, &format!("{at}/verify"), &form(&[("by", "the desk"), ("how", "<b>passport</b>")]))
        .await;
    assert_eq!(
        verified.header("location"),
        format!("../../subjects/{id}?done=identity-checked"),
        "{}",
        verified.text
    );
    let counted = people.host.get(OLGA, &format!("{at}/preview")).await;
    assert_says(
        &counted,
        &[
            "1 record in 1 type to erase, 2 to keep.",
            "1 record: ten years by &lt;law&gt;",
            "The source does not erase it",
        ],
    );
    assert_silent(&counted, &["/approve"]);
    let question = people.host.get(ADA, &format!("{at}/approve")).await;
    assert_says(
        &question,
        &[
            "cannot be brought back",
            "The copy is made first",
            "1 record in 1 type",
            "name=\"version\" value=\"2\"",
            "Leave it as it is",
        ],
    );
    assert_eq!(people.shown(&id).await["version"], 2, "a question changes nothing");
    let approved = people.host.post(ADA, &format!("{at}/approve"), "version=2").await;
    assert_eq!(
        approved.header("location"),
        format!("../../subjects/{id}?done=erasure-approved"),
        "{}",
        approved.text
    );
    people.host.run().await;
    let done = people.host.get(ADA, &at).await;
    let execution = people.shown(&id).await["export"]["execution_id"].as_str().unwrap().to_owned();
    assert_says(
        &done,
        &[
            "&lt;b&gt;passport&lt;/b&gt;, by the desk",
            ", by ada",
            &format!("href=\"../sets/{execution}\""),
            &format!("href=\"../history/{execution}\""),
            "Some stay",
            "Not everything is erased",
            "or may stay, in crm/invoice, crm/note.",
            &format!("href=\"../audit?object={id}\""),
        ],
    );
    assert_silent(&done, &["/withdraw\"", "/copies\"", "/preview\"", "<b>passport", "Due "]);
    let audit = people.host.get(ADA, &format!("/audit?object={id}")).await;
    assert_says(
        &audit,
        &["Take in a request of a data subject", "Approve an erasure", &format!("href=\"./subjects/{id}\"")],
    );
    assert_nothing_of_the_person(&format!("{:?}", people.host.memory.catalog.back_up()), "the catalog");
}

#[tokio::test]
async fn d3_who_put_it_on_record_is_told_that_somebody_else_approves() {
    let people = People::new();
    let id = asked(&people, ADA, &[("kind", "erasure")]).await;
    people.send(ADA, &format!("/{id}/verify"), &evidence()).await;
    let page = people.host.get(ADA, &format!("/subjects/{id}")).await;
    assert_says(&page, &["somebody else has to approve", "An administrator"]);
    assert_silent(&page, &["/approve\""]);
    let refused = people.host.post(ADA, &format!("/subjects/{id}/approve"), "").await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
    assert_says(&refused, &["Ada has put request", "<title>Error: Approve the erasure"]);
    assert_eq!(people.shown(&id).await["state"], "verified");
}

#[tokio::test]
async fn the_list_marks_what_is_due_and_shows_open_or_other_requests() {
    let people = People::new();
    let open = asked(&people, OLGA, &[("kind", "erasure"), ("due", "2026-12-05")]).await;
    let gone = asked(&people, OLGA, &[("kind", "access"), ("plaintext", "true")]).await;
    people.send(OLGA, &format!("/{gone}/withdraw"), &Value::Null).await;
    let listed = |page: &Answer| [&open, &gone].map(|id| page.text.contains(&format!("subjects/{id}")));
    let all = people.host.get(OLGA, "/subjects").await;
    assert_says(&all, &["2 requests", "Withdrawn", "All sources", "by olga"]);
    assert_silent(&all, &["Overdue", "Due in a week"]);
    assert_eq!(listed(&all), [true, true]);
    assert_eq!(listed(&people.host.get(OLGA, "/subjects?open=true").await), [true, false]);
    assert_eq!(listed(&people.host.get(OLGA, "/subjects?open=false").await), [false, true]);
    assert_eq!(listed(&people.host.get(OLGA, "/subjects?state=withdrawn").await), [false, true]);
    assert_eq!(listed(&people.host.get(OLGA, "/subjects?kind=erasure").await), [true, false]);
    assert_says(&people.host.get(OLGA, "/subjects?kind=both").await, &["No request fits these filters."]);
    assert_eq!(people.host.get(OLGA, "/subjects?kind=x").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    people.host.memory.clock.advance(Duration::from_secs(3 * 86_400));
    assert_says(&people.host.get(OLGA, "/subjects").await, &["Due in a week"]);
    people.host.memory.clock.advance(Duration::from_secs(7 * 86_400));
    let late = people.host.get(OLGA, "/subjects").await;
    assert_says(&late, &["Overdue"]);
    let page = people.host.get(OLGA, &format!("/subjects/{open}")).await;
    assert_says(&page, &["Overdue"]);
    assert_silent(&page, &["/extend\""]);
}

#[tokio::test]
async fn d6_a_refused_form_says_why_and_shows_no_identifier_again() {
    let people = People::new();
    let many: String = (0..21).map(|number| format!("customer-id=7654321-{number}\n")).collect();
    let long = format!("customer-id={}", "7654321".repeat(60));
    let person = identifiers();
    for (field, said, pairs) in [
        (
            "identifier",
            "21 identifiers: name 1 to 20",
            vec![("kind", "erasure"), ("identifier", many.as_str())],
        ),
        ("identifier", "more than 320 characters", vec![("kind", "erasure"), ("identifier", long.as_str())]),
        ("identifier", "A kind of identifier is", vec![("kind", "erasure"), ("identifier", PHONE)]),
        ("identifier", "0 identifiers", vec![("kind", "erasure")]),
        ("kind", "hoose what the person asks for", vec![("identifier", person.as_str())]),
        ("kind", "hoose what the person asks for", vec![("kind", PHONE), ("identifier", person.as_str())]),
        ("certificate", "give the certificate", vec![("kind", "access"), ("identifier", person.as_str())]),
        (
            "certificate",
            "choose one of them",
            vec![
                ("kind", "access"),
                ("identifier", person.as_str()),
                ("plaintext", "true"),
                ("certificate", "CERTIFICATE CN=lovelace"),
            ],
        ),
        (
            "certificate",
            "This is no certificate",
            vec![
                ("kind", "both"),
                ("identifier", person.as_str()),
                ("certificate", "-----BEGIN CERTIFICATE-----\nlovelace\n-----END CERTIFICATE-----"),
            ],
        ),
        (
            "source",
            "Write sources by their ids",
            vec![("kind", "erasure"), ("identifier", person.as_str()), ("source", PHONE)],
        ),
        (
            "source",
            "is not there",
            vec![("kind", "erasure"), ("identifier", person.as_str()), ("source", EMAIL)],
        ),
        (
            "due",
            "rite an instant",
            vec![("kind", "erasure"), ("identifier", person.as_str()), ("due", PHONE)],
        ),
        (
            "due",
            "a year after it was received",
            vec![("kind", "erasure"), ("identifier", person.as_str()), ("due", "2029-01-01")],
        ),
    ] {
        let refused = people.host.post(OLGA, "/subjects/new", &form(&pairs)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{field} {said}: {}", refused.text);
        let link = format!("href=\"#{field}\"");
        assert_says(
            &refused,
            &[
                said,
                &link,
                &format!("id=\"{field}-e\""),
                "<title>Error: New request",
                "Type the identifiers again",
            ],
        );
    }
    let kept = form(&[
        ("kind", "both"),
        ("identifier", "phone=x"),
        ("source", "crm/note"),
        ("plaintext", "true"),
        ("due", "2026-12-24"),
    ]);
    let refused = people.host.post(OLGA, "/subjects/new", &kept).await;
    assert_says(
        &refused,
        &[
            "value=\"both\" checked",
            "value=\"crm/note\" checked",
            "name=\"plaintext\" value=\"true\" checked",
            "value=\"2026-12-24\"",
        ],
    );
    assert_eq!(people.host.get(OLGA, "/api/v1/subjects").await.json()["items"], json!([]));
    let id = asked(&people, OLGA, &[("kind", "erasure")]).await;
    let person = identifiers();
    let repeated =
        people.host.post(OLGA, "/subjects/new", &form(&[("kind", "erasure"), ("identifier", &person)])).await;
    assert_eq!(repeated.status, StatusCode::CONFLICT, "{}", repeated.text);
    assert_says(&repeated, &[&id, "is open and asks for the same"]);
}

#[tokio::test]
async fn d9_a_certificate_is_taken_as_a_file_and_does_not_count_for_an_erasure() {
    let people = People::new();
    let person = identifiers();
    let fields = [("kind", "access"), ("identifier", person.as_str()), ("certificate", "")];
    let done = ask(&people.host.router, with_file(&fields, b"CERTIFICATE CN=ada.lovelace")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let id = done.header("location").split('/').nth(2).unwrap().split('?').next().unwrap().to_owned();
    let page = people.host.get(OLGA, &format!("/subjects/{id}")).await;
    assert_says(
        &page,
        &["Encrypted for the certificate with SHA-256", &"ab".repeat(32), "It is made by itself"],
    );
    let fields = [("kind", "erasure"), ("identifier", person.as_str()), ("plaintext", "true")];
    let done = ask(&people.host.router, with_file(&fields, b"no certificate")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "what does not apply is not looked at: {}", done.text);
}

#[tokio::test]
async fn d6_words_are_escaped_and_hold_no_identifier() {
    let people = People::new();
    let id = people.asked("erasure").await;
    let at = format!("/subjects/{id}");
    let verify = async |by: &str, how: &str| {
        people.host.post(OLGA, &format!("{at}/verify"), &form(&[("by", by), ("how", how)])).await
    };
    for (refused, field) in [
        (verify("the desk", "called 0049 30 / 7654321").await, "how"),
        (verify("", "passport").await, "by"),
        (verify("the desk", &"x".repeat(501)).await, "how"),
        (
            people
                .host
                .post(ADA, &format!("{at}/refuse"), &form(&[("reason", &format!("{EMAIL} is nobody"))]))
                .await,
            "reason",
        ),
        (people.host.post(OLGA, &format!("{at}/extend"), &form(&[("until", "2029-01-01")])).await, "until"),
        (people.host.post(OLGA, &format!("{at}/extend"), &form(&[("until", PHONE)])).await, "until"),
    ] {
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}: {}", refused.text);
        assert_says(&refused, &[&format!("id=\"{field}-e\""), "<title>Error: "]);
    }
    assert_eq!(people.shown(&id).await["version"], 1);
    let refuse = people.host.get(ADA, &format!("{at}/refuse")).await;
    assert_says(&refuse, &["identifiers are destroyed", "1 record in 1 type to erase, 2 to keep."]);
    let script = "<script>alert(1)</script>";
    let done =
        people.host.post(ADA, &format!("{at}/refuse"), &form(&[("reason", script), ("version", "1")])).await;
    assert_eq!(done.header("location"), format!("../../subjects/{id}?done=request-refused"), "{}", done.text);
    let page = people.host.get(OLGA, &at).await;
    assert_says(&page, &["&lt;script&gt;alert(1)&lt;/script&gt;", "Refused", ", by ada"]);
    assert_silent(&page, &["<script>", "/verify\"", "/withdraw\""]);
}

#[tokio::test]
async fn what_failed_is_told_and_asked_for_again() {
    let people = People::new();
    *people.crm.fails.lock().unwrap() = true;
    let id = people.approved("erasure").await;
    people.host.run().await;
    let failed = people.host.get(OLGA, &format!("/subjects/{id}")).await;
    assert_says(&failed, &["Failed", "contract &lt;b&gt;needs&lt;/b&gt;", "Run what failed again"]);
    *people.crm.fails.lock().unwrap() = false;
    let again = people.host.post(OLGA, &format!("/subjects/{id}/run"), "").await;
    assert_eq!(again.header("location"), format!("../../subjects/{id}?done=erasure-again"), "{}", again.text);
    assert_silent(&people.host.get(OLGA, &format!("/subjects/{id}")).await, &["Run what failed again"]);
    people.host.run().await;
    assert_eq!(people.shown(&id).await["state"], "done");
    let late = people.host.post(OLGA, &format!("/subjects/{id}/run"), "").await;
    assert_eq!(late.status, StatusCode::CONFLICT, "{}", late.text);
}

#[tokio::test]
async fn a_step_of_a_request_that_went_on_is_refused_and_its_page_leads_to_the_request() {
    let people = People::new();
    let id = people.verified("erasure").await;
    let stale = people.host.post(ADA, &format!("/subjects/{id}/approve"), "version=1").await;
    assert_eq!(stale.status, StatusCode::CONFLICT, "{}", stale.text);
    assert_says(&stale, &["has version 2, not 1", "name=\"version\" value=\"2\""]);
    let over = people.host.get(OLGA, &format!("/subjects/{id}/verify")).await;
    assert_eq!(
        (over.status, over.header("location")),
        (StatusCode::SEE_OTHER, &*format!("../../subjects/{id}"))
    );
    let extended =
        people.host.post(OLGA, &format!("/subjects/{id}/extend"), "version=2&until=2027-01-10").await;
    assert_eq!(extended.status, StatusCode::SEE_OTHER, "{}", extended.text);
    assert_eq!(people.shown(&id).await["due_at"], "2027-01-10T00:00:00Z");
    assert_silent(&people.host.get(OLGA, &format!("/subjects/{id}")).await, &["/extend\""]);
}

#[tokio::test]
async fn d6_without_the_key_a_page_says_so_and_the_request_can_be_withdrawn() {
    let people = People::new();
    let id = people.verified("erasure").await;
    people.keys.lose();
    let page = people.host.get(ADA, &format!("/subjects/{id}")).await;
    assert_says(&page, &["does not have the key k1", "can be withdrawn"]);
    for path in ["preview", "copies", "copies/notify", "copies/delete"] {
        let refused = people.host.get(ADA, &format!("/subjects/{id}/{path}")).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{path}: {}", refused.text);
        assert_says(&refused, &["subject_key_missing", "cdds subject key"]);
    }
    let question = people.host.get(OLGA, &format!("/subjects/{id}/withdraw")).await;
    assert_says(&question, &["It cannot be counted now", "Withdraw it"]);
    let done = people.host.post(OLGA, &format!("/subjects/{id}/withdraw"), "version=2").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let host = Host::new();
    let person = identifiers();
    let refused =
        host.post(OLGA, "/subjects/new", &form(&[("kind", "erasure"), ("identifier", &person)])).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
    assert_says(&refused, &["cdds subject key", "No source says which of its fields name people"]);
}

#[tokio::test]
async fn j15_c1_pages_are_for_those_who_may_see_them_and_owners_stay_apart() {
    let people = People::new();
    let id = people.verified("both").await;
    assert_says(&people.host.get(OLGA, "/jobs").await, &["href=\"./subjects\""]);
    assert_silent(&people.host.get(VIC, "/jobs").await, &["./subjects"]);
    let (list, own) =
        (people.host.get(MALLORY, "/subjects").await, people.host.get(MALLORY, "/subjects/new").await);
    assert_says(&list, &["Nobody has asked for anything yet"]);
    assert_eq!(own.status, StatusCode::OK);
    let routes = include_str!("../../src/pages.rs").split(".route(\"/subjects").skip(1);
    let mut tried = 0;
    for route in routes {
        let (path, handlers) = route.split_once('"').unwrap();
        let handlers = handlers.lines().next().unwrap();
        for (verb, method) in [("get(", Method::GET), ("post(", Method::POST)] {
            if !handlers.contains(verb) {
                continue;
            }
            let path = format!("/subjects{}", path.replace("{id}", &id));
            let sent = async |user: &str| match method {
                Method::GET => people.host.get(user, &path).await,
                _ => {
                    people
                        .host
                        .post(user, &path, &form(&[("by", "a"), ("how", "b"), ("reason", "c"), ("id", &id)]))
                        .await
                }
            };
            let refused = sent(VIC).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{method} {path}: {}", refused.text);
            if path.contains(&id) {
                let foreign = sent(MALLORY).await;
                assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{method} {path}: {}", foreign.text);
                assert_silent(&foreign, &["olga", "front desk"]);
            }
            tried += 1;
        }
    }
    assert_eq!(tried, 21);
    // What operators may not do is not asked of them.
    for step in ["approve", "refuse", "copies/notify", "copies/delete"] {
        let refused = people.host.get(OLGA, &format!("/subjects/{id}/{step}")).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{step}: {}", refused.text);
    }
    let request = people.shown(&id).await;
    assert_eq!((&request["version"], &request["state"]), (&json!(2), &json!("verified")));
}
