//! The page of destinations: what it shows, to whom, and what its forms do (rules N3, N5).

use cdds_core::domain::delivery::destination::ServerIdentity;
use cdds_core::ports::destination::DestinationErrorKind;
use cdds_core::testing::destination::{Fate, RemoteCall};
use http::StatusCode;

use crate::host::{ADA, Host, MALLORY, OLGA, VIC};
use crate::partner::{Postbox, place, ports};

#[tokio::test]
async fn n3_without_destinations_the_page_says_who_adds_them() {
    let host = Host::new();
    let page = host.get(VIC, "/destinations").await.text;
    for told in ["No destination is registered", "href=\"./destinations\" aria-current=\"page\""] {
        assert!(page.contains(told), "{told}: {page}");
    }
}

#[tokio::test]
async fn n3_each_role_sees_destinations_and_is_offered_what_it_may_do() {
    let place = place().with_identity(ServerIdentity::new("SHA256:<a>"));
    let host = Host::with(ports(&[&place], &Postbox::default()));
    let offered = async |user: &str| {
        let page = host.get(user, "/destinations").await.text;
        let forms = ["check", "enable", "disable", "pin"];
        let is_offered = |form: &&str| page.contains(&format!("action=\"./destinations/{form}\""));
        (forms.into_iter().filter(is_offered).collect::<Vec<_>>(), page)
    };
    let (viewer, page) = offered(VIC).await;
    assert!(viewer.is_empty() && page.contains("Not used yet"), "{viewer:?} {page}");
    assert!(page.contains("Partner &lt;i&gt;Ltd&lt;/i&gt;") && !page.contains("<i>Ltd"), "{page}");
    assert!(!page.contains("small file"), "of a check that is not offered: {page}");
    let (operator, page) = offered(OLGA).await;
    assert!(operator == ["check"] && page.contains("small file"), "{operator:?} {page}");
    assert_eq!(offered(ADA).await.0, ["check", "disable"]);

    let found = host.post(OLGA, "/destinations/check", "name=partner").await.text;
    for told in ["Sets can be delivered", "Read it back", "SHA256:&lt;a&gt;"] {
        assert!(found.contains(told), "{told}: {found}");
    }
    let (known, page) = offered(ADA).await;
    assert_eq!(known, ["check", "disable", "pin"], "the identity was pinned");
    assert!(page.contains("Works") && page.contains("SHA256:&lt;a&gt;"), "{page}");
    let (other, page) = offered(MALLORY).await;
    assert!(other.is_empty() && !page.contains("partner") && !page.contains("Ltd"), "{page}");
    for form in ["check", "enable", "disable", "pin"] {
        let path = format!("/destinations/{form}");
        let refused = host.post(MALLORY, &path, "name=partner&identity=x").await;
        let viewers = host.post(VIC, &path, "name=partner&identity=x").await.status;
        assert!(!refused.text.contains("Ltd"), "{form}");
        assert_eq!((refused.status, viewers), (StatusCode::NOT_FOUND, StatusCode::FORBIDDEN), "{form}");
    }
}

#[tokio::test]
async fn n5_what_does_not_work_says_why_and_is_disabled_enabled_and_pinned() {
    let place = place().with_fate(|call| match call {
        RemoteCall::Write(_) => Fate::Fails(DestinationErrorKind::Unavailable),
        _ => Fate::Works,
    });
    let host = Host::with(ports(&[&place], &Postbox::default()));
    let found = host.post(OLGA, "/destinations/check", "name=partner").await.text;
    assert!(found.contains("Sets cannot be delivered") && found.contains("Did not work"), "{found}");
    let page = host.get(VIC, "/destinations").await.text;
    for told in ["Does not work at the moment", "Failing since", "a probe failed at write"] {
        assert!(page.to_lowercase().contains(&told.to_lowercase()), "{told}: {page}");
    }
    let does = async |form: &str, body: &str| {
        let answer = host.post(ADA, &format!("/destinations/{form}"), body).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        let next = answer.header("location").trim_start_matches("..").to_owned();
        host.get(ADA, &next).await.text
    };
    let page = does("disable", "name=partner").await;
    assert!(page.contains("The destination was disabled") && page.contains("by ada"), "{page}");
    let page = does("enable", "name=partner").await;
    assert!(page.contains("The destination was enabled") && !page.contains("by ada"), "{page}");
    let page = does("pin", "name=partner&identity=+SHA256:b+").await;
    assert!(page.contains("must show this identity") && page.contains("<code>SHA256:b</code>"), "{page}");
    for (form, body) in [("pin", "name=partner"), ("pin", "name=partner&identity=+"), ("check", "")] {
        let refused = host.post(ADA, &format!("/destinations/{form}"), body).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{form} {body}");
    }
    let unknown = host.post(ADA, "/destinations/check", "name=nobody").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}
