//! Where the console is mounted, who is let in, and what every response says.

use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode};

use crate::host::{ADA, Host, ask, daily, request};

#[tokio::test]
async fn it_answers_at_any_prefix_with_and_without_a_slash_behind_it() {
    let host = Host::new();
    for prefix in ["", "/exports", "/a/b"] {
        let mounted = match prefix {
            "" => host.router.clone(),
            prefix => Router::new().nest_service(prefix, host.router.clone()),
        };
        let get = async |path: &str| {
            let path = format!("{prefix}{path}");
            ask(&mounted, request(Method::GET, ADA, &path).body(Body::empty()).unwrap()).await
        };
        let last = prefix.rsplit('/').next().unwrap();
        let mut homes = vec![("/", "jobs".to_owned())];
        if !prefix.is_empty() {
            homes.push(("", format!("{last}/jobs")));
        }
        for (path, location) in homes {
            let home = get(path).await;
            assert_eq!(
                (home.status, home.header("location")),
                (StatusCode::SEE_OTHER, &*location),
                "{prefix}{path}"
            );
        }
        assert_eq!(get("/jobs").await.status, StatusCode::OK, "{prefix}");
        let slash = get("/jobs/?state=active").await;
        let there = (StatusCode::PERMANENT_REDIRECT, "../jobs?state=active");
        assert_eq!((slash.status, slash.header("location")), there, "{prefix}");
        assert_eq!(get("/api/v1/jobs").await.status, StatusCode::OK, "{prefix}");
        assert_eq!(get("/nothing").await.status, StatusCode::NOT_FOUND, "{prefix}");
        let missing = get("/jobs/a/b/c").await;
        assert!(missing.text.contains("href=\"../../../jobs\""), "{}", missing.text);
        for link in ["/assets/console.css", "/assets/console.js"] {
            assert_eq!(get(link).await.status, StatusCode::OK, "{prefix}{link}");
        }
    }
}

#[tokio::test]
async fn every_entry_of_the_menu_is_a_page() {
    let host = Host::new();
    let page = host.get(ADA, "/jobs").await.text;
    let menu = page.split("<nav aria-label=\"Main\">").nth(1).unwrap().split("</nav>").next().unwrap();
    let entries: Vec<&str> =
        menu.split("href=\".").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(entries.len() > 2, "{menu}");
    for entry in entries {
        assert_eq!(host.get(ADA, entry).await.status, StatusCode::OK, "{entry}");
    }
}

#[tokio::test]
async fn nobody_is_let_in_before_the_host_says_who_they_are() {
    let host = Host::new();
    let anonymous = |path: &str| Request::builder().uri(path).body(Body::empty()).unwrap();
    let page = ask(&host.router, anonymous("/jobs")).await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    assert!(page.text.contains("Sign in first"), "{}", page.text);
    let api = ask(&host.router, anonymous("/api/v1/jobs")).await;
    assert_eq!((api.status, api.header("www-authenticate")), (StatusCode::UNAUTHORIZED, "Bearer"));
    assert_eq!(api.json()["type"], "not_signed_in");
}

#[tokio::test]
async fn another_site_cannot_make_a_browser_change_anything() {
    let host = Host::new();
    let id = host.job(ADA, daily("Calls")).await;
    for path in [format!("/jobs/{id}/suspend"), format!("/api/v1/jobs/{id}/suspend")] {
        for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
            let forged =
                request(Method::POST, ADA, &path).header("host", "console.example").header(name, value);
            let answer = ask(&host.router, forged.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {name}");
        }
    }
    assert_eq!(host.get(ADA, &format!("/api/v1/jobs/{id}")).await.json()["state"], "active");
}

#[tokio::test]
async fn every_response_says_what_a_browser_may_load() {
    let host = Host::new();
    for path in ["/", "/jobs", "/nothing", "/api/v1/jobs", "/api/v1/nothing", "/assets/console.css"] {
        let answer = host.get(ADA, path).await;
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        let kept = answer.header("cache-control");
        assert_eq!(kept.starts_with("public"), path.starts_with("/assets"), "{path}: {kept}");
    }
}
