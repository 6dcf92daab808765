//! Requests of data subjects. Identifiers come in a body, and never out.

mod copies;
mod steps;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cdds_core::Principal;
use cdds_core::domain::access::Action;
use cdds_core::domain::id::SubjectRequestId;
use cdds_core::domain::subject::request::{RequestKind, SubjectRequest};
use cdds_core::ports::catalog::query::SubjectRequestColumn;
use cdds_core::service::subjects::{NewHandover, NewSubjectRequest};
use cdds_view::{Instant, PageView, ProblemView, SubjectErasureView, SubjectRequestView};
use http::header;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::body::{Discreet, DiscreetForm};
use super::document::Api;
use super::key::Key;
use super::operation::Operation;
use super::taken::created;
use super::version::tag;
use super::{LIMIT, Whole, columns};
use crate::answers::{Id, Query};
use crate::forms::subject as form;
use crate::lists::subjects as lists;
use crate::visit::Caller;
use crate::{App, Services};

pub(super) fn routes(api: Api) -> Api {
    let about = |id: &str, summary: &str, text: &str| Operation::new(id, summary, text);
    let api = api
        .get(
            "/subjects",
            list,
            about(
                "list_subject_requests",
                "List requests of data subjects",
                "Returns a page of requests, those that were received last first. None has an identifier of a person.",
            )
            .needs(Action::SeeSubjectRequests)
            .lists::<SubjectRequestView>(&lists::PARAMETERS, &columns(SubjectRequestColumn::ALL))
            .words("state", lists::states())
            .words("kind", lists::kinds()),
        )
        .post(
            "/subjects",
            create,
            about(
                "create_subject_request",
                "Put a request of a data subject on record",
                "The identifiers are kept encrypted until the request ends, and no answer has them.",
            )
            .needs(Action::CreateSubjectRequest)
            .repeatable()
            .takes::<SubjectForm>(json!({
                "kind": "both", "identifier": ["phone=+49 30 123456", "email=ada@example.com"], "plaintext": true,
            }))
            .answers::<SubjectRequestView>(201)
            .tags(201),
        )
        .get(
            "/subjects/{id}",
            show,
            about("show_subject_request", "Show a request of a data subject", "Returns a request, and how it stands.")
                .needs(Action::SeeSubjectRequests)
                .answers::<SubjectRequestView>(200)
                .tags(200),
        )
        .get(
            "/subjects/{id}/preview",
            preview,
            about(
                "preview_subject_request",
                "Preview an erasure",
                "Counts what the erasure would erase, and what would stay and why. Changes nothing. It asks the sources, so \
                 it may take as long as the erasure.",
            )
            .needs(Action::RunSubjectRequest)
            .whole::<SubjectErasureView>(200)
            .refuses(409),
        );
    copies::routes(steps::routes(api))
}

async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Query(answers): Query,
) -> Result<Json<PageView<SubjectRequestView>>, ProblemView> {
    let query = lists::query(&answers, LIMIT)?;
    let (page, now) = (services.subjects.list(&by, &query).await?, services.jobs.now().await?);
    Ok(Json(PageView::new(page, query.sort, |request| SubjectRequestView::new(&request, now))))
}

/// What a person asks for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SubjectForm {
    /// What is asked for: `access`, `erasure` or `both`.
    #[schema(pattern = "^(access|erasure|both)$")]
    kind: String,
    /// The identifiers of the person, each as `KIND=VALUE`: 1 to 20 of `phone`, `email`, or another kind such as
    /// `customer-id`.
    #[schema(min_items = 1)]
    identifier: Vec<String>,
    /// The sources, and types as `source/type`; left out, all that the owner sees.
    #[serde(default)]
    source: Vec<String>,
    /// The certificate for which the copy is sealed, as PEM. This or `plaintext` is needed for `access` and `both`.
    #[serde(default)]
    certificate: Option<String>,
    /// Whether the copy is left readable for anybody who has the files.
    #[serde(default)]
    plaintext: bool,
    /// When the request has to be answered; left out or null, in a month.
    #[serde(default)]
    due: Option<Instant>,
}

impl DiscreetForm for SubjectForm {
    const KEYS: &[&str] =
        &[form::KIND, form::IDENTIFIER, form::SOURCE, form::CERTIFICATE, form::PLAINTEXT, form::DUE];
}

impl SubjectForm {
    fn read(&self) -> Result<NewSubjectRequest, ProblemView> {
        let choose = || format!("choose one of {}", lists::kinds().join(", "));
        let unknown = || ProblemView::new(422, "invalid_form", choose()).with_field(form::KIND);
        let kind = RequestKind::parse(&self.kind).ok_or_else(unknown)?;
        let handover = match (&self.certificate, self.plaintext) {
            (Some(_), true) => {
                let why = "a copy is sealed or plaintext, and never both";
                return Err(ProblemView::new(422, "invalid_subject_request", why).with_field(form::PLAINTEXT));
            }
            (Some(certificate), false) => Some(NewHandover::Certificate(certificate.as_bytes().to_vec())),
            (None, plaintext) => plaintext.then_some(NewHandover::Plaintext),
        };
        kind.check_handover(handover.is_some())
            .map_err(|why| ProblemView::from(why).with_field(form::CERTIFICATE))?;
        let subject = form::subject(self.identifier.iter().map(String::as_str))?;
        let new = NewSubjectRequest::new(subject, kind)
            .with_scope(form::scope(self.source.iter().map(String::as_str))?)
            .with_due_at(self.due.map(|due| due.0))
            .with_handover(handover);
        Ok(new)
    }
}

async fn create(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    key: Key,
    Discreet(form): Discreet<SubjectForm>,
) -> Result<Response, ProblemView> {
    // What the rest of the request comes to is compared with what is on record, so nothing of it is kept with the key.
    let new = form.read()?.with_key(key.of(&())?);
    let request = services.subjects.create(&by, &new).await;
    let request = request.map_err(|error| form::not_created(error, form.due.is_some()))?;
    let (location, etag) = (format!("subjects/{}", request.id), tag(request.version));
    let view = view(&services, &by, &request).await?;
    Ok(created(location, ([(header::ETAG, etag)], Json(view))))
}

async fn show(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<SubjectRequestId>,
) -> Result<Response, ProblemView> {
    let request = services.subjects.show(&by, id).await?;
    answer(&services, &by, &request).await
}

/// Answers with a request and its tag.
async fn answer(
    services: &Services,
    by: &Principal,
    request: &SubjectRequest,
) -> Result<Response, ProblemView> {
    let view = view(services, by, request).await?;
    Ok(([(header::ETAG, tag(request.version))], Json(view)).into_response())
}

async fn view(
    services: &Services,
    by: &Principal,
    request: &SubjectRequest,
) -> Result<SubjectRequestView, ProblemView> {
    Ok(services.subject_request(by, request).await?)
}

async fn preview(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<SubjectRequestId>,
) -> Result<Json<Whole<SubjectErasureView>>, ProblemView> {
    let erasures = services.subjects.preview(&by, id).await.map_err(form::told)?;
    Ok(Json(Whole::of(erasures.iter().map(SubjectErasureView::from))))
}
