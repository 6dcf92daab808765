//! The page of a job: where it stands, what it exports, its runs, and who changed it.

mod facts;
mod queued;
mod settings;
mod why;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cdds_core::domain::access::Action;
use cdds_core::domain::job::{Job, JobState};
use cdds_core::domain::recipient::Recipient;
use cdds_core::ports::catalog::query::{AuditQuery, Slice};
use cdds_core::{ExecutionQuery, JobId, ServiceError};
use cdds_view::{
    AuditView, DeliveryState, DestinationView, ExecutionView, JobView, PageView, SourceView, words,
};
use chrono::{DateTime, Utc};
use http::StatusCode;
use maud::{Markup, html};

use self::queued::Queued;
use super::Refused;
use super::confirm::Question;
use super::frame::{Section, icon, page};
use super::parts::time;
use super::sheet::{Sheet, needed, optional};
use crate::answers::{Answers, Form, Id, Query};
use crate::arrivals::Arrivals;
use crate::done::Done;
use crate::forms::Fault;
use crate::forms::job::{of_range, range, refusal};
use crate::texts::{self, job as said};
use crate::visit::Visit;
use crate::{App, Services};

pub(super) use self::why::is_paused;

/// The executions and the changes that the page shows.
const SHOWN: u64 = 10;

/// What the page shows.
struct Sight {
    job: Job,
    view: JobView,
    /// The title of its source.
    source: String,
    executions: PageView<ExecutionView>,
    /// Where the set of its latest execution is.
    delivery: Option<DeliveryState>,
    /// The latest changes; `None` for those who may not see them.
    changes: Option<Vec<AuditView>>,
    recipients: Vec<Recipient>,
    /// The destinations that the owner sees.
    destinations: Vec<DestinationView>,
    /// What was queued just before.
    queued: Option<Queued>,
    now: DateTime<Utc>,
}

impl Sight {
    async fn of(services: &Services, visit: &Visit, id: JobId) -> Result<Self, Refused> {
        let by = visit.principal();
        let overview = services.jobs.show(by, id).await?;
        let query = ExecutionQuery::default().with_job(Some(id)).with_slice(Slice::first(SHOWN));
        let sort = query.sort;
        let executions = services.history.list(by, &query).await?;
        let ids = executions.items.iter().map(|overview| overview.execution.id);
        let arrivals = Arrivals::of(services, by, ids).await?;
        let changes = if visit.may(Action::SeeAudit) {
            let query =
                AuditQuery::default().with_object(Some(id.to_string())).with_slice(Slice::first(SHOWN));
            Some(services.audit.list(by, &query).await?.items.into_iter().map(AuditView::from).collect())
        } else {
            None
        };
        let sources = services.sources(by)?;
        let source = sources.iter().find(|(known, _)| *known == overview.job.settings.source);
        let (recipients, now) = (services.recipients.list(by).await?, services.jobs.now().await?);
        let destinations = services.deliveries.destinations(by).await?;
        Ok(Self {
            destinations: destinations.into_iter().map(DestinationView::from).collect(),
            source: source.map_or_else(
                || overview.job.settings.source.to_string(),
                |(id, source)| SourceView::new(id, source).title,
            ),
            job: overview.job.clone(),
            delivery: overview.latest.as_ref().and_then(|latest| arrivals.state(latest.id)),
            view: JobView::new(overview, &recipients, now),
            executions: PageView::new(executions, sort, |overview| {
                arrivals.told(ExecutionView::from(overview))
            }),
            changes,
            recipients,
            queued: None,
            now,
        })
    }

    /// Returns the address of the job, or of something below it.
    fn at(&self, visit: &Visit, below: &str) -> String {
        visit.to(&format!("jobs/{}{below}", self.job.id))
    }
}

/// `GET /jobs/{id}`
pub(super) async fn show(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<JobId>,
    Query(answers): Query,
) -> Result<Response, Refused> {
    let mut sight = Sight::of(&services, &visit, id).await?;
    if let Some(Done::RunQueued | Done::RunsQueued) = visit.done {
        sight.queued = Queued::of(&services, visit.principal(), id, &answers).await?;
    }
    Ok(shown(visit, &sight, &Answers::default(), &[]))
}

fn shown(mut visit: Visit, sight: &Sight, answers: &Answers, faults: &[Fault]) -> Response {
    // What was queued is told with its windows, in place of the mere words.
    let queued = match (&sight.queued, visit.done) {
        (Some(queued), Some(done)) => {
            visit.done = None;
            queued.told(done, sight.now)
        }
        _ => Markup::default(),
    };
    let visit = &visit;
    let title = sight.view.title.as_str();
    let sheet = Sheet { answers, faults };
    let body = html! {
        (queued)
        (head(visit, sight))
        (why::shown(visit, sight))
        (facts::shown(visit, sight))
        div.cols {
            div {
                (executions(visit, sight))
                (backfill(visit, sight, &sheet))
                (changes(visit, sight))
            }
            (settings::shown(visit, sight))
        }
    };
    let is_refused = !faults.is_empty();
    let title = if is_refused { format!("{}{title}", said::ERROR) } else { title.to_owned() };
    let status = if is_refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    (status, page(visit, Section::Jobs, &title, &body)).into_response()
}

fn head(visit: &Visit, sight: &Sight) -> Markup {
    let view = &sight.view;
    let id = view.id.to_string();
    let title = said::delete_title(&view.title);
    let action = sight.at(visit, "/delete");
    let question =
        Question { id: "del", title: &title, action: &action, yes: said::DELETE_JOB, no: said::KEEP_JOB };
    let verb = |verb: &str| sight.at(visit, &format!("/{verb}"));
    html! {
        div.rows.tight {
            p.sub { a href=(visit.to("jobs")) { (texts::JOBS) } }
            div.bar {
                div.rows.tight {
                    h1 { (view.title) }
                    @if !view.description.is_empty() { p.lines { (view.description) } }
                    p.sub {
                        (said::JOB) " " code { (id) } ". " (texts::AS_OF) " " (time(sight.now, sight.now)) ". "
                        a href=(sight.at(visit, "")) { (texts::REFRESH) }
                    }
                    p.acts { (facts::state(sight)) }
                }
                div.acts {
                    @if visit.may(Action::RunJob) && !sight.job.settings.frequency.is_once() {
                        button form="act" formaction=(verb("run")) { (texts::RUN_NOW) }
                    }
                    @if visit.may(Action::EditJob) { a.btn href=(verb("edit")) { (said::EDIT) } }
                    @if visit.may(Action::CreateJob) {
                        a.btn href=(visit.to(&format!("jobs/new?clone={id}"))) { (said::CLONE) }
                    }
                    @if view.state == JobState::Active && visit.may(Action::SuspendJob) {
                        button form="act" formaction=(verb("suspend")) { (texts::SUSPEND) }
                    }
                    @if view.suspension.as_ref().is_some_and(|one| one.since.is_some()) && visit.may(Action::ResumeJob) {
                        button form="act" formaction=(verb("resume")) { (texts::RESUME) }
                    }
                    @if visit.may(Action::DeleteJob) { (question.button(texts::DELETE)) }
                }
            }
        }
        form #act method="post" action=(sight.at(visit, "")) hidden { input type="hidden" name="from" value="job"; }
        @if visit.may(Action::DeleteJob) { (question.asked(&html! { p { (said::DELETE_SAYS) } })) }
    }
}

fn executions(visit: &Visit, sight: &Sight) -> Markup {
    let all = visit.to(&format!("history?job={}", sight.job.id));
    html! {
        section #executions .card data-live {
            @if sight.executions.items.is_empty() {
                div.pad.rows { h2 { (said::EXECUTIONS) } p { (said::NO_EXECUTIONS) } }
            } @else {
                table.cards role="table" {
                    caption { (said::EXECUTIONS) }
                    thead role="rowgroup" { tr role="row" {
                        th scope="col" role="columnheader" { (said::STARTED_FOR) }
                        th scope="col" role="columnheader" { (said::STATUS) }
                        th scope="col" role="columnheader" { (said::EXPORTED_DATA) }
                        th.num scope="col" role="columnheader" { (said::RECORDS) }
                        th.num scope="col" role="columnheader" { (said::FILE_COUNT) }
                    } }
                    tbody role="rowgroup" { @for execution in &sight.executions.items { (facts::row(visit, sight, execution)) } }
                }
                p.pad { a href=(all) { (said::ALL_EXECUTIONS) } }
            }
        }
    }
}

/// Returns the form for occurrences of the past.
fn backfill(visit: &Visit, sight: &Sight, sheet: &Sheet<'_>) -> Markup {
    let is_possible = !sight.job.settings.frequency.is_once() && visit.may(Action::BackfillJob);
    html! {
        @if is_possible {
            details.card.pad open[!sheet.faults.is_empty()] {
                summary { (said::BACKFILL) }
                form.rows method="post" action=(sight.at(visit, "/backfill")) {
                    p.hint { (said::BACKFILL_SAYS) " " (said::ALL_UTC) }
                    div #errors tabindex="-1" { (sheet.error("")) }
                    div.grid.pairs {
                        (sheet.date(needed("from-date", said::FROM, "")))
                        (sheet.time(optional("from-time", &said::time_of(said::FROM), said::TIME_SAYS)))
                        (sheet.date(needed("to-date", said::TO, "")))
                        (sheet.time(optional("to-time", &said::time_of(said::TO), said::TIME_SAYS)))
                    }
                    div.acts { button { (said::BACKFILL_NOW) } }
                }
            }
        }
    }
}

fn changes(visit: &Visit, sight: &Sight) -> Markup {
    html! {
        @if let Some(changes) = &sight.changes {
            section.card.pad.rows aria-labelledby="chg" {
                h2 #chg { (said::CHANGES) }
                ol.line {
                    @for change in changes {
                        li.(if change.settings.is_empty() { "off" } else { "run" }) {
                            (icon("dot"))
                            p { strong { (texts::audit::action(&change.action)) } " " (texts::audit::remark(change)) }
                            p.sub {
                                (time(change.at.0, sight.now)) ", " (change.principal)
                                @if change.outcome != "done" { ", " (words::status(&change.outcome)) }
                            }
                        }
                    }
                }
                p { a href=(visit.to(&format!("audit?object={}", sight.job.id))) { (said::ALL_CHANGES) } }
            }
        }
    }
}

/// `POST /jobs/{id}/run`
pub(super) async fn run(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<JobId>,
) -> Result<Response, Refused> {
    let run = services.jobs.run_now(visit.principal(), id).await?;
    Ok(visit.tell_more(&format!("jobs/{id}"), Done::RunQueued, &queued::named(&[run])))
}

/// `POST /jobs/{id}/bring-back`
pub(super) async fn bring_back(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<JobId>,
) -> Result<Response, Refused> {
    services.jobs.bring_back(visit.principal(), id).await?;
    Ok(visit.tell(&format!("jobs/{id}"), Done::JobBroughtBack))
}

/// `POST /jobs/{id}/delete`
pub(super) async fn delete(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<JobId>,
) -> Result<Response, Refused> {
    services.jobs.delete(visit.principal(), id).await?;
    Ok(visit.tell("jobs", Done::JobDeleted))
}

/// `POST /jobs/{id}/backfill`
pub(super) async fn fill(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<JobId>,
    Form(answers): Form,
) -> Result<Response, Refused> {
    let by = visit.principal();
    by.check(Action::BackfillJob).map_err(ServiceError::from)?;
    let faults = match range(&answers) {
        Err(faults) => faults,
        Ok((from, to)) => match services.jobs.backfill(by, id, from, to).await {
            Ok(runs) => {
                return Ok(visit.tell_more(&format!("jobs/{id}"), Done::RunsQueued, &queued::named(&runs)));
            }
            Err(error) => match refusal(&error) {
                Some(refusal) => vec![of_range(refusal)],
                None => return Err(error.into()),
            },
        },
    };
    let sight = Sight::of(&services, &visit, id).await?;
    Ok(shown(visit, &sight, &answers, &faults))
}
