//! The list of jobs.

mod filters;
mod ill;
mod selected;
mod skipped;

use axum::extract::State;
use axum::response::Response;
use cdds_core::domain::access::Action;
use cdds_core::domain::execution::Status;
use cdds_core::domain::job::JobState;
use cdds_core::domain::recipient::{EXPIRY_WARNING, Recipient};
use cdds_core::ports::catalog::query::{JobColumn, JobOverview, JobQuery, LatestStatus, Slice, Sort, Total};
use cdds_core::{JobId, JobSettings, Principal, ServiceError};
use cdds_view::{DeliveryState, JobView, PageView, words};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::Refused;
use super::filters::kept;
use super::frame::{Section, icon, page};
use super::job::is_paused;
use super::parts::{arrived, day, due, mark, pager, said, status, time, when};
use super::skips::shortly;
use crate::answers::{Answers, Form, Id, Query};
use crate::arrivals::Arrivals;
use crate::done::Done;
use crate::lists::jobs as lists;
use crate::visit::Visit;
use crate::{App, Services, texts};

use self::ill::Ill;
pub(super) use self::selected::selected;
use self::skipped::Skipped;

/// The rows of a page.
const ROWS: u64 = 50;

/// The most jobs that are pointed out above the list.
const ATTENTION_MAX: usize = 5;

/// A job of the list.
struct Line {
    view: JobView,
    /// When it runs, and what it exports then.
    says: String,
    /// Where the set of its latest execution is.
    delivery: Option<DeliveryState>,
}

/// What the page shows.
struct Sight {
    jobs: PageView<Line>,
    sort: Sort<JobColumn>,
    /// Of all jobs, and of those in each state.
    totals: [Option<Total>; 4],
    failed: Vec<JobView>,
    /// Suspended by their failures.
    paused: Vec<JobView>,
    /// With records that are in no set.
    skipped: Vec<Skipped>,
    /// The recipients whose certificates expire soon, the first to expire first.
    expiring: Vec<Recipient>,
    /// The destinations and endpoints that fail or are disabled.
    ill: Vec<Ill>,
    /// The names of all recipients.
    recipients: Vec<String>,
    /// The ids and titles of sources, and the ids of their types.
    sources: Vec<(String, String)>,
    types: Vec<String>,
    now: DateTime<Utc>,
}

impl Sight {
    async fn of(services: &Services, by: &Principal, answers: &Answers) -> Result<Self, Refused> {
        let query = lists::query(answers, ROWS)?;
        let (recipients, now) = (services.recipients.list(by).await?, services.jobs.now().await?);
        let view = |job| JobView::new(job, &recipients, now);
        let page = services.jobs.list(by, &query).await?;
        let latest = page.items.iter().filter_map(|job| Some(job.latest.as_ref()?.id));
        let arrivals = Arrivals::of(services, by, latest).await?;
        let paused = services.jobs.list(by, &failed(JobState::Suspended, ROWS)).await?;
        let failed = services.jobs.list(by, &failed(JobState::Active, ATTENTION_MAX as u64)).await?;
        let mut totals = [None; 4];
        for (total, state) in totals.iter_mut().zip(STATES) {
            *total = count(services, by, state).await?;
        }
        let described: Vec<_> =
            services.sources(by)?.iter().map(|(id, source)| cdds_view::SourceView::new(id, source)).collect();
        let mut types: Vec<String> = described
            .iter()
            .flat_map(|source| &source.types)
            .map(|data_type| data_type.id.to_string())
            .collect();
        types.sort_unstable();
        types.dedup();
        Ok(Self {
            jobs: PageView::new(page, query.sort, |job: JobOverview| Line {
                says: spoken(&job.job.settings),
                delivery: job.latest.as_ref().and_then(|latest| arrivals.state(latest.id)),
                view: view(job),
            }),
            sort: query.sort,
            totals,
            failed: failed.items.into_iter().map(view).collect(),
            paused: paused.items.into_iter().map(view).filter(is_paused).take(ATTENTION_MAX).collect(),
            skipped: skipped::find(services, by, now).await?,
            expiring: expiring(&recipients, now),
            ill: ill::find(services, by).await?,
            recipients: recipients.iter().map(|recipient| recipient.name.to_string()).collect(),
            sources: described.iter().map(|source| (source.id.to_string(), source.title.clone())).collect(),
            types,
            now,
        })
    }

    fn needs_attention(&self) -> bool {
        let is_well = self.failed.is_empty() && self.paused.is_empty() && self.skipped.is_empty();
        !(is_well && self.expiring.is_empty() && self.ill.is_empty())
    }

    /// Returns the title of a source.
    fn source<'a>(&'a self, job: &'a JobView) -> &'a str {
        let known = self.sources.iter().find(|(id, _)| id == job.source.as_str());
        known.map_or(job.source.as_str(), |(_, title)| title)
    }
}

/// The states that have a tab; the first is all of them.
const STATES: [Option<JobState>; 4] =
    [None, Some(JobState::Active), Some(JobState::Suspended), Some(JobState::Completed)];

/// Returns how many jobs are in a state.
async fn count(
    services: &Services,
    by: &Principal,
    state: Option<JobState>,
) -> Result<Option<Total>, ServiceError> {
    let query = JobQuery::default().with_state(state).with_slice(Slice::first(1));
    Ok(services.jobs.list(by, &query).await?.total)
}

/// The jobs in a state whose latest execution failed, the last one first.
fn failed(state: JobState, most: u64) -> JobQuery {
    JobQuery::default()
        .with_state(Some(state))
        .with_latest_status(Some(LatestStatus::Is(Status::Failed)))
        .with_sort(Sort { column: JobColumn::LatestStartedAt, descending: true })
        .with_slice(Slice::first(most))
}

/// Returns the certificates that expire within the time of warnings (rule S3).
fn expiring(recipients: &[Recipient], now: DateTime<Utc>) -> Vec<Recipient> {
    let end = |recipient: &Recipient| recipient.certificate.not_after;
    let mut soon: Vec<Recipient> =
        recipients.iter().filter(|recipient| end(recipient) - now < EXPIRY_WARNING).cloned().collect();
    soon.sort_by_key(end);
    soon.truncate(ATTENTION_MAX);
    soon
}

/// `GET /jobs`
pub(super) async fn list(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Query(answers): Query,
) -> Result<Markup, Refused> {
    let answers = answers.without(&[Done::PARAMETER]);
    let sight = Sight::of(&services, visit.principal(), &answers).await?;
    let body = html! {
        (head(&visit, &sight))
        @if sight.totals[0].and_then(Total::exact) == Some(0) {
            (first(&visit, &sight))
        } @else {
            (attention(&visit, &sight))
            div.card {
                (choices(&answers, &sight))
                (table(&visit, &answers, &sight))
                (filters::columns(&answers, &sight).panels())
                (pager(&answers, sight.jobs.next.as_deref()))
            }
        }
    };
    Ok(page(&visit, Section::Jobs, texts::JOBS, &body))
}

fn head(visit: &Visit, sight: &Sight) -> Markup {
    let all = sight.totals[0].map(words_of);
    html! {
        div.bar {
            div #summary .rows.tight data-live {
                h1 { (texts::JOBS) }
                p.sub {
                    @match all.as_deref() {
                        None | Some("0") => (texts::NO_JOBS),
                        Some("1") => "1 job.",
                        Some(all) => { (all) " jobs." },
                    }
                    " " (texts::AS_OF) " " (time(sight.now, sight.now)) ". "
                    a href=(visit.to("jobs")) { (texts::REFRESH) }
                }
            }
            @if visit.may(Action::CreateJob) {
                div.acts { a.btn.primary href=(visit.to("jobs/new")) { (icon("plus")) (texts::ADD_JOB) } }
            }
        }
    }
}

fn words_of(total: Total) -> String {
    match total {
        Total::Exactly(count) => words::count(count),
        Total::MoreThan(count) => format!("more than {}", words::count(count)),
    }
}

fn attention(visit: &Visit, sight: &Sight) -> Markup {
    html! {
        @if sight.needs_attention() {
            section.note.warn aria-labelledby="attention" {
                h2 #attention { (texts::ATTENTION) }
                ul.rows {
                    @for job in &sight.paused {
                        li.bar {
                            p {
                                span.st.bad { (icon("stop")) span {
                                    a href=(visit.to(&format!("jobs/{}", job.id))) { (job.title) }
                                } }
                                " " (texts::job::WAS_PAUSED) " " (texts::job::failures(job.failures_in_row)) "."
                            }
                            (see_why(&visit.to(&format!("jobs/{}", job.id)), job.title.as_str()))
                        }
                    }
                    @for job in &sight.failed {
                        li.bar {
                            p {
                                span.st.bad { (icon("bad")) span {
                                    a href=(visit.to(&format!("jobs/{}", job.id))) { (job.title) }
                                } }
                                " failed"
                                @if let Some(started) = job.latest_started_at {
                                    " " (words::relative(started.0 - sight.now))
                                }
                                "."
                            }
                            (see_why(&visit.to(&format!("jobs/{}", job.id)), job.title.as_str()))
                        }
                    }
                    @for gap in &sight.skipped {
                        li.bar {
                            p {
                                span.st.warn { (icon("skip")) span {
                                    a href=(visit.to(&format!("jobs/{}", gap.job))) { (gap.title) }
                                } }
                                " " (texts::job::WAS_SKIPPED) " " (shortly(gap.reason, sight.now)) ". "
                                (texts::job::IN_NO_SET)
                            }
                            (see_why(&visit.to(&format!("history/{}", gap.execution)), gap.title.as_str()))
                        }
                    }
                    @for one in &sight.ill { (ill::told(visit, one, sight.now)) }
                    @for recipient in &sight.expiring {
                        li.bar {
                            p {
                                span.st.warn { (icon("warn")) span { a href=(visit.to("recipients")) { (recipient.name) } } }
                                " " (texts::job::CERTIFICATE_EXPIRES) " "
                                (words::relative(recipient.certificate.not_after - sight.now)) "."
                            }
                            @if visit.may(Action::RenewRecipient) {
                                @let query = Answers::default().with("name", recipient.name.as_str()).query();
                                a.btn href={ (visit.to("recipients/renew")) (query) } { (texts::job::RENEW) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Returns the way to the page that says what is wrong and what to do.
fn see_why(page: &str, name: &str) -> Markup {
    html! { a.btn href=(page) aria-label={ (texts::job::SEE_GAP) ": " (name) } { (texts::job::SEE_GAP) } }
}

/// Returns the tabs of states, the search by title, and all filters.
fn choices(answers: &Answers, sight: &Sight) -> Markup {
    let tabs = [texts::ALL, texts::ACTIVE, texts::SUSPENDED, texts::COMPLETED];
    html! {
        div.pad.rows {
            div.bar {
                nav.tabs aria-label=(texts::STATE) {
                    @for ((title, state), total) in tabs.into_iter().zip(STATES).zip(sight.totals) {
                        @let name = state.map(JobState::as_str);
                        a href=(answers.without(&["next"]).with("state", name.unwrap_or_default()).query())
                            aria-current=[(answers.one("state") == name).then_some("page")] {
                            (title) @if let Some(total) = total { " " (words_of(total)) }
                        }
                    }
                }
                form.acts role="search" {
                    (kept(answers, &["search"]))
                    label for="q" { (texts::TITLE) }
                    input #q name="search" type="search" size="18" value=[answers.one("search")];
                    button { (texts::SEARCH) }
                }
            }
            (filters::columns(answers, sight).all(&["search", "state"]))
        }
    }
}

fn table(visit: &Visit, answers: &Answers, sight: &Sight) -> Markup {
    html! {
        @if sight.jobs.items.is_empty() {
            div.pad.rows { p { (texts::NO_MATCH) } p { a href="?" { (texts::SHOW_ALL) } } }
        } @else {
            form.sel.jobs method="post" action=(visit.to("jobs/selected")) {
                table.cards role="table" {
                    caption.vh { (texts::JOBS) }
                    thead role="rowgroup" { tr role="row" {
                        th scope="col" role="columnheader" { span.vh { (texts::SELECT) } }
                        (filters::columns(answers, sight).heads())
                    } }
                    tbody #rows role="rowgroup" data-live { @for job in &sight.jobs.items { (row(visit, sight, job)) } }
                }
                div.bulk.bar role="group" aria-label=(texts::SELECTED_JOBS) {
                    span { span.count { (texts::SELECTED) } " " span.hint { (texts::AT_MOST) } }
                    div.acts {
                        button name="do" value="history" { (texts::HISTORY) }
                        @if visit.may(Action::CreateJob) { button name="do" value="clone" { (texts::job::CLONE) } }
                        @if visit.may(Action::EditJob) { button name="do" value="edit" { (texts::job::EDIT) } }
                        @if visit.may(Action::RunJob) { button name="do" value="run" { (texts::RUN_NOW) } }
                        @if visit.may(Action::SuspendJob) { button name="do" value="suspend" { (texts::SUSPEND) } }
                        @if visit.may(Action::ResumeJob) { button name="do" value="resume" { (texts::RESUME) } }
                        @if visit.may(Action::DeleteJob) { button.danger name="do" value="delete" { (texts::DELETE) } }
                    }
                }
            }
        }
    }
}

/// Says when a job runs, and what it exports then.
fn spoken(settings: &JobSettings) -> String {
    let exports = texts::settings::timeframe(&settings.timeframe);
    format!("{}. {exports}", texts::settings::schedule(settings))
}

fn row(visit: &Visit, sight: &Sight, line: &Line) -> Markup {
    let job = &line.view;
    html! {
        tr role="row" {
            td.ck role="cell" { label.pick {
                input type="checkbox" name="id" value=(job.id);
                span.vh { (texts::SELECT) " " (job.title) }
            } }
            th scope="row" role="rowheader" {
                a href=(visit.to(&format!("jobs/{}", job.id))) { (job.title) }
                span.sub { (line.says) }
            }
            td role="cell" data-l=(texts::SOURCE_TYPE) { (sight.source(job)) span.sub { (job.types) } }
            td.any role="cell" data-l=(texts::LATEST_STATUS) { (latest(line)) }
            td.nw role="cell" data-l=(texts::STARTED) {
                @match job.latest_started_at {
                    Some(at) => (when(at.0, sight.now)),
                    None => span.hint { (texts::NEVER) },
                }
            }
            td.nw role="cell" data-l=(texts::NEXT_START) {
                @match job.next_starts_at {
                    Some(at) => (due(at.0, job.next_reading, sight.now)),
                    None => span.hint { (texts::NONE) },
                }
            }
            td.nw role="cell" data-l=(texts::CREATED) { (day(job.created_at.0)) }
            td role="cell" data-l=(texts::STATE) { (switch(visit, job)) }
        }
    }
}

fn latest(of: &Line) -> Markup {
    let job = &of.view;
    let line = job.latest();
    html! {
        (said(&job.title, &line))
        @match line.share {
            Some(share) => {
                div.rows.tight {
                    (status(line.status))
                    progress max="100" value=(share) aria-label=(job.title) { (share) " %" }
                }
                span.sub { (share) " %, " (line.words) }
            },
            None => {
                (arrived(line.status, of.delivery))
                @if !line.words.is_empty() { span.sub { (line.words) } }
            },
        }
        @if let Some(error) = &job.latest_error {
            span.sub { (texts::sentence(&texts::shortened(&error.message))) }
        }
        @if is_paused(job) { span.sub { (mark("bad", "stop", &texts::job::paused(job.failures_in_row))) } }
        @for warning in &job.warnings { span.sub { (mark("warn", "warn", texts::first_sentence(warning))) } }
    }
}

fn switch(visit: &Visit, job: &JobView) -> Markup {
    let is_active = job.state == JobState::Active;
    let (action, verb) =
        if is_active { (Action::SuspendJob, "suspend") } else { (Action::ResumeJob, "resume") };
    html! {
        // A one-time job that nobody suspended starts by itself, and cannot be resumed (rule J8).
        @let is_resumable = job.suspension.as_ref().is_some_and(|one| one.since.is_some());
        @if !(is_active || is_resumable) || !visit.may(action) {
            (texts::sentence(&job.state_words()))
        } @else {
            button.switch role="switch" aria-checked=(is_active) aria-label={ (texts::ACTIVE) ": " (job.title) }
                formaction=(visit.to(&format!("jobs/{}/{verb}", job.id))) {}
        }
    }
}

/// Returns something that the first export needs, and whether it is in place.
fn needed(is_there: bool, name: &str, says: &Markup) -> Markup {
    let (class, shape) = if is_there { ("ok", "ok") } else { ("warn", "warn") };
    html! { li.(class) { (icon(shape)) h3 { (name) } p { (says) } } }
}

/// What is needed for the first export, and what of it is in place.
fn first(visit: &Visit, sight: &Sight) -> Markup {
    html! {
        section.card.pad.rows aria-labelledby="first" {
            h2 #first { (texts::FIRST_EXPORT) }
            p { (texts::FIRST_EXPORT_SAYS) }
            ol.line {
                (needed(!sight.sources.is_empty(), texts::A_SOURCE, &html! {
                    @if sight.sources.is_empty() { (texts::NO_SOURCE) } @else {
                        (sight.sources.len()) " " (texts::REGISTERED) " "
                        a href=(visit.to("sources")) { (texts::SEE_SOURCES) }
                    }
                }))
                (needed(!sight.recipients.is_empty(), texts::A_CERTIFICATE, &html! {
                    @if sight.recipients.is_empty() { (texts::NO_CERTIFICATE) } @else {
                        (sight.recipients.len()) " " (texts::STORED)
                    }
                    " " a href=(visit.to("recipients")) { (texts::SEE_RECIPIENTS) }
                }))
                (needed(false, texts::A_JOB, &html! { (texts::NO_JOBS) }))
            }
            @if visit.may(Action::CreateJob) {
                div.acts { a.btn.primary href=(visit.to("jobs/new")) { (icon("plus")) (texts::ADD_JOB) } }
            }
        }
    }
}

/// `POST /jobs/{id}/suspend`
pub(super) async fn suspend(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<JobId>,
    Form(answers): Form,
) -> Result<Response, Refused> {
    services.jobs.suspend(visit.principal(), id).await?;
    Ok(back(&visit, id, &answers, Done::JobSuspended))
}

/// `POST /jobs/{id}/resume`
pub(super) async fn resume(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<JobId>,
    Form(answers): Form,
) -> Result<Response, Refused> {
    services.jobs.resume(visit.principal(), id).await?;
    Ok(back(&visit, id, &answers, Done::JobResumed))
}

/// Leads back to where the button was, and says what was done.
fn back(visit: &Visit, id: JobId, answers: &Answers, done: Done) -> Response {
    match answers.one("from") {
        Some("job") => visit.tell(&format!("jobs/{id}"), done),
        _ => visit.tell("jobs", done),
    }
}
