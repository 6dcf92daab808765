//! One set: its files, how to download and open them, who did, and its hold.

mod keys;
mod opening;
pub(super) mod script;

use axum::extract::State;
use axum::response::Response;
use cdds_core::domain::access::Action;
use cdds_core::domain::archive::artifact::ArtifactSet;
use cdds_core::domain::delivery::Delivery;
use cdds_core::ports::catalog::query::{ArtifactColumn, ArtifactQuery, AuditQuery, Slice, Sort};
use cdds_core::{ExecutionId, Principal};
use cdds_view::http::{FileResponse, HeaderMap};
use cdds_view::{ArtifactView, AuditView, DeliveryView, DestinationView, ExecutionView, words};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use self::keys::Keys;
use super::Refused;
use super::confirm::Question;
use super::deliveries::{self, Arrived};
use super::execution::{downloads, kept, link, sealed_for};
use super::frame::{Section, icon, page};
use super::parts::{mark, time};
use crate::answers::{Form, Id};
use crate::arrivals::Arrivals;
use crate::done::Done;
use crate::place::Whence;
use crate::texts::{self, artifacts as said, execution, history};
use crate::visit::Visit;
use crate::{App, Services};

/// The most files that the page names.
const FILES_MAX: u64 = 1_000;

/// Of how many files the downloads are looked up one by one, and how many downloads are shown.
const LOGGED_FILES: usize = 20;
const LOGGED: usize = 20;

/// What the page shows.
struct Sight {
    execution: ExecutionView,
    sealed_for: String,
    /// The certificates that it is encrypted for, if recipients have others by now.
    keys: Keys,
    set: ArtifactSet,
    files: Vec<ArtifactView>,
    deliveries: Vec<DeliveryView>,
    destinations: Vec<DestinationView>,
    /// The downloads of its files, newest first; `None` for those who may not see the audit.
    log: Option<Vec<AuditView>>,
    now: DateTime<Utc>,
}

impl Sight {
    async fn of(services: &Services, by: &Principal, id: ExecutionId) -> Result<Self, Refused> {
        let set = services.artifacts.set(by, id).await?;
        let overview = services.history.show(by, id).await?;
        let query = ArtifactQuery::default()
            .with_execution(Some(id))
            .with_sort(Sort { column: ArtifactColumn::Part, descending: false })
            .with_slice(Slice::first(FILES_MAX));
        let files = ArtifactView::list(&services.artifacts, by, &query).await?.items;
        let log = match by.check(Action::SeeAudit) {
            Ok(()) => Some(log(services, by, id, &files).await?),
            Err(_) => None,
        };
        let sealed_for = sealed_for(&overview.execution.settings);
        let keys = Keys::of(services, by, &overview.execution).await?;
        let arrivals = Arrivals::of(services, by, [id]).await?;
        let view = |one: &Delivery| DeliveryView::new(one.clone(), &overview.execution);
        let destinations = deliveries::destinations(services, by, arrivals.of_set(id)).await?;
        let deliveries = arrivals.of_set(id).iter().map(view).collect();
        let now = services.artifacts.now().await?;
        Ok(Self {
            execution: overview.into(),
            sealed_for,
            keys,
            set,
            files,
            deliveries,
            destinations,
            log,
            now,
        })
    }

    /// Returns the address of one of its parts or actions, from the root of the console.
    fn at(&self, action: &str) -> String {
        format!("sets/{}{action}", self.execution.id)
    }

    fn arrived(&self) -> Arrived<'_> {
        Arrived {
            deliveries: &self.deliveries,
            destinations: &self.destinations,
            of: "sets",
            execution: self.execution.id,
            is_kept: self.set.deleted_parts().is_empty(),
            now: self.now,
        }
    }

    fn is_held(&self) -> bool {
        self.files.iter().any(|file| file.hold)
    }
}

/// Looks up who downloaded the manifest and the first files.
async fn log(
    services: &Services,
    by: &Principal,
    id: ExecutionId,
    files: &[ArtifactView],
) -> Result<Vec<AuditView>, Refused> {
    let files = files.iter().take(LOGGED_FILES).map(|file| file.id.to_string());
    let mut log = Vec::new();
    for object in files.chain([id.to_string()]) {
        let query = AuditQuery::default()
            .with_object(object)
            .with_action(Action::Download)
            .with_slice(Slice::first(LOGGED as u64));
        log.extend(services.audit.list(by, &query).await?.items.into_iter().map(AuditView::from));
    }
    log.sort_by_key(|entry| std::cmp::Reverse(entry.at));
    log.truncate(LOGGED);
    Ok(log)
}

/// `GET /sets/{execution}`
pub(super) async fn show(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<ExecutionId>,
) -> Result<Markup, Refused> {
    let sight = Sight::of(&services, visit.principal(), id).await?;
    let missing = sight.set.deleted_parts();
    let body = html! {
        (head(&visit, &sight))
        @if !missing.is_empty() {
            section.note.warn aria-labelledby="torn" {
                h2 #torn { (said::TORN) }
                p { (said::missing(missing.len())) }
            }
        }
        (facts(&sight))
        (files(&visit, &sight))
        (sight.arrived().shown(&visit))
        @if visit.may(Action::Download) {
            (opening::told(&sight.set, &sight.sealed_for, &sight.keys))
        } @else {
            p.hint { (said::NOT_DOWNLOADED) }
        }
        (logged(&visit, &sight))
    };
    let title = format!("{}: {}", texts::ARTIFACTS, sight.execution.job_title);
    Ok(page(&visit, Section::Artifacts, &title, &body))
}

fn head(visit: &Visit, sight: &Sight) -> Markup {
    let release = Question {
        id: "release",
        title: said::RELEASE_THIS,
        action: &visit.to(&sight.at("/release")),
        yes: said::RELEASE,
        no: said::KEEP_HELD,
    };
    let delete = Question {
        id: "del",
        title: said::DELETE_THIS,
        action: &visit.to(&sight.at("/delete")),
        yes: said::DELETE_SET,
        no: execution::KEEP_IT,
    };
    let is_held = sight.is_held();
    let is_released = is_held && visit.may(Action::ReleaseSet);
    let is_deleted = !is_held && visit.may(Action::DeleteArtifacts);
    html! {
        div.rows.tight {
            p.sub {
                a href=(visit.to("artifacts")) { (texts::ARTIFACTS) } " / "
                a href=(visit.to(&format!("history/{}", sight.execution.id))) { (said::ITS_EXECUTION) }
            }
            div.bar {
                div.rows.tight {
                    h1 { (sight.execution.job_title) }
                    p.sub { (said::SET_OF) " " (time(sight.execution.slot.0, sight.now)) }
                    @if is_held { p.acts { (mark("off", "lock", said::ON_HOLD)) } }
                }
                div.acts {
                    @if visit.may(Action::Download) {
                        a.btn href=(visit.to(&sight.at("/download.sh"))) { (icon("down")) (said::SCRIPT) }
                        a.btn href=(visit.to(&sight.at("/manifest"))) { (said::MANIFEST) }
                        @if sight.set.signature.is_some() {
                            a.btn href=(visit.to(&sight.at("/signature"))) { (said::SIGNATURE) }
                        }
                    }
                    @if !is_held && visit.may(Action::HoldSet) {
                        form method="post" action=(visit.to(&sight.at("/hold"))) { button { (said::HOLD) } }
                    }
                    @if is_released { button type="button" popovertarget="release" { (said::RELEASE_ASKS) } }
                    @if is_deleted { (delete.button(texts::DELETE)) }
                }
            }
        }
        @if is_released { (release.asked(&html! { p { (said::RELEASE_SAYS) } })) }
        @if is_deleted {
            (delete.asked(&html! { p { (said::delete_set(sight.files.len())) } p { (said::DELETE_SET_STAYS) } }))
        }
    }
}

fn facts(sight: &Sight) -> Markup {
    let size = sight.files.iter().map(|file| file.size).sum();
    html! {
        dl.card.facts {
            div { dt { (history::FILES) } dd { (words::counted(sight.files.len() as u64, history::FILE)) span.sub { (words::bytes(size)) } } }
            div { dt { (execution::SEALED_FOR) } dd { (sight.sealed_for) } }
            @if let Some(file) = sight.files.first() {
                div { dt { (execution::PUBLISHED) } dd { (time(file.created_at.0, sight.now)) } }
                div { dt { (execution::KEPT) } dd { (kept(file)) } }
            }
        }
    }
}

fn files(visit: &Visit, sight: &Sight) -> Markup {
    html! {
        section.card {
            table.cards role="table" {
                caption { (history::FILES) }
                thead role="rowgroup" { tr role="row" {
                    th scope="col" role="columnheader" { (execution::NAME) }
                    th.num scope="col" role="columnheader" { (execution::SIZE) }
                    th scope="col" role="columnheader" { "SHA-256" }
                    th scope="col" role="columnheader" { (execution::DOWNLOADED) }
                } }
                tbody role="rowgroup" {
                    @for file in &sight.files {
                        tr role="row" {
                            th scope="row" role="rowheader" { (link(visit, file)) }
                            td.num.nw role="cell" data-l=(execution::SIZE) { (words::bytes(file.size)) }
                            td role="cell" data-l="SHA-256" { code { (file.sha256) } }
                            td.nw role="cell" data-l=(execution::DOWNLOADED) { (downloads(file)) }
                        }
                    }
                }
            }
        }
    }
}

fn logged(visit: &Visit, sight: &Sight) -> Markup {
    let Some(log) = &sight.log else { return Markup::default() };
    html! {
        section.card.pad.rows aria-labelledby="log" {
            h2 #log { (said::LOG) }
            @if log.is_empty() { p { (said::NOBODY_YET) } }
            ul.rows.tight {
                @for entry in log {
                    li {
                        strong { (entry.principal) } ", " (time(entry.at.0, sight.now)) ": "
                        (name_of(visit, sight, entry)) ". "
                        (texts::sentence(&words::status(&entry.outcome)))
                        @if let Some(bytes) = entry.bytes { ", " (words::bytes(bytes)) }
                    }
                }
            }
            p.acts {
                a href=(visit.to(&format!("audit?object={}", sight.execution.id))) { (said::TO_AUDIT) }
            }
        }
    }
}

/// Returns what an entry of the log is about; a file leads to everything that was done with it.
fn name_of(visit: &Visit, sight: &Sight, entry: &AuditView) -> Markup {
    let Some(object) = &entry.object else { return Markup::default() };
    let file = sight.files.iter().find(|file| file.id.to_string() == object.id);
    html! {
        @match file {
            Some(file) => a href=(visit.to(&format!("audit?object={}", object.id))) { (file.name) },
            None => (object.kind.as_str()),
        }
    }
}

/// `POST /sets/{execution}/hold`
pub(super) async fn hold(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<ExecutionId>,
) -> Result<Response, Refused> {
    services.artifacts.hold(visit.principal(), id).await?;
    Ok(visit.tell(&format!("sets/{id}"), Done::SetHeld))
}

/// `POST /sets/{execution}/release`. A set that has expired is gone, so the list is shown.
pub(super) async fn release(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<ExecutionId>,
) -> Result<Response, Refused> {
    let set = services.artifacts.release(visit.principal(), id).await?;
    let now = services.artifacts.now().await?;
    let is_there = set.artifacts.iter().all(|file| file.is_available(now));
    let next = if is_there { format!("sets/{id}") } else { "artifacts".to_owned() };
    Ok(visit.tell(&next, Done::SetReleased))
}

/// `POST /sets/{execution}/redeliver`: to all its destinations, or to one.
pub(super) async fn redeliver(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<ExecutionId>,
    Form(answers): Form,
) -> Result<Response, Refused> {
    let to = answers.parsed("destination")?;
    services.deliveries.redeliver(visit.principal(), id, to.as_ref()).await?;
    Ok(visit.tell(&format!("sets/{id}"), Done::Redelivered))
}

/// `POST /sets/{execution}/delete`
pub(super) async fn delete(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<ExecutionId>,
) -> Result<Response, Refused> {
    services.artifacts.delete_set(visit.principal(), id).await?;
    Ok(visit.tell("artifacts", Done::SetDeleted))
}

/// `GET /sets/{execution}/manifest`
pub(super) async fn manifest(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<ExecutionId>,
    headers: HeaderMap,
) -> Result<FileResponse, Refused> {
    let download = services.artifacts.download_manifest(visit.principal(), id).await?;
    Ok(FileResponse::new(download, &headers))
}

/// `GET /sets/{execution}/signature`
pub(super) async fn signature(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<ExecutionId>,
    headers: HeaderMap,
) -> Result<FileResponse, Refused> {
    let download = services.artifacts.download_signature(visit.principal(), id).await?;
    Ok(FileResponse::new(download, &headers))
}

/// `GET /sets/{execution}/download.sh`
pub(super) async fn download(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<ExecutionId>,
    whence: Whence,
) -> Result<Response, Refused> {
    let by = visit.principal();
    by.check(Action::Download).map_err(cdds_core::ServiceError::from)?;
    let set = services.artifacts.set(by, id).await?;
    let console = whence.console(&format!("sets/{id}/download.sh"));
    Ok(script::answer(&format!("download-{id}.sh"), &script::of_set(&console, id, &set)))
}
