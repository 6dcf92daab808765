//! How often a page asks the catalog: as often for many rows as for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use cdds_console::{Services, router};
use cdds_core::JobRules;
use cdds_core::ports::catalog::{Catalog, CatalogLayer, Layered};

use http::Method;

use crate::host::{ADA, Answer, Host, ask, request, users};

/// Counts the calls of a catalog.
#[derive(Debug)]
struct Counting {
    catalog: Arc<dyn Catalog>,
    calls: AtomicUsize,
}

impl CatalogLayer for Counting {
    fn inner(&self) -> &dyn Catalog {
        &*self.catalog
    }

    fn calling(&self, _: &'static str) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }
}

/// A console over the catalog of a host, whose calls are counted.
fn counted(host: &Host) -> (Router, Arc<Counting>) {
    let mut ports = host.memory.ports.clone();
    let counting = Arc::new(Counting { catalog: Arc::clone(&ports.catalog), calls: AtomicUsize::new(0) });
    ports.catalog = Arc::new(Layered(Arc::clone(&counting)));
    (router(Services::new(&ports, JobRules::default()), users()), counting)
}

async fn get(router: &Router, path: &str) -> Answer {
    ask(router, request(Method::GET, ADA, path).body(Body::empty()).unwrap()).await
}

async fn post(router: &Router, path: &str, form: String) -> Answer {
    let asked = request(Method::POST, ADA, path)
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/x-www-form-urlencoded");
    ask(router, asked.body(form.into()).unwrap()).await
}

/// Returns how often each page asks the catalog, and how often does the question before executions or jobs are deleted.
async fn calls(host: &Host, executions: &[String]) -> Vec<(&'static str, usize)> {
    let (router, counting) = counted(host);
    let mut calls = Vec::new();
    for path in ["/jobs", "/history", "/artifacts", "/workers", "/sources", "/audit"] {
        assert_eq!(get(&router, path).await.status, 200, "{path}");
        calls.push((path, counting.calls.swap(0, Ordering::Relaxed)));
    }
    for path in ["/api/v1/jobs", "/api/v1/executions", "/api/v1/artifacts", "/api/v1/recipients"] {
        assert_eq!(get(&router, path).await.status, 200, "{path}");
        calls.push((path, counting.calls.swap(0, Ordering::Relaxed)));
    }
    let record = host.memory.catalog.record();
    let jobs: Vec<String> = record.iter().map(|execution| execution.job_id.to_string()).collect();
    for (path, ids) in [("/history/selected", executions), ("/jobs/selected", &jobs)] {
        let ids: String = ids.iter().map(|id| format!("&id={id}")).collect();
        let answer = post(&router, path, format!("do=delete{ids}")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert_eq!(answer.text.matches("<li><strong>").count(), executions.len(), "{path}: {}", answer.text);
        calls.push((path, counting.calls.swap(0, Ordering::Relaxed)));
    }
    calls
}

#[tokio::test]
async fn lists_ask_the_catalog_as_often_for_many_rows_as_for_one() {
    let host = Host::new();
    let mut executions = vec![host.exported(ADA, "First").await];
    let of_one = calls(&host, &executions).await;
    for title in ["Second", "Third", "Fourth"] {
        executions.push(host.exported(ADA, title).await);
    }
    assert_eq!(calls(&host, &executions).await, of_one);
}
