//! The steps of a request, each on a page that says what follows from it.

use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use cdds_core::domain::access::Action;
use cdds_core::domain::id::SubjectRequestId;
use cdds_core::domain::subject::request::SubjectRequest;
use cdds_core::service::subjects::ExpectedSubjectRequest;
use cdds_core::{Principal, ServiceError};
use cdds_view::ProblemView;
use http::StatusCode;
use http::request::Parts;
use maud::{Markup, html};

use super::found::{self, Counted, counted, counts};
use super::request::Sight;
use crate::answers::{Answers, Form, Id};
use crate::done::Done;
use crate::forms::{Fault, subject as form};
use crate::pages::Refused;
use crate::pages::frame::{Section, page};
use crate::pages::sheet::{Sheet, needed, optional};
use crate::texts::{self, subjects as said};
use crate::visit::Visit;
use crate::{App, Services};

/// The version that the visitor has seen.
const VERSION: &str = "version";

/// A step that people take. It is the last part of its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pages) enum Step {
    Verify,
    Approve,
    Extend,
    Refuse,
    Withdraw,
}

impl<S: Sync> FromRequestParts<S> for Step {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let name = parts.uri.path().rsplit('/').next();
        let step = Self::ALL.into_iter().find(|step| Some(step.name()) == name);
        step.ok_or_else(|| ProblemView::new(404, "not_found", "there is no such step").into())
    }
}

impl Step {
    const ALL: [Self; 5] = [Self::Verify, Self::Approve, Self::Extend, Self::Refuse, Self::Withdraw];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Approve => "approve",
            Self::Extend => "extend",
            Self::Refuse => "refuse",
            Self::Withdraw => "withdraw",
        }
    }

    pub(super) const fn action(self) -> Action {
        match self {
            Self::Verify => Action::VerifySubjectRequest,
            Self::Approve => Action::ApproveSubjectRequest,
            Self::Extend => Action::ExtendSubjectRequest,
            Self::Refuse => Action::RefuseSubjectRequest,
            Self::Withdraw => Action::WithdrawSubjectRequest,
        }
    }

    /// What the button of the request says.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Verify => said::VERIFY,
            Self::Approve => said::APPROVE,
            Self::Extend => said::EXTEND,
            Self::Refuse => said::REFUSE,
            Self::Withdraw => said::WITHDRAW,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Verify => said::VERIFY,
            Self::Approve => said::APPROVE,
            Self::Extend => said::EXTEND_TITLE,
            Self::Refuse => said::REFUSE_TITLE,
            Self::Withdraw => said::WITHDRAW_TITLE,
        }
    }

    /// What the button says that takes it.
    const fn yes(self) -> &'static str {
        match self {
            Self::Verify => said::VERIFY_IT,
            Self::Approve => said::APPROVE,
            Self::Extend => said::EXTEND_IT,
            Self::Refuse => said::REFUSE_IT,
            Self::Withdraw => said::WITHDRAW_IT,
        }
    }

    const fn done(self) -> Done {
        match self {
            Self::Verify => Done::SubjectVerified,
            Self::Approve => Done::SubjectApproved,
            Self::Extend => Done::SubjectExtended,
            Self::Refuse => Done::SubjectRefused,
            Self::Withdraw => Done::SubjectWithdrawn,
        }
    }

    /// Whether something is lost by it.
    const fn is_final(self) -> bool {
        matches!(self, Self::Approve | Self::Refuse | Self::Withdraw)
    }

    /// Takes the step.
    async fn of(
        self,
        services: &Services,
        by: &Principal,
        request: ExpectedSubjectRequest,
        answers: &Answers,
    ) -> Result<SubjectRequest, ProblemView> {
        let typed = |name: &str| answers.one(name).unwrap_or_default();
        let subjects = &services.subjects;
        let (taken, field) = match self {
            Self::Verify => {
                let evidence = form::evidence(typed(form::BY), typed(form::HOW))?;
                (subjects.verify(by, request, &evidence).await, form::HOW)
            }
            Self::Approve => (subjects.approve(by, request).await, ""),
            Self::Extend => {
                let until =
                    answers.instant(form::UNTIL).map_err(|problem| problem.with_field(form::UNTIL))?;
                (subjects.extend(by, request, until).await, form::UNTIL)
            }
            Self::Refuse => {
                let reason = form::words(typed(form::REASON), form::REASON)?;
                (subjects.refuse(by, request, &reason).await, form::REASON)
            }
            Self::Withdraw => (subjects.withdraw(by, request).await, ""),
        };
        taken.map_err(|error| form::at(form::told(error), field))
    }
}

/// `GET /subjects/{id}/verify`, and of the other steps. A request that does not wait for the step is shown instead.
pub(in crate::pages) async fn ask(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<SubjectRequestId>,
    step: Step,
) -> Result<Response, Refused> {
    visit.principal().check(step.action()).map_err(ServiceError::from)?;
    let sight = Sight::of(&services, &visit, id).await?;
    if !sight.awaits(step) {
        return Ok(visit.see(&sight.at("")));
    }
    Ok(shown(&services, &visit, &sight, step, &Answers::default(), &[]).await.into_response())
}

/// `POST /subjects/{id}/verify`, and of the other steps: takes the step, or shows the page again with why not.
pub(in crate::pages) async fn take(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<SubjectRequestId>,
    step: Step,
    Form(answers): Form,
) -> Result<Response, Refused> {
    let by = visit.principal();
    by.check(step.action()).map_err(ServiceError::from)?;
    let seen = answers.number(VERSION, 1, u64::MAX)?;
    let expected = ExpectedSubjectRequest::from(id).with_if_version(seen);
    let refusal = match step.of(&services, by, expected, &answers).await {
        Ok(_) => return Ok(visit.tell(&format!("subjects/{id}"), step.done())),
        Err(refusal) => refusal,
    };
    if matches!(refusal.status, 403 | 404 | 500..) {
        return Err(refusal.into());
    }
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    let sight = Sight::of(&services, &visit, id).await?;
    // Words that were refused may hold an identifier of the person, and are not sent back.
    let answers = if status == StatusCode::CONFLICT { answers } else { Answers::default() };
    let fault = Fault { field: refusal.field.unwrap_or_default(), words: refusal.detail };
    Ok((status, shown(&services, &visit, &sight, step, &answers, &[fault]).await).into_response())
}

async fn shown(
    services: &Services,
    visit: &Visit,
    sight: &Sight,
    step: Step,
    answers: &Answers,
    faults: &[Fault],
) -> Markup {
    let sheet = Sheet { answers, faults };
    let counted = match step {
        Step::Approve | Step::Refuse | Step::Withdraw if sight.is_open() => {
            counted(services, visit.principal(), &sight.request).await
        }
        _ => None,
    };
    let title = format!("{}: {}", step.title(), sight.title());
    let title = if faults.is_empty() { title } else { texts::error_of(&title) };
    let body = html! {
        (head(visit, sight, step.title()))
        @for fault in faults.iter().filter(|fault| fault.field.is_empty()) {
            section.note.bad aria-labelledby="refused" {
                h2 #refused { (texts::problem_title(409)) }
                p { (texts::ended(&fault.words)) }
            }
        }
        (told(sight, step, &counted))
        section.card.pad {
            form.rows method="post" action=(visit.to(&sight.at(&format!("/{}", step.name())))) {
                input type="hidden" name=(VERSION) value=(sight.request.version);
                (fields(&sheet, step))
                div.acts {
                    @if step.is_final() {
                        button.danger { (step.yes()) }
                        a.btn href=(visit.to(&sight.at(""))) { (said::LEAVE) }
                    } @else {
                        button.primary { (step.yes()) }
                        a.btn href=(visit.to(&sight.at(""))) { (texts::CANCEL) }
                    }
                }
            }
        }
    };
    page(visit, Section::Subjects, &title, &body)
}

pub(super) fn head(visit: &Visit, sight: &Sight, title: &str) -> Markup {
    html! {
        div.rows.tight {
            p.sub {
                a href=(visit.to("subjects")) { (said::TITLE) } " / "
                a href=(visit.to(&sight.at(""))) { (sight.title()) }
            }
            h1 { (title) }
        }
    }
}

/// Says what follows from a step.
fn told(sight: &Sight, step: Step, counted: &Counted) -> Markup {
    html! {
        @match step {
            Step::Verify => p { (said::VERIFY_SAYS) },
            Step::Approve => {
                p { (said::APPROVE_SAYS) @if sight.hands_over() { " " (said::APPROVE_LATER) } }
            },
            Step::Extend => p { (said::EXTEND_SAYS) },
            Step::Refuse => p { (said::ENDS) },
            Step::Withdraw => p { (said::WITHDRAW_SAYS) " " (said::ENDS) },
        }
        (counts(counted, sight.now))
    }
}

fn fields(sheet: &Sheet<'_>, step: Step) -> Markup {
    match step {
        Step::Verify => html! {
            (sheet.line(needed(form::BY, said::WHO, said::WHO_HINT), true))
            (sheet.line(needed(form::HOW, said::HOW, said::HOW_HINT), true))
        },
        Step::Extend => sheet.date(optional(form::UNTIL, said::EXTEND_DAY, said::EXTEND_HINT)),
        Step::Refuse => sheet.line(needed(form::REASON, said::REASON, said::REFUSE_HINT), true),
        Step::Approve | Step::Withdraw => Markup::default(),
    }
}

/// `GET /subjects/{id}/preview`: counts what the erasure would erase.
pub(in crate::pages) async fn preview(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<SubjectRequestId>,
) -> Result<Markup, Refused> {
    let erasures = found::preview(&services, visit.principal(), id).await?;
    let sight = Sight::of(&services, &visit, id).await?;
    let body = html! {
        (head(&visit, &sight, said::COUNT_TITLE))
        (counts(&Some(Ok(erasures)), sight.now))
        p.hint { (said::COUNTED) }
        div.acts {
            @if sight.awaits(Step::Approve) && visit.may(Action::ApproveSubjectRequest) {
                a.btn href=(visit.to(&sight.at("/approve"))) { (said::APPROVE) }
            }
            a.btn href=(visit.to(&sight.at(""))) { (sight.title()) }
        }
    };
    Ok(page(&visit, Section::Subjects, &format!("{}: {}", said::COUNT_TITLE, sight.title()), &body))
}

/// `POST /subjects/{id}/run`: asks again for what failed of an erasure.
pub(in crate::pages) async fn run(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<SubjectRequestId>,
) -> Result<Response, Refused> {
    services.subjects.run(visit.principal(), id).await.map_err(form::told)?;
    Ok(visit.tell(&format!("subjects/{id}"), Done::ErasureAsked))
}
