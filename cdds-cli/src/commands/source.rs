//! `cdds source …`: what is registered, and whether it can be read.

use std::sync::Arc;

use cdds_core::domain::id::SourceId;
use cdds_core::domain::violation::{Code, RuleViolation};
use cdds_core::domain::window::Window;
use cdds_core::ports::source::{DataType, ReadRequest, RegisteredSource, Source};
use futures::TryStreamExt;

use super::id;
use crate::args::SourceCommand;
use crate::error::CliError;
use crate::session::Session;
use crate::view::{CheckView, SourceView};

pub(super) async fn carry_out(command: SourceCommand, session: &Session) -> Result<(), CliError> {
    match command {
        SourceCommand::List => list(session),
        SourceCommand::Check { id } => check(&id, session).await,
    }
}

fn list(session: &Session) -> Result<(), CliError> {
    let app = session.open()?;
    let views: Vec<SourceView> = app.sources.iter().map(|(id, source)| SourceView::new(id, source)).collect();
    session.output.list(&views)
}

async fn check(typed: &str, session: &Session) -> Result<(), CliError> {
    let app = session.open()?;
    let id: SourceId = id("source", typed)?;
    let source = match app.sources.find(&id) {
        None => return Err(CliError::not_found("source", typed)),
        Some(RegisteredSource::Unsupported { reason, .. }) => {
            return Err(RuleViolation::new(Code::UnsupportedSource, reason.clone()).into());
        }
        Some(RegisteredSource::Supported(source)) => Arc::clone(source),
    };
    let (mut views, mut failures) = (Vec::new(), Vec::new());
    for data_type in &source.describe().types {
        match read_beginning(&id, source.as_ref(), data_type, session).await {
            Ok(view) => views.push(view),
            Err(error) => failures.push(format!("type {}: {}", data_type.id, error.message())),
        }
    }
    session.output.list(&views)?;
    if failures.is_empty() {
        return Ok(());
    }
    Err(CliError::failed("source_failed", failures.join("; ")))
}

/// Reads one batch of everything up to now, as a job with timeframe `all` would.
async fn read_beginning(
    id: &SourceId,
    source: &dyn Source,
    data_type: &DataType,
    session: &Session,
) -> Result<CheckView, CliError> {
    let request = ReadRequest::new(data_type.id.clone(), Window::until(session.clock.now()));
    let estimate = source.estimate(&request).await?;
    let first = source.read(request).await?.try_next().await?;
    let records = first.map_or(0, |batch| batch.records() as u64);
    Ok(CheckView::new(id, data_type, records, estimate.map(|estimate| estimate.records)))
}
