//! Addresses that cannot be: a page or a problem says so, and leads out. The addresses are those of the router.

use axum::body::Body;
use http::{Method, Request, StatusCode};

use crate::host::{ADA, Answer, Host, ask, request};
use crate::matrix::operations;

/// What cannot be an id of anything.
const IDS: [&str; 4] = ["xyz", "%ff", "00000000-0000-0000-0000-00000000000", "%3Cscript%3E"];

/// What only the menu has.
const MENU: &str = "<nav aria-label=\"Main\"";

/// The addresses of pages, and the methods of each, as the router names them.
fn pages() -> Vec<(&'static str, Vec<Method>)> {
    let router = include_str!("../../src/pages.rs");
    let routes = router.split(".route(").skip(1).map(|route| {
        let (path, rest) = route.trim_start()[1..].split_once('"').unwrap();
        let verbs = rest.split(".merge(").next().unwrap();
        let methods = [("get(", Method::GET), ("post(", Method::POST)];
        (
            path,
            methods.into_iter().filter(|(verb, _)| verbs.contains(verb)).map(|(_, method)| method).collect(),
        )
    });
    routes.collect()
}

async fn sent(host: &Host, method: &Method, path: &str) -> Answer {
    let sent = request(method.clone(), ADA, path).header("sec-fetch-site", "same-origin");
    ask(&host.router, sent.body(Body::empty()).unwrap()).await
}

/// Returns the way from a page to the root of the console.
fn root(path: &str) -> String {
    match path.matches('/').count() {
        1 => "./".to_owned(),
        deep => "../".repeat(deep - 1),
    }
}

/// Sends a request without a user.
async fn of_nobody(host: &Host, method: &Method, path: &str) -> Answer {
    let request = Request::builder().uri(path).method(method.clone()).header("sec-fetch-site", "same-origin");
    ask(&host.router, request.body(Body::empty()).unwrap()).await
}

/// Checks that it is a page of the console, whose button leads to the jobs.
fn assert_page(answer: &Answer, path: &str, title: &str) {
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
    let way_out = format!("href=\"{}jobs\"", root(path));
    for text in [&*format!("<h1>{title}</h1>"), &way_out, "console.css"] {
        assert!(answer.text.contains(text), "{path}: {text} is not in {}", answer.text);
    }
    assert!(!answer.text.contains("<script>"), "{path}: {}", answer.text);
}

#[tokio::test]
async fn a_page_of_an_id_that_cannot_be_one_says_so_and_leads_out() {
    let host = Host::new();
    let mut tried = 0;
    for (path, methods) in pages().into_iter().filter(|(path, _)| path.contains('{')) {
        assert!(!methods.is_empty(), "{path}");
        for (method, id) in methods.iter().flat_map(|method| IDS.map(|id| (method, id))) {
            let path = path.replace("{id}", id).replace("{execution}", id);
            let answer = sent(&host, method, &path).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}: {}", answer.text);
            assert_page(&answer, &path, "Nothing here");
            assert!(answer.text.contains(MENU), "{path}: {}", answer.text);
            tried += 1;
        }
        let answer = of_nobody(&host, &methods[0], &path.replace(['{', '}'], "")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(!answer.text.contains(MENU), "{path}: {}", answer.text);
    }
    assert!(tried > 80, "{tried}");
}

#[tokio::test]
async fn an_address_that_nothing_has_shows_the_menu_to_whoever_is_let_in() {
    let host = Host::new();
    for path in ["/nothing", "/jobs/7/nothing"] {
        let answer = sent(&host, &Method::GET, path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_page(&answer, path, "Nothing here");
        let menu = format!("href=\"{}history\"", root(path));
        assert!(answer.text.contains(MENU) && answer.text.contains(&menu), "{}", answer.text);
        assert!(!answer.text.contains("aria-current"), "no entry of the menu is this page: {}", answer.text);

        let answer = of_nobody(&host, &Method::GET, path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!answer.text.contains(MENU), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_route_of_an_id_that_cannot_be_one_is_a_problem() {
    let host = Host::new();
    let document = host.get(ADA, "/api/v1/openapi.json").await.json();
    let mut tried = 0;
    for operation in operations(&document).into_iter().filter(|operation| operation.path.contains('{')) {
        for id in IDS {
            let path = operation.path.replace("{id}", id).replace("{execution}", id).replace("{name}", id);
            let example = &operation.told["requestBody"]["content"]["application/json"]["example"];
            let answer = host.send(ADA, operation.method.clone(), &format!("/api/v1{path}"), example).await;
            let place = format!("{} {path}: {}", operation.method, answer.text);
            // These are names that a recipient might have.
            if operation.path.contains("{name}") && ["xyz", IDS[2]].contains(&id) {
                assert_eq!(answer.json()["status"], 404, "{place}");
                continue;
            }
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{place}");
            assert_eq!(answer.header("content-type"), "application/problem+json", "{place}");
            assert_eq!(answer.json()["type"], "not_found", "{place}");
            tried += 1;
        }
    }
    assert!(tried > 80, "{tried}");
}

#[tokio::test]
async fn an_address_to_which_a_form_posts_leads_to_its_page() {
    let host = Host::new();
    let mut tried = 0;
    for (path, methods) in pages() {
        if !methods.contains(&Method::GET) {
            let path = path.replace(['{', '}'], "");
            let answer = sent(&host, &Method::GET, &path).await;
            let above = path.rsplit('/').nth(1).unwrap();
            let there = (StatusCode::SEE_OTHER, format!("../{above}"));
            assert_eq!((answer.status, answer.header("location").to_owned()), there, "{path}");
            let answer = sent(&host, &Method::DELETE, &path).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
            assert_eq!(answer.header("allow"), "POST", "{path}");
            assert_page(&answer, &path, "Not possible");
            tried += 1;
        }
    }
    assert!(tried > 10, "{tried}");
}
