//! One execution: where it stands and why, its attempts, its files, and what people can do about it.

mod attempts;
mod happened;
mod places;
mod settings;
mod why;

use axum::extract::State;
use axum::response::Response;
use cdds_core::domain::access::Action;
use cdds_core::domain::archive::removal::WithArtifacts;
use cdds_core::domain::execution::{Execution, ExecutionState, Status};
use cdds_core::domain::notice::Notice;
use cdds_core::ports::catalog::query::{ArtifactColumn, ArtifactQuery, NoticeQuery, Slice, Sort};
use cdds_core::{ExecutionId, Principal};
use cdds_view::{ArtifactView, DestinationView, ExecutionDetailsView, PageView, WindowView, words};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use self::places::Places;
pub(super) use self::settings::{protection, sealed_for};
use super::Refused;
use super::confirm::Question;
use super::deliveries::{self, Arrived};
use super::frame::{Section, page};
use super::parts::{arrived, day, said as said_to_all, time};
use crate::answers::{Form, Id, wrong};
use crate::arrivals::Arrivals;
use crate::done::Done;
use crate::texts::{self, execution as said, history};
use crate::visit::Visit;
use crate::{App, Services};

/// The most files that the page names; the page of the set has them all.
const FILES_MAX: u64 = 20;

/// The most notices that the page tells.
const NOTICES_MAX: u64 = 20;

/// What the page shows.
struct Sight {
    execution: Execution,
    view: ExecutionDetailsView,
    source: String,
    files: PageView<ArtifactView>,
    notices: Vec<Notice>,
    destinations: Vec<DestinationView>,
    places: Places,
    now: DateTime<Utc>,
}

impl Sight {
    async fn of(services: &Services, by: &Principal, id: ExecutionId) -> Result<Self, Refused> {
        let overview = services.history.show(by, id).await?;
        let files = ArtifactQuery::default()
            .with_execution(Some(id))
            .with_sort(Sort { column: ArtifactColumn::Part, descending: false })
            .with_slice(Slice::first(FILES_MAX));
        // Those that a host takes are its own business, and most hosts take none.
        let notices = NoticeQuery::default()
            .with_execution(Some(id))
            .with_for_host(false)
            .with_slice(Slice::first(NOTICES_MAX));
        let notices = services.outbox.list(by, &notices).await?.items;
        let arrivals = Arrivals::of(services, by, [id]).await?;
        let sources = services.sources(by)?;
        let execution = overview.execution.clone();
        let id = &execution.settings.source;
        let source = sources.iter().find(|(known, _)| known == id);
        let source = source.map(|(id, source)| cdds_view::SourceView::new(id, source).title);
        let deliveries = arrivals.of_set(execution.id);
        Ok(Self {
            destinations: deliveries::destinations(services, by, deliveries).await?,
            places: Places::of(services, by, &execution.attempts).await?,
            source: source.unwrap_or_else(|| id.to_string()),
            files: ArtifactView::list(&services.artifacts, by, &files).await?,
            notices,
            now: services.jobs.now().await?,
            view: ExecutionDetailsView::new(overview, deliveries.to_vec(), Vec::new()),
            execution,
        })
    }

    /// Returns the address of one of its actions, from the root of the console.
    fn at(&self, action: &str) -> String {
        format!("history/{}{action}", self.execution.id)
    }

    /// Returns where its set was delivered.
    fn arrived(&self) -> Arrived<'_> {
        Arrived {
            deliveries: &self.view.deliveries,
            destinations: &self.destinations,
            of: "history",
            execution: self.execution.id,
            is_kept: !self.files.items.is_empty(),
            now: self.now,
        }
    }

    /// Whether it may be run again: it failed or was cancelled, and its job is there.
    fn is_rerun(&self, visit: &Visit) -> bool {
        let is_over = matches!(self.execution.status(), Status::Failed | Status::Cancelled);
        is_over && !self.view.execution.job_deleted && visit.may(Action::RerunExecution)
    }
}

/// `GET /history/{id}`
pub(super) async fn show(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<ExecutionId>,
) -> Result<Markup, Refused> {
    let sight = Sight::of(&services, visit.principal(), id).await?;
    let title = format!("{}, {}", sight.view.execution.job_title, sight.execution.slot.format("%-d %b %Y"));
    let is_running = sight.execution.status() == Status::InProgress;
    let body = html! {
        div #head .rows data-live { (head(&visit, &sight)) }
        div #now .rows.apart data-live {
            @if is_running { (progress(&sight)) }
            (why::told(&visit, &sight))
            (facts(&sight))
        }
        div.cols {
            div {
                div #results .rows.apart data-live {
                    (attempts::shown(&visit, &sight))
                    (sight.arrived().shown(&visit))
                    (files(&visit, &sight))
                }
                (settings::shown(&visit, &sight))
            }
            aside { (happened::told(&sight)) }
        }
    };
    Ok(page(&visit, Section::History, &title, &body))
}

fn head(visit: &Visit, sight: &Sight) -> Markup {
    let view = &sight.view.execution;
    let cancel = Question {
        id: "stop",
        title: said::CANCEL_THIS,
        action: &visit.to(&sight.at("/cancel")),
        yes: said::CANCEL_IT,
        no: said::LET_IT_RUN,
    };
    let is_open = sight.execution.is_open() && sight.execution.cancel_requested_at.is_none();
    let is_cancelled = is_open && visit.may(Action::CancelExecution);
    let is_deleted = !sight.execution.is_open() && visit.may(Action::DeleteExecution);
    html! {
        div.rows.tight {
            p.sub {
                a href=(visit.to("jobs")) { (texts::JOBS) } " / "
                @if view.job_deleted { (view.job_title) " (" (said::DELETED) ")" } @else {
                    a href=(visit.to(&format!("jobs/{}", view.job_id))) { (view.job_title) }
                }
                " / " a href=(visit.to(&format!("history?job={}", view.job_id))) { (texts::HISTORY) }
            }
            div.bar {
                div.rows.tight {
                    h1 { (view.job_title) }
                    p.sub {
                        (said::EXECUTION_FOR) " " (time(view.slot.0, sight.now)) ". "
                        (texts::AS_OF) " " (time(sight.now, sight.now))
                    }
                    p.acts { (said_to_all(&view.job_title, &view.status_line())) (arrived(view.status.as_str(), view.delivery)) }
                }
                div.acts {
                    @if sight.execution.is_open() { a.btn href=(visit.to(&sight.at(""))) { (texts::REFRESH) } }
                    @if sight.is_rerun(visit) { (rerun(visit, sight)) }
                    @if visit.may(Action::CreateJob) {
                        a.btn href=(visit.to(&format!("jobs/new?execution={}", view.id))) { (said::CLONE) }
                    }
                    @if is_cancelled { (cancel.button(said::CANCEL_ASKS)) }
                    @if is_deleted { button.danger type="button" popovertarget="del" { (texts::DELETE) } }
                }
            }
        }
        @if is_cancelled { (cancel.asked(&html! { p { (said::CANCEL_SAYS) } })) }
        @if is_deleted { (delete(visit, sight)) }
    }
}

/// Returns the button that runs it again.
fn rerun(visit: &Visit, sight: &Sight) -> Markup {
    html! {
        form method="post" action=(visit.to(&sight.at("/rerun"))) { button { (said::RERUN) } }
    }
}

/// Asks whether to delete it. A hold keeps its files, so there is nothing to ask.
fn delete(visit: &Visit, sight: &Sight) -> Markup {
    let files = sight.view.execution.files.len();
    let is_held = sight.files.items.iter().any(|file| file.hold);
    if is_held {
        return html! {
            div #del.ask.rows popover role="dialog" aria-labelledby="del-h" {
                h2 #del-h { (said::ON_HOLD) }
                p { (said::ON_HOLD_SAYS) }
                div.acts {
                    a.btn href=(visit.to(&format!("sets/{}", sight.execution.id))) { (said::TO_THE_SET) }
                    button type="button" popovertarget="del" popovertargetaction="hide" { (said::KEEP_IT) }
                }
            }
        };
    }
    let with_files = said::delete_with_files(files);
    let question = Question {
        id: "del",
        title: said::DELETE_THIS,
        action: &visit.to(&sight.at("/delete")),
        yes: if files == 0 { said::DELETE_IT } else { &with_files },
        no: said::KEEP_IT,
    };
    question.asked(&html! {
        input type="hidden" name="artifacts" value=(if files == 0 { "keep" } else { "delete" });
        @if files == 0 { p { (said::DELETE_NO_FILES) } } @else { p { (said::delete_files(files)) } }
        p { (said::DELETE_STAYS) }
    })
}

/// Returns how far it is, with the expected end.
fn progress(sight: &Sight) -> Markup {
    let view = &sight.view.execution;
    let Some(progress) = view.progress else { return Markup::default() };
    let left = progress.remaining_seconds.map(words::remaining);
    let end = progress.remaining_seconds.and_then(|seconds| {
        let seconds = chrono::TimeDelta::try_seconds(i64::try_from(seconds).ok()?)?;
        sight.now.checked_add_signed(seconds)
    });
    html! {
        section.card.pad.rows aria-labelledby="pr" {
            div.bar {
                h2 #pr {
                    @match (progress.percent, &left) {
                        (Some(percent), Some(left)) => { (percent) " %, about " (left) },
                        (Some(percent), None) => { (percent) " %" },
                        (None, _) => (said::UNKNOWN_SHARE),
                    }
                }
                @if let Some(end) = end { span.sub { (said::DONE_AROUND) " " (time(end, sight.now)) } }
            }
            @match progress.percent {
                Some(percent) => progress max="100" value=(percent) aria-labelledby="pr" { (percent) " %" },
                None => progress max="100" aria-labelledby="pr" {},
            }
            p.hint { (said::so_far(&progress)) }
        }
    }
}

fn facts(sight: &Sight) -> Markup {
    let view = &sight.view.execution;
    html! {
        dl.card.facts {
            div { dt { (said::DATA) } dd { (window(sight)) } }
            div { dt { (history::RECORDS) } dd {
                (words::count(view.records)) span.sub { (sight.source) ", " (view.types) }
            } }
            div { dt { (history::TOOK) } dd {
                @match view.duration(sight.now) {
                    Some(duration) => (words::lasting(duration)),
                    None if sight.execution.status() == Status::Skipped => (history::SKIPPED),
                    None if sight.execution.is_open() => (said::NOT_YET),
                    None => (history::NEVER_STARTED),
                }
                span.sub { (words::counted(u64::from(view.attempts), said::ATTEMPT)) }
            } }
            div { dt { (said::WRITTEN) } dd {
                (words::bytes(view.bytes_written))
                span.sub { (words::bytes(view.bytes_read)) " " (said::READ) }
            } }
            @if let Some(file) = sight.files.items.first() {
                div { dt { (said::KEPT) } dd { (kept(file)) } }
            }
        }
    }
}

/// Returns the stretch of time that it exports.
fn window(sight: &Sight) -> Markup {
    let WindowView { start, end, .. } = sight.view.execution.window;
    html! {
        span.nw {
            @match start {
                _ if sight.execution.has_open_start() => (said::END_OF_LAST),
                Some(start) => (time(start.0, sight.now)),
                None => (said::BEGINNING),
            }
            " " (said::TO)
        }
        " " span.nw { (time(end.0, sight.now)) }
    }
}

/// Returns for how long a file is kept.
pub(super) fn kept(file: &ArtifactView) -> Markup {
    match file.days_left() {
        None => super::parts::mark("off", "lock", said::UNTIL_RELEASED),
        Some(days @ 0..=2) => super::parts::mark("warn", "warn", &words::counted(days, said::DAY)),
        Some(days) => html! { (words::counted(days, said::DAY)) },
    }
}

/// Says where the files of a run went that has none any more.
fn gone(visit: &Visit, sight: &Sight) -> Markup {
    let published = sight.execution.progress.parts;
    html! {
        @if matches!(sight.execution.state, ExecutionState::Succeeded) && published > 0 {
            section.card.pad.rows aria-labelledby="gone" {
                h2 #gone { (history::FILES) }
                p { (said::gone(published)) }
                @if visit.may(Action::SeeAudit) {
                    p { a href=(visit.to(&format!("audit?object={}", sight.execution.id))) { (said::WHO_DELETED) } }
                }
            }
        }
    }
}

fn files(visit: &Visit, sight: &Sight) -> Markup {
    let set = visit.to(&format!("sets/{}", sight.execution.id));
    let more = sight.view.execution.files.len().saturating_sub(sight.files.items.len());
    html! {
        @if sight.files.items.is_empty() {
            (gone(visit, sight))
        } @else {
            section.card {
                table.cards role="table" {
                    caption { (history::FILES) }
                    thead role="rowgroup" { tr role="row" {
                        th scope="col" role="columnheader" { (said::NAME) }
                        th.num scope="col" role="columnheader" { (said::SIZE) }
                        th scope="col" role="columnheader" { "SHA-256" }
                        th scope="col" role="columnheader" { (said::DOWNLOADED) }
                    } }
                    tbody role="rowgroup" {
                        @for file in &sight.files.items {
                            tr role="row" {
                                th scope="row" role="rowheader" { (link(visit, file)) }
                                td.num.nw role="cell" data-l=(said::SIZE) { (words::bytes(file.size)) }
                                td role="cell" data-l="SHA-256" { code { (digest(&file.sha256)) } }
                                td.nw role="cell" data-l=(said::DOWNLOADED) { (downloads(file)) }
                            }
                        }
                    }
                }
                p.pad {
                    @if more > 0 { (said::more_files(more)) " " }
                    a href=(set) { (said::OPEN_THE_SET) }
                }
            }
        }
    }
}

/// Returns the name of a file, as a link for those who may download it.
pub(super) fn link(visit: &Visit, file: &ArtifactView) -> Markup {
    html! {
        @if visit.may(Action::Download) {
            a.mono href=(visit.to(&format!("artifacts/{}/content", file.id))) { (file.name) }
        } @else {
            span.mono { (file.name) }
        }
    }
}

/// `4b1f…09ce`: enough of a digest to tell two apart by eye.
pub(super) fn digest(hex: &str) -> String {
    match (hex.get(..8), hex.get(56..)) {
        (Some(first), Some(last)) => format!("{first}…{last}"),
        _ => hex.to_owned(),
    }
}

/// Returns how often a file was downloaded, and when it last was.
pub(super) fn downloads(file: &ArtifactView) -> Markup {
    html! {
        @match file.last_downloaded_at {
            None => (texts::NEVER),
            Some(at) => { (words::counted(file.downloads, said::TIME)) span.sub { (said::LAST) " " (day(at.0)) } },
        }
    }
}

/// `POST /history/{id}/rerun`
pub(super) async fn run_again(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<ExecutionId>,
) -> Result<Response, Refused> {
    let queued = services.history.rerun(visit.principal(), id).await?;
    Ok(visit.tell(&format!("history/{}", queued.id), Done::ExecutionQueued))
}

/// `POST /history/{id}/redeliver`: to all its destinations, or to one.
pub(super) async fn redeliver(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<ExecutionId>,
    Form(answers): Form,
) -> Result<Response, Refused> {
    let to = answers.parsed("destination")?;
    services.deliveries.redeliver(visit.principal(), id, to.as_ref()).await?;
    Ok(visit.tell(&format!("history/{id}"), Done::Redelivered))
}

/// `POST /history/{id}/cancel`
pub(super) async fn cancel(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<ExecutionId>,
) -> Result<Response, Refused> {
    services.history.cancel(visit.principal(), id).await?;
    Ok(visit.tell(&format!("history/{id}"), Done::ExecutionCancelled))
}

/// `POST /history/{id}/delete`
pub(super) async fn remove(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<ExecutionId>,
    Form(answers): Form,
) -> Result<Response, Refused> {
    let with = match answers.one("artifacts") {
        None | Some("keep") => WithArtifacts::Keep,
        Some("delete") => WithArtifacts::Delete,
        Some(_) => return Err(wrong("artifacts", "choose one of keep, delete").into()),
    };
    services.history.delete(visit.principal(), id, with).await?;
    Ok(visit.tell("history", Done::ExecutionDeleted))
}
