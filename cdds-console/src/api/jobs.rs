//! Jobs.

mod state;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cdds_core::domain::access::Action;
use cdds_core::domain::execution::schedule::PREVIEW_MAX;
use cdds_core::domain::job::JobSettings;
use cdds_core::domain::job::edit::WatermarkChoice;
use cdds_core::domain::recipient::Recipient;
use cdds_core::domain::request::RequestKey;
use cdds_core::ports::catalog::query::{JobColumn, JobOverview};
use cdds_core::service::jobs::{EditRequest, Forecast};
use cdds_core::{JobId, NewJob, Principal};
use cdds_view::settings::SettingsForm;
use cdds_view::{ForecastView, JobView, PageView, ProblemView};
use chrono::{DateTime, Utc};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::body::{Body, Changes};
use super::document::Api;
use super::key::Key;
use super::operation::Operation;
use super::taken::{created, is_set};
use super::version::{IfMatch, tag, tagged, unmet};
use super::{LIMIT, Whole, columns};
use crate::answers::{Answers, Id, Query};
use crate::lists::jobs as lists;
use crate::visit::Caller;
use crate::{App, Services};

/// The occurrences of a preview that does not say how many.
const AHEAD: u64 = 10;

pub(super) fn routes(api: Api) -> Api {
    let example = || json!({"title": "Calls", "source": "calls", "type": "call", "run": "daily", "at": "02:00", "plaintext": true});
    let about = |id: &str, summary: &str, text: &str| Operation::new(id, summary, text);
    let api = api
        .get(
            "/jobs",
            list,
            about("list_jobs", "List jobs", "Returns a page of the owner's jobs, the newest first.")
                .needs(Action::See)
                .lists::<JobView>(&lists::PARAMETERS, &columns(JobColumn::ALL))
                .words("state", lists::STATES),
        )
        .post(
            "/jobs",
            create,
            about(
                "create_job",
                "Create a job",
                "Submits a job. With `dry_run` it is checked and shown, but not stored.",
            )
            .needs(Action::CreateJob)
            .queries(&["dry_run", "count"])
            .repeatable()
            .takes::<SettingsForm>(example())
            .answers::<DryRunView>(200)
            .answers::<JobView>(201)
            .tags(201),
        )
        .post(
            "/jobs/preview",
            preview_draft,
            about(
                "preview_draft",
                "Preview a draft",
                "Returns when a job that is not submitted would be due, what it would export, and how many records the source holds of it now.",
            )
            .needs(Action::See)
            .queries(&["count"])
            .takes::<SettingsForm>(example())
            .whole::<ForecastView>(200),
        )
        .get(
            "/jobs/{id}",
            show,
            about("show_job", "Show a job", "Returns a job.")
                .needs(Action::See)
                .answers::<JobView>(200)
                .tags(200),
        );
    state::routes(edits(api, &example()))
}

/// The routes that change the settings of a job, or make another one of them.
fn edits(api: Api, example: &Value) -> Api {
    let about = |id: &str, summary: &str, text: &str| Operation::new(id, summary, text);
    let edits = |operation: Operation| {
        let operation = operation.needs(Action::EditJob).queries(&["dry_run", "count", "watermark"]);
        // A dry run answers with what would be.
        operation.answers_either::<JobView, DryRunView>().tags(200)
    };
    api.get(
        "/jobs/{id}/settings",
        settings,
        about("show_settings", "Show the settings of a job", "Returns the settings in the form that can be sent back.")
            .needs(Action::See)
            .answers::<SettingsForm>(200)
            .tags(200),
    )
    .put(
        "/jobs/{id}",
        replace,
        edits(about("replace_job", "Replace the settings of a job", "Replaces all settings. A key that is left out gets its default, so `If-Match` is required."))
            .if_match(true)
            .takes::<SettingsForm>(example.clone()),
    )
    .patch(
        "/jobs/{id}",
        change,
        edits(about("change_job", "Change some settings of a job", "Merges the body into the settings (RFC 7396). The change is stored only if nobody changed the job in between."))
            .if_match(false)
            .takes_changes(true, json!({"title": "Other calls"})),
    )
    .delete(
        "/jobs/{id}",
        delete,
        about("delete_job", "Delete a job", "Deletes a job. Its history and artifacts stay until they expire.")
            .needs(Action::DeleteJob)
            .if_match(false)
            .nothing(),
    )
    .post(
        "/jobs/{id}/clone",
        clone,
        about("clone_job", "Clone a job", "Submits a job with the same settings, except for those of the body.")
            .needs(Action::CreateJob)
            .queries(&["dry_run", "count"])
            .repeatable()
            .takes_changes(false, json!({"title": "Copy"}))
            .answers::<DryRunView>(200)
            .answers::<JobView>(201)
            .tags(201),
    )
    .get(
        "/jobs/{id}/preview",
        preview,
        about("preview_job", "Preview a job", "Returns when the job is next due, what it would export, and how many records the source holds of it now.")
            .needs(Action::See)
            .queries(&["count"])
            .whole::<ForecastView>(200),
    )
}

/// What a view needs besides the job.
struct Sight {
    recipients: Vec<Recipient>,
    now: DateTime<Utc>,
}

impl Sight {
    async fn of(services: &Services, by: &Principal) -> Result<Self, ProblemView> {
        Ok(Self { recipients: services.recipients.list(by).await?, now: services.jobs.now().await? })
    }

    fn view(&self, job: JobOverview) -> JobView {
        JobView::new(job, &self.recipients, self.now)
    }
}

/// What a job would be that is not stored.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DryRunView {
    /// Always true.
    dry_run: bool,
    /// The settings.
    settings: SettingsForm,
    /// When it would be due, what it would export, and how many records the source holds of it now.
    occurrences: Vec<ForecastView>,
}

impl DryRunView {
    fn new(settings: &JobSettings, ahead: Vec<Forecast>) -> Json<Self> {
        let occurrences = ahead.into_iter().map(ForecastView::from).collect();
        Json(Self { dry_run: true, settings: settings.into(), occurrences })
    }
}

async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Query(answers): Query,
) -> Result<Json<PageView<JobView>>, ProblemView> {
    let query = lists::query(&answers, LIMIT)?;
    let (page, sight) = (services.jobs.list(&by, &query).await?, Sight::of(&services, &by).await?);
    Ok(Json(PageView::new(page, query.sort, |job| sight.view(job))))
}

async fn create(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Query(answers): Query,
    key: Key,
    Body(form): Body<SettingsForm>,
) -> Result<Response, ProblemView> {
    let key = key.of(&form)?;
    submit(&services, &by, &answers, (form, key), "jobs").await
}

/// Submits a job, or shows what it would be. Jobs are at `place` from the address of the request.
pub(super) async fn submit(
    services: &Services,
    by: &Principal,
    answers: &Answers,
    (form, key): (SettingsForm, Option<RequestKey>),
    place: &str,
) -> Result<Response, ProblemView> {
    let (is_dry, count) = (is_set(answers, "dry_run")?, count(answers)?);
    let new = NewJob::try_from(form)?.with_key(key);
    if is_dry {
        let ahead = services.jobs.forecast_draft(by, new.clone(), count).await?;
        return Ok(DryRunView::new(&new.settings, ahead).into_response());
    }
    let job = services.jobs.submit(by, new).await?;
    let (location, etag) = (format!("{place}/{}", job.job.id), tag(job.job.version));
    let view = Sight::of(services, by).await?.view(job);
    Ok(created(location, ([(header::ETAG, etag)], Json(view))))
}

fn count(answers: &Answers) -> Result<usize, ProblemView> {
    let count = answers.number("count", 1, PREVIEW_MAX as u64)?.unwrap_or(AHEAD);
    Ok(usize::try_from(count).unwrap_or(PREVIEW_MAX))
}

async fn show(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<JobId>,
) -> Result<Response, ProblemView> {
    let job = services.jobs.show(&by, id).await?;
    Ok(tagged(Sight::of(&services, &by).await?.view(job)))
}

async fn settings(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<JobId>,
) -> Result<Response, ProblemView> {
    let job = services.jobs.show(&by, id).await?.job;
    Ok(([(header::ETAG, tag(job.version))], SettingsForm::from(&job.settings)).into_response())
}

/// Replaces all settings, so it insists on `If-Match`: a client that left a key out would reset it.
async fn replace(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<JobId>,
    Query(answers): Query,
    condition: IfMatch,
    Body(form): Body<SettingsForm>,
) -> Result<Response, ProblemView> {
    let version = condition.required()?.version()?;
    edit(&services, &by, id, &answers, form, version).await
}

/// Changes some settings. Without `If-Match` the settings that are merged are those of the version that is changed.
async fn change(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<JobId>,
    Query(answers): Query,
    condition: IfMatch,
    changes: Changes,
) -> Result<Response, ProblemView> {
    let expected = condition.version()?;
    let job = services.jobs.show(&by, id).await?.job;
    let form = changes.over(&SettingsForm::from(&job.settings))?;
    edit(&services, &by, id, &answers, form, Some(expected.unwrap_or(job.version))).await
}

async fn edit(
    services: &Services,
    by: &Principal,
    id: JobId,
    answers: &Answers,
    form: SettingsForm,
    version: Option<u64>,
) -> Result<Response, ProblemView> {
    let watermark = answers.word("watermark", &["reset", "continue"], |word| match word {
        "reset" => Some(WatermarkChoice::Reset),
        "continue" => Some(WatermarkChoice::Continue),
        _ => None,
    })?;
    let (is_dry, count) = (is_set(answers, "dry_run")?, count(answers)?);
    let settings = JobSettings::try_from(form)?;
    let request = EditRequest::new(settings).with_watermark(watermark).with_if_version(version);
    if is_dry {
        let ahead = services.jobs.forecast_edit(by, id, &request, count).await.map_err(unmet)?;
        return Ok(DryRunView::new(&request.settings, ahead).into_response());
    }
    let job = services.jobs.edit(by, id, &request).await.map_err(unmet)?;
    Ok(tagged(Sight::of(services, by).await?.view(job)))
}

async fn delete(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<JobId>,
    condition: IfMatch,
) -> Result<StatusCode, ProblemView> {
    services.jobs.delete(&by, condition.of(id)?).await.map_err(unmet)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn clone(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<JobId>,
    Query(answers): Query,
    key: Key,
    changes: Changes,
) -> Result<Response, ProblemView> {
    let draft = services.jobs.draft(&by, id).await?;
    // The original may be edited between a request and its repetition.
    let key = key.of(&("job", id, changes.asked()))?;
    submit(&services, &by, &answers, (changes.over(&SettingsForm::from(&draft))?, key), "..").await
}

async fn preview(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<JobId>,
    Query(answers): Query,
) -> Result<Json<Whole<ForecastView>>, ProblemView> {
    let ahead = services.jobs.forecast(&by, id, count(&answers)?).await?;
    Ok(Json(Whole::of(ahead.into_iter().map(ForecastView::from))))
}

async fn preview_draft(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Query(answers): Query,
    Body(form): Body<SettingsForm>,
) -> Result<Json<Whole<ForecastView>>, ProblemView> {
    let ahead = services.jobs.forecast_draft(&by, NewJob::try_from(form)?, count(&answers)?).await?;
    Ok(Json(Whole::of(ahead.into_iter().map(ForecastView::from))))
}
