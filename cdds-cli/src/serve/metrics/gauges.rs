//! The present state of the catalog, over all owners. Instants are seconds since 1970, so that an alert compares them with
//! `time()`, and one that does not exist is left out.

use std::fmt::Write as _;

use cdds_core::domain::delivery::health::{Health, TargetId};
use cdds_core::domain::work::worker::WorkerState;
use cdds_core::ports::catalog::query::WorkerOverview;
use cdds_core::ports::catalog::{Agenda, CatalogError};
use chrono::{DateTime, Utc};

use crate::compose::Vitals;

/// Everything that is read for one scrape. Nothing of it grows with the number of jobs.
pub(super) struct Present {
    agenda: Agenda,
    workers: Vec<WorkerOverview>,
    health: Vec<(TargetId, Health)>,
}

impl Present {
    pub(super) async fn read(vitals: &Vitals) -> Result<Self, CatalogError> {
        let (agenda, workers) = (vitals.agenda().await?, vitals.workers().await?);
        Ok(Self { agenda, workers, health: vitals.health().await? })
    }

    pub(super) fn write(&self, text: &mut String) -> std::fmt::Result {
        self.write_executions(text)?;
        self.write_workers(text)?;
        self.write_health(text)
    }

    fn write_executions(&self, text: &mut String) -> std::fmt::Result {
        let Agenda { next_due_at, next_queued_at, queued, running } = self.agenda;
        head(text, "cdds_executions_running", "Executions held by a worker, of all workers.")?;
        writeln!(text, "cdds_executions_running {running}")?;
        head(text, "cdds_executions_queued", "Executions that wait for a worker, counted up to 10000.")?;
        writeln!(text, "cdds_executions_queued {queued}")?;
        let help = "The earliest slot that no engine has taken up. In the past, engines are late.";
        instant(text, "cdds_slot_next", help, next_due_at)?;
        let help = "From when the first waiting execution may run. In the past, workers are busy or gone.";
        instant(text, "cdds_execution_next", help, next_queued_at)
    }

    fn write_workers(&self, text: &mut String) -> std::fmt::Result {
        head(text, "cdds_workers", "Workers on record, at most 200; gone: they fell silent.")?;
        for state in WorkerState::ALL {
            let count = self.workers.iter().filter(|worker| worker.state == state).count();
            writeln!(text, "cdds_workers{{state=\"{}\"}} {count}", state.as_str())?;
        }
        let help = "Workers that live and were asked to drain: they claim nothing more.";
        head(text, "cdds_workers_draining", help)?;
        let drains =
            |one: &&WorkerOverview| one.state == WorkerState::Alive && one.entry.draining_since.is_some();
        writeln!(text, "cdds_workers_draining {}", self.workers.iter().filter(drains).count())?;
        let seen = self.workers.iter().map(|worker| worker.entry.seen_at()).max();
        instant(
            text,
            "cdds_worker_last_seen",
            "The last sign of life of any worker, one in ten seconds.",
            seen,
        )
    }

    fn write_health(&self, text: &mut String) -> std::fmt::Result {
        let is_destination = |target: &TargetId| matches!(target, TargetId::Destination(_));
        for (name, of_destinations, help) in [
            ("cdds_destinations", true, "Destinations that were used or checked, by how the last time went."),
            ("cdds_webhook_endpoints", false, "Endpoints that were called, by how the last call went."),
        ] {
            head(text, name, help)?;
            let all = self.health.iter().filter(|(target, _)| is_destination(target) == of_destinations);
            let states: Vec<&str> = all.map(|(_, health)| state(health)).collect();
            for state in ["working", "failing", "disabled"] {
                let count = states.iter().filter(|one| **one == state).count();
                writeln!(text, "{name}{{state=\"{state}\"}} {count}")?;
            }
        }
        Ok(())
    }
}

fn state(health: &Health) -> &'static str {
    match (health.is_enabled(), health.failing_since) {
        (false, _) => "disabled",
        (true, Some(_)) => "failing",
        (true, None) => "working",
    }
}

fn head(text: &mut String, name: &str, help: &str) -> std::fmt::Result {
    writeln!(text, "# TYPE {name} gauge\n# HELP {name} {help}")
}

fn instant(text: &mut String, name: &str, help: &str, at: Option<DateTime<Utc>>) -> std::fmt::Result {
    let Some(at) = at else { return Ok(()) };
    let name = format!("{name}_timestamp_seconds");
    writeln!(text, "# TYPE {name} gauge\n# UNIT {name} seconds\n# HELP {name} {help}")?;
    writeln!(text, "{name} {}", at.timestamp())
}
