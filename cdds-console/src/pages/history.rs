//! The history: the list of executions.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cdds_core::domain::access::Action;
use cdds_core::domain::archive::removal::WithArtifacts;
use cdds_core::domain::execution::Status;
use cdds_core::ports::catalog::query::{ExecutionColumn, ExecutionQuery, Slice, Sort};
use cdds_core::{ExecutionId, Principal};
use cdds_view::{ExecutionView, PageView, ProblemView, Remark, words};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::Refused;
use super::confirm::{again, chosen, refusals};
use super::filters::{Column, Columns, Offered, day_field, total};
use super::frame::{Section, page};
use super::listing::{Nothing, listed, no_match};
use super::parts::{arrived, choice, said as announced, slot, time, when};
use super::skips::shortly;
use crate::answers::{Answers, Form, Query, wrong};
use crate::arrivals::Arrivals;
use crate::done::Done;
use crate::lists::executions as lists;
use crate::texts::{self, history as said};
use crate::visit::Visit;
use crate::{App, Services};

/// The rows of a page.
const ROWS: u64 = 50;

/// What the page shows.
struct Sight {
    executions: PageView<ExecutionView>,
    sort: Sort<ExecutionColumn>,
    offered: Offered,
    now: DateTime<Utc>,
}

impl Sight {
    async fn of(services: &Services, by: &Principal, answers: &Answers) -> Result<Self, Refused> {
        let query = lists::query(answers, ROWS)?;
        let page = services.history.list(by, &query).await?;
        let ids = page.items.iter().map(|overview| overview.execution.id);
        let arrivals = Arrivals::of(services, by, ids).await?;
        let view = |overview| arrivals.told(ExecutionView::from(overview));
        Ok(Self {
            executions: PageView::new(page, query.sort, view),
            sort: query.sort,
            offered: Offered::to(services, by).await?,
            now: services.jobs.now().await?,
        })
    }
}

/// `GET /history`
pub(super) async fn list(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Query(answers): Query,
) -> Result<Markup, Refused> {
    let answers = answers.without(&[Done::PARAMETER]);
    let sight = Sight::of(&services, visit.principal(), &answers).await?;
    let nothing = Nothing {
        title: said::NOTHING_YET,
        says: said::NOTHING_YET_SAYS,
        to: Some((visit.to("jobs"), texts::TO_JOBS)),
    };
    let (columns, rows) = (columns(&answers, &sight), table(&visit, &answers, &sight));
    let body = html! {
        div #summary .rows.tight data-live {
            h1 { (texts::HISTORY) }
            p.sub {
                @if let Some(total) = total(&sight.executions, said::EXECUTION) { (total) ". " }
                (texts::AS_OF) " " (time(sight.now, sight.now)) ". "
                a href=(answers.query()) { (texts::REFRESH) }
            }
        }
        (listed(&columns, &sight.executions, &rows, &nothing))
    };
    Ok(page(&visit, Section::History, texts::HISTORY, &body))
}

const COLUMNS: [Column; 8] = [
    Column::new(said::JOB, Some(ExecutionColumn::Title.as_str()), &["job"]),
    Column::new(texts::SOURCE_TYPE, Some(ExecutionColumn::Source.as_str()), &["source", "type"]),
    Column::new(said::STATUS, Some(ExecutionColumn::Status.as_str()), &["status"]),
    Column::new(said::DUE, Some(ExecutionColumn::Slot.as_str()), &["from", "to"]),
    Column::new(texts::STARTED, Some(ExecutionColumn::StartedAt.as_str()), &["started_from", "started_to"]),
    Column::new(said::TOOK, Some(ExecutionColumn::Duration.as_str()), &[]).of_numbers(),
    Column::new(said::RECORDS, Some(ExecutionColumn::Records.as_str()), &[]).of_numbers(),
    Column::new(said::FILES, Some(ExecutionColumn::Files.as_str()), &[]).of_numbers(),
];

fn columns<'a>(answers: &'a Answers, sight: &'a Sight) -> Columns<'a> {
    Columns {
        answers,
        columns: &COLUMNS,
        sort: (sight.sort.column.as_str(), sight.sort.descending),
        field: Box::new(|id, name| field(answers, &sight.offered, id, name)),
    }
}

/// Returns the field of a parameter.
fn field(answers: &Answers, offered: &Offered, id: &str, name: &str) -> Markup {
    let chosen = answers.one(name);
    match name {
        "job" => choice(id, name, said::JOB, chosen, offered.jobs(chosen)),
        "source" => {
            let sources = offered.sources.iter().map(|(id, title)| (id.as_str(), title.clone()));
            choice(id, name, texts::SOURCE, chosen, sources)
        }
        "type" => offered.type_field(id, name, chosen),
        "status" => {
            let statuses = lists::statuses().into_iter().map(|name| (name, texts::status(name)));
            choice(id, name, said::STATUS, chosen, statuses)
        }
        "from" => day_field(answers, id, name, said::DUE_FROM),
        "to" => day_field(answers, id, name, said::DUE_BEFORE),
        "started_from" => day_field(answers, id, name, said::STARTED_FROM),
        _ => day_field(answers, id, name, said::STARTED_BEFORE),
    }
}

fn table(visit: &Visit, answers: &Answers, sight: &Sight) -> Markup {
    let (cancel, delete) = (visit.may(Action::CancelExecution), visit.may(Action::DeleteExecution));
    html! {
        @if sight.executions.items.is_empty() {
            (no_match(said::NO_MATCH, said::SHOW_ALL))
        } @else {
            form.sel method="post" action=(visit.to("history/selected")) {
                table.cards role="table" {
                    caption.vh { (texts::HISTORY) }
                    thead role="rowgroup" { tr role="row" {
                        @if cancel || delete {
                            th scope="col" role="columnheader" { span.vh { (texts::SELECT) } }
                        }
                        (columns(answers, sight).heads())
                    } }
                    tbody #rows role="rowgroup" data-live {
                        @for execution in &sight.executions.items {
                            (row(visit, sight, execution, cancel || delete))
                        }
                    }
                }
                @if cancel || delete {
                    div.bulk.bar role="group" aria-label=(said::SELECTED) {
                        span { span.count { (texts::SELECTED) } " " span.hint { (texts::AT_MOST) } }
                        div.acts {
                            @if cancel { button name="do" value="cancel" { (said::CANCEL) } }
                            @if delete { button.danger name="do" value="delete" { (texts::DELETE) } }
                        }
                    }
                }
            }
        }
    }
}

fn row(visit: &Visit, sight: &Sight, execution: &ExecutionView, is_chosen_from: bool) -> Markup {
    html! {
        tr role="row" {
            @if is_chosen_from {
                td.ck role="cell" { label.pick {
                    input type="checkbox" name="id" value=(execution.id);
                    span.vh { (texts::SELECT) " " (execution.job_title) ", " (time(execution.slot.0, sight.now)) }
                } }
            }
            th scope="row" role="rowheader" {
                a href=(visit.to(&format!("history/{}", execution.id))) { (execution.job_title) }
                span.sub {
                    (texts::settings::trigger(execution.trigger.as_str()))
                    @if execution.job_deleted { ", " (said::JOB_DELETED) }
                }
            }
            td role="cell" data-l=(texts::SOURCE_TYPE) {
                (sight.offered.source(execution.source.as_str()))
                span.sub { (execution.types) }
            }
            td.any role="cell" data-l=(said::STATUS) { (standing(execution, sight.now)) }
            td.nw role="cell" data-l=(said::DUE) { (slot(execution.slot.0, execution.slot_reading, sight.now)) }
            td.nw role="cell" data-l=(texts::STARTED) {
                @match execution.started_at {
                    Some(at) => (when(at.0, sight.now)),
                    None => span.hint { (unstarted(execution.status)) },
                }
            }
            td.num role="cell" data-l=(said::TOOK) {
                @match execution.duration(sight.now) {
                    Some(duration) => (words::lasting(duration)),
                    None => span.hint { "–" },
                }
            }
            td.num role="cell" data-l=(said::RECORDS) { (words::count(execution.records)) }
            td.num role="cell" data-l=(said::FILES) {
                @if execution.files.is_empty() { span.hint { (texts::NONE) } } @else {
                    a href=(visit.to(&format!("sets/{}", execution.id))) {
                        (words::counted(execution.files.len() as u64, said::FILE))
                        span.vh { ": " (execution.job_title) }
                    }
                }
            }
        }
    }
}

/// Says why there is no start.
fn unstarted(status: Status) -> &'static str {
    match status {
        Status::Skipped => said::SKIPPED,
        Status::Queued | Status::InProgress => said::NOT_STARTED,
        _ => said::NEVER_STARTED,
    }
}

/// Returns the status with its progress and its remark.
pub(super) fn standing(execution: &ExecutionView, now: DateTime<Utc>) -> Markup {
    let line = execution.status_line();
    let remark = remark(execution, now);
    html! {
        (announced(&execution.job_title, &line))
        (arrived(line.status, execution.delivery))
        @if let Some(share) = line.share {
            progress max="100" value=(share) aria-label=(execution.job_title) { (share) " %" }
            span.sub { (share) " %, " (line.words) }
        } @else if !line.words.is_empty() {
            span.sub { (line.words) }
        }
        @if !remark.0.is_empty() { span.sub { (remark) } }
    }
}

/// Returns what completes the status, with instants that a script shows in the visitor's zone.
fn remark(execution: &ExecutionView, now: DateTime<Utc>) -> Markup {
    match (execution.remark(), execution.skipped) {
        (_, Some(reason)) => shortly(reason, now),
        (Remark::Files { rejected: 0, incomplete_from: None, .. }, _) => Markup::default(),
        (Remark::Files { rejected, incomplete_from, .. }, _) => html! {
            @if let Some(from) = incomplete_from { (texts::execution::MISSING_FROM) " " (time(from.0, now)) ". " }
            @if rejected > 0 { (texts::execution::set_aside(rejected)) }
        },
        (Remark::Waiting { since, until }, _) => html! {
            (texts::execution::WAITS_SINCE) " " (time(since.0, now))
            @if let Some(until) = until { ", " (texts::execution::WHICH_REACHES) " " (time(until.0, now)) }
        },
        (remark, _) => html! { (texts::sentence(&texts::shortened(&remark.to_string()))) },
    }
}

/// `POST /history/selected`: cancels, or asks whether to delete, or deletes.
pub(super) async fn selected(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Form(answers): Form,
) -> Result<Response, Refused> {
    let ids: Vec<ExecutionId> = chosen(&answers)?;
    let by = visit.principal();
    let with = match answers.one("do") {
        Some("cancel") => None,
        Some("delete") => return Ok(ask(&services, &visit, &ids).await?.into_response()),
        Some("delete_kept") => Some(WithArtifacts::Keep),
        Some("delete_all") => Some(WithArtifacts::Delete),
        _ => return Err(wrong("do", "choose one of cancel, delete").into()),
    };
    let mut refused = Vec::new();
    for id in &ids {
        let done = match with {
            None => services.history.cancel(by, *id).await.map(drop),
            Some(with) => services.history.delete(by, *id, with).await,
        };
        if let Err(error) = done {
            refused.push((id.to_string(), ProblemView::from(error)));
        }
    }
    if refused.is_empty() {
        return Ok(visit.tell(
            "history",
            if with.is_some() { Done::ExecutionDeleted } else { Done::ExecutionCancelled },
        ));
    }
    let body = refusals(ids.len() - refused.len(), &refused, &visit.to("history"));
    Ok(page(&visit, Section::History, texts::SOME_REFUSED, &body).into_response())
}

/// Asks whether to delete these executions: says what goes and what stays.
async fn ask(services: &Services, visit: &Visit, ids: &[ExecutionId]) -> Result<Markup, Refused> {
    let by = visit.principal();
    by.check(Action::DeleteExecution).map_err(cdds_core::ServiceError::from)?;
    let query = ExecutionQuery::default().with_ids(ids.to_vec()).with_slice(Slice::first(ids.len() as u64));
    let found = services.history.list(by, &query).await?.items.into_iter();
    let mut found: BTreeMap<_, _> = found.map(|overview| (overview.execution.id, overview)).collect();
    let mut executions = Vec::with_capacity(ids.len());
    for id in ids {
        let overview = match found.remove(id) {
            Some(overview) => overview,
            // Says why.
            None => services.history.show(by, *id).await?,
        };
        executions.push(ExecutionView::from(overview));
    }
    let files: usize = executions.iter().map(|execution| execution.files.len()).sum();
    let bare = executions.iter().filter(|execution| execution.files.is_empty()).count();
    let now = services.jobs.now().await?;
    let body = html! {
        h1 { (said::delete_many(executions.len())) }
        form.card.pad.rows method="post" action=(visit.to("history/selected")) {
            (again(ids))
            ul.rows.tight {
                @for execution in &executions {
                    li {
                        strong { (execution.job_title) } ", " (time(execution.slot.0, now)) ": "
                        (words::counted(execution.files.len() as u64, said::FILE))
                    }
                }
            }
            p { (said::DELETE_STAYS) }
            @if files > 0 { p { (said::DELETE_REFUSED_WITH_FILES) } }
            div.acts {
                @if files > 0 {
                    button.danger name="do" value="delete_all" { (said::delete_with_files(files)) }
                }
                @if bare == executions.len() {
                    button.danger name="do" value="delete_kept" { (said::DELETE_THEM) }
                } @else if bare > 0 {
                    button.danger name="do" value="delete_kept" { (said::DELETE_WITHOUT_FILES) }
                }
                a.btn href=(visit.to("history")) { (said::KEEP_THEM) }
            }
        }
    };
    Ok(page(visit, Section::History, &said::delete_many(executions.len()), &body))
}
