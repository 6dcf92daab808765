//! The copies that exports have made of a person's records, by the API and on pages (rule D10).

use cdds_core::ports::catalog::CopyStore as _;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::host::{ADA, OLGA};
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
    let id = people.asked("access").await;
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
    let other = people.asked("access").await;
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
