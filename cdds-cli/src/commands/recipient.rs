//! `cdds recipient …`: certificates for which exports are sealed.

use std::path::Path;

use cdds_core::domain::id::RecipientName;

use super::Deleted;
use crate::args::RecipientCommand;
use crate::error::CliError;
use crate::session::Session;
use crate::view::RecipientView;

pub(super) async fn carry_out(command: RecipientCommand, session: &Session) -> Result<(), CliError> {
    match command {
        RecipientCommand::Add { name, certificate } => add(name, &certificate, session).await,
        RecipientCommand::List => list(session).await,
        RecipientCommand::Remove { name } => remove(name, session).await,
    }
}

async fn add(name: String, path: &Path, session: &Session) -> Result<(), CliError> {
    let app = session.open()?;
    let name = RecipientName::new(name)?;
    let certificate = std::fs::read(path).map_err(|error| CliError::file("read", path, &error))?;
    let recipient = app.recipients.add(&session.owner, name, &certificate).await?;
    session.output.object(&RecipientView::from(recipient))
}

async fn list(session: &Session) -> Result<(), CliError> {
    let recipients = session.open()?.recipients.list(&session.owner).await?;
    let views: Vec<RecipientView> = recipients.into_iter().map(RecipientView::from).collect();
    session.output.list(&views)
}

async fn remove(name: String, session: &Session) -> Result<(), CliError> {
    let name = RecipientName::new(name)?;
    session.open()?.recipients.remove(&session.owner, &name).await?;
    Deleted::new("recipient", [name]).show(session)
}
