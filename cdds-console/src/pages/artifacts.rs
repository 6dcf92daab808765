//! The list of artifacts: the stored files, by sets.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cdds_core::domain::access::Action;
use cdds_core::ports::catalog::query::{ArtifactColumn, ExecutionQuery, Slice, Sort};
use cdds_core::{ArtifactId, ExecutionId, Principal, ServiceError};
use cdds_view::http::{FileResponse, HeaderMap};
use cdds_view::{ArtifactView, ExecutionView, PageView, words};
use chrono::{DateTime, Utc};
use http::Method;
use maud::{Markup, html};

use super::Refused;
use super::confirm::{again, chosen};
use super::execution::{downloads, kept as kept_for, link, protection};
use super::filters::{Column, Columns, Offered, day_field, text_field, total};
use super::frame::{Section, icon, page};
use super::listing::{Nothing, listed, no_match};
use super::parts::{choice, delivered, mark, time};
use super::set::script;
use crate::answers::{Answers, Form, Id, Query, wrong};
use crate::arrivals::Arrivals;
use crate::done::Done;
use crate::lists::artifacts as lists;
use crate::place::Whence;
use crate::texts::{self, artifacts as said, execution, history};
use crate::visit::Visit;
use crate::{App, Services};

/// The rows of a page; all of them can be chosen at once.
const ROWS: u64 = 100;

/// What the page shows.
struct Sight {
    artifacts: PageView<ArtifactView>,
    sort: Sort<ArtifactColumn>,
    offered: Offered,
    /// The executions that published the sets of these files, and who can open these.
    sets: BTreeMap<ExecutionId, (ExecutionView, String)>,
    now: DateTime<Utc>,
}

impl Sight {
    async fn of(services: &Services, by: &Principal, answers: &Answers) -> Result<Self, Refused> {
        let query = lists::query(answers, ROWS)?;
        let artifacts = ArtifactView::list(&services.artifacts, by, &query).await?;
        let ids: BTreeSet<_> = artifacts.items.iter().map(|artifact| artifact.execution_id).collect();
        let of_sets = ExecutionQuery::default().with_ids(Vec::from_iter(ids)).with_slice(Slice::first(ROWS));
        let arrivals = Arrivals::of(services, by, of_sets.ids.iter().flatten().copied()).await?;
        // An execution that was deleted since the list was read is missing here, and has nothing more to say.
        let executions = services.history.list(by, &of_sets).await?.items.into_iter().map(|overview| {
            let protection = protection(&overview.execution.settings);
            (overview.execution.id, (arrivals.told(overview.into()), protection))
        });
        let sets = executions.collect();
        let offered = Offered::to(services, by).await?;
        Ok(Self { artifacts, sort: query.sort, offered, sets, now: services.artifacts.now().await? })
    }
}

/// `GET /artifacts`
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
        to: Some((visit.to("history"), said::TO_HISTORY)),
    };
    let (columns, rows) = (columns(&answers, &sight), table(&visit, &answers, &sight));
    let body = html! {
        div #summary .rows.tight data-live {
            h1 { (texts::ARTIFACTS) }
            p.sub {
                @if let Some(total) = total(&sight.artifacts, history::FILE) { (total) ". " }
                (texts::AS_OF) " " (time(sight.now, sight.now)) ". "
                a href=(answers.query()) { (texts::REFRESH) }
            }
        }
        (listed(&columns, &sight.artifacts, &rows, &nothing))
    };
    Ok(page(&visit, Section::Artifacts, texts::ARTIFACTS, &body))
}

const COLUMNS: [Column; 7] = [
    Column::new(execution::NAME, Some(ArtifactColumn::Name.as_str()), &["search", "job", "execution"]),
    Column::new(said::PART, Some(ArtifactColumn::Part.as_str()), &[]),
    Column::new(texts::TYPE, Some(ArtifactColumn::Type.as_str()), &["type"]),
    Column::new(execution::SIZE, Some(ArtifactColumn::Size.as_str()), &["size_min", "size_max"]).of_numbers(),
    Column::new(texts::CREATED, Some(ArtifactColumn::CreatedAt.as_str()), &["created_from", "created_to"]),
    Column::new(
        execution::KEPT,
        Some(ArtifactColumn::RemainingDays.as_str()),
        &["expires_from", "expires_to", "on_hold"],
    ),
    Column::new(execution::DOWNLOADED, Some(ArtifactColumn::Downloads.as_str()), &[]),
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
        "search" => text_field(answers, id, name, said::FILE_NAME),
        "job" => choice(id, name, history::JOB, chosen, offered.jobs(chosen)),
        "execution" => text_field(answers, id, name, said::OF_EXECUTION),
        "type" => offered.type_field(id, name, chosen),
        "size_min" => text_field(answers, id, name, said::SIZE_MIN),
        "size_max" => text_field(answers, id, name, said::SIZE_MAX),
        "on_hold" => {
            let held = [("true", said::ON_HOLD.to_owned()), ("false", said::NOT_ON_HOLD.to_owned())];
            choice(id, name, said::HOLD_TITLE, chosen, held)
        }
        "created_from" => day_field(answers, id, name, said::CREATED_FROM),
        "created_to" => day_field(answers, id, name, said::CREATED_BEFORE),
        "expires_from" => day_field(answers, id, name, said::EXPIRES_FROM),
        _ => day_field(answers, id, name, said::EXPIRES_BEFORE),
    }
}

fn table(visit: &Visit, answers: &Answers, sight: &Sight) -> Markup {
    let files = &sight.artifacts.items;
    html! {
        @if files.is_empty() {
            (no_match(said::NO_MATCH, said::SHOW_ALL))
        } @else {
            form.sel method="post" action=(visit.to("artifacts/selected")) {
                table.cards role="table" {
                    caption.vh { (texts::ARTIFACTS) }
                    thead role="rowgroup" { tr role="row" {
                        th scope="col" role="columnheader" { span.vh { (texts::SELECT) } }
                        (columns(answers, sight).heads())
                    } }
                    @for part in files.chunk_by(|one, other| one.execution_id == other.execution_id) {
                        tbody role="rowgroup" {
                            (set(visit, sight, part))
                            @for file in part { (row(visit, sight, file)) }
                        }
                    }
                }
                (bulk(visit))
            }
        }
    }
}

fn bulk(visit: &Visit) -> Markup {
    html! {
        div.bulk.bar role="group" aria-label=(said::SELECTED) {
            span { span.count { (texts::SELECTED) } " " span.hint { (texts::AT_MOST) } }
            div.acts {
                @if visit.may(Action::Download) {
                    button name="do" value="script" { (icon("down")) (said::SCRIPT) }
                }
                @if visit.may(Action::DeleteArtifacts) {
                    button.danger name="do" value="delete" { (texts::DELETE) }
                }
            }
        }
    }
}

/// Returns the head of the files of one set.
fn set(visit: &Visit, sight: &Sight, files: &[ArtifactView]) -> Markup {
    let Some(first) = files.first() else { return Markup::default() };
    let id = first.execution_id;
    let known = sight.sets.get(&id);
    let title = known.map_or_else(|| id.to_string(), |(execution, _)| execution.job_title.clone());
    html! {
        tr.set role="row" {
            th scope="rowgroup" colspan="8" role="rowheader" {
                div.bar {
                    div {
                        a href=(visit.to(&format!("sets/{id}"))) { (title) }
                        @if let Some((execution, protection)) = known {
                            ", " (time(execution.slot.0, sight.now))
                            span.sub { (words::counted(first.parts.into(), history::FILE)) ". " (protection) }
                            @if let Some(state) = execution.delivery { span.sub { (delivered(state)) } }
                        }
                        @if first.hold { span.sub { (mark("off", "lock", said::ON_HOLD)) } }
                    }
                    div.acts {
                        @if visit.may(Action::Download) {
                            a href=(visit.to(&format!("sets/{id}/manifest"))) aria-label={ (said::MANIFEST_OF) " " (title) } { (said::MANIFEST) }
                        }
                        a.btn href=(visit.to(&format!("sets/{id}"))) aria-label={ (said::OPEN_SET) " " (title) } { (said::OPEN) }
                    }
                }
            }
        }
    }
}

fn row(visit: &Visit, sight: &Sight, file: &ArtifactView) -> Markup {
    html! {
        tr role="row" {
            td.ck role="cell" { label.pick {
                input type="checkbox" name="id" value=(file.id);
                span.vh { (texts::SELECT) " " (file.name) }
            } }
            th scope="row" role="rowheader" { (link(visit, file)) }
            td.nw role="cell" data-l=(said::PART) { (file.part_words()) }
            td role="cell" data-l=(texts::TYPE) { (file.types) }
            td.num.nw role="cell" data-l=(execution::SIZE) { (words::bytes(file.size)) }
            td.nw role="cell" data-l=(texts::CREATED) { (time(file.created_at.0, sight.now)) }
            td role="cell" data-l=(execution::KEPT) { (kept_for(file)) }
            td.nw role="cell" data-l=(execution::DOWNLOADED) { (downloads(file)) }
        }
    }
}

/// `GET /artifacts/{id}/content`: the file, or a link to it. A HEAD request drops the body, so nothing is put on record.
pub(super) async fn content(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<ArtifactId>,
    method: Method,
    headers: HeaderMap,
) -> Result<FileResponse, Refused> {
    if let Some(link) = services.link(visit.principal(), id, &method, &headers).await? {
        return Ok(FileResponse::redirect(&link));
    }
    let download = services.artifacts.download(visit.principal(), id, 0).await?;
    Ok(FileResponse::new(download, &headers))
}

/// `POST /artifacts/selected`: a script that downloads the files, or the question whether to delete them.
pub(super) async fn selected(
    State(App { services, .. }): State<App>,
    visit: Visit,
    whence: Whence,
    Form(answers): Form,
) -> Result<Response, Refused> {
    let ids: Vec<ArtifactId> = chosen(&answers)?;
    match answers.one("do") {
        Some("script") => {
            let by = visit.principal();
            by.check(Action::Download).map_err(ServiceError::from)?;
            let files = services.artifacts.select(by, &ids).await?;
            Ok(script::answer(
                "download.sh",
                &script::of_files(&whence.console("artifacts/selected"), &files),
            ))
        }
        Some("delete") => Ok(ask(&services, &visit, &ids).await?.into_response()),
        _ => Err(wrong("do", "choose one of script, delete").into()),
    }
}

/// Asks whether to delete these files: says which sets are torn, and which are on hold.
async fn ask(services: &Services, visit: &Visit, ids: &[ArtifactId]) -> Result<Markup, Refused> {
    let by = visit.principal();
    by.check(Action::DeleteArtifacts).map_err(ServiceError::from)?;
    let files = services.artifacts.select(by, ids).await?;
    let torn = services.artifacts.torn_by(by, ids).await?;
    let held: Vec<_> = files.iter().filter(|file| file.hold).collect();
    let title = said::delete_many(files.len());
    let body = html! {
        h1 { (title) }
        @if let Some(first) = held.first() {
            section.note.warn aria-labelledby="held" {
                h2 #held { (said::held(held.len())) }
                p { (said::HELD_SAYS) }
                p.acts { a href=(visit.to(&format!("sets/{}", first.execution_id))) { (execution::TO_THE_SET) } }
            }
        }
        @for set in &torn {
            section.note.warn aria-label=(said::TORN) {
                h2 { (said::TORN) }
                p { (said::torn(set.going, set.staying)) }
                p.acts { a href=(visit.to(&format!("sets/{}", set.execution))) { (said::WHOLE_SET) } }
            }
        }
        form.card.pad.rows method="post" action=(visit.to("artifacts/delete")) {
            (again(ids))
            ul.rows.tight { @for file in &files { li.mono { (file.name) } } }
            p { (said::DELETE_SAYS) }
            div.acts {
                @if held.is_empty() { button.danger { (said::delete_them(files.len())) } }
                a.btn href=(visit.to("artifacts")) { (history::KEEP_THEM) }
            }
        }
    };
    Ok(page(visit, Section::Artifacts, &title, &body))
}

/// `POST /artifacts/delete`: all of them, or none.
pub(super) async fn delete(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Form(answers): Form,
) -> Result<Response, Refused> {
    services.artifacts.delete(visit.principal(), &chosen::<ArtifactId>(&answers)?).await?;
    Ok(visit.tell("artifacts", Done::FilesDeleted))
}
