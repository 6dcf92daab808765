//! Jobs.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use cdds_core::domain::recipient::Recipient;
use cdds_core::ports::catalog::query::JobOverview;
use cdds_core::{JobId, NewJob, Principal};
use cdds_view::settings::SettingsForm;
use cdds_view::{JobView, PageView, ProblemView};
use chrono::{DateTime, Utc};
use http::{StatusCode, header};

use super::{LIMIT, check};
use crate::answers::Query;
use crate::lists::jobs as lists;
use crate::visit::Caller;
use crate::{App, Services};

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

pub(super) async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Query(answers): Query,
) -> Result<Json<PageView<JobView>>, ProblemView> {
    check(&answers, &lists::PARAMETERS)?;
    let query = lists::query(&answers, LIMIT)?;
    let (page, sight) = (services.jobs.list(&by, &query).await?, Sight::of(&services, &by).await?);
    Ok(Json(PageView::new(page, query.sort, |job| sight.view(job))))
}

pub(super) async fn create(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Json(form): Json<SettingsForm>,
) -> Result<Response, ProblemView> {
    let job = services.jobs.submit(&by, NewJob::try_from(form)?).await?;
    let location = format!("jobs/{}", job.job.id);
    let view = Sight::of(&services, &by).await?.view(job);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(view)).into_response())
}

pub(super) async fn show(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Path(id): Path<JobId>,
) -> Result<Json<JobView>, ProblemView> {
    let job = services.jobs.show(&by, id).await?;
    Ok(Json(Sight::of(&services, &by).await?.view(job)))
}

pub(super) async fn suspend(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Path(id): Path<JobId>,
) -> Result<Json<JobView>, ProblemView> {
    let job = services.jobs.suspend(&by, id).await?;
    Ok(Json(Sight::of(&services, &by).await?.view(job)))
}

pub(super) async fn resume(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Path(id): Path<JobId>,
) -> Result<Json<JobView>, ProblemView> {
    let job = services.jobs.resume(&by, id).await?;
    Ok(Json(Sight::of(&services, &by).await?.view(job)))
}
