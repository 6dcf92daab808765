//! `cdds destination …`: where sets are delivered besides the store.

use cdds_core::domain::id::DestinationId;
use cdds_core::ports::destination::ServerIdentity;
use cdds_view::{DestinationCheckView, DestinationView};

use super::listed::print_all;
use crate::args::DestinationCommand;
use crate::error::CliError;
use crate::session::Session;
use crate::text::printable;

const NOTHING_YET: &str =
    "no destination is configured: add a [[destination]] to the configuration; the README lists its keys";

const NO_MATCH: &str = "no destination matches: leave out a filter";

pub(super) async fn carry_out(command: DestinationCommand, session: &Session) -> Result<(), CliError> {
    let (app, by) = (session.open().await?, &session.principal);
    let state = match command {
        DestinationCommand::List(args) => {
            let mut states = app.deliveries.destinations(by).await?;
            let nothing = if states.is_empty() { NOTHING_YET } else { NO_MATCH };
            states.retain(|state| args.kind.is_none_or(|kind| state.description.kind == kind));
            let mut views: Vec<_> = states.into_iter().map(DestinationView::from).collect();
            views.retain(|view| args.state.is_none_or(|state| view.health.state == state));
            return print_all(session, &args.shown, &views, nothing);
        }
        DestinationCommand::Check { id } => {
            let (probe, state) = app.deliveries.check(by, &DestinationId::new(id)?).await?;
            let address = state.description.address.clone();
            return checked(&DestinationCheckView::new(probe, state), &address, session);
        }
        DestinationCommand::Show { id } => app.deliveries.destination(by, &DestinationId::new(id)?).await?,
        DestinationCommand::Enable { id } => app.deliveries.enable(by, &DestinationId::new(id)?).await?,
        DestinationCommand::Disable { id } => app.deliveries.disable(by, &DestinationId::new(id)?).await?,
        DestinationCommand::Pin { id, identity } => {
            let identity = (identity != "none").then(|| ServerIdentity::new(identity));
            app.deliveries.pin(by, &DestinationId::new(id)?, identity).await?
        }
    };
    Ok(session.output.object(&DestinationView::from(state))?)
}

/// Prints each step, and fails if sets cannot be delivered.
fn checked(check: &DestinationCheckView, address: &str, session: &Session) -> Result<(), CliError> {
    session.output.outcome(check, &words(check, address))?;
    if check.works {
        return Ok(());
    }
    let failed = check.steps.iter().find(|step| step.needed && step.error.is_some());
    let (step, why) = failed
        .map_or(("connect", ""), |step| (step.step.as_str(), step.error.as_deref().unwrap_or_default()));
    Err(CliError::failed(
        "destination_failed",
        format!(
            "sets cannot be delivered to {}: {} failed: {why}",
            check.destination,
            step.replace('_', " ")
        ),
    ))
}

fn words(check: &DestinationCheckView, address: &str) -> String {
    let mut lines = vec![format!("{} ({address})", check.destination)];
    for step in &check.steps {
        let (status, why) = match &step.error {
            None => ("ok", format!("{} ms", step.milliseconds)),
            Some(why) if step.needed => ("failed", why.clone()),
            Some(why) => ("warning", format!("{why}; deliveries do not need it")),
        };
        let line = format!("{status:<8} {:<9} {why}", step.step.replace('_', " "));
        lines.push(printable(&line).into_owned());
    }
    match (&check.identity, &check.pinned) {
        (Some(shown), Some(pinned)) if shown == pinned => {
            lines.push(format!("the server's key is {shown}, which is expected from now on"));
        }
        (Some(shown), _) => lines.push(format!("the server's key is {shown}")),
        (None, _) => {}
    }
    lines.join("\n")
}
