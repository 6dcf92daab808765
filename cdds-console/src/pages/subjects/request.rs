//! One request: what was asked, how far it has come, and what the visitor may do next.

use axum::extract::State;
use cdds_core::domain::access::Action;
use cdds_core::domain::id::SubjectRequestId;
use cdds_core::domain::subject::request::SubjectRequest;
use cdds_view::{RequestStepView, SubjectExportView, SubjectRequestView, words};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::found::{Told, table};
use super::steps::Step;
use super::{chosen, standing, urgent};
use crate::answers::Id;
use crate::pages::Refused;
use crate::pages::frame::{Section, page};
use crate::pages::parts::{mark, status, time};
use crate::texts::{self, subjects as said};
use crate::visit::Visit;
use crate::{App, Services};

/// A request as the visitor sees it.
pub(super) struct Sight {
    pub(super) request: SubjectRequestView,
    pub(super) now: DateTime<Utc>,
    /// Whether the visitor has put it on record.
    is_own: bool,
}

impl Sight {
    pub(super) async fn of(
        services: &Services,
        visit: &Visit,
        id: SubjectRequestId,
    ) -> Result<Self, Refused> {
        let request = services.subjects.show(visit.principal(), id).await?;
        Self::with(services, visit, &request).await
    }

    async fn with(services: &Services, visit: &Visit, request: &SubjectRequest) -> Result<Self, Refused> {
        let by = visit.principal();
        let is_own = request.received.by == by.name;
        let now = services.jobs.now().await?;
        Ok(Self { request: services.subject_request(by, request).await?, now, is_own })
    }

    /// Returns the address of the request, or of one of its parts, from the root of the console.
    pub(super) fn at(&self, part: &str) -> String {
        format!("subjects/{}{part}", self.request.id)
    }

    pub(super) fn title(&self) -> String {
        said::title(&self.request.kind, &self.request.id.to_string())
    }

    pub(super) fn is_open(&self) -> bool {
        self.request.due.is_some()
    }

    pub(super) fn erases(&self) -> bool {
        self.request.kind != "access"
    }

    pub(super) fn hands_over(&self) -> bool {
        self.request.kind != "erasure"
    }

    /// Whether a step may be the next one, whoever takes it.
    pub(super) fn awaits(&self, step: Step) -> bool {
        let request = &self.request;
        match step {
            Step::Verify => request.state == "received",
            Step::Approve => request.state == "verified" && self.erases(),
            Step::Extend => {
                request.extended.is_none() && self.is_open() && request.due.as_deref() != Some("passed")
            }
            Step::Refuse | Step::Withdraw => self.is_open(),
        }
    }

    /// Whether the visitor may take a step.
    fn offers(&self, visit: &Visit, step: Step) -> bool {
        let is_kept_from = matches!(step, Step::Approve) && self.is_own;
        self.awaits(step) && visit.may(step.action()) && !is_kept_from
    }
}

/// `GET /subjects/{id}`
pub(in crate::pages) async fn show(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<SubjectRequestId>,
) -> Result<Markup, Refused> {
    let sight = Sight::of(&services, &visit, id).await?;
    let request = &sight.request;
    let body = html! {
        (head(&visit, &sight))
        @if let Some(key) = &request.missing_key {
            section.note.warn aria-labelledby="key" { h2 #key { (said::KEY_HELD) } p { (said::key_held(key)) } }
        }
        @let stays = request.not_erased();
        @if request.done_at.is_some() && !stays.is_empty() {
            section.note.warn aria-labelledby="stays" { h2 #stays { (said::STAYS) } p { (said::stays(&stays)) } }
        }
        section.card.pad aria-label=(said::PROGRESS) { (progress(&sight)) }
        div.cols {
            div {
                @if let Some(erasures) = request.erasures.as_deref().filter(|erasures| !erasures.is_empty()) {
                    (table(erasures, &Told::DONE, sight.now))
                }
                @if sight.hands_over() { (copy(&visit, &sight)) }
                @if sight.is_open() && visit.may(Action::FindSubjectCopies) {
                    section.card.pad.rows aria-labelledby="copies" {
                        h2 #copies { (said::COPIES) }
                        p { (said::COPIES_SAYS) }
                        div.acts { a.btn href=(visit.to(&sight.at("/copies"))) { (said::FIND) } }
                    }
                }
            }
            div { (asked(&visit, &sight)) }
        }
    };
    Ok(page(&visit, Section::Subjects, &sight.title(), &body))
}

fn head(visit: &Visit, sight: &Sight) -> Markup {
    let request = &sight.request;
    html! {
        div.rows.tight {
            p.sub { a href=(visit.to("subjects")) { (said::TITLE) } }
            div.bar {
                div.rows.tight {
                    h1 { (sight.title()) }
                    p.acts {
                        (standing(request))
                        @if sight.is_open() {
                            span { (said::DUE) " " (time(request.due_at.0, sight.now)) ", " (words::relative(request.due_at.0 - sight.now)) }
                            (urgent(request))
                        }
                    }
                }
                div.acts { (acts(visit, sight)) }
            }
            @if sight.is_own && sight.awaits(Step::Approve) && visit.may(Action::ApproveSubjectRequest) {
                p.hint { (said::OWN) }
            }
        }
    }
}

/// Returns what the visitor may do now.
fn acts(visit: &Visit, sight: &Sight) -> Markup {
    let link = |step: Step, class: &str| {
        html! {
            @if sight.offers(visit, step) {
                a.btn.(class) href=(visit.to(&sight.at(&format!("/{}", step.name())))) { (step.label()) }
            }
        }
    };
    let may_run = visit.may(Action::RunSubjectRequest);
    html! {
        (link(Step::Verify, "primary"))
        (link(Step::Approve, "primary"))
        @if may_run && has_failed(&sight.request) {
            form method="post" action=(visit.to(&sight.at("/run"))) { button.primary { (said::RUN_AGAIN) } }
        }
        @if may_run && sight.erases() && sight.is_open() {
            a.btn href=(visit.to(&sight.at("/preview"))) { (said::COUNT) }
        }
        (link(Step::Extend, "later"))
        (link(Step::Refuse, "danger"))
        (link(Step::Withdraw, "danger"))
    }
}

/// Whether something of the erasure is to be asked for again.
fn has_failed(request: &SubjectRequestView) -> bool {
    let mut erasures = request.erasures.iter().flatten();
    request.state == "running" && erasures.any(|one| one.failure.is_some())
}

/// How a step of the way stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stand {
    Taken,
    Next,
    Later,
}

/// Returns the way of the request, with who took each step.
fn progress(sight: &Sight) -> Markup {
    let request = &sight.request;
    let is_done = request.done_at.is_some();
    let taken = |step: Option<&RequestStepView>| step.map(|step| who(step, sight.now));
    let mut way: Vec<(&str, Option<Markup>, &str)> = vec![
        (said::STEP_RECEIVED, taken(Some(&request.received)), ""),
        (said::STEP_VERIFIED, taken(request.verified.as_ref()), said::SOMEBODY_CHECKS),
    ];
    if sight.erases() {
        way.push((said::STEP_APPROVED, taken(request.approved.as_ref()), said::AN_ADMINISTRATOR));
    }
    let handed = request.handed_over_at.map(|at| time(at.0, sight.now));
    let work = match request.kind.as_str() {
        "access" => (said::STEP_COPY, handed, said::BY_ITSELF),
        "erasure" => (said::STEP_ERASURE, is_done.then(Markup::default), said::BY_ITSELF),
        _ => (said::STEP_COPY_ERASURE, is_done.then(Markup::default), said::BY_ITSELF),
    };
    way.push(work);
    way.push((said::STEP_DONE, request.done_at.map(|at| time(at.0, sight.now)), said::IDENTIFIERS_GO));
    let next = way.iter().position(|(_, taken, _)| taken.is_none());
    html! {
        ol.steps {
            @for (index, (label, taken, later)) in way.iter().enumerate() {
                @let stand = match taken {
                    Some(_) => Stand::Taken,
                    None if Some(index) == next && sight.is_open() => Stand::Next,
                    None => Stand::Later,
                };
                (step(label, stand, taken.as_ref(), later))
            }
            @if let Some(ended) = &request.ended {
                li.off aria-current="step" { (standing(request)) span.sub { (who(ended, sight.now)) } }
            }
        }
    }
}

fn step(label: &str, stand: Stand, taken: Option<&Markup>, later: &str) -> Markup {
    let (class, shape) = match stand {
        Stand::Taken => ("ok", "ok"),
        Stand::Next => ("run", "queue"),
        Stand::Later => ("off", "idle"),
    };
    html! {
        li.(class) aria-current=[(stand == Stand::Next).then_some("step")] {
            (mark(class, shape, label))
            span.sub { @match taken { Some(taken) => (taken), None => (later) } }
        }
    }
}

/// Says who took a step, and when.
fn who(step: &RequestStepView, now: DateTime<Utc>) -> Markup {
    html! { (time(step.at.0, now)) ", " (said::BY) " " (step.by) }
}

/// Says how the copy stands.
fn copy(visit: &Visit, sight: &Sight) -> Markup {
    let request = &sight.request;
    html! {
        section.card.pad.rows aria-labelledby="copy" {
            h2 #copy { (said::COPY_TITLE) }
            @match &request.export {
                None => p { (if sight.is_open() { said::COPY_LATER } else { said::COPY_NONE }) },
                Some(export) => (made(visit, sight, export)),
            }
        }
    }
}

fn made(visit: &Visit, sight: &Sight, export: &SubjectExportView) -> Markup {
    let published = sight.request.handed_over_at;
    let is_stuck = published.is_none() && matches!(export.status.as_str(), "failed" | "cancelled");
    html! {
        p {
            (status(export.status.as_str()))
            @if let Some(at) = published { span.sub { (said::COPY_PUBLISHED) " " (time(at.0, sight.now)) } }
        }
        @if let Some(failure) = &export.failure { p { (texts::ended(&failure.message)) } }
        @if is_stuck && sight.is_open() { p { (said::COPY_AGAIN) } }
        div.acts {
            a.btn href=(visit.to(&format!("history/{}", export.execution_id))) { (said::COPY_RUN) }
            @if published.is_some() {
                a.btn href=(visit.to(&format!("sets/{}", export.execution_id))) { (said::COPY_SET) }
            }
        }
    }
}

/// Says what was asked, and on whose word.
fn asked(visit: &Visit, sight: &Sight) -> Markup {
    let request = &sight.request;
    html! {
        section.card.pad.rows aria-labelledby="what" {
            h2 #what { (said::WHAT) }
            dl.kv {
                dt { (said::KIND) } dd { (said::kind(&request.kind)) }
                dt { (said::CHOSEN) } dd { (chosen(request)) }
                dt { (said::PERSON) } dd { (said::identifiers(&kinds(request))) }
                @if let Some(handover) = &request.handover {
                    dt { (said::COPY) }
                    dd {
                        @if handover == "plaintext" { (said::IN_PLAINTEXT) } @else { (said::SEALED_FOR) " " code { (handover) } }
                    }
                }
                dt { (said::DUE) } dd { (time(request.due_at.0, sight.now)) }
                @if let Some(extended) = &request.extended { dt { (said::EXTENDED) } dd { (who(extended, sight.now)) } }
                dt { (said::CHECKED) }
                dd {
                    @match (&request.evidence_how, &request.evidence_who) {
                        (Some(how), Some(checker)) => { (how) ", " (said::BY) " " (checker) },
                        _ => (said::NOT_CHECKED),
                    }
                }
                @if let Some(reason) = &request.reason { dt { (said::REASON) } dd { (reason) } }
            }
            @if visit.may(Action::SeeAudit) {
                p { a href=(visit.to(&format!("audit?object={}", request.id))) { (said::TO_AUDIT) } }
            }
        }
    }
}

/// Returns the kind of each identifier of the person. Each is hashed by each key, so those of one key are counted.
fn kinds(request: &SubjectRequestView) -> Vec<&str> {
    fn key(hash: &str) -> &str {
        hash.rsplit_once(':').map_or("", |(key, _)| key)
    }
    let hashed = &request.identifiers_hashed;
    let first = hashed.first().map_or("", |one| key(&one.hash));
    hashed.iter().filter(|one| key(&one.hash) == first).map(|one| one.kind.as_str()).collect()
}
