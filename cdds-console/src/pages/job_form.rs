//! The form of a job: of a new one, of a clone, and of an edit.

mod arrival;
mod masked;
mod outcome;
mod sections;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cdds_core::domain::access::Action;
use cdds_core::domain::job::Job;
use cdds_core::ports::catalog::query::{AuditQuery, Slice};
use cdds_core::service::jobs::{EditRequest, Forecast};
use cdds_core::{ExecutionId, JobId, JobSettings, NewJob, Principal, ServiceError};
use cdds_view::{AuditView, DestinationView, RecipientView, SourceView};
use chrono::{DateTime, Utc};
use http::StatusCode;
use maud::{Markup, html};

use self::arrival::{Example, arrival, examples};
use self::outcome::{Outcome, ahead, refused, sampled};
use self::sections::{about, data, files, policies, range, schedule, watermark};
use super::Refused;
use super::frame::{Section, page};
use super::parts::time;
use super::sheet::Sheet;
use crate::answers::{Answers, Form, Id, Query, wrong};
use crate::done::Done;
use crate::forms::job as forms;
use crate::texts::job as texts;
use crate::visit::Visit;
use crate::{App, Services};

/// The occurrences of a preview.
const PREVIEWED: usize = 10;

/// The records of a sample.
const SAMPLED: usize = 5;

/// What the form is for.
enum Purpose {
    New,
    Clone,
    Edit(Box<Job>),
}

impl Purpose {
    fn title(&self) -> &'static str {
        match self {
            Self::New => crate::texts::ADD_JOB,
            Self::Clone => texts::CLONE_JOB,
            Self::Edit(_) => texts::EDIT_JOB,
        }
    }

    fn job(&self) -> Option<&Job> {
        if let Self::Edit(job) = self { Some(job) } else { None }
    }

    /// Returns where the form posts to, and where "Cancel" leads.
    fn addresses(&self) -> (String, String) {
        match self {
            Self::New | Self::Clone => ("jobs/new".to_owned(), "jobs".to_owned()),
            Self::Edit(job) => (format!("jobs/{}/edit", job.id), format!("jobs/{}", job.id)),
        }
    }
}

/// What the fields offer.
struct Offer {
    sources: Vec<SourceView>,
    recipients: Vec<RecipientView>,
    destinations: Vec<DestinationView>,
    now: DateTime<Utc>,
}

impl Offer {
    async fn of(services: &Services, visit: &Visit) -> Result<Self, ServiceError> {
        let by = visit.principal();
        let sources = services.sources(by)?;
        Ok(Self {
            sources: sources.iter().map(|(id, source)| SourceView::new(id, source)).collect(),
            recipients: services.recipients.list(by).await?.into_iter().map(RecipientView::from).collect(),
            destinations: services
                .deliveries
                .destinations(by)
                .await?
                .into_iter()
                .map(DestinationView::from)
                .collect(),
            now: services.jobs.now().await?,
        })
    }

    /// Returns the answers of an empty form: what most jobs are.
    fn fresh(&self) -> Answers {
        let source = self.sources.iter().find(|source| source.supported && !source.types.is_empty());
        let first = source.and_then(|source| source.types.first());
        let frame = match first {
            Some(data_type) if data_type.has_event_instant || data_type.has_change_instant => "since-last",
            _ => "all",
        };
        let pairs = [
            ("source", source.map_or(String::new(), |source| source.id.to_string())),
            ("type-0", first.map_or(String::new(), |data_type| data_type.id.to_string())),
            ("cat-0", "all".to_owned()),
            ("run", "daily".to_owned()),
            ("daily-at", "02:00".to_owned()),
            ("frame", frame.to_owned()),
            ("seal", "sealed".to_owned()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// `GET /jobs/new`, with `?clone=JOB` or `?execution=EXECUTION` for a draft.
pub(super) async fn new(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Query(query): Query,
) -> Result<Response, Refused> {
    let by = visit.principal();
    by.check(Action::CreateJob).map_err(ServiceError::from)?;
    let offer = Offer::of(&services, &visit).await?;
    let settings = if let Some(id) = query.one("clone") {
        let id: JobId = id.parse().map_err(|_| wrong("clone", "this is not the id of a job"))?;
        Some(services.jobs.draft(by, id).await?)
    } else if let Some(id) = query.one("execution") {
        let id: ExecutionId =
            id.parse().map_err(|_| wrong("execution", "this is not the id of an execution"))?;
        Some(services.history.draft(by, id).await?)
    } else {
        None
    };
    let (purpose, answers) = match &settings {
        Some(settings) => {
            let title = texts::copy_of(settings.title.as_str());
            (Purpose::Clone, forms::spelled(settings).with("title", title))
        }
        None => (Purpose::New, offer.fresh()),
    };
    Ok(show(&visit, &purpose, &offer, &answers, &Outcome::default()))
}

/// `POST /jobs/new`
pub(super) async fn create(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Form(answers): Form,
) -> Result<Response, Refused> {
    let by = visit.principal();
    by.check(Action::CreateJob).map_err(ServiceError::from)?;
    let offer = Offer::of(&services, &visit).await?;
    if let Some(answers) = regrouped(&answers) {
        return Ok(show(&visit, &Purpose::New, &offer, &answers, &Outcome::default()));
    }
    let outcome = match forms::settings(&answers) {
        Err(faults) => Outcome::of(faults),
        Ok(settings) => {
            let new =
                NewJob::from(settings.clone()).with_first_run_now(answers.one("first-run-now").is_some());
            let tried = if is_trial(&answers) {
                let preview = services.jobs.forecast_draft(by, new, PREVIEWED);
                tried(&services, by, &settings, &answers, preview).await
            } else {
                match services.jobs.submit(by, new).await {
                    Ok(job) => return Ok(visit.tell(&format!("jobs/{}", job.job.id), Done::JobCreated)),
                    Err(error) => Err(error),
                }
            };
            tried.or_else(|error| Outcome::refused(error, &answers))?
        }
    };
    Ok(show(&visit, &Purpose::New, &offer, &answers, &outcome))
}

/// `GET /jobs/{id}/edit`
pub(super) async fn edit(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<JobId>,
) -> Result<Response, Refused> {
    visit.principal().check(Action::EditJob).map_err(ServiceError::from)?;
    let job = services.jobs.show(visit.principal(), id).await?.job;
    let offer = Offer::of(&services, &visit).await?;
    let answers = forms::spelled(&job.settings).with("version", job.version.to_string());
    let preview = services.jobs.forecast(visit.principal(), id, PREVIEWED).await?;
    let outcome = Outcome { preview: Some(preview), ..Outcome::default() };
    Ok(show(&visit, &Purpose::Edit(Box::new(job)), &offer, &answers, &outcome))
}

/// `POST /jobs/{id}/edit`
pub(super) async fn change(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<JobId>,
    Form(answers): Form,
) -> Result<Response, Refused> {
    let by = visit.principal();
    by.check(Action::EditJob).map_err(ServiceError::from)?;
    let job = services.jobs.show(by, id).await?.job;
    let offer = Offer::of(&services, &visit).await?;
    let purpose = Purpose::Edit(Box::new(job));
    if let Some(answers) = regrouped(&answers) {
        return Ok(show(&visit, &purpose, &offer, &answers, &Outcome::default()));
    }
    let seen = answers.number("version", 0, u64::MAX)?;
    let settings = match forms::settings(&answers) {
        Err(faults) => return Ok(show(&visit, &purpose, &offer, &answers, &Outcome::of(faults))),
        Ok(settings) => settings,
    };
    let request =
        EditRequest::new(settings.clone()).with_watermark(forms::watermark(&answers)).with_if_version(seen);
    let tried = if is_trial(&answers) {
        let preview = services.jobs.forecast_edit(by, id, &request, PREVIEWED);
        tried(&services, by, &settings, &answers, preview).await
    } else {
        match services.jobs.edit(by, id, &request).await {
            Ok(_) => return Ok(visit.tell(&format!("jobs/{id}"), Done::JobEdited)),
            Err(error) => Err(error),
        }
    };
    let error = match tried {
        Ok(outcome) => return Ok(show(&visit, &purpose, &offer, &answers, &outcome)),
        Err(error) => error,
    };
    if !forms::is_overtaken(&error) {
        return Ok(show(&visit, &purpose, &offer, &answers, &Outcome::refused(error, &answers)?));
    }
    let job = services.jobs.show(by, id).await?.job;
    let overtaken = Some(overtaken(&services, &visit, &job, offer.now).await?);
    let answers = answers.with("version", job.version.to_string());
    let outcome = Outcome { overtaken, ..Outcome::default() };
    Ok(show(&visit, &Purpose::Edit(Box::new(job)), &offer, &answers, &outcome))
}

/// Returns the answers after a button that changes the groups of the form; `None` if another one was pressed.
fn regrouped(answers: &Answers) -> Option<Answers> {
    let mut parts = answers.one("do")?.split(':');
    match (parts.next()?, parts.next().and_then(forms::Groups::named), parts.next()) {
        ("show", None, None) => Some(answers.clone()),
        ("add", Some(groups), None) => Some(groups.more(answers)),
        ("drop", Some(groups), Some(number)) => Some(groups.without(answers, number.parse().ok()?)),
        _ => None,
    }
}

/// Whether the answers are to be tried, not saved.
fn is_trial(answers: &Answers) -> bool {
    matches!(answers.one("do"), Some("preview" | "sample"))
}

/// Shows when the job would run and, if that button was pressed, a sample of its records (rules F8, F8a). Refuses
/// what saving would refuse.
async fn tried(
    services: &Services,
    by: &Principal,
    settings: &JobSettings,
    answers: &Answers,
    preview: impl Future<Output = Result<Vec<Forecast>, ServiceError>>,
) -> Result<Outcome, ServiceError> {
    let sample = async {
        match answers.one("do") {
            Some("sample") => services.jobs.sample(by, settings, SAMPLED).await.map(Some),
            _ => Ok(None),
        }
    };
    let (preview, sample) = futures::try_join!(preview, sample)?;
    Ok(Outcome { preview: Some(preview), sample, ..Outcome::default() })
}

/// Says who changed the job meanwhile, to those who may know, and what to do.
async fn overtaken(
    services: &Services,
    visit: &Visit,
    job: &Job,
    now: DateTime<Utc>,
) -> Result<Markup, Refused> {
    let change = if visit.may(Action::SeeAudit) {
        let query = AuditQuery::default()
            .with_object(Some(job.id.to_string()))
            .with_action(Some(Action::EditJob))
            .with_slice(Slice::first(1));
        services.audit.list(visit.principal(), &query).await?.items.into_iter().next().map(AuditView::from)
    } else {
        None
    };
    Ok(html! {
        section.note.warn #errors tabindex="-1" aria-labelledby="overtaken" {
            h2 #overtaken { (texts::OVERTAKEN) }
            @match &change {
                Some(change) => p {
                    (change.principal) ", " (time(change.at.0, now)) ", " (crate::texts::audit::remark(change)) "."
                },
                None => p { "It was changed " (time(job.updated_at, now)) "; it has version " (job.version) " now." },
            }
            p { (texts::OVERTAKEN_WAY_OUT) }
            p { a href=(visit.to(&format!("jobs/{}", job.id))) { (texts::SEE_PRESENT) } }
        }
    })
}

/// Returns the page of the form.
fn show(visit: &Visit, purpose: &Purpose, offer: &Offer, answers: &Answers, outcome: &Outcome) -> Response {
    let sheet = Sheet { answers, faults: &outcome.faults };
    let (to, back) = purpose.addresses();
    let is_refused = !outcome.faults.is_empty() || outcome.overtaken.is_some();
    let title = purpose.title();
    let example = Example { owner: &visit.principal().owner, slot: outcome.next().unwrap_or(offer.now) };
    let fresh = [vec!["ahead".to_owned()], examples(&sheet)].concat().join(" ");
    let body = html! {
        div.rows.tight {
            p.sub { a href=(visit.to("jobs")) { (crate::texts::JOBS) } }
            h1 { (title) }
            @if let Some(job) = purpose.job() {
                p.sub { a href=(visit.to(&back)) { (job.settings.title.as_str()) } }
            }
        }
        (refused(&outcome.faults, is_trial(answers)))
        @if let Some(overtaken) = &outcome.overtaken { (overtaken) }
        form.cols method="post" action=(visit.to(&to)) data-preview=(fresh) {
            div.card.stack {
                // The first button is the one that the Enter key presses.
                button.vh tabindex="-1" aria-hidden="true" { (texts::SAVE) }
                input type="hidden" name="reads" value=(forms::READS.of(answers));
                @if let Some(version) = answers.one("version") { input type="hidden" name="version" value=(version); }
                (about(&sheet))
                (data(&sheet, offer))
                (schedule(&sheet, purpose.job().is_none()))
                (range(&sheet))
                (files(visit, &sheet, offer, outcome.next()))
                @if purpose.job().is_some_and(|job| job.watermark.is_some()) { (watermark(&sheet)) }
                (arrival(&sheet, offer, &example, &visit.to(&to)))
                (policies(&sheet))
                div.save.acts {
                    button.primary { (texts::SAVE) }
                    button name="do" value="preview" formnovalidate formaction={ (visit.to(&to)) "#preview-h" } { (texts::UPDATE_PREVIEW) }
                    @if visit.may(Action::CreateJob) {
                        button name="do" value="sample" formnovalidate formaction={ (visit.to(&to)) "#sample-h" } { (texts::SHOW_SAMPLE) }
                    }
                    a href=(visit.to(&back)) { (texts::CANCEL) }
                }
            }
            div.stick.rows {
                @if let Some(sample) = &outcome.sample { (sampled(sample)) }
                (ahead(outcome, offer.now))
            }
        }
    };
    let said = if is_refused { format!("{}{title}", texts::ERROR) } else { title.to_owned() };
    let status = if is_refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    (status, page(visit, Section::Jobs, &said, &body)).into_response()
}
