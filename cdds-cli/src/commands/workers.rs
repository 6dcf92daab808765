//! `cdds workers …`: who runs the exports, and who is to claim nothing more.

use std::time::Duration;

use cdds_core::domain::id::WorkerId;
use cdds_core::domain::work::worker::WorkerState;
use cdds_core::ports::catalog::query::WorkerOverview;
use cdds_view::WorkerView;

use super::found;
use super::listed::print_all;
use crate::args::{Columns, WorkersArgs, WorkersCommand};
use crate::error::CliError;
use crate::session::Session;

const NOTHING_YET: &str = "no worker has ever run: start `cdds run` or `cdds serve`";

/// How often it looks whether a worker has drained.
const LOOK: Duration = Duration::from_secs(1);

pub(super) async fn carry_out(args: WorkersArgs, session: &Session) -> Result<(), CliError> {
    let Some(command) = args.command else { return list(&Columns::default(), session).await };
    let (app, by) = (session.open().await?, &session.principal);
    let worker = match command {
        WorkersCommand::List(shown) => return list(&shown, session).await,
        WorkersCommand::Show { id } => app.fleet.show(by, &found::worker(&id, &app, by).await?).await?,
        WorkersCommand::Drain { id, wait } => {
            let id = found::worker(&id, &app, by).await?;
            if wait {
                return drained(&id, session).await;
            }
            app.fleet.drain(by, &id).await?
        }
        WorkersCommand::Resume { id } => app.fleet.resume(by, &found::worker(&id, &app, by).await?).await?,
    };
    Ok(session.output.object(&WorkerView::from(worker))?)
}

async fn list(shown: &Columns, session: &Session) -> Result<(), CliError> {
    let fleet = session.open().await?.fleet;
    let (workers, zones) = (fleet.list(&session.principal).await?, fleet.zones().await?);
    // The database that a worker has, if it is older than that by which jobs are computed (rule F9).
    let outdated = |worker: &WorkerOverview| {
        let version = worker.entry.facts.zones.filter(|_| worker.state == WorkerState::Alive)?;
        zones.filter(|record| version < record.version).map(|record| (version, record.version))
    };
    for worker in &workers {
        if let Some((has, on_record)) = outdated(worker) {
            session.console.note(&format!(
                "worker {} leaves jobs with a time zone to others: it has the database {has}, and they are computed by \
                 {on_record}",
                worker.entry.worker
            ));
        }
    }
    let views: Vec<WorkerView> = workers.into_iter().map(WorkerView::from).collect();
    print_all(session, shown, &views, NOTHING_YET)
}

/// Asks a worker to drain, and waits until it runs nothing any more.
async fn drained(id: &WorkerId, session: &Session) -> Result<(), CliError> {
    let (fleet, by) = (session.open().await?.fleet, &session.principal);
    let mut worker = WorkerView::from(fleet.drain(by, id).await?);
    loop {
        match worker.state {
            WorkerState::Gone => {
                let why = format!("worker {id} is gone, and others take over what it ran");
                return Err(CliError::failed("worker_gone", why));
            }
            WorkerState::Alive if !worker.is_drained() => session.clock.sleep(LOOK).await,
            WorkerState::Alive | WorkerState::Left => return Ok(session.output.object(&worker)?),
        }
        worker = fleet.show(by, id).await?.into();
    }
}
