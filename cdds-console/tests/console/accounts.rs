//! The console's own users: signing in and out, tokens, and what ends a session.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use cdds_console::Services;
use cdds_console::accounts::{Accounts, ClientAddress, PasswordHash, Token, User, router};
use cdds_core::{JobRules, Owner, PrincipalName, Role};
use http::{Method, Request, StatusCode};

use crate::host::{ADA, Answer, Host, ask, daily};
use crate::matrix::operations;

const PASSWORD: &str = "correct horse";

/// Hashing takes a while.
static HASH: LazyLock<PasswordHash> = LazyLock::new(|| PasswordHash::of(PASSWORD).unwrap());

struct Door {
    host: Host,
    accounts: Accounts,
    router: Router,
}

fn ada(role: Role) -> User {
    User::new(name("ada"), HASH.clone(), Owner::new("acme").unwrap(), role)
}

fn name(name: &str) -> PrincipalName {
    PrincipalName::new(name).unwrap()
}

impl Door {
    fn new() -> Self {
        Self::with(false)
    }

    fn with(is_secure: bool) -> Self {
        let host = Host::new();
        let accounts = Accounts::new(Arc::clone(&host.memory.ports.clock), is_secure);
        accounts.set_users([ada(Role::Administrator)]);
        let services = Services::new(&host.memory.ports, JobRules::default());
        let router = router(services, &accounts, accounts.clone());
        Self { host, accounts, router }
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask(Method::GET, path, headers, "").await
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        ask(&self.router, request.body(Body::from(body.to_owned())).unwrap()).await
    }

    async fn sign_in(&self, form: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask(Method::POST, "/login", headers, form).await
    }

    /// Signs Ada in and returns the cookie as a browser sends it.
    async fn cookie(&self) -> String {
        let done = self.sign_in("name=ada&password=correct+horse", &[]).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
        cookie_of(&done)
    }

    async fn status(&self, cookie: &str) -> StatusCode {
        self.get("/jobs", &[("cookie", cookie)]).await.status
    }
}

fn cookie_of(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_user_signs_in_and_out_and_the_cookie_is_closed_to_scripts_and_other_sites() {
    let door = Door::new();
    let asked = door.get("/jobs?state=active", &[]).await;
    let way = "./login?to=jobs%3Fstate%3Dactive";
    assert_eq!((asked.status, asked.header("location")), (StatusCode::SEE_OTHER, way));
    let form = door.get("/login?to=jobs%3Fstate%3Dactive", &[]).await;
    assert!(form.text.contains("name=\"to\" value=\"jobs?state=active\""), "{}", form.text);

    let done = door.sign_in("name=ada&password=correct+horse&to=jobs%3Fstate%3Dactive", &[]).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "./jobs?state=active"));
    let (cookie, rules) = done.header("set-cookie").split_once(';').unwrap();
    assert_eq!(rules, " HttpOnly; SameSite=Strict; Path=/");
    assert_eq!(cookie.len(), "cdds_session=".len() + 43);
    let page = door.get("/jobs", &[("cookie", &format!("other=1; {cookie}"))]).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("ada") && page.text.contains("action=\"./logout\""), "{}", page.text);
    assert_eq!(door.get("/login", &[("cookie", cookie)]).await.header("location"), "./jobs");

    let over = door.ask(Method::POST, "/logout", &[("cookie", cookie)], "").await;
    assert_eq!((over.status, over.header("location")), (StatusCode::SEE_OTHER, "./login"));
    assert!(over.header("set-cookie").starts_with("cdds_session=; "), "{}", over.header("set-cookie"));
    assert!(over.header("set-cookie").ends_with("; Max-Age=0"));
    assert_eq!(door.status(cookie).await, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn over_tls_the_cookie_is_for_this_host_and_tls_alone() {
    let door = Door::with(true);
    let done = door.sign_in("name=ada&password=correct+horse", &[]).await;
    let cookie = done.header("set-cookie");
    assert!(cookie.starts_with("__Host-cdds_session=") && cookie.ends_with("; Path=/; Secure"), "{cookie}");
    assert_eq!(door.status(&cookie_of(&done)).await, StatusCode::OK);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_the_same_answer() {
    let door = Door::new();
    let wrong = door.sign_in("name=ada&password=guess", &[]).await;
    let unknown = door.sign_in("name=eve&password=guess", &[]).await;
    let long = format!("name=ada&password={}", "x".repeat(2000));
    let long = door.sign_in(&long, &[]).await;
    for answer in [&wrong, &unknown, &long] {
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(answer.header("set-cookie"), "");
        assert!(answer.text.contains("do not belong together"), "{}", answer.text);
        assert!(!answer.text.contains("guess") && !answer.text.contains("more tr"), "{}", answer.text);
    }
    assert_eq!(wrong.text.replace("\"ada\"", "\"eve\""), unknown.text);
    let hostile = door.sign_in("name=%22%3E%3Cscript%3E&password=x", &[]).await;
    assert!(!hostile.text.contains("<script>"), "{}", hostile.text);
}

#[tokio::test]
async fn guessing_is_slowed_down_by_name_and_by_address() {
    let door = Door::new();
    for _ in 0..5 {
        let wrong = door.sign_in("name=ada&password=guess", &[]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let wait = door.sign_in("name=ada&password=correct+horse", &[]).await;
    assert_eq!((wait.status, wait.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "60"));
    assert!(wait.text.contains("Wait 1 minute, then"), "{}", wait.text);

    let from = |last: u8| {
        let router =
            door.router.clone().layer(axum::Extension(ClientAddress(IpAddr::from([10, 0, 0, last]))));
        async move |n: u32| {
            let form = format!("name=u{last}-{n}&password=x");
            let post = Request::post("/login").body(Body::from(form)).unwrap();
            ask(&router, post).await.status
        }
    };
    let (one, other) = (from(1), from(2));
    for n in 0..20 {
        assert_eq!(one(n).await, StatusCode::UNPROCESSABLE_ENTITY, "{n}");
    }
    assert_eq!(one(20).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(other(0).await, StatusCode::UNPROCESSABLE_ENTITY);

    door.host.memory.clock.advance(Duration::from_secs(60));
    assert_eq!(door.status(&door.cookie().await).await, StatusCode::OK);
}

#[tokio::test]
async fn a_session_ends_by_itself_and_when_its_user_is_gone_or_another() {
    let door = Door::new();
    for users in [vec![], vec![ada(Role::Viewer)]] {
        door.accounts.set_users([ada(Role::Administrator)]);
        let cookie = door.cookie().await;
        door.accounts.set_users([ada(Role::Administrator)]);
        assert_eq!(door.status(&cookie).await, StatusCode::OK);
        door.accounts.set_users(users);
        assert_eq!(door.status(&cookie).await, StatusCode::SEE_OTHER);
        // It has ended for good.
        door.accounts.set_users([ada(Role::Administrator)]);
        assert_eq!(door.status(&cookie).await, StatusCode::SEE_OTHER);
    }
    let cookie = door.cookie().await;
    door.host.memory.clock.advance(Duration::from_secs(2 * 3600));
    assert_eq!(door.status(&cookie).await, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_that_was_planted_is_not_taken_over() {
    let door = Door::new();
    let planted = door.cookie().await;
    let done = door.sign_in("name=ada&password=correct+horse", &[("cookie", &planted)]).await;
    assert_ne!(cookie_of(&done), planted);
    assert_eq!(door.status(&planted).await, StatusCode::SEE_OTHER);
    assert_eq!(door.status(&cookie_of(&done)).await, StatusCode::OK);
}

#[tokio::test]
async fn signing_in_leads_to_no_other_host() {
    let door = Door::new();
    for to in
        ["https://evil.example", "//evil.example", "/\\evil.example", "\\evil", "%0d%0aSet-Cookie:x", ""]
    {
        let form = format!("name=ada&password=correct+horse&to={to}");
        let done = door.sign_in(&form, &[]).await;
        assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "./jobs"), "{to}");
    }
}

#[tokio::test]
async fn another_site_cannot_sign_a_browser_in() {
    let door = Door::new();
    let form = "name=ada&password=correct+horse";
    for header in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let forged = door.sign_in(form, &[("host", "console.example"), header]).await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN, "{header:?}");
        assert_eq!(forged.header("set-cookie"), "");
    }
}

#[tokio::test]
async fn the_link_signs_in_once_and_not_after_its_time() {
    let door = Door::new();
    let principal = crate::host::principal("ops/acme/administrator");
    let link = door.accounts.sign_in_link(principal.clone(), Duration::from_secs(900)).unwrap();
    let looked = door.ask(Method::HEAD, &format!("/{link}"), &[], "").await;
    assert_eq!(looked.header("set-cookie"), "");
    let done = door.get(&format!("/{link}"), &[]).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "./jobs"));
    assert_eq!(door.status(&cookie_of(&done)).await, StatusCode::OK);
    let again = door.get(&format!("/{link}"), &[]).await;
    assert_eq!((again.status, again.header("set-cookie")), (StatusCode::FORBIDDEN, ""));
    assert!(again.text.contains("This link is over"), "{}", again.text);

    let link = door.accounts.sign_in_link(principal, Duration::from_secs(900)).unwrap();
    door.host.memory.clock.advance(Duration::from_secs(900));
    assert_eq!(door.get(&format!("/{link}"), &[]).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn without_users_nobody_is_asked_for_a_password() {
    let door = Door::new();
    let field = "type=\"password\"";
    assert!(door.get("/login", &[]).await.text.contains(field));
    door.accounts.set_users([]);
    let page = door.get("/login", &[]).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        !page.text.contains(field) && page.text.contains("link that the server printed"),
        "{}",
        page.text
    );
    let over = door.get("/login?once=over", &[]).await;
    assert_eq!(over.status, StatusCode::FORBIDDEN);
    assert!(over.text.contains("This link is over") && !over.text.contains(field), "{}", over.text);
}

#[tokio::test]
async fn a_token_calls_for_its_owner_by_its_role_until_it_ends() {
    let door = Door::new();
    let now = "2026-11-26T14:32:08Z".parse().unwrap();
    let make = |owner: &str, role| Token::create(name("ci"), Owner::new(owner).unwrap(), role, now).unwrap();
    let ((viewer, text), (other, others)) = (make("acme", Role::Viewer), make("other", Role::Operator));
    let viewer = viewer.with_expires_at(Some("2026-11-26T15:32:08Z".parse().unwrap()));
    assert!(!format!("{viewer:?}").contains(&viewer.digest()));
    let kept =
        Token::from_parts(name("ci"), viewer.owner.clone(), viewer.role, now, &viewer.digest()).unwrap();
    assert_eq!(kept.with_expires_at(viewer.expires_at), viewer);
    door.accounts.set_tokens([viewer, other]);
    door.host.job("ada/acme/administrator", daily("Calls")).await;

    let bearer = |token: &str| format!("Bearer {token}");
    let list = door.get("/api/v1/jobs", &[("authorization", &bearer(&text))]).await;
    assert_eq!(list.json()["items"].as_array().unwrap().len(), 1);
    let list = door.get("/api/v1/jobs", &[("authorization", &bearer(&others))]).await;
    assert_eq!(list.json()["items"].as_array().unwrap().len(), 0);
    let json = [("authorization", &*bearer(&text)), ("content-type", "application/json")];
    let refused = door.ask(Method::POST, "/api/v1/jobs", &json, &daily("More").to_string()).await;
    assert_eq!((refused.status, &refused.json()["type"]), (StatusCode::FORBIDDEN, &"forbidden".into()));

    let cookie = door.cookie().await;
    for wrong in [&*bearer("cdds_x"), "Bearer", "Basic YTpi", ""] {
        // A session does not stand in for a wrong token.
        let headers = [("authorization", wrong), ("cookie", cookie.as_str())];
        assert_eq!(door.get("/api/v1/jobs", &headers).await.status, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    door.host.memory.clock.advance(Duration::from_secs(3600));
    let late = door.get("/api/v1/jobs", &[("authorization", &bearer(&text))]).await;
    assert_eq!(late.status, StatusCode::UNAUTHORIZED);
    door.accounts.set_tokens([]);
    let document = door.host.get(ADA, "/api/v1/openapi.json").await.json();
    for operation in operations(&document) {
        let path = format!("/api/v1{}", operation.path.replace(['{', '}'], ""));
        let revoked = [("authorization", &*bearer(&others)), ("content-type", "application/json")];
        let answer = door.ask(operation.method.clone(), &path, &revoked, "{}").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{} {path}", operation.method);
    }
}
