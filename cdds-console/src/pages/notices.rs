//! Notices: who was told of what, or why not; the endpoints among them; and tests of both.

mod endpoints;
mod test;

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use cdds_core::domain::access::Action;
use cdds_core::domain::id::NoticeId;
use cdds_core::domain::notice::{Channel, Notice};
use cdds_core::ports::catalog::query::{ExecutionQuery, NoticeColumn, Slice, Sort};
use cdds_core::{ExecutionId, Principal};
use cdds_view::{EndpointView, ExecutionView, NoticeState, NoticeView, PageView, words};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

pub(super) use self::endpoints::{disable, enable};
pub(super) use self::test::test;
use super::Refused;
use super::filters::{Column, Columns, Offered, day_field, text_field, total};
use super::frame::{Section, page};
use super::listing::{Nothing, listed, no_match};
use super::parts::{choice, mark, time, when};
use crate::answers::{Answers, Form, Query, wrong};
use crate::done::Done;
use crate::lists::notices as lists;
use crate::texts::{self, notices as said};
use crate::visit::Visit;
use crate::{App, Services};

/// The rows of a page.
const ROWS: u64 = 50;

/// What the page shows.
struct Sight {
    notices: PageView<NoticeView>,
    sort: Sort<NoticeColumn>,
    /// The executions that these notices are about.
    executions: BTreeMap<ExecutionId, ExecutionView>,
    endpoints: Vec<EndpointView>,
    offered: Offered,
    now: DateTime<Utc>,
}

impl Sight {
    async fn of(services: &Services, by: &Principal, answers: &Answers) -> Result<Self, Refused> {
        let mut query = lists::query(answers, ROWS)?;
        // Those for the service itself are for its own eyes, unless somebody asks.
        query.for_host = (query.channel != Some(Channel::Host)).then_some(false);
        let page = services.outbox.list(by, &query).await?;
        let mut ids: Vec<ExecutionId> = page.items.iter().filter_map(Notice::execution_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let about = ExecutionQuery::default().with_slice(Slice::first(ids.len() as u64)).with_ids(ids);
        let executions = services.history.list(by, &about).await?.items.into_iter().map(ExecutionView::from);
        let endpoints = services.subscribers.endpoints(by).await?;
        Ok(Self {
            notices: PageView::new(page, query.sort, NoticeView::from),
            sort: query.sort,
            executions: executions.map(|execution| (execution.id, execution)).collect(),
            endpoints: endpoints.into_iter().map(EndpointView::from).collect(),
            offered: Offered::to(services, by).await?,
            now: services.jobs.now().await?,
        })
    }
}

/// `GET /notices`
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
        div.rows.tight {
            h1 { (said::TITLE) }
            p.sub {
                (said::ABOUT) " "
                @if let Some(total) = total(&sight.notices, said::NOTICE) { (total) ". " }
                (texts::AS_OF) " " (time(sight.now, sight.now)) ". "
                a href=(answers.query()) { (texts::REFRESH) }
            }
        }
        (listed(&columns, &sight.notices, &rows, &nothing))
        (endpoints::shown(&visit, &sight.endpoints, sight.now))
        @if visit.may(Action::TestNotice) { (test::form(&visit, &Answers::default(), &[])) }
    };
    Ok(page(&visit, Section::Notices, said::TITLE, &body))
}

const COLUMNS: [Column; 6] = [
    Column::new(said::WHAT, Some(NoticeColumn::Kind.as_str()), &["kind"]),
    Column::new(said::JOB, None, &["job", "execution"]),
    Column::new(said::WHEN, Some(NoticeColumn::At.as_str()), &["from", "to"]),
    Column::new(said::WHO, Some(NoticeColumn::Subscriber.as_str()), &["subscriber"]),
    Column::new(said::HOW, Some(NoticeColumn::Channel.as_str()), &["channel"]),
    Column::new(texts::STATE, Some(NoticeColumn::Status.as_str()), &["status"]),
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
    let choices = |names: Vec<&'static str>, say: fn(&str) -> &str| {
        names.into_iter().map(move |name| (name, say(name).to_owned()))
    };
    match name {
        "kind" => choice(id, name, said::WHAT, chosen, choices(lists::kinds(), said::kind)),
        "job" => choice(id, name, said::JOB, chosen, offered.jobs(chosen)),
        "execution" => text_field(answers, id, name, said::EXECUTION),
        "subscriber" => text_field(answers, id, name, said::ADDRESS),
        "channel" => choice(id, name, said::HOW, chosen, choices(lists::channels(), said::channel)),
        "status" => choice(id, name, texts::STATE, chosen, choices(lists::statuses(), said::status)),
        "from" => day_field(answers, id, name, said::FROM),
        _ => day_field(answers, id, name, said::BEFORE),
    }
}

fn table(visit: &Visit, answers: &Answers, sight: &Sight) -> Markup {
    let may_send = visit.may(Action::SendAgain);
    html! {
        @if sight.notices.items.is_empty() {
            (no_match(said::NO_MATCH, said::SHOW_ALL))
        } @else {
            table.cards role="table" {
                caption.vh { (said::TITLE) }
                thead role="rowgroup" { tr role="row" {
                    (columns(answers, sight).heads())
                    @if may_send { th scope="col" role="columnheader" { span.vh { (said::SEND_AGAIN) } } }
                } }
                tbody role="rowgroup" {
                    @for notice in &sight.notices.items { (row(visit, sight, notice, may_send)) }
                }
            }
        }
    }
}

fn row(visit: &Visit, sight: &Sight, notice: &NoticeView, may_send: bool) -> Markup {
    html! {
        tr role="row" {
            th scope="row" role="rowheader" { (said::kind(&notice.kind)) }
            td role="cell" data-l=(said::JOB) { (about(visit, sight, notice)) }
            td.nw role="cell" data-l=(said::WHEN) { (when(notice.at.0, sight.now)) }
            td.any role="cell" data-l=(said::WHO) { (notice.subscriber) }
            td role="cell" data-l=(said::HOW) { (said::channel(&notice.channel)) }
            td role="cell" data-l=(texts::STATE) { (standing(notice, sight.now)) }
            @if may_send {
                td role="cell" {
                    @if is_sent_again(sight, notice) {
                        form method="post" action=(visit.to("notices/replay")) {
                            input type="hidden" name="id" value=(notice.id);
                            button { (said::SEND_AGAIN) span.vh { ": " (notice.subscriber) } }
                        }
                    }
                }
            }
        }
    }
}

/// Whether it may be sent again: it was told or given up, and what it tells of is there.
fn is_sent_again(sight: &Sight, notice: &NoticeView) -> bool {
    let is_over = matches!(notice.state, NoticeState::Sent | NoticeState::Failed);
    is_over
        && notice.given_up.as_deref() != Some("gone")
        && notice.execution_id.is_none_or(|execution| sight.executions.contains_key(&execution))
}

/// Returns what a notice is about, as links to what is there.
fn about(visit: &Visit, sight: &Sight, notice: &NoticeView) -> Markup {
    html! {
        @if let Some(recipient) = &notice.recipient {
            a href=(visit.to(&format!("jobs/{}", notice.job_id))) { (said::CERTIFICATE_OF) " " (recipient) }
        } @else { @match notice.execution_id.and_then(|execution| sight.executions.get(&execution)) {
            Some(execution) => {
                @if execution.job_deleted { (execution.job_title) } @else {
                    a href=(visit.to(&format!("jobs/{}", execution.job_id))) { (execution.job_title) }
                }
                span.sub {
                    a href=(visit.to(&format!("history/{}", execution.id))) {
                        (said::RUN_OF) " " (time(execution.slot.0, sight.now))
                    }
                }
            },
            None => span.hint { (texts::execution::DELETED) },
        } }
    }
}

/// Says how far a notice has come, and why no further.
fn standing(notice: &NoticeView, now: DateTime<Utc>) -> Markup {
    let (class, shape) = match notice.state {
        NoticeState::Sent => ("ok", "ok"),
        NoticeState::Failed => ("bad", "bad"),
        NoticeState::Running => ("run", "run"),
        _ if notice.attempts > 0 => ("warn", "warn"),
        _ => ("off", "queue"),
    };
    let is_gone = notice.given_up.as_deref() == Some("gone");
    let error = notice.error.as_deref().filter(|_| notice.state != NoticeState::Sent);
    let error = if is_gone { Some(said::IS_GONE) } else { error };
    html! {
        (mark(class, shape, said::state(notice)))
        @if let Some(error) = error { span.sub { (texts::sentence(&texts::shortened(error))) } }
        @if notice.attempts > 0 || notice.next_attempt_at.is_some() {
            span.sub {
                @if notice.attempts > 0 { (words::counted(notice.attempts.into(), said::ATTEMPT)) ". " }
                @if let Some(at) = notice.next_attempt_at { (said::NEXT_TRY) " " (time(at.0, now)) }
                @if let Some(at) = notice.settled_at { (time(at.0, now)) }
            }
        }
    }
}

/// `POST /notices/replay`
pub(super) async fn replay(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Form(answers): Form,
) -> Result<Response, Refused> {
    let id: Option<NoticeId> = answers.one("id").and_then(|text| text.parse().ok());
    let id = id.ok_or_else(|| wrong("id", said::WHICH))?;
    services.outbox.send_again(visit.principal(), id).await?;
    Ok(visit.tell("notices", Done::NoticeQueued))
}
