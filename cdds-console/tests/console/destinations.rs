//! Destinations and endpoints: what the API says of them, and to whom (rules N3, N5, N9).

use cdds_core::domain::delivery::destination::ServerIdentity;
use cdds_core::ports::destination::DestinationErrorKind;
use cdds_core::ports::notifier::NotifyErrorKind;
use cdds_core::testing::destination::{Fate, RemoteCall};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::host::{ADA, Host, MALLORY, OLGA, VIC, once};
use crate::partner::{Postbox, place, ports, told};

#[tokio::test]
async fn n3_a_check_tells_each_step_and_pins_the_identity() {
    let place = place().with_identity(ServerIdentity::new("SHA256:a"));
    let host = Host::with(ports(&[&place], &Postbox::default()));
    let unused = host.get(VIC, "/api/v1/destinations/partner").await.json();
    assert_eq!((&unused["state"], &unused["pinned"]), (&"unused".into(), &Value::Null), "{unused}");
    assert_eq!((&unused["kind"], &unused["address"]), (&"other".into(), &"memory:partner".into()));

    let checked = host.send(OLGA, Method::POST, "/api/v1/destinations/partner/check", &Value::Null).await;
    let found = checked.json();
    assert_eq!((&found["works"], &found["identity"]), (&true.into(), &"SHA256:a".into()), "{found}");
    let steps: Vec<&str> =
        found["steps"].as_array().unwrap().iter().map(|one| one["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["connect", "write", "size", "rename", "read_back", "remove"]);
    let list = host.get(VIC, "/api/v1/destinations").await.json();
    let one = &list["items"][0];
    assert_eq!((&one["state"], &one["pinned"]), (&"working".into(), &"SHA256:a".into()), "{list}");
    let other = host.get(MALLORY, "/api/v1/destinations").await.json();
    assert_eq!(other, json!({"items": [], "next": null}));
}

#[tokio::test]
async fn n3_an_identity_is_pinned_or_forgotten_and_never_by_mistake() {
    let host = Host::with(ports(&[&place()], &Postbox::default()));
    let pin = async |body: Value| {
        let answer = host.send(ADA, Method::POST, "/api/v1/destinations/partner/pin", &body).await;
        (answer.status.as_u16(), answer.json())
    };
    let (status, view) = pin(json!({"identity": " SHA256:b "})).await;
    assert_eq!((status, &view["pinned"]), (200, &"SHA256:b".into()), "{view}");
    for body in [json!({}), json!({"identity": " "}), json!([])] {
        let (status, problem) = pin(body).await;
        assert_eq!((status, &problem["type"]), (422, &"invalid_form".into()), "{problem}");
    }
    assert_eq!(host.get(ADA, "/api/v1/destinations/partner").await.json()["pinned"], "SHA256:b");
    assert_eq!(pin(json!({"identity": null})).await.1["pinned"], Value::Null);
}

#[tokio::test]
async fn n5_a_destination_that_fails_says_why_and_is_disabled_and_enabled() {
    let place = place().with_fate(|call| match call {
        RemoteCall::Write(_) => Fate::Fails(DestinationErrorKind::Unavailable),
        _ => Fate::Works,
    });
    let host = Host::with(ports(&[&place], &Postbox::default()));
    let post = async |what: &str| {
        host.send(ADA, Method::POST, &format!("/api/v1/destinations/partner/{what}"), &Value::Null)
            .await
            .json()
    };
    let found = post("check").await;
    assert_eq!(found["works"], false, "{found}");
    let failing = host.get(VIC, "/api/v1/destinations/partner").await.json();
    assert_eq!(failing["state"], "failing");
    assert!(failing["failing_since"].is_string() && failing["error"].is_string(), "{failing}");
    let disabled = post("disable").await;
    assert_eq!(
        (&disabled["state"], &disabled["disabled_reason"], &disabled["disabled_by"]),
        (&"disabled".into(), &"person".into(), &"ada".into())
    );
    assert_eq!(post("enable").await["disabled_at"], Value::Null);
}

#[tokio::test]
async fn n9_an_endpoint_is_listed_once_it_was_called() {
    let postbox = Postbox::default();
    let host = Host::with(ports(&[], &postbox));
    assert_eq!(host.get(VIC, "/api/v1/endpoints").await.json()["items"], json!([]));
    let test = async |subscriber: &str| {
        let body = json!({"subscriber": subscriber});
        host.send(OLGA, Method::POST, "/api/v1/notices/test", &body).await
    };
    let sent = test("webhook:billing").await.json();
    assert_eq!((&sent["sent"], &sent["target"]), (&true.into(), &"webhook:billing".into()), "{sent}");
    assert!(postbox.sent.lock().unwrap()[0].is_test);
    *postbox.fails.lock().unwrap() = Some(NotifyErrorKind::Gone);
    let gone = test("webhook:billing").await.json();
    assert!(gone["sent"] == false && gone["error"].as_str().unwrap().contains("is away"), "{gone}");
    let list = host.get(VIC, "/api/v1/endpoints").await.json();
    let one = &list["items"][0];
    assert_eq!((&one["id"], &one["disabled_reason"]), (&"billing".into(), &"gone".into()), "{list}");
    assert_eq!(host.get(MALLORY, "/api/v1/endpoints").await.json()["items"], json!([]));
    let enabled = host.send(ADA, Method::POST, "/api/v1/endpoints/billing/enable", &Value::Null).await.json();
    assert_eq!((&enabled["id"], &enabled["disabled_at"]), (&"billing".into(), &Value::Null), "{enabled}");

    for (wrong, code) in [("fax:1", "invalid_subscribers"), ("webhook:other", "invalid_subscribers")] {
        let refused = test(wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        let problem = refused.json();
        assert_eq!((&problem["type"], &problem["field"]), (&code.into(), &"subscriber".into()), "{wrong}");
    }
}

#[tokio::test]
async fn n1_a_job_of_another_owner_cannot_name_the_destination() {
    let host = Host::with(ports(&[&place()], &Postbox::default()));
    let mut settings = told(once("Calls"));
    settings["notify"] = json!([]);
    let refused = host.send(MALLORY, Method::POST, "/api/v1/jobs", &settings).await;
    assert_eq!(refused.json()["type"], "unknown_destination", "{}", refused.text);
}
