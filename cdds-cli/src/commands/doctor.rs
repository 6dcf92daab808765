//! `cdds doctor`: checks everything that jobs, exports and recipients need.
//!
//! Each check looks at one thing and runs even if another one fails. The only change of its own is a probe
//! that is stored, read back and deleted. Like every command it brings an older schema of the catalog up to
//! date.

mod certificates;
mod deliveries;
mod fields;
mod jobs;
mod keys;
mod owners;
#[cfg(unix)]
mod permissions;
mod place;
mod record;
mod unlisted;
#[cfg(feature = "buckets")]
mod uploads;
mod workers;

use serde::Serialize;

use crate::args::DoctorArgs;
use crate::config::Config;
use crate::error::CliError;
use crate::progress::WorkBar;
use crate::session::Session;
use crate::text::printable;

/// The result of one check.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    check: String,
    status: Status,
    detail: String,
    /// What to do about it; null if it is in order.
    way_out: Option<String>,
}

/// The width of the longest status and the blanks behind it: what goes on does so below the check.
const STATUS_COLUMNS: usize = 9;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// In order.
    Ok,
    /// Works now, but may stop working.
    Warning,
    /// Does not work.
    Failed,
}

impl Finding {
    fn ok(check: &str, detail: impl Into<String>) -> Self {
        Self { check: check.to_owned(), status: Status::Ok, detail: detail.into(), way_out: None }
    }

    fn warning(check: &str, detail: impl Into<String>, way_out: &str) -> Self {
        let way_out = Some(way_out.to_owned());
        Self { check: check.to_owned(), status: Status::Warning, detail: detail.into(), way_out }
    }

    fn failed(check: &str, detail: impl Into<String>, way_out: &str) -> Self {
        Self { status: Status::Failed, ..Self::warning(check, detail, way_out) }
    }

    fn words(&self) -> String {
        let status = match self.status {
            Status::Ok => "ok",
            Status::Warning => "warning",
            Status::Failed => "failed",
        };
        let way_out = self.way_out.as_ref().map_or_else(String::new, |way_out| format!(" -> {way_out}"));
        let line = format!("{status:<STATUS_COLUMNS$}{}: {}{way_out}", self.check, self.detail);
        printable(&line).into_owned()
    }
}

pub(super) async fn doctor(args: &DoctorArgs, session: &Session) -> Result<(), CliError> {
    if args.adopt_store {
        session.open().await?.adopt_store(&session.principal).await?;
    }
    let work = WorkBar::new(&session.console, "checking the configuration");
    let findings = examine(session, |next| work.tell(&format!("checking {next}"))).await;
    drop(work);
    let words: Vec<String> =
        findings.iter().map(|finding| session.output.hanging(&finding.words(), STATUS_COLUMNS)).collect();
    session.output.outcome(&findings, &words.join("\n"))?;
    let failed: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.status == Status::Failed)
        .map(|finding| finding.check.as_str())
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(CliError::failed("doctor_failed", format!("these checks failed: {}", failed.join(", "))))
}

/// Runs the checks. `tell` hears what is checked next.
pub(super) async fn examine(session: &Session, tell: impl Fn(&str)) -> Vec<Finding> {
    let config = match session.config() {
        Ok(config) => config,
        Err(error) => {
            let missing = format!("there is no {}", session.config_path().display());
            let (detail, way_out) = match error.code() {
                "config_not_found" => {
                    (missing.as_str(), "run `cdds init` to make one, or name another with --config")
                }
                _ => (
                    error.message(),
                    "correct the file; `cdds init` in an empty folder writes one to compare with",
                ),
            };
            return vec![Finding::failed("config", detail, way_out)];
        }
    };
    let mut findings = vec![Finding::ok("config", format!("{} is valid", session.config_path().display()))];
    tell("the catalog");
    let catalog = place::catalog(&config).await;
    let is_usable = catalog.status != Status::Failed;
    findings.push(catalog);
    tell("the store");
    findings.push(place::store(&config).await);
    #[cfg(feature = "buckets")]
    findings.extend(uploads::unfinished(&config).await);
    findings.extend(place::disks(&config));
    #[cfg(unix)]
    findings.push(permissions::permissions(&config));
    findings.extend(sources(&config, session, &tell).await);
    if is_usable {
        findings.extend(owners::unstated(&config, session).await);
    }
    findings.push(certificates::signing(&config, session));
    if is_usable {
        findings.extend(on_record(&config, session, &tell).await);
    }
    findings
}

/// Runs the checks that need the catalog.
async fn on_record(config: &Config, session: &Session, tell: &impl Fn(&str)) -> Vec<Finding> {
    let app = match session.open_over(config).await {
        Ok(app) => app,
        // The check of the store has already reported why.
        Err(_) => return Vec::new(),
    };
    tell("certificates and sets");
    let mut findings = match certificates::recipients(&app, session).await {
        Ok(findings) => findings,
        Err(error) => vec![Finding::failed("recipients", error.message(), "see the catalog's own check")],
    };
    let pairing = place::pairing(&app).await;
    let is_paired = pairing.status != Status::Failed;
    findings.push(pairing);
    if is_paired {
        let unlisted = unlisted::unlisted(&app).await;
        findings.push(unlisted.unwrap_or_else(|error| {
            Finding::failed("sets", error.message(), "see the checks of the catalog and the store")
        }));
    }
    tell("the clock, workers and deliveries");
    let record = record::clock(&app, session).await;
    findings.extend(record.unwrap_or_else(|error| {
        vec![Finding::failed("clock", error.message(), "see the catalog's own check")]
    }));
    let jobs = jobs::at_work(&app, session).await;
    findings.extend(jobs.unwrap_or_else(|error| {
        vec![Finding::failed("jobs", error.message(), "see the catalog's own check")]
    }));
    let at_work = workers::at_work(&app, session).await;
    findings.extend(at_work.unwrap_or_else(|error| {
        vec![Finding::failed("workers", error.message(), "see the catalog's own check")]
    }));
    let delivered = deliveries::deliveries(&app, session).await;
    findings.extend(delivered.unwrap_or_else(|error| {
        vec![Finding::failed("deliveries", error.message(), "see the catalog's own check")]
    }));
    match keys::keys(&app, config, session).await {
        Ok(keys) => findings.extend(keys),
        Err(error) => findings.push(Finding::failed(
            "keys of data subjects",
            error.message(),
            "see the catalog's own check",
        )),
    }
    // The check before has already reported a catalog that cannot be read.
    findings.extend(workers::vanished(&app, session).await.unwrap_or_default());
    findings.extend(workers::zones(&app).await);
    findings
}

async fn sources(config: &Config, session: &Session, tell: &impl Fn(&str)) -> Vec<Finding> {
    match crate::compose::register(&config.sources) {
        Err(error) => {
            vec![Finding::failed("sources", error.message(), "correct the [[source]] in the configuration")]
        }
        Ok(sources) if sources.of_all_owners().next().is_none() => vec![Finding::warning(
            "sources",
            "none is declared: there is nothing to export",
            "declare a [[source]] in the configuration; `cdds init` writes an example",
        )],
        Ok(sources) => {
            let mut findings = Vec::new();
            for (id, source) in sources.for_owner(&session.principal.owner).iter() {
                tell(&format!("source {id}"));
                findings.push(record::source(id, source, config, session).await);
            }
            findings
        }
    }
}
