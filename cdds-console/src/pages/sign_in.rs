//! The sign-in page of a console with its own users.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{Extensions, HeaderMap, Method, StatusCode, header};
use maud::{Markup, html};

use super::frame::{bare, icon};
use crate::App;
use crate::accounts::{Accounts, ClientAddress, SignIn, is_page};
use crate::answers::{Answers, Form, Query};
use crate::{place, texts};

pub(crate) fn routes(accounts: Accounts) -> Router<App> {
    Router::new()
        .route("/login", get(show).post(sign_in))
        .route("/logout", post(sign_out))
        .with_state(accounts)
}

/// `GET /login`, also with the one-time link's `once`.
async fn show(
    State(accounts): State<Accounts>,
    method: Method,
    headers: HeaderMap,
    Query(answers): Query,
) -> Response {
    if accounts.signed_in(&headers).is_some() {
        return place::see(&onward(&answers));
    }
    match answers.one("once") {
        // A program that only looks (HEAD) does not use the link up.
        Some(once) if method == Method::GET => match accounts.redeem(once, &headers) {
            Some(cookie) => signed_in(cookie, &answers),
            None if !accounts.has_users() => (StatusCode::FORBIDDEN, by_link(true)).into_response(),
            None => (StatusCode::FORBIDDEN, form(&answers, Some(texts::LINK_IS_OVER))).into_response(),
        },
        _ if !accounts.has_users() => by_link(false).into_response(),
        _ => form(&answers, None).into_response(),
    }
}

/// `POST /login`
async fn sign_in(
    State(accounts): State<Accounts>,
    headers: HeaderMap,
    extensions: Extensions,
    Form(answers): Form,
) -> Response {
    let (name, password) = (answers.one("name"), answers.one("password"));
    let from = extensions.get::<ClientAddress>().map(|client| client.0);
    let done = accounts.sign_in(name.unwrap_or_default(), password.unwrap_or_default(), &headers, from).await;
    match done {
        SignIn::Done(cookie) => signed_in(cookie, &answers),
        SignIn::Wrong => {
            (StatusCode::UNPROCESSABLE_ENTITY, form(&answers, Some(texts::WRONG_PASSWORD))).into_response()
        }
        SignIn::Wait(seconds) => {
            let page = form(&answers, Some(&texts::wait_to_sign_in(seconds)));
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.to_string())], page)
                .into_response()
        }
        SignIn::Failed => {
            (StatusCode::SERVICE_UNAVAILABLE, form(&answers, Some(texts::CANNOT_SIGN_IN))).into_response()
        }
    }
}

/// `POST /logout`
async fn sign_out(State(accounts): State<Accounts>, headers: HeaderMap) -> Response {
    let cookie = accounts.sign_out(&headers);
    ([(header::SET_COOKIE, cookie)], place::see("./login")).into_response()
}

fn signed_in(cookie: String, answers: &Answers) -> Response {
    ([(header::SET_COOKIE, cookie)], place::see(&onward(answers))).into_response()
}

/// Returns the page that was asked for first. It begins with `./`, so that it is never one of another host.
fn onward(answers: &Answers) -> String {
    format!("./{}", answers.one("to").filter(|page| is_page(page)).unwrap_or("jobs"))
}

/// Returns the page of a console without users, who would be asked for passwords that nobody has: a link that the server
/// prints lets in.
fn by_link(is_over: bool) -> Markup {
    bare(
        "./",
        texts::SIGN_IN,
        &html! {
            section.card.pad.rows.door {
                h1 { (texts::SIGN_IN) }
                @if is_over {
                    p.note.bad role="alert" { span.st.bad { (icon("bad")) span { (texts::LINK_IS_OVER) } } }
                }
                p { (texts::BY_LINK) }
                p.hint { (texts::BY_LINK_MORE) }
            }
        },
    )
}

/// Returns the page, with what was wrong. The password is typed again.
fn form(answers: &Answers, wrong: Option<&str>) -> Markup {
    let described = wrong.map(|_| "in-e");
    let title = match wrong {
        Some(_) => texts::error_title(texts::SIGN_IN),
        None => texts::SIGN_IN.to_owned(),
    };
    bare(
        "./",
        &title,
        &html! {
            form.card.pad.rows.door method="post" action="./login" aria-labelledby="in" {
                h1 #in { (texts::SIGN_IN) }
                @if let Some(wrong) = wrong {
                    p.note.bad role="alert" #in-e { span.st.bad { (icon("bad")) span { (wrong) } } }
                }
                div.field {
                    label for="name" { (texts::NAME) }
                    input.wide #name name="name" value=[answers.one("name")] autocomplete="username"
                        autocapitalize="none" required aria-describedby=[described];
                }
                div.field {
                    label for="password" { (texts::PASSWORD) }
                    input.wide #password name="password" type="password" autocomplete="current-password" required
                        aria-describedby=[described];
                }
                @if let Some(to) = answers.one("to").filter(|page| is_page(page)) {
                    input type="hidden" name="to" value=(to);
                }
                button.primary.wide { (texts::SIGN_IN) }
                p.hint { (texts::FORGOTTEN) }
            }
        },
    )
}
