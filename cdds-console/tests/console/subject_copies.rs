//! The copies that exports have made of a person's records, by the API and on pages (rule D10).

use cdds_core::ports::catalog::CopyStore as _;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::host::{ADA, MALLORY, OLGA};
use crate::person::{People, assert_nothing_of_the_person};
use crate::subject_pages::{assert_says, assert_silent};
use crate::subjects::assert_refused;

#[tokio::test]
async fn d10_copies_are_found_with_those_who_have_them_and_are_deleted() {
    let people = People::new();
    let held = people.exported("Held").await;
    let going = people.exported("Going").await;
    let hold = format!("/api/v1/sets/{held}/hold");
    people.host.send(ADA, Method::PUT, &hold, &Value::Null).await;
    let artifact = people.host.get(ADA, &format!("/api/v1/artifacts?execution={going}")).await.json();
    let artifact = artifact["items"][0]["id"].as_str().unwrap().to_owned();
    people.host.get(ADA, &format!("/api/v1/artifacts/{artifact}/content")).await;
    let id = people.asked("erasure").await;
    let copies = format!("/api/v1/subjects/{id}/copies");
    let found = people.host.get(OLGA, &copies).await;
    assert_nothing_of_the_person(&found.text, "the copies");
    let found = found.json();
    let of = |execution: &str| {
        let items = found["items"].as_array().unwrap();
        items.iter().find(|one| one["execution_id"] == execution).unwrap().clone()
    };
    assert_eq!((&of(&held)["holds"], &of(&held)["hold"]), (&json!("may"), &json!(true)));
    assert_eq!(
        (&of(&going)["title"], &of(&going)["downloads"][0]["principal"]),
        (&json!("Going"), &json!("ada"))
    );
    assert_eq!(found["next"], Value::Null);
    let forbidden = people.send(OLGA, &format!("/{id}/copies/delete"), &Value::Null).await;
    assert_refused(&forbidden, StatusCode::FORBIDDEN, "forbidden", None);
    let deleted = people.send(ADA, &format!("/{id}/copies/delete"), &Value::Null).await;
    let outcomes: Vec<_> = deleted.json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["title"].clone(), one["outcome"].clone()))
        .collect();
    assert!(outcomes.contains(&(json!("Held"), json!("on_hold"))), "{outcomes:?}");
    assert!(outcomes.contains(&(json!("Going"), json!("deleted"))) && outcomes.len() == 2, "{outcomes:?}");
    assert_eq!(people.host.get(ADA, &format!("/api/v1/sets/{going}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(people.host.get(ADA, &format!("/api/v1/sets/{held}")).await.status, StatusCode::OK);
    let audit = people.host.get(ADA, "/api/v1/audit").await.json()["items"].clone();
    let count = |action: &str, object: &str| {
        let entries = audit.as_array().unwrap().iter();
        entries.filter(|one| one["action"] == action && one["object"]["id"] == object).count()
    };
    assert_eq!((count("find_subject_copies", &id), count("delete_artifacts", &going)), (2, 1), "{audit}");

    // A person of whom no set has anything.
    let nobody = json!({"kind": "erasure", "identifier": ["phone=+1 555 01"]});
    let nobody = people.send(OLGA, "", &nobody).await.json()["id"].as_str().unwrap().to_owned();
    let none = people.host.get(OLGA, &format!("/api/v1/subjects/{nobody}/copies")).await;
    assert_eq!(none.json()["items"], json!([]), "{}", none.text);
    let all = people.host.get(OLGA, &format!("/api/v1/subjects/{nobody}/copies?all=true")).await;
    assert_eq!(all.json()["items"].as_array().unwrap().len(), 2, "{}", all.text);
    let bad = people.host.get(OLGA, &format!("/api/v1/subjects/{nobody}/copies?next=7")).await;
    assert_refused(&bad, StatusCode::UNPROCESSABLE_ENTITY, "invalid_parameter", None);
    let execution = going.parse().unwrap();
    assert!(
        people.host.memory.catalog.subject_filter(execution).await.unwrap().is_some(),
        "it stays with the history"
    );
}

#[tokio::test]
async fn d10_copies_are_shown_and_deleted_after_a_question() {
    let people = People::new();
    let held = people.exported("Held <i>").await;
    let going = people.exported("Going").await;
    let left = people.exported("Left").await;
    people.host.post(ADA, &format!("/sets/{held}/hold"), "").await;
    let artifact = people.host.get(ADA, &format!("/api/v1/artifacts?execution={going}")).await.json();
    let artifact = artifact["items"][0]["id"].as_str().unwrap().to_owned();
    people.host.get(ADA, &format!("/artifacts/{artifact}/content")).await;
    let id = people.asked("erasure").await;
    let at = format!("/subjects/{id}/copies");
    let page = people.host.get(OLGA, &at).await;
    assert_says(
        &page,
        &[
            "May hold",
            "On hold",
            "Held &lt;i&gt;",
            "ada, ",
            "Nowhere",
            &format!("href=\"../../sets/{going}\""),
        ],
    );
    assert_silent(&page, &["/copies/delete"]);
    let question = people.host.get(ADA, &format!("{at}/delete")).await;
    assert_says(
        &question,
        &[
            "3 exports: 3 may hold the person, 0 without the person, 0 of which nobody can tell.",
            "Delete 2 exports",
            "Keep them",
            &format!("name=\"id\" value=\"{going}\""),
            "on legal hold",
        ],
    );
    assert_silent(&question, &[&format!("name=\"id\" value=\"{held}\"")]);
    assert_eq!(
        people.host.get(ADA, &format!("/sets/{going}")).await.status,
        StatusCode::OK,
        "a question deletes nothing"
    );

    // What does not hold the person is not deleted, whatever a form says.
    let other = people.asked("both").await;
    let nobody = json!({"kind": "erasure", "identifier": ["phone=+1 555 01"]});
    let nobody = people.send(OLGA, "", &nobody).await.json()["id"].as_str().unwrap().to_owned();
    let forged =
        people.host.post(ADA, &format!("/subjects/{nobody}/copies/delete"), &format!("id={going}")).await;
    assert_eq!(forged.status, StatusCode::SEE_OTHER, "{}", forged.text);
    assert_eq!(people.host.get(ADA, &format!("/sets/{going}")).await.status, StatusCode::OK);
    let none = people.host.get(OLGA, &format!("/subjects/{nobody}/copies")).await;
    assert_says(&none, &["No export on this page"]);
    assert_says(
        &people.host.get(OLGA, &format!("/subjects/{nobody}/copies?all=true")).await,
        &["Holds nothing"],
    );

    assert_eq!(
        people.host.post(OLGA, &format!("{at}/delete"), &format!("id={going}")).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        people.host.post(ADA, &format!("{at}/delete"), "").await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let both = people.host.post(ADA, &format!("{at}/delete"), &format!("id={going}&id={held}")).await;
    assert_says(&both, &["Not everything was done", "Held &lt;i&gt;", "A legal hold keeps it"]);
    assert_eq!(people.host.get(ADA, &format!("/sets/{going}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        people.host.get(ADA, &format!("/sets/{left}")).await.status,
        StatusCode::OK,
        "nobody named it"
    );
    people.host.post(ADA, &format!("/sets/{left}/delete"), "").await;
    people.host.post(ADA, &format!("/sets/{held}/release"), "").await;
    let done =
        people.host.post(ADA, &format!("/subjects/{other}/copies/delete"), &format!("id={held}")).await;
    assert_eq!(
        done.header("location"),
        format!("../../../subjects/{other}/copies?done=copies-deleted"),
        "{}",
        done.text
    );
    let after = people.host.get(ADA, &format!("{at}?done=copies-deleted")).await;
    assert_says(
        &after,
        &[
            "The copies were deleted.",
            "Deleted <time datetime=\"2026-11-26",
            &format!("href=\"../../history/{going}\""),
        ],
    );
    assert_silent(&after, &["/copies/delete"]);
    assert_says(
        &people.host.get(ADA, &format!("{at}/delete")).await,
        &["No export that is kept and not on hold"],
    );
}

#[tokio::test]
async fn d11_those_who_have_copies_are_told_by_the_api() {
    let people = People::new();
    let (told, alone) =
        (people.exported_to("Told", &["mailto:ada@example.com"]).await, people.exported("Alone").await);
    people.exported_to("Nobody has it", &["mailto:ada@example.com"]).await;
    for execution in [&told, &alone] {
        people.fetched(execution).await;
    }
    let id = people.asked("erasure").await;
    let path = format!("/{id}/copies/notify");
    let forbidden = people.send(OLGA, &path, &Value::Null).await;
    assert_refused(&forbidden, StatusCode::FORBIDDEN, "forbidden", None);
    let foreign = people.send(MALLORY, &path, &Value::Null).await;
    assert_refused(&foreign, StatusCode::NOT_FOUND, "not_found", None);
    for outcome in ["told", "told_before"] {
        let answer = people.send(ADA, &path, &Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_nothing_of_the_person(&answer.text, "the answer");
        let items = answer.json()["items"].as_array().unwrap().clone();
        let of = |title: &str| items.iter().find(|one| one["title"] == title).cloned().unwrap_or_default();
        assert_eq!((&of("Told")["outcome"], items.len()), (&json!(outcome), 2), "{items:?}");
        assert_eq!(of("Told")["told"][0]["target"], "mailto:ada@example.com");
        assert_eq!(
            (&of("Alone")["outcome"], &of("Alone")["downloads"][0]["principal"]),
            (&json!("nobody"), &json!("ada"))
        );
    }
    let notices = people.host.get(ADA, "/api/v1/notices?kind=recall&channel=email").await;
    assert_eq!(notices.json()["items"].as_array().unwrap().len(), 1, "{}", notices.text);
    assert_nothing_of_the_person(&notices.text, "the notices");
    assert!(!notices.text.contains(&id), "a notice tells of no request: {}", notices.text);
    let audit = people.host.get(ADA, "/api/v1/audit?action=recall_copies").await.json()["items"].clone();
    let done = audit.as_array().unwrap().iter().filter(|one| one["outcome"] == "done").count();
    assert_eq!(done, 2, "{audit}");
    let access = people.asked("access").await;
    let refused = people.send(ADA, &format!("/{access}/copies/notify"), &Value::Null).await;
    assert_refused(&refused, StatusCode::CONFLICT, "subject_request_state", None);
    people.send(ADA, &format!("/{id}/withdraw"), &Value::Null).await;
    assert_refused(
        &people.send(ADA, &path, &Value::Null).await,
        StatusCode::CONFLICT,
        "subject_request_state",
        None,
    );
}

#[tokio::test]
async fn d11_a_page_asks_before_those_who_have_copies_are_told() {
    let people = People::new();
    let told = people.exported_to("Told <i>", &["mailto:ada@example.com"]).await;
    let alone = people.exported("Alone").await;
    let untouched = people.exported_to("Untouched", &["mailto:bob@example.com"]).await;
    for execution in [&told, &alone] {
        people.fetched(execution).await;
    }
    let id = people.asked("erasure").await;
    let at = format!("/subjects/{id}/copies");
    assert_says(&people.host.get(ADA, &at).await, &[&format!("href=\"../../subjects/{id}/copies/notify\"")]);
    assert_silent(&people.host.get(OLGA, &at).await, &["/copies/notify"]);
    let question = people.host.get(ADA, &format!("{at}/notify")).await;
    assert_says(
        &question,
        &[
            "The subscribers of these are told",
            "Told &lt;i&gt;",
            "Subscribers: ada@example.com",
            "Nobody subscribes to these: tell those who have them yourself",
            "Alone",
            "ada, ",
            "Tell 1 subscriber<",
            "Tell nobody",
            &format!("name=\"id\" value=\"{alone}\""),
        ],
    );
    assert_silent(&question, &["bob@example.com", &untouched]);
    let (told_of, by_hand) = question.text.split_once("Nobody subscribes to these").unwrap();
    assert!(told_of.contains("Told &lt;i&gt;") && !told_of.contains("Alone"), "{told_of}");
    assert!(by_hand.contains("Alone") && !by_hand.contains("Told &lt;i&gt;"), "{by_hand}");
    assert_nothing_of_the_person(&question.text, "the question");
    let none = people.host.get(ADA, "/api/v1/notices?kind=recall").await;
    assert_eq!(none.json()["items"], json!([]), "a question tells nobody");

    assert_eq!(
        people.host.post(OLGA, &format!("{at}/notify"), &format!("id={told}")).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        people.host.post(ADA, &format!("{at}/notify"), "").await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    // What nobody has is not told of, whatever a form says.
    let done = people.host.post(ADA, &format!("{at}/notify"), &format!("id={told}&id={untouched}")).await;
    assert_eq!(
        done.header("location"),
        format!("../../../subjects/{id}/copies?done=copies-recalled"),
        "{}",
        done.text
    );
    assert_says(&people.host.get(ADA, &format!("{at}?done=copies-recalled")).await, &["Those who subscribe"]);
    let notices =
        people.host.get(ADA, "/api/v1/notices?kind=recall&channel=email").await.json()["items"].clone();
    assert_eq!(
        (notices.as_array().unwrap().len(), &notices[0]["execution_id"]),
        (1, &json!(told)),
        "{notices}"
    );
    assert_says(&people.host.get(ADA, "/notices").await, &["Copies are to be deleted"]);
    assert_says(&people.host.get(ADA, "/audit").await, &["Tell those who have copies to delete them"]);

    // Nobody is offered to tell for a request that asks for access alone.
    let access = people.asked("access").await;
    assert_silent(&people.host.get(ADA, &format!("/subjects/{access}/copies")).await, &["/copies/notify"]);
    let refused =
        people.host.post(ADA, &format!("/subjects/{access}/copies/notify"), &format!("id={told}")).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
}
