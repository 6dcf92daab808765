//! Counts of requests and runs, and the state of the catalog, as OpenMetrics text. Labels come from fixed sets: no id, no owner, no path.

mod gauges;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::Method;
use cdds_core::engine::observe::{Event, Observer};

use self::gauges::Present;
use crate::compose::{App, Vitals};

pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The upper bounds of the classes of durations, in milliseconds.
const CLASSES: [u64; 9] = [5, 10, 25, 50, 100, 250, 500, 1_000, 5_000];

/// What happened since the process began.
#[derive(Debug)]
pub(crate) struct Metrics {
    vitals: Vitals,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    requests: BTreeMap<(&'static str, String, u16), u64>,
    durations: BTreeMap<(&'static str, String), Durations>,
    runs: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Default)]
struct Durations {
    classes: [u64; CLASSES.len()],
    count: u64,
    sum: Duration,
}

impl Metrics {
    pub(crate) fn new(app: &App) -> Arc<Self> {
        Arc::new(Self { vitals: app.vitals(), counts: Mutex::default() })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn answered(&self, method: &Method, route: &str, status: u16, took: Duration) {
        let method = known(method);
        let mut counts = self.counts();
        *counts.requests.entry((method, route.to_owned(), status)).or_default() += 1;
        let durations = counts.durations.entry((method, route.to_owned())).or_default();
        let millis = took.as_millis();
        for (count, _) in
            durations.classes.iter_mut().zip(CLASSES).filter(|(_, most)| millis <= u128::from(*most))
        {
            *count += 1;
        }
        durations.count += 1;
        durations.sum += took;
    }

    /// Writes everything.
    pub(super) async fn text(&self) -> String {
        let present = Present::read(&self.vitals).await;
        let mut text = String::new();
        // Writing into a text cannot fail.
        let _whole = self.counts().write(&mut text);
        let _whole = write!(
            text,
            "# TYPE cdds_catalog_up gauge\n# HELP cdds_catalog_up Whether the catalog answers.\ncdds_catalog_up {}\n",
            u8::from(present.is_ok())
        );
        if let Ok(present) = present {
            let _whole = present.write(&mut text);
        }
        text.push_str("# EOF\n");
        text
    }
}

/// Anybody may send any word as a method.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

impl Counts {
    fn write(&self, text: &mut String) -> std::fmt::Result {
        text.push_str("# TYPE cdds_http_requests counter\n# HELP cdds_http_requests Answers, by route.\n");
        for ((method, route, status), count) in &self.requests {
            writeln!(
                text,
                "cdds_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}} {count}"
            )?;
        }
        text.push_str(
            "# TYPE cdds_http_request_duration_seconds histogram\n# UNIT cdds_http_request_duration_seconds seconds\n\
             # HELP cdds_http_request_duration_seconds Time until an answer began, by route.\n",
        );
        for ((method, route), durations) in &self.durations {
            let name = "cdds_http_request_duration_seconds";
            let labels = format!("method=\"{method}\",route=\"{route}\"");
            let classes = CLASSES.iter().zip(durations.classes);
            for (most, count) in classes {
                let most = seconds(Duration::from_millis(*most));
                writeln!(text, "{name}_bucket{{{labels},le=\"{most}\"}} {count}")?;
            }
            writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", durations.count)?;
            writeln!(text, "{name}_sum{{{labels}}} {}", seconds(durations.sum))?;
            writeln!(text, "{name}_count{{{labels}}} {}", durations.count)?;
        }
        text.push_str(
            "# TYPE cdds_attempts counter\n# HELP cdds_attempts Attempts of this process that ended, by what became of the \
             execution; queued: it is tried again.\n",
        );
        for (status, count) in &self.runs {
            writeln!(text, "cdds_attempts_total{{status=\"{status}\"}} {count}")?;
        }
        Ok(())
    }
}

/// Writes a duration as OpenMetrics writes numbers: 0.005, 1.0.
fn seconds(duration: Duration) -> String {
    format!("{:?}", duration.as_secs_f64())
}

impl Observer for Metrics {
    fn notice(&self, event: &Event<'_>) {
        if let Event::Ended { execution } = event {
            *self.counts().runs.entry(execution.status().as_str()).or_default() += 1;
        }
    }
}
