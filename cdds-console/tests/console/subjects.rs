//! Requests of data subjects by the API: their steps, what is refused, and that nothing of a person comes out.

use axum::body::Body;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::host::{ADA, Answer, Host, MALLORY, OLGA, VIC, ask, request};
use crate::matrix::operations;
use crate::person::{EMAIL, PHONE, People, asks, assert_nothing_of_the_person, evidence};

pub(crate) fn assert_refused(answer: &Answer, status: StatusCode, code: &str, field: Option<&str>) {
    assert_eq!(answer.status, status, "{}", answer.text);
    let problem = answer.json();
    assert_eq!((&problem["type"], problem["field"].as_str()), (&json!(code), field), "{}", answer.text);
    assert_nothing_of_the_person(&answer.text, code);
}

#[tokio::test]
async fn d2_d3_c2_a_request_goes_from_its_arrival_to_its_end() {
    let people = People::new();
    let created = people.send(OLGA, "", &asks("both")).await;
    assert_eq!((created.status, created.header("etag")), (StatusCode::CREATED, "\"1\""), "{}", created.text);
    assert_nothing_of_the_person(&created.text, "the answer");
    let request = created.json();
    let id = request["id"].as_str().unwrap().to_owned();
    assert_eq!(created.header("location"), format!("subjects/{id}"));
    assert_eq!((&request["state"], &request["chosen"]), (&json!("received"), &json!("all")));
    assert_eq!(
        (&request["due_at"], &request["due"], &request["handover"]),
        (&json!("2026-12-26T14:32:08Z"), &json!("later"), &json!("plaintext"))
    );
    assert_eq!(people.shown(&id).await, request);

    let step = async |user, step: &str, body: Value| people.send(user, &format!("/{id}/{step}"), &body).await;
    let early = step(ADA, "approve", Value::Null).await;
    assert_refused(&early, StatusCode::CONFLICT, "subject_request_state", None);
    let verified = step(OLGA, "verify", evidence()).await;
    assert_eq!((verified.status, verified.header("etag")), (StatusCode::OK, "\"2\""), "{}", verified.text);
    assert_eq!(
        (&verified.json()["evidence_who"], &verified.json()["verified"]["by"]),
        (&json!("the front desk"), &json!("olga"))
    );
    let extended = step(OLGA, "extend", json!({"until": "2027-01-15T00:00:00Z"})).await;
    assert_eq!(extended.json()["due_at"], "2027-01-15T00:00:00Z", "{}", extended.text);
    assert_refused(
        &step(OLGA, "extend", json!({})).await,
        StatusCode::CONFLICT,
        "subject_request_state",
        None,
    );
    assert_refused(
        &step(OLGA, "run", Value::Null).await,
        StatusCode::CONFLICT,
        "subject_request_state",
        None,
    );
    let approved = step(ADA, "approve", Value::Null).await;
    assert_eq!(approved.json()["erasures"].as_array().unwrap().len(), 3, "{}", approved.text);

    people.host.run().await;
    let done = people.shown(&id).await;
    assert_eq!(done["state"], "done");
    assert_eq!((&done["export"]["status"], &done["due"]), (&json!("finished"), &Value::Null), "{done}");
    let told: Vec<_> =
        done["erasures"].as_array().unwrap().iter().map(|one| (&one["outcome"], &one["records"])).collect();
    let told = json!(told);
    assert_eq!(told, json!([["done", 1], ["partial", 0], ["unsupported", 0]]));
    let late = step(ADA, "refuse", json!({"reason": "no"})).await;
    assert_refused(&late, StatusCode::CONFLICT, "subject_request_state", None);

    let audit = people.host.get(ADA, &format!("/api/v1/audit?object={id}&sort=at")).await;
    let entries = audit.json()["items"].clone();
    let taken: Vec<_> =
        entries.as_array().unwrap().iter().map(|one| (&one["action"], &one["principal"])).collect();
    assert_eq!(
        json!(taken),
        json!([
            ["create_subject_request", "olga"],
            ["verify_subject_request", "olga"],
            ["extend_subject_request", "olga"],
            ["approve_subject_request", "ada"],
        ])
    );
    assert_nothing_of_the_person(&audit.text, "the audit");
    let catalog = format!("{:?}", people.host.memory.catalog.back_up());
    assert_nothing_of_the_person(&catalog, "the catalog");
}

#[tokio::test]
async fn an_erasure_is_counted_first_and_what_failed_is_run_again() {
    let people = People::new();
    *people.crm.fails.lock().unwrap() = true;
    let id = people.approved("erasure").await;
    let preview = people.host.get(OLGA, &format!("/api/v1/subjects/{id}/preview")).await;
    assert_eq!(preview.status, StatusCode::OK, "{}", preview.text);
    assert_nothing_of_the_person(&preview.text, "the preview");
    let counts: Vec<_> = preview.json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["type"].clone(), one["records"].clone(), one["kept"][0]["records"].clone()))
        .collect();
    assert_eq!(json!(counts), json!([["call", 1, null], ["invoice", 0, 1], ["note", 0, 1]]));
    people.host.run().await;
    let failed = people.shown(&id).await;
    assert_eq!(
        (&failed["state"], &failed["erasures"][0]["outcome"]),
        (&json!("running"), &json!("failed")),
        "{failed}"
    );
    *people.crm.fails.lock().unwrap() = false;
    let again = people.send(OLGA, &format!("/{id}/run"), &Value::Null).await;
    assert_eq!(again.json()["erasures"][0]["outcome"], "waiting", "{}", again.text);
    people.host.run().await;
    assert_eq!(people.shown(&id).await["state"], "done");
}

#[tokio::test]
async fn the_list_has_the_filters_of_the_command_and_pages() {
    let people = People::new();
    let open = people.verified("erasure").await;
    people.host.memory.clock.advance(std::time::Duration::from_secs(60));
    let ended = people.asked("access").await;
    people.send(OLGA, &format!("/{ended}/withdraw"), &Value::Null).await;
    let listed = async |query: &str| {
        let page = people.host.get(OLGA, &format!("/api/v1/subjects{query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        assert_nothing_of_the_person(&page.text, "the list");
        let page = page.json();
        let ids: Vec<String> = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect();
        (ids, page["next"].clone())
    };
    for (query, expected) in [
        ("", vec![&ended, &open]),
        ("?sort=due_at", vec![&open, &ended]),
        ("?open=true", vec![&open]),
        ("?open=false", vec![&ended]),
        ("?state=verified", vec![&open]),
        ("?state=withdrawn&kind=access", vec![&ended]),
        ("?kind=both", vec![]),
    ] {
        assert_eq!(listed(query).await.0.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    let (first, next) = listed("?limit=1").await;
    let (second, last) = listed(&format!("?limit=1&next={}", next.as_str().unwrap())).await;
    assert_eq!((first, second, last), (vec![ended], vec![open], Value::Null));
    for query in ["open=maybe", "state=lost", "kind=more", "sort=id", "next=7", "identifier=phone"] {
        let refused = people.host.get(OLGA, &format!("/api/v1/subjects?{query}")).await;
        assert_refused(&refused, StatusCode::UNPROCESSABLE_ENTITY, "invalid_parameter", None);
    }
}

#[tokio::test]
async fn d6_no_refusal_says_anything_of_a_person() {
    let people = People::new();
    let phone = format!("phone={PHONE}");
    let long = "7654321".repeat(60);
    let many: Vec<String> = (0..21).map(|number| format!("customer-id=7654321-{number}")).collect();
    for (code, field, body) in [
        ("invalid_form", Some("identifier"), json!({"kind": "erasure", "identifier": phone})),
        ("invalid_form", Some("identifier"), json!({"kind": "erasure", "identifier": [phone, 7_654_321]})),
        ("invalid_form", Some("kind"), json!({"kind": 7_654_321, "identifier": [phone]})),
        ("invalid_form", Some("identifier"), json!({"kind": "erasure"})),
        ("invalid_form", None, json!({"kind": "erasure", "identifier": [phone], PHONE: 1})),
        ("invalid_form", Some("due"), json!({"kind": "erasure", "identifier": [phone], "due": PHONE})),
        ("invalid_form", None, json!([phone])),
        ("invalid_form", Some("kind"), json!({"kind": PHONE, "identifier": [phone]})),
        ("invalid_subject_request", Some("identifier"), json!({"kind": "erasure", "identifier": [PHONE]})),
        ("invalid_subject_request", Some("identifier"), json!({"kind": "erasure", "identifier": []})),
        ("invalid_subject_request", Some("identifier"), json!({"kind": "erasure", "identifier": many})),
        (
            "invalid_subject_request",
            Some("identifier"),
            json!({"kind": "erasure", "identifier": [format!("customer-id={long}")]}),
        ),
        (
            "invalid_subject_request",
            Some("identifier"),
            json!({"kind": "erasure", "identifier": ["phone=Lovelace"]}),
        ),
        (
            "invalid_name",
            Some("source"),
            json!({"kind": "erasure", "identifier": [phone], "source": [PHONE]}),
        ),
        (
            "unknown_source",
            Some("source"),
            json!({"kind": "erasure", "identifier": [phone], "source": [EMAIL]}),
        ),
        (
            "unknown_source",
            Some("source"),
            json!({"kind": "erasure", "identifier": [phone], "source": ["shop"]}),
        ),
        (
            "unknown_type",
            Some("source"),
            json!({"kind": "erasure", "identifier": [phone], "source": ["crm/x"]}),
        ),
        ("invalid_subject_request", Some("certificate"), json!({"kind": "access", "identifier": [phone]})),
        (
            "invalid_subject_request",
            Some("certificate"),
            json!({"kind": "erasure", "identifier": [phone], "plaintext": true}),
        ),
        (
            "invalid_subject_request",
            Some("plaintext"),
            json!({"kind": "access", "identifier": [phone], "plaintext": true, "certificate": "CERTIFICATE CN=a"}),
        ),
        (
            "invalid_certificate",
            Some("certificate"),
            json!({"kind": "access", "identifier": [phone], "certificate": format!("-----BEGIN {PHONE}")}),
        ),
        (
            "invalid_subject_request",
            Some("due"),
            json!({"kind": "erasure", "identifier": [phone], "due": "2028-01-01T00:00:00Z"}),
        ),
    ] {
        let refused = people.send(OLGA, "", &body).await;
        assert_refused(&refused, StatusCode::UNPROCESSABLE_ENTITY, code, field);
    }
    let torn = request(Method::POST, OLGA, "/api/v1/subjects").header("content-type", "application/json");
    let torn = torn.body(Body::from(format!("{{\"identifier\": [\"{phone}\" oops"))).unwrap();
    assert_refused(&ask(&people.host.router, torn).await, StatusCode::BAD_REQUEST, "invalid_json", None);
    let list = people.host.get(OLGA, "/api/v1/subjects").await;
    assert_eq!(list.json()["items"], json!([]), "nothing was put on record");

    let id = people.asked("erasure").await;
    let repeated = people.send(ADA, "", &asks("erasure")).await;
    assert_refused(&repeated, StatusCode::CONFLICT, "subject_request_repeated", None);
    assert!(repeated.text.contains(&id), "{}", repeated.text);
    let step = async |step: &str, body: Value| people.send(ADA, &format!("/{id}/{step}"), &body).await;
    for (step_name, code, field, body) in [
        ("verify", "invalid_subject_request", None, json!({"by": "desk", "how": "called 0049 30 / 7654321"})),
        ("verify", "invalid_subject_request", Some("how"), json!({"by": "desk", "how": "x".repeat(501)})),
        ("verify", "invalid_subject_request", Some("by"), json!({"by": " ", "how": "passport"})),
        ("verify", "invalid_form", Some("how"), json!({"by": "desk", "how": [PHONE]})),
        (
            "refuse",
            "invalid_subject_request",
            Some("reason"),
            json!({"reason": format!("{EMAIL} is nobody")}),
        ),
        ("refuse", "invalid_subject_request", Some("reason"), json!({"reason": ""})),
        ("refuse", "invalid_form", Some("reason"), json!({"reason": 7_654_321})),
        ("extend", "invalid_subject_request", Some("until"), json!({"until": "2026-11-27T00:00:00Z"})),
        ("extend", "invalid_form", Some("until"), json!({"until": PHONE})),
        ("extend", "invalid_form", Some("until"), json!({"until": 7_654_321})),
        ("extend", "invalid_form", None, json!({PHONE: 1})),
    ] {
        assert_refused(&step(step_name, body).await, StatusCode::UNPROCESSABLE_ENTITY, code, field);
    }
    assert_eq!(people.shown(&id).await["version"], 1);
    let refused = step("refuse", json!({"reason": "<script>alert(1)</script>"})).await;
    assert_eq!(refused.json()["reason"], "<script>alert(1)</script>", "{}", refused.text);
}

#[tokio::test]
async fn d9_a_certificate_seals_the_copy() {
    let people = People::new();
    let mut asked = asks("access");
    asked["plaintext"] = json!(false);
    asked["certificate"] = json!("CERTIFICATE CN=ada.lovelace");
    asked["source"] = json!(["crm/call", "crm/note"]);
    asked["due"] = json!("2026-12-01T00:00:00Z");
    let created = people.send(OLGA, "", &asked).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    assert_nothing_of_the_person(&created.text, "the answer");
    let request = created.json();
    assert_eq!(
        (&request["handover"], &request["chosen"], &request["due"]),
        (&json!("ab".repeat(32)), &json!(["crm/call", "crm/note"]), &json!("near"))
    );
}

#[tokio::test]
async fn d6_without_its_key_the_service_refuses_and_says_what_to_do() {
    let people = People::new();
    let id = people.verified("erasure").await;
    people.keys.lose();
    let missing = |answer: &Answer| {
        assert_refused(answer, StatusCode::CONFLICT, "subject_key_missing", None);
        assert!(
            answer.text.contains("[subjects]") && answer.text.contains("cdds subject key"),
            "{}",
            answer.text
        );
    };
    missing(&people.send(OLGA, "", &asks("access")).await);
    missing(&people.host.get(OLGA, &format!("/api/v1/subjects/{id}/preview")).await);
    missing(&people.host.get(OLGA, &format!("/api/v1/subjects/{id}/copies")).await);
    missing(&people.send(ADA, &format!("/{id}/copies/delete"), &Value::Null).await);
    missing(&people.send(ADA, &format!("/{id}/copies/notify"), &Value::Null).await);
    missing(&people.send(ADA, &format!("/{id}/refuse"), &json!({"reason": "no"})).await);
    assert_eq!(people.shown(&id).await["missing_key"], "k1");
    let withdrawn = people.send(OLGA, &format!("/{id}/withdraw"), &Value::Null).await;
    assert_eq!(withdrawn.json()["state"], "withdrawn", "{}", withdrawn.text);
    // A host that never had keys.
    let host = Host::new();
    missing(&host.send(OLGA, Method::POST, "/api/v1/subjects", &asks("erasure")).await);
    assert_eq!(host.get(OLGA, "/api/v1/subjects").await.json()["items"], json!([]));
}

#[tokio::test]
async fn j18_a_request_that_is_sent_again_creates_nothing_more() {
    let people = People::new();
    let keyed = async |body: &Value| {
        let asked = request(Method::POST, OLGA, "/api/v1/subjects")
            .header("content-type", "application/json")
            .header("idempotency-key", "\"8e03978e\"");
        ask(&people.host.router, asked.body(body.to_string().into()).unwrap()).await
    };
    let (first, again) = (keyed(&asks("access")).await, keyed(&asks("access")).await);
    assert_eq!((first.status, again.status), (StatusCode::CREATED, StatusCode::CREATED), "{}", again.text);
    assert_eq!(first.json(), again.json());
    let other = keyed(&asks("both")).await;
    assert_refused(&other, StatusCode::UNPROCESSABLE_ENTITY, "request_key_used", None);
    let list = people.host.get(OLGA, "/api/v1/subjects").await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_nothing_of_the_person(&format!("{:?}", people.host.memory.catalog.back_up()), "the catalog");
}

#[tokio::test]
async fn a_step_whose_author_has_not_seen_the_one_before_is_refused() {
    let people = People::new();
    let id = people.verified("erasure").await;
    let conditioned = async |step: &str, tag: &str| {
        let asked =
            request(Method::POST, ADA, &format!("/api/v1/subjects/{id}/{step}")).header("if-match", tag);
        ask(&people.host.router, asked.body(Body::empty()).unwrap()).await
    };
    for tag in ["\"1\"", "2", "W/\"2\""] {
        for step in ["approve", "withdraw", "extend", "run"] {
            let refused = conditioned(step, tag).await;
            assert_refused(&refused, StatusCode::PRECONDITION_FAILED, "version_overtaken", None);
        }
    }
    assert_eq!(conditioned("approve", "\"2\"").await.header("etag"), "\"4\"");
}

#[tokio::test]
async fn j15_c1_requests_are_their_owners_alone() {
    let people = People::new();
    let id = people.verified("both").await;
    let before = people.shown(&id).await;
    let document = people.host.get(VIC, "/api/v1/openapi.json").await.json();
    let mut tried = 0;
    for operation in operations(&document).into_iter().filter(|one| one.path.starts_with("/subjects/{id}")) {
        let path = format!("/api/v1{}", operation.path.replace("{id}", &id));
        let content = &operation.told["requestBody"]["content"]["application/json"]["example"];
        for (user, status) in [(MALLORY, StatusCode::NOT_FOUND), (VIC, StatusCode::FORBIDDEN)] {
            let answer = people.host.send(user, operation.method.clone(), &path, content).await;
            assert_eq!(answer.status, status, "{user} {path}: {}", answer.text);
            tried += 1;
        }
    }
    assert_eq!(tried, 22);
    assert_eq!(people.host.get(MALLORY, "/api/v1/subjects").await.json()["items"], json!([]));
    assert_eq!(people.host.get(VIC, "/api/v1/subjects").await.status, StatusCode::FORBIDDEN);
    // The same person may ask another owner, who learns nothing of the first.
    let other = people.send(MALLORY, "", &asks("both")).await;
    assert_eq!(other.status, StatusCode::CREATED, "{}", other.text);
    assert_ne!(other.json()["identifiers_hashed"], before["identifiers_hashed"]);
    assert_eq!(people.shown(&id).await, before);
}
