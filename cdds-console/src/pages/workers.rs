//! Workers: who runs the exports, and who is to claim nothing more.

use axum::extract::State;
use axum::response::Response;
use cdds_core::domain::access::Action;
use cdds_core::domain::calendar::zone::database::DatabaseVersion;
use cdds_core::domain::id::WorkerId;
use cdds_core::domain::work::worker::WorkerState;
use cdds_view::{ProblemView, WorkerView};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::Refused;
use super::confirm::Question;
use super::frame::{Section, page};
use super::parts::{mark, time, when};
use crate::App;
use crate::answers::{Answers, Form, wrong};
use crate::done::Done;
use crate::texts::{self, workers as said};
use crate::visit::Visit;

/// `GET /workers`
pub(super) async fn list(State(App { services, .. }): State<App>, visit: Visit) -> Result<Markup, Refused> {
    let workers = services.fleet.list(visit.principal()).await?;
    let workers: Vec<WorkerView> = workers.into_iter().map(WorkerView::from).collect();
    let zones = services.fleet.zones().await?.map(|record| record.version);
    let now = services.jobs.now().await?;
    let count = |state| workers.iter().filter(|worker| worker.state == state).count();
    let (alive, gone) = (count(WorkerState::Alive), count(WorkerState::Gone));
    let body = html! {
        div.rows.tight { h1 { (texts::WORKERS) } p.sub { (said::ABOUT) } }
        div #workers .rows data-live="workers" {
            @if workers.is_empty() {
                (nothing_yet())
            } @else {
                p.sub { (said::count(alive, gone)) ". " (texts::AS_OF) " " (time(now, now)) "." }
                span hidden data-say=(said::count(alive, gone)) {}
                @if alive == 0 {
                    p.note.warn { (said::NOBODY_WORKS) }
                } @else if workers.iter().all(|one| one.state != WorkerState::Alive || one.draining_since.is_some()) {
                    p.note.warn { (said::ALL_DRAIN) }
                }
                @if let Some(zones) = zones.filter(|zones| workers.iter().any(|worker| is_outdated(worker, *zones))) {
                    p.note.warn { (said::outdated(zones)) }
                }
                div.card { (table(&visit, &workers, now)) }
                @if visit.may(Action::DrainWorker) {
                    @for (index, worker) in workers.iter().enumerate().filter(|(_, one)| may_drain(one)) {
                        (question(&visit, worker, &format!("drain-{index}")))
                    }
                }
            }
        }
    };
    Ok(page(&visit, Section::Workers, texts::WORKERS, &body))
}

fn nothing_yet() -> Markup {
    html! {
        section.card.pad.rows aria-labelledby="none" {
            h2 #none { (said::NOTHING_YET) }
            p {
                (said::NOTHING_YET_SAYS) " " code { (said::START_ONE) } " " (said::OR) " "
                code { (said::START_ONE_ONCE) } "."
            }
        }
    }
}

fn table(visit: &Visit, workers: &[WorkerView], now: DateTime<Utc>) -> Markup {
    html! {
        table.cards role="table" {
            caption.vh { (texts::WORKERS) }
            thead role="rowgroup" { tr role="row" {
                @for title in
                    [said::WORKER, texts::STATE, said::PLACE, said::RUNS, said::SINCE, said::SEEN]
                {
                    th scope="col" role="columnheader" { (title) }
                }
                @if may_act(visit) { th scope="col" role="columnheader" { span.vh { (said::ACTIONS) } } }
            } }
            tbody role="rowgroup" { @for (index, worker) in workers.iter().enumerate() { (row(visit, index, worker, now)) } }
        }
    }
}

fn row(visit: &Visit, index: usize, worker: &WorkerView, now: DateTime<Utc>) -> Markup {
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                (program(worker))
                span.sub { code { (worker.id) } }
                @if let Some(zones) = &worker.zones { span.sub { (said::TIME_ZONES) " " (zones) } }
            }
            td.nw role="cell" data-l=(texts::STATE) { (state(worker)) }
            td role="cell" data-l=(said::PLACE) {
                @if worker.place().is_empty() { (said::UNKNOWN_PLACE) } @else { (worker.place()) }
            }
            td role="cell" data-l=(said::RUNS) { (runs(visit, worker)) }
            td.nw role="cell" data-l=(said::SINCE) { (when(worker.started_at.0, now)) }
            td.nw role="cell" data-l=(said::SEEN) { (when(worker.seen_at.0, now)) }
            @if may_act(visit) {
                @if worker.state == WorkerState::Alive {
                    td.nw role="cell" data-l=(said::ACTIONS) { (acts(visit, index, worker)) }
                } @else {
                    // Without a name beside it on a narrow screen, since there is nothing to do.
                    td role="cell" {}
                }
            }
        }
    }
}

/// Whether a worker that works has an older database of time zones than that by which jobs are computed (rule F9).
fn is_outdated(worker: &WorkerView, on_record: DatabaseVersion) -> bool {
    let own = worker.zones.as_deref().and_then(|version| version.parse::<DatabaseVersion>().ok());
    worker.state == WorkerState::Alive && own.is_some_and(|own| own < on_record)
}

fn program(worker: &WorkerView) -> &str {
    worker.program.as_deref().unwrap_or(said::UNNAMED)
}

fn may_act(visit: &Visit) -> bool {
    visit.may(Action::DrainWorker) || visit.may(Action::ResumeWorker)
}

fn may_drain(worker: &WorkerView) -> bool {
    worker.state == WorkerState::Alive && worker.draining_since.is_none()
}

/// Returns the button of a worker that works; its accessible name says of which.
fn acts(visit: &Visit, index: usize, worker: &WorkerView) -> Markup {
    let label = |what: &str| format!("{what}: {} {}", program(worker), worker.id);
    html! {
        @if may_drain(worker) {
            @if visit.may(Action::DrainWorker) {
                button type="button" popovertarget={ "drain-" (index) } aria-label=(label(said::DRAIN)) {
                    (said::DRAIN)
                }
            }
        } @else if visit.may(Action::ResumeWorker) {
            form method="post" action=(visit.to("workers/resume")) {
                (name(worker))
                button aria-label=(label(said::RESUME)) { (said::RESUME) }
            }
        }
    }
}

fn name(worker: &WorkerView) -> Markup {
    html! { input type="hidden" name="name" value=(worker.id); }
}

fn question(visit: &Visit, worker: &WorkerView, id: &str) -> Markup {
    let question = Question {
        id,
        title: &said::drain_this(program(worker)),
        action: &visit.to("workers/drain"),
        yes: said::DRAIN_IT,
        no: said::LEAVE_IT,
    };
    question.asked(&html! { (name(worker)) p.sub { code { (worker.id) } } p { (said::DRAIN_SAYS) } })
}

/// `POST /workers/drain`
pub(super) async fn drain(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Form(answers): Form,
) -> Result<Response, Refused> {
    services.fleet.drain(visit.principal(), &named(&answers)?).await?;
    Ok(visit.tell("workers", Done::WorkerDrains))
}

/// `POST /workers/resume`
pub(super) async fn resume(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Form(answers): Form,
) -> Result<Response, Refused> {
    services.fleet.resume(visit.principal(), &named(&answers)?).await?;
    Ok(visit.tell("workers", Done::WorkerResumed))
}

fn named(answers: &Answers) -> Result<WorkerId, ProblemView> {
    answers.parsed("name")?.ok_or_else(|| wrong("name", said::NAME_ONE))
}

fn state(worker: &WorkerView) -> Markup {
    match worker.state {
        WorkerState::Alive if worker.is_drained() => {
            html! { (mark("off", "stop", said::DRAINED)) span.sub { (said::DRAINED_SAYS) } }
        }
        WorkerState::Alive if worker.draining_since.is_some() => mark("warn", "wait", said::DRAINS),
        WorkerState::Alive => mark("ok", "ok", said::ALIVE),
        WorkerState::Gone => html! { (mark("bad", "bad", said::GONE)) span.sub { (said::GONE_SAYS) } },
        WorkerState::Left => mark("off", "idle", said::LEFT),
    }
}

/// Returns what a worker runs: the owner's executions by their titles, and the number of all others.
fn runs(visit: &Visit, worker: &WorkerView) -> Markup {
    let unnamed = worker.running_own.saturating_sub(worker.running.len() as u64);
    html! {
        // Never empty: on a narrow screen each cell stands beside its name.
        @if worker.state == WorkerState::Left && worker.running_all() == 0 {
            (said::NOTHING)
        } @else {
            (worker.running_all()) " " (said::OF) " " (worker.concurrency) " " (said::AT_ONCE)
        }
        @for running in &worker.running {
            span.sub { a href=(visit.to(&format!("history/{}", running.id))) { (running.job_title) } }
        }
        @if unnamed > 0 { span.sub { (unnamed) " " (said::MORE) } }
        @if worker.running_others > 0 { span.sub { (worker.running_others) " " (said::OF_OTHERS) } }
    }
}
