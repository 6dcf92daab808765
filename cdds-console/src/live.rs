//! Keeps open pages up to date: a stream of events that say that something changed.
//!
//! The stream carries nothing of what changed. The script of the page asks for the page again and replaces the parts
//! that may, so that there is one rendering, and what a visitor may see is decided in one place.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use cdds_core::domain::execution::Status;
use cdds_core::ports::catalog::query::{ExecutionColumn, Slice, Sort};
use cdds_core::{ExecutionQuery, Owner, Principal, ServiceError};
use cdds_view::ProblemView;
use chrono::{DateTime, Utc};
use futures::future::{Either, select};
use futures::{Stream, StreamExt, stream};
use http::header;
use http::request::Parts;

use crate::answers::Query;
use crate::visit::Visit;
use crate::{App, Services};

/// How often it is looked whether something changed, once for all visitors of an owner.
const LOOK: Duration = Duration::from_secs(1);

/// After how many looks it is asked whether the visitor is still let in, and a sign of life is sent: proxies end a
/// connection that is silent for long.
const LOOKS_BETWEEN_SIGNS: u32 = 15;

/// The most streams of a process.
const STREAMS_MAX: usize = 1_000;

/// How many executions of each kind are looked at.
const LOOKED_AT: u64 = 50;

/// What all streams of a process share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Live {
    owners: Arc<Mutex<BTreeMap<(Owner, Topic), Seen>>>,
    open: Arc<AtomicUsize>,
}

/// What a page is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    /// The owner's executions.
    Executions,
    /// The workers, and the owner's executions that they run.
    Workers,
}

/// What was seen of a topic.
#[derive(Debug, Clone, Copy)]
struct Seen {
    at: DateTime<Utc>,
    revision: u64,
}

impl Live {
    /// Returns a number that differs when a topic does, as an owner sees it. It is looked at most once in [`LOOK`], whoever
    /// asks.
    async fn revision(&self, services: &Services, by: &Principal, topic: Topic) -> Result<u64, ServiceError> {
        let now = services.clock.now();
        let key = (by.owner.clone(), topic);
        if let Some(seen) = self.seen(&key, now) {
            return Ok(seen.revision);
        }
        let revision = match topic {
            Topic::Executions => look(services, by).await?,
            Topic::Workers => look_at_workers(services, by).await?,
        };
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.retain(|_, seen| (now - seen.at).to_std().is_ok_and(|age| age < 10 * LOOK));
        owners.insert(key, Seen { at: now, revision });
        Ok(revision)
    }

    fn seen(&self, key: &(Owner, Topic), now: DateTime<Utc>) -> Option<Seen> {
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        // Half of the time: streams do not tick together.
        owners.get(key).copied().filter(|seen| (now - seen.at).to_std().is_ok_and(|age| age < LOOK / 2))
    }
}

/// Hashes the states of the owner's executions that changed last.
async fn look(services: &Services, by: &Principal) -> Result<u64, ServiceError> {
    let newest = |column| ExecutionQuery::default().with_sort(Sort { column, descending: true });
    let queries = [
        newest(ExecutionColumn::StartedAt).with_status(Some(Status::InProgress)),
        newest(ExecutionColumn::Slot).with_status(Some(Status::Queued)),
        newest(ExecutionColumn::FinishedAt),
    ];
    let mut hasher = DefaultHasher::new();
    for query in queries {
        let page = services.history.list(by, &query.with_slice(Slice::first(LOOKED_AT))).await?;
        for overview in page.items {
            let execution = overview.execution;
            let progress = execution.progress;
            (execution.id, execution.status().as_str(), execution.attempt_count()).hash(&mut hasher);
            (progress.records, progress.percent, progress.parts).hash(&mut hasher);
        }
    }
    Ok(hasher.finish())
}

/// Hashes who works and what they run. A sign of life every ten seconds is no change; that somebody still works is told
/// once a minute, so that the page does not grow old.
async fn look_at_workers(services: &Services, by: &Principal) -> Result<u64, ServiceError> {
    let mut hasher = DefaultHasher::new();
    for one in services.fleet.list(by).await? {
        (one.entry.worker.as_str(), one.state, one.entry.seen_at().timestamp() / 60).hash(&mut hasher);
        (one.running.own, one.running.others, one.entry.draining_since).hash(&mut hasher);
        one.running.named.iter().for_each(|running| running.id.hash(&mut hasher));
    }
    Ok(hasher.finish())
}

/// Counts an open stream as long as it lives.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn one(live: &Live) -> Option<Self> {
        let before = live.open.fetch_add(1, Ordering::AcqRel);
        let open = Self(Arc::clone(&live.open));
        (before < STREAMS_MAX).then_some(open)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// `GET /live`, and `GET /live?of=workers`
pub(crate) async fn events(
    State(app): State<App>,
    visit: Visit,
    Query(answers): Query,
    request: Parts,
) -> Response {
    let Some(open) = Open::one(&app.live) else {
        let full = ProblemView::new(
            503,
            "unavailable",
            "too many pages are kept up to date: reload this one by hand",
        );
        return IntoResponse::into_response(full);
    };
    let topic = if answers.one("of") == Some("workers") { Topic::Workers } else { Topic::Executions };
    let principal = visit.visitor.principal;
    let watch = Watch { principal, app, request, topic, known: None, looks: 0, _open: open };
    // Proxies that collect a response before they pass it on are told not to.
    let headers = [(header::HeaderName::from_static("x-accel-buffering"), "no")];
    (headers, Sse::new(watch.into_stream())).into_response()
}

/// One stream.
struct Watch {
    app: App,
    request: Parts,
    principal: Principal,
    topic: Topic,
    known: Option<u64>,
    looks: u32,
    _open: Open,
}

impl Watch {
    fn into_stream(self) -> impl Stream<Item = Result<Event, Infallible>> + Send {
        // The first event comes at once: the browser knows that it is connected, and after which time to try again.
        let hello = Event::default().event("hello").data("").retry(5 * LOOK);
        stream::iter([Ok(hello)]).chain(stream::unfold(self, |mut watch| async move {
            let event = watch.next().await?;
            Some((Ok(event), watch))
        }))
    }

    /// Waits for the next event. Returns `None` at the end of the stream: the service stops, the visitor is no longer
    /// let in, or the catalog does not answer. The browser then asks again by itself.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let tick = self.app.services.clock.sleep(LOOK);
            if let Either::Right(_) = select(tick, self.app.services.stopped.clone()).await {
                return None;
            }
            self.looks += 1;
            let is_time_for_a_sign = self.looks.is_multiple_of(LOOKS_BETWEEN_SIGNS);
            if is_time_for_a_sign {
                self.principal = self.app.access.resolve(&self.request).await.ok()?.principal;
            }
            let revision =
                self.app.live.revision(&self.app.services, &self.principal, self.topic).await.ok()?;
            // The first time, too: something may have changed since the page was made.
            if self.known.replace(revision) != Some(revision) {
                return Some(Event::default().event("changed").data(revision.to_string()));
            }
            if is_time_for_a_sign {
                return Some(Event::default().comment(""));
            }
        }
    }
}
