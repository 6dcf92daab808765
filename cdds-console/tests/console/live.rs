//! The stream of events that keeps pages up to date.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use cdds_console::access::{Denied, Visitor, by_request};
use cdds_console::{Services, router};
use cdds_core::domain::id::WorkerId;
use cdds_core::domain::work::worker::WorkerFacts;
use cdds_core::ports::catalog::WorkerRegister;
use cdds_core::ports::clock::Clock;
use cdds_core::system::SystemClock;
use cdds_core::{JobRules, Jobs};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use futures::channel::oneshot;
use futures::future::BoxFuture;
use http::{Method, StatusCode};
use tower::ServiceExt;

use crate::host::{ADA, Host, MALLORY, daily, principal, request, users};

/// The system's clock, a hundred times as impatient.
#[derive(Debug)]
struct Impatient(SystemClock);

impl Clock for Impatient {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(duration / 100)
    }
}

fn services(host: &Host) -> Services {
    let clock = Arc::new(Impatient(SystemClock::new()));
    Services::new(&host.memory.ports.clone().with_clock(clock), JobRules::default())
}

type Events = futures::stream::BoxStream<'static, String>;

async fn listen(router: &axum::Router, path: &str, user: &str) -> Events {
    let asked = request(Method::GET, user, path).body(Body::empty()).unwrap();
    let answer = router.clone().oneshot(asked).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let frames = answer.into_body().into_data_stream();
    // Signs of life are no events.
    let events = frames.map(|frame| String::from_utf8(frame.unwrap().to_vec()).unwrap());
    events.filter(|event| std::future::ready(event.contains("event:"))).boxed()
}

#[tokio::test]
async fn a_change_of_an_execution_is_told_to_its_owner_alone() {
    let host = Host::new();
    let id = host.job(ADA, daily("Calls")).await;
    let router = router(services(&host), users());
    let mut events = listen(&router, "/live", ADA).await;
    assert!(events.next().await.unwrap().contains("event: hello"));
    assert!(events.next().await.unwrap().contains("event: changed"), "what changed before the stream began");
    let mut others = listen(&router, "/live", MALLORY).await;
    assert!(others.next().await.unwrap().contains("hello"));
    assert!(others.next().await.unwrap().contains("changed"));

    let jobs = Jobs::new(&host.memory.ports, JobRules::default());
    jobs.run_now(&principal(ADA), id.parse().unwrap()).await.unwrap();
    let event = events.next().await.unwrap();
    assert!(event.contains("event: changed"));
    assert!(!event.contains(&id), "{event}");
    let nothing = futures::poll!(others.next());
    assert!(nothing.is_pending(), "{nothing:?}");
}

#[tokio::test]
async fn e19_a_page_of_workers_is_told_who_comes_and_others_are_not() {
    let host = Host::new();
    let router = router(services(&host), users());
    let [mut of_workers, mut of_jobs] =
        [listen(&router, "/live?of=workers", ADA).await, listen(&router, "/live", ADA).await];
    for stream in [&mut of_workers, &mut of_jobs] {
        assert!(stream.next().await.unwrap().contains("event: hello"));
        assert!(stream.next().await.unwrap().contains("event: changed"));
    }
    let (worker, facts) = (WorkerId::new("w").unwrap(), WorkerFacts::default());
    let lease = Duration::from_secs(60);
    host.memory.catalog.attend(&worker, &facts, lease).await.unwrap();
    assert!(of_workers.next().await.unwrap().contains("event: changed"));
    host.memory.clock.advance(Duration::from_secs(10));
    host.memory.catalog.attend(&worker, &facts, lease).await.unwrap();
    let nothing = futures::poll!(of_jobs.next());
    assert!(nothing.is_pending(), "{nothing:?}");
    host.memory.catalog.leave(&worker).await.unwrap();
    assert!(of_workers.next().await.unwrap().contains("event: changed"));
}

#[tokio::test]
async fn a_stream_ends_when_the_service_stops_and_when_the_visitor_is_no_longer_let_in() {
    let host = Host::new();
    let (stop, stopped) = oneshot::channel::<()>();
    let services = services(&host).until(async move { stopped.await.unwrap_or_default() });
    let is_out = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let asked = Arc::clone(&is_out);
    let access = by_request(move |_| match asked.load(std::sync::atomic::Ordering::SeqCst) {
        true => Err(Denied::sign_in()),
        false => Ok(Visitor::new(principal(ADA))),
    });
    let router = router(services, access);
    let mut streams = [listen(&router, "/live", ADA).await, listen(&router, "/live", ADA).await];
    for stream in &mut streams {
        assert!(stream.next().await.unwrap().contains("hello"));
        assert!(stream.next().await.unwrap().contains("changed"));
    }
    let [first, second] = streams;
    is_out.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(first.collect::<Vec<_>>().await, Vec::<String>::new());
    is_out.store(false, std::sync::atomic::Ordering::SeqCst);
    stop.send(()).unwrap();
    assert_eq!(second.collect::<Vec<_>>().await, Vec::<String>::new());
}
