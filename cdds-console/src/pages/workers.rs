//! Workers: who runs the exports.

use axum::extract::State;
use cdds_core::domain::work::worker::WorkerState;
use cdds_view::WorkerView;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::Refused;
use super::frame::{Section, page};
use super::parts::{mark, time, when};
use crate::App;
use crate::texts::{self, workers as said};
use crate::visit::Visit;

/// `GET /workers`
pub(super) async fn list(State(App { services, .. }): State<App>, visit: Visit) -> Result<Markup, Refused> {
    let workers = services.fleet.list(visit.principal()).await?;
    let workers: Vec<WorkerView> = workers.into_iter().map(WorkerView::from).collect();
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
                @if alive == 0 { p.note.warn { (said::NOBODY_WORKS) } }
                div.card { (table(&visit, &workers, now)) }
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
            } }
            tbody role="rowgroup" { @for worker in workers { (row(visit, worker, now)) } }
        }
    }
}

fn row(visit: &Visit, worker: &WorkerView, now: DateTime<Utc>) -> Markup {
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                (worker.program.as_deref().unwrap_or(said::UNNAMED))
                span.sub { code { (worker.id) } }
            }
            td.nw role="cell" data-l=(texts::STATE) { (state(worker.state)) }
            td role="cell" data-l=(said::PLACE) {
                @if worker.place().is_empty() { (said::UNKNOWN_PLACE) } @else { (worker.place()) }
            }
            td role="cell" data-l=(said::RUNS) { (runs(visit, worker)) }
            td.nw role="cell" data-l=(said::SINCE) { (when(worker.started_at.0, now)) }
            td.nw role="cell" data-l=(said::SEEN) { (when(worker.seen_at.0, now)) }
        }
    }
}

fn state(state: WorkerState) -> Markup {
    match state {
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
