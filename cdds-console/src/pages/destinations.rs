//! Destinations: where sets are delivered to, and whether that works.

use axum::extract::State;
use axum::response::Response;
use cdds_core::domain::access::Action;
use cdds_core::domain::delivery::destination::ServerIdentity;
use cdds_core::domain::id::DestinationId;
use cdds_view::{CheckStepView, DestinationCheckView, DestinationView, HealthState, ProblemView};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::Refused;
use super::confirm::Question;
use super::frame::{Section, page};
use super::parts::{mark, took, when};
use crate::App;
use crate::answers::{Answers, Form, wrong};
use crate::done::Done;
use crate::texts::{self, destinations as said};
use crate::visit::Visit;

/// `GET /destinations`
pub(super) async fn list(State(App { services, .. }): State<App>, visit: Visit) -> Result<Markup, Refused> {
    let states = services.deliveries.destinations(visit.principal()).await?;
    let destinations: Vec<DestinationView> = states.into_iter().map(DestinationView::from).collect();
    let now = services.jobs.now().await?;
    let body = html! {
        div.rows.tight { h1 { (said::TITLE) } p.sub { (said::ABOUT) } }
        @if destinations.is_empty() {
            section.card.pad.rows aria-labelledby="none" {
                h2 #none { (said::NOTHING_YET) }
                p { (said::NOTHING_YET_SAYS) }
            }
        }
        @for (index, destination) in destinations.iter().enumerate() { (one(&visit, index, destination, now)) }
        @if !destinations.is_empty() && visit.may(Action::CheckDestination) { p.hint { (said::CHECK_SAYS) } }
    };
    Ok(page(&visit, Section::Destinations, said::TITLE, &body))
}

fn one(visit: &Visit, index: usize, destination: &DestinationView, now: DateTime<Utc>) -> Markup {
    let (heading, id) = (format!("d-{index}"), format!("off-{index}"));
    let is_disabled = destination.health.state == HealthState::Disabled;
    let name = html! { input type="hidden" name="name" value=(destination.id); };
    let question = Question {
        id: &id,
        title: &said::disable_this(&destination.title),
        action: &visit.to("destinations/disable"),
        yes: said::DISABLE_IT,
        no: said::LEAVE_IT,
    };
    let may_disable = visit.may(Action::DisableDestination) && !is_disabled;
    html! {
        section.card.pad.rows aria-labelledby=(heading) {
            div.bar {
                div.rows.tight { h2 id=(heading) { (destination.title) } p.sub { code { (destination.id) } } }
                div.acts {
                    @if visit.may(Action::CheckDestination) {
                        (button(visit, "destinations/check", &name, said::CHECK, &destination.title))
                    }
                    @if visit.may(Action::EnableDestination) && is_disabled {
                        (button(visit, "destinations/enable", &name, said::ENABLE, &destination.title))
                    }
                    @if may_disable { (question.button(said::DISABLE)) }
                }
            }
            p { (state(destination.health.state)) }
            (facts(destination, now))
            @if is_disabled { p { (said::DELIVERIES_WAIT) } }
            @if visit.may(Action::PinDestination) { (pinning(visit, index, destination, &name)) }
        }
        @if may_disable { (question.asked(&html! { (name) p { (said::DISABLE_SAYS) } })) }
    }
}

/// Returns a form of one button; its accessible name says for what it is.
fn button(visit: &Visit, action: &str, hidden: &Markup, label: &str, title: &str) -> Markup {
    html! {
        form method="post" action=(visit.to(action)) {
            (hidden)
            button aria-label={ (label) ": " (title) } { (label) }
        }
    }
}

/// Says whether it works.
pub(super) fn state(state: HealthState) -> Markup {
    let word = said::state(state);
    match state {
        HealthState::Working => mark("ok", "ok", word),
        HealthState::Failing => mark("bad", "bad", word),
        HealthState::Disabled => mark("off", "stop", word),
        _ => mark("off", "idle", word),
    }
}

fn facts(destination: &DestinationView, now: DateTime<Utc>) -> Markup {
    let health = &destination.health;
    html! {
        dl.kv {
            dt { (said::KIND) } dd { (said::kind(&destination.kind)) }
            dt { (said::ADDRESS) } dd { code { (destination.address) } }
            dt { (said::CONNECTION) } dd { (if destination.is_open { said::OPEN } else { said::PROTECTED }) }
            dt { (said::LAST_USED) }
            dd { @match health.contacted_at { Some(at) => (when(at.0, now)), None => (said::NEVER) } }
            @if let Some(since) = health.failing_since { dt { (said::FAILING_SINCE) } dd { (when(since.0, now)) } }
            @if let Some(error) = &health.error { dt { (said::REASON) } dd { (texts::sentence(error)) } }
            @if let Some(at) = health.disabled_at {
                dt { (said::DISABLED) }
                dd {
                    (when(at.0, now))
                    span.sub { (said::disabled(health.disabled_reason.as_deref(), health.disabled_by.as_deref())) }
                }
            }
            @if has_identity(destination) {
                dt { (said::PINNED) }
                dd {
                    @match &destination.pinned {
                        Some(identity) => code { (identity) },
                        None => (said::NOT_PINNED),
                    }
                }
            }
        }
    }
}

/// Whether its server shows an identity that people can compare. Others are known by certificates.
fn has_identity(destination: &DestinationView) -> bool {
    destination.pinned.is_some() || destination.kind == "sftp"
}

/// Returns the form that pins another identity of the server.
fn pinning(visit: &Visit, index: usize, destination: &DestinationView, name: &Markup) -> Markup {
    let field = format!("identity-{index}");
    html! {
        @if has_identity(destination) {
            details {
                summary { (said::PIN) }
                form.rows method="post" action=(visit.to("destinations/pin")) {
                    (name)
                    p.hint id={ (field) "-hint" } { (said::PIN_SAYS) }
                    div.field {
                        label for=(field) { (said::IDENTITY) }
                        input.mono.wide id=(field) name="identity" required autocomplete="off" spellcheck="false"
                            aria-describedby={ (field) "-hint" };
                    }
                    div.acts { button { (said::PIN_IT) } }
                }
            }
        }
    }
}

/// `POST /destinations/check`: tries a destination, and says what came of each step. The answer is a page of its own.
pub(super) async fn check(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Form(answers): Form,
) -> Result<Markup, Refused> {
    let (probe, state) = services.deliveries.check(visit.principal(), &named(&answers)?).await?;
    let title = said::check_of(&state.description.title);
    let found = DestinationCheckView::new(probe, state);
    let name = html! { input type="hidden" name="name" value=(found.destination); };
    let body = html! {
        div.rows.tight {
            p.sub { a href=(visit.to("destinations")) { (said::TITLE) } }
            div.bar {
                h1 { (title) }
                div.acts { (button(&visit, "destinations/check", &name, said::CHECK_AGAIN, &title)) }
            }
            p {
                @if found.works { (mark("ok", "ok", said::WELL)) } @else { (mark("bad", "bad", said::NOT_WELL)) }
            }
        }
        section.card aria-labelledby="steps" {
            table.cards role="table" {
                caption #steps { (said::STEPS) }
                thead role="rowgroup" { tr role="row" {
                    th scope="col" role="columnheader" { (said::STEP) }
                    th scope="col" role="columnheader" { (said::RESULT) }
                    th.num scope="col" role="columnheader" { (said::TOOK) }
                } }
                tbody role="rowgroup" { @for one in &found.steps { (tried(one)) } }
            }
        }
        @if let Some(identity) = &found.identity {
            section.card.pad.rows aria-labelledby="identity" {
                h2 #identity { (said::SHOWN) }
                p { code { (identity) } }
                @if found.pinned.as_ref() != Some(identity) {
                    @if let Some(pinned) = &found.pinned { p { (said::PINNED) ": " code { (pinned) } } }
                }
                p.hint { (said::PIN_SAYS) }
            }
        }
        p.hint { (said::CHECK_SAYS) }
    };
    Ok(page(&visit, Section::Destinations, &title, &body))
}

fn tried(one: &CheckStepView) -> Markup {
    html! {
        tr role="row" {
            th scope="row" role="rowheader" { (said::step(&one.step)) }
            td role="cell" data-l=(said::RESULT) {
                @match &one.error {
                    None => (mark("ok", "ok", said::WORKED)),
                    Some(error) => {
                        @if one.needed { (mark("bad", "bad", said::DID_NOT)) } @else { (mark("warn", "warn", said::DID_NOT)) }
                        p { (texts::sentence(error)) }
                        @if !one.needed { p.hint { (said::UNNEEDED) } }
                    },
                }
            }
            td.num.nw role="cell" data-l=(said::TOOK) {
                (took(one.milliseconds))
            }
        }
    }
}

/// `POST /destinations/enable`
pub(super) async fn enable(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Form(answers): Form,
) -> Result<Response, Refused> {
    services.deliveries.enable(visit.principal(), &named(&answers)?).await?;
    Ok(visit.tell("destinations", Done::DestinationEnabled))
}

/// `POST /destinations/disable`
pub(super) async fn disable(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Form(answers): Form,
) -> Result<Response, Refused> {
    services.deliveries.disable(visit.principal(), &named(&answers)?).await?;
    Ok(visit.tell("destinations", Done::DestinationDisabled))
}

/// `POST /destinations/pin`
pub(super) async fn pin(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Form(answers): Form,
) -> Result<Response, Refused> {
    let identity = answers.one("identity").map(str::trim).filter(|identity| !identity.is_empty());
    let identity = identity.ok_or_else(|| wrong("identity", said::IDENTITY_NEEDED))?;
    let identity = Some(ServerIdentity::new(identity));
    services.deliveries.pin(visit.principal(), &named(&answers)?, identity).await?;
    Ok(visit.tell("destinations", Done::IdentityPinned))
}

fn named(answers: &Answers) -> Result<DestinationId, ProblemView> {
    answers.parsed("name")?.ok_or_else(|| wrong("name", said::NAME_ONE))
}
