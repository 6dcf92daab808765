//! The endpoints of webhooks, and whether they work (rule N9).

use axum::extract::State;
use axum::response::Response;
use cdds_core::domain::access::Action;
use cdds_core::domain::id::Subscriber;
use cdds_view::{EndpointView, HealthState, ProblemView};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use crate::App;
use crate::answers::{Answers, Form, wrong};
use crate::done::Done;
use crate::pages::Refused;
use crate::pages::confirm::Question;
use crate::pages::parts::{mark, time, when};
use crate::texts::{self, destinations, notices as said};
use crate::visit::Visit;

/// Returns the endpoints.
pub(super) fn shown(visit: &Visit, endpoints: &[EndpointView], now: DateTime<Utc>) -> Markup {
    if endpoints.is_empty() {
        return Markup::default();
    }
    let may = [Action::TestNotice, Action::EnableEndpoint, Action::DisableEndpoint];
    let may_act = may.into_iter().any(|action| visit.may(action));
    html! {
        section.card #endpoints {
            table.cards role="table" {
                caption { (said::ENDPOINTS) }
                thead role="rowgroup" { tr role="row" {
                    th scope="col" role="columnheader" { (said::ENDPOINT) }
                    th scope="col" role="columnheader" { (texts::STATE) }
                    th scope="col" role="columnheader" { (said::LAST_CALLED) }
                    @if may_act { th scope="col" role="columnheader" { span.vh { (said::ACTIONS) } } }
                } }
                tbody role="rowgroup" {
                    @for (index, endpoint) in endpoints.iter().enumerate() {
                        (row(visit, index, endpoint, may_act, now))
                    }
                }
            }
            @for (index, endpoint) in endpoints.iter().enumerate() { (asked(visit, index, endpoint)) }
        }
    }
}

fn row(visit: &Visit, index: usize, endpoint: &EndpointView, may_act: bool, now: DateTime<Utc>) -> Markup {
    let health = &endpoint.health;
    let (class, shape) = match health.state {
        HealthState::Working => ("ok", "ok"),
        HealthState::Failing => ("bad", "bad"),
        HealthState::Disabled => ("off", "stop"),
        _ => ("off", "idle"),
    };
    let name = endpoint.id.as_str();
    html! {
        tr role="row" {
            th scope="row" role="rowheader" { (name) }
            td role="cell" data-l=(texts::STATE) {
                (mark(class, shape, said::health(health.state)))
                @if let Some(at) = health.disabled_at {
                    span.sub {
                        (time(at.0, now)) " "
                        (destinations::disabled(health.disabled_reason.as_deref(), health.disabled_by.as_deref()))
                    }
                } @else if let Some(since) = health.failing_since {
                    span.sub { (said::FAILS) " " (time(since.0, now)) }
                }
                @if let Some(error) = &health.error { span.sub { (texts::sentence(&texts::shortened(error))) } }
            }
            td.nw role="cell" data-l=(said::LAST_CALLED) {
                @match health.contacted_at { Some(at) => (when(at.0, now)), None => (destinations::NEVER) }
            }
            @if may_act {
                td role="cell" { div.acts {
                    @if visit.may(Action::TestNotice) { (button(visit, "notices/test", ("to", &format!("webhook:{name}")), said::TEST, name)) }
                    @if visit.may(Action::EnableEndpoint) && health.state == HealthState::Disabled {
                        (button(visit, "notices/enable", ("name", name), said::ENABLE, name))
                    }
                    @if is_disabled_here(visit, endpoint) {
                        button.danger type="button" popovertarget={ "off-" (index) } { (said::DISABLE) span.vh { ": " (name) } }
                    }
                } }
            }
        }
    }
}

/// Returns a form of one button and one hidden field; its accessible name says for what it is.
fn button(visit: &Visit, action: &str, (field, value): (&str, &str), label: &str, name: &str) -> Markup {
    html! {
        form method="post" action=(visit.to(action)) {
            input type="hidden" name=(field) value=(value);
            button { (label) span.vh { ": " (name) } }
        }
    }
}

fn is_disabled_here(visit: &Visit, endpoint: &EndpointView) -> bool {
    visit.may(Action::DisableEndpoint) && endpoint.health.state != HealthState::Disabled
}

/// Returns the question whether to disable an endpoint.
fn asked(visit: &Visit, index: usize, endpoint: &EndpointView) -> Markup {
    let question = Question {
        id: &format!("off-{index}"),
        title: &said::disable_this(endpoint.id.as_str()),
        action: &visit.to("notices/disable"),
        yes: said::DISABLE_IT,
        no: said::LEAVE_IT,
    };
    html! {
        @if is_disabled_here(visit, endpoint) {
            (question.asked(&html! {
                input type="hidden" name="name" value=(endpoint.id);
                p { (said::DISABLE_SAYS) }
            }))
        }
    }
}

/// `POST /notices/enable`
pub(in crate::pages) async fn enable(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Form(answers): Form,
) -> Result<Response, Refused> {
    services.subscribers.enable(visit.principal(), &named(&answers)?).await?;
    Ok(visit.tell("notices", Done::EndpointEnabled))
}

/// `POST /notices/disable`
pub(in crate::pages) async fn disable(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Form(answers): Form,
) -> Result<Response, Refused> {
    services.subscribers.disable(visit.principal(), &named(&answers)?).await?;
    Ok(visit.tell("notices", Done::EndpointDisabled))
}

fn named(answers: &Answers) -> Result<Subscriber, ProblemView> {
    answers.parsed("name")?.ok_or_else(|| wrong("name", said::NAME_ONE))
}
