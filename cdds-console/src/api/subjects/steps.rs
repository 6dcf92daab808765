//! The steps of a request.

use axum::extract::State;
use axum::response::Response;
use cdds_core::domain::access::Action;
use cdds_core::domain::id::SubjectRequestId;
use cdds_core::domain::subject::request::SubjectRequest;
use cdds_core::{Principal, ServiceError};
use cdds_view::{Instant, ProblemView, SubjectRequestView};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::super::body::{Discreet, DiscreetForm, Perhaps, discreet};
use super::super::document::Api;
use super::super::operation::Operation;
use super::super::version::{IfMatch, unmet};
use super::answer;
use crate::answers::Id;
use crate::forms::subject as form;
use crate::visit::Caller;
use crate::{App, Services};

pub(super) fn routes(api: Api) -> Api {
    let step = |id: &str, summary: &str, text: &str, action| {
        let step = Operation::new(id, summary, text).needs(action).if_match(false);
        step.answers::<SubjectRequestView>(200).tags(200)
    };
    let api = api.post(
        "/subjects/{id}/verify",
        verify,
        step(
            "verify_subject_request",
            "Record that an identity was checked",
            "Records who has checked the person's identity, and how. Words that hold an identifier of the person are \
             refused.",
            Action::VerifySubjectRequest,
        )
        .takes::<EvidenceForm>(json!({"by": "the front desk", "how": "passport shown"})),
    )
    .post(
        "/subjects/{id}/approve",
        approve,
        step(
            "approve_subject_request",
            "Approve an erasure",
            "Approves an erasure that somebody else has put on record. It begins at once or, if a copy is asked for as \
             well, once that was published.",
            Action::ApproveSubjectRequest,
        ),
    )
    .post(
        "/subjects/{id}/extend",
        extend,
        step(
            "extend_subject_request",
            "Extend a request",
            "Moves the due date, once, after the person was told why it takes longer: by two months, or until an instant.",
            Action::ExtendSubjectRequest,
        )
        .takes::<ExtensionForm>(json!({}))
        .or_nothing(),
    );
    api.post(
        "/subjects/{id}/refuse",
        refuse,
        step(
            "refuse_subject_request",
            "Refuse a request",
            "Refuses a request, with the reason that the person is told. Its identifiers are destroyed.",
            Action::RefuseSubjectRequest,
        )
        .takes::<RefusalForm>(json!({"reason": "This person is no customer of ours."})),
    )
    .post(
        "/subjects/{id}/withdraw",
        withdraw,
        step(
            "withdraw_subject_request",
            "Withdraw a request",
            "Records that the person asks for it no more. Its identifiers are destroyed.",
            Action::WithdrawSubjectRequest,
        ),
    )
    .post(
        "/subjects/{id}/run",
        run,
        step(
            "run_subject_request",
            "Run what failed of an erasure again",
            "Asks again for what failed of an erasure, or waits for a later attempt, and for nothing else.",
            Action::RunSubjectRequest,
        ),
    )
}

/// Answers with the request after a step, or with why it was not taken.
async fn stepped(
    services: &Services,
    by: &Principal,
    taken: Result<SubjectRequest, ServiceError>,
) -> Result<Response, ProblemView> {
    let request = taken.map_err(|error| unmet(form::told(error)))?;
    answer(services, by, &request).await
}

/// How the person's identity was checked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EvidenceForm {
    /// Who has checked it: a person or a department.
    #[schema(min_length = 1, max_length = 500)]
    by: String,
    /// How, without numbers of documents or other identifiers.
    #[schema(min_length = 1, max_length = 500)]
    how: String,
}

impl DiscreetForm for EvidenceForm {
    const KEYS: &[&str] = &[form::BY, form::HOW];
}

async fn verify(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<SubjectRequestId>,
    condition: IfMatch,
    Discreet(EvidenceForm { by: who, how }): Discreet<EvidenceForm>,
) -> Result<Response, ProblemView> {
    let evidence = form::evidence(&who, &how)?;
    let taken = services.subjects.verify(&by, condition.of_subject(id)?, &evidence).await;
    stepped(&services, &by, taken).await
}

async fn approve(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<SubjectRequestId>,
    condition: IfMatch,
) -> Result<Response, ProblemView> {
    let taken = services.subjects.approve(&by, condition.of_subject(id)?).await;
    stepped(&services, &by, taken).await
}

/// Until when a request is extended.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ExtensionForm {
    /// The new due date; left out or null, two months after the present one.
    #[serde(default)]
    until: Option<Instant>,
}

async fn extend(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<SubjectRequestId>,
    condition: IfMatch,
    body: Result<Perhaps<ExtensionForm>, ProblemView>,
) -> Result<Response, ProblemView> {
    let Perhaps(ExtensionForm { until }) = body.map_err(|problem| discreet(problem, &[form::UNTIL]))?;
    let taken = services.subjects.extend(&by, condition.of_subject(id)?, until.map(|until| until.0)).await;
    stepped(&services, &by, taken).await.map_err(|problem| form::at(problem, form::UNTIL))
}

/// Why a request is refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RefusalForm {
    /// The reason, as the person is told it.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl DiscreetForm for RefusalForm {
    const KEYS: &[&str] = &[form::REASON];
}

async fn refuse(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<SubjectRequestId>,
    condition: IfMatch,
    Discreet(RefusalForm { reason }): Discreet<RefusalForm>,
) -> Result<Response, ProblemView> {
    let reason = form::words(&reason, form::REASON)?;
    let taken = services.subjects.refuse(&by, condition.of_subject(id)?, &reason).await;
    stepped(&services, &by, taken).await.map_err(|problem| form::at(problem, form::REASON))
}

async fn withdraw(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<SubjectRequestId>,
    condition: IfMatch,
) -> Result<Response, ProblemView> {
    let taken = services.subjects.withdraw(&by, condition.of_subject(id)?).await;
    stepped(&services, &by, taken).await
}

async fn run(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<SubjectRequestId>,
    condition: IfMatch,
) -> Result<Response, ProblemView> {
    let taken = services.subjects.run(&by, condition.of_subject(id)?).await;
    stepped(&services, &by, taken).await
}
