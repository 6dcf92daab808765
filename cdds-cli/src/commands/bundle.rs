//! `cdds bundle`: what somebody who helps needs to know, in one file that can be read before it is sent.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use cdds_core::domain::execution::Status;
use cdds_core::domain::work::row::WorkStatus;
use cdds_core::ports::catalog::query::{DeliveryQuery, ExecutionOverview, ExecutionQuery, Slice};
use cdds_storage::durable;
use cdds_view::{ExecutionDetailsView, Instant, WorkerView};
use serde::Serialize;
use serde_json::{Value, json};

use super::{config, doctor, status};
use crate::args::BundleArgs;
use crate::compose::App;
use crate::error::CliError;
use crate::session::Session;

/// How many failures, and skipped executions, are told, the newest.
const TOLD_MAX: u64 = 20;

const HOLDS: &str = "It holds the configuration without secrets, what `cdds doctor` and `cdds status` say, the workers and \
                     the last failures: paths, names of machines, titles of jobs and messages, but no records, no \
                     filters, no certificates. Read it before you send it.";

/// The features with which a program can be built, and whether this one was.
const FEATURES: [(&str, bool); 4] = [
    ("buckets", cfg!(feature = "buckets")),
    ("delivery", cfg!(feature = "delivery")),
    ("postgres", cfg!(feature = "postgres")),
    ("serve", cfg!(feature = "serve")),
];

#[derive(Debug, Serialize)]
struct Written {
    bundle: String,
    bytes: u64,
}

pub(super) async fn bundle(args: &BundleArgs, session: &Session) -> Result<(), CliError> {
    let gathered = gather(session).await;
    let mut text = serde_json::to_vec_pretty(&gathered)
        .map_err(|error| CliError::failed("bundle_failed", format!("the bundle has no form: {error}")))?;
    text.push(b'\n');
    if args.to.as_os_str() == "-" {
        return Ok(session.output.raw(&text)?);
    }
    write_new(&args.to, &text)?;
    let written = Written { bundle: args.to.display().to_string(), bytes: text.len() as u64 };
    Ok(session.output.outcome(&written, &format!("Wrote {}. {HOLDS}", written.bundle))?)
}

/// Gathers everything; what cannot be had is replaced by the reason.
async fn gather(session: &Session) -> Value {
    let features: Vec<&str> = FEATURES.iter().filter(|(_, has)| *has).map(|(name, _)| *name).collect();
    let mut all = json!({
        "made_at": Instant(session.clock.now()),
        "program": {
            "version": env!("CARGO_PKG_VERSION"),
            "features": features,
            "system": std::env::consts::OS,
            "processor": std::env::consts::ARCH,
        },
        "config": told(config::holding(session)),
        "doctor": told(Ok(doctor::examine(session, |_| ()).await)),
        "status": told(status::standing(session).await),
    });
    let (recent, workers) = match session.open().await {
        Ok(app) => (recent(&app, session).await, workers(&app, session).await),
        // The checks of `doctor` say why.
        Err(error) => (Err(error), Ok(Vec::new())),
    };
    if let Value::Object(parts) = &mut all {
        parts.insert("workers".to_owned(), told(workers));
        match recent {
            Ok(recent) => parts.extend(recent),
            Err(error) => drop(parts.insert("failures".to_owned(), told::<Value>(Err(error)))),
        }
    }
    all
}

fn told<T: Serialize>(part: Result<T, CliError>) -> Value {
    match part.map(|part| serde_json::to_value(part)) {
        Ok(Ok(part)) => part,
        Ok(Err(error)) => json!({ "error": error.to_string() }),
        Err(error) => json!({ "error": { "code": error.code(), "message": error.message() } }),
    }
}

async fn workers(app: &App, session: &Session) -> Result<Vec<WorkerView>, CliError> {
    Ok(app.fleet.list(&session.principal).await?.into_iter().map(WorkerView::from).collect())
}

/// Returns the newest executions that failed or were skipped, and the deliveries that were given up.
async fn recent(app: &App, session: &Session) -> Result<serde_json::Map<String, Value>, CliError> {
    let by = &session.principal;
    let mut parts = serde_json::Map::new();
    for (name, status) in [("failures", Status::Failed), ("skipped", Status::Skipped)] {
        let query = ExecutionQuery::default().with_status(status).with_slice(Slice::first(TOLD_MAX));
        let found = app.history.list(by, &query).await?.items;
        let view = |overview: ExecutionOverview| ExecutionDetailsView::new(overview, Vec::new(), Vec::new());
        let views: Vec<ExecutionDetailsView> = found.into_iter().map(view).collect();
        parts.insert(name.to_owned(), told(Ok(views)));
    }
    let query = DeliveryQuery::default().with_status(WorkStatus::GivenUp).with_slice(Slice::first(TOLD_MAX));
    let given_up = app.deliveries.list(by, &query).await?.items;
    let given_up: Vec<Value> = given_up
        .iter()
        .map(|delivery| {
            json!({
                "execution_id": delivery.execution_id.to_string(),
                "destination": delivery.to.destination.as_str(),
                "attempts": delivery.work.attempts.count,
                "error": delivery.work.attempts.failure.as_ref().map(|failure| failure.message.as_str()),
            })
        })
        .collect();
    parts.insert("deliveries_given_up".to_owned(), Value::Array(given_up));
    Ok(parts)
}

/// Writes a new file, for this user only, and never overwrites one.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let created = OpenOptions::new().write(true).create_new(true).open(path);
    let written = created.and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        durable::sync_folder(path.parent().unwrap_or(Path::new("")))
    });
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => CliError::refused(
            "file_exists",
            format!("{} already exists and is left as it is: name another file with --to", path.display()),
        ),
        _ => CliError::file("write", path, &error),
    })
}
