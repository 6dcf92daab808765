//! `cdds source …`: what is registered, and whether it can be read.

use std::sync::Arc;

use cdds_core::domain::id::SourceId;
use cdds_core::domain::template::{FieldNames, FieldSelection, Template};
use cdds_core::domain::violation::{Code, RuleViolation};
use cdds_core::domain::window::Window;
use cdds_core::ports::source::{DataType, ReadRequest, RegisteredSource, Source};
use futures::TryStreamExt;

use super::id;
use crate::args::SourceCommand;
use crate::compose::App;
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
    let config = session.config()?;
    let app = App::open(&config, Arc::clone(&session.clock))?;
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
        match read_beginning(&id, source.as_ref(), data_type, config.subject(&id, &data_type.id), session)
            .await
        {
            Ok(view) => views.push(view),
            Err(error) => failures.push(error.message().to_owned()),
        }
    }
    session.output.list(&views)?;
    if failures.is_empty() {
        return Ok(());
    }
    Err(CliError::failed("source_failed", failures.join("; ")))
}

/// Reads one batch of everything up to now, as a job with timeframe `all` would, and looks for the fields that
/// are to name data subjects.
pub(super) async fn read_beginning(
    id: &SourceId,
    source: &dyn Source,
    data_type: &DataType,
    subject: &[String],
    session: &Session,
) -> Result<CheckView, CliError> {
    let request = ReadRequest::new(data_type.id.clone(), Window::until(session.clock.now()));
    let estimate = source.estimate(&request).await?;
    let first = source.read(request).await?.try_next().await?;
    let records = first.map_or(0, |batch| batch.records() as u64);
    if !subject.is_empty() {
        check_subject(source, data_type, subject, session).await?;
    }
    Ok(CheckView::new(id, data_type, records, estimate.map(|estimate| estimate.records)))
}

/// A field that a type does not declare, or that is no column of a database, ends the read.
async fn check_subject(
    source: &dyn Source,
    data_type: &DataType,
    subject: &[String],
    session: &Session,
) -> Result<(), CliError> {
    let told =
        |why: &str| CliError::failed("source_failed", format!("type {}, subject: {why}", data_type.id));
    let fields = FieldNames::new(subject.iter().cloned()).map(FieldSelection::Only)?;
    let template = Template::new(fields, Vec::new())?;
    template.check(data_type).map_err(|violation| told(&violation.to_string()))?;
    let window = Window::until(session.clock.now());
    let request = ReadRequest { template, ..ReadRequest::new(data_type.id.clone(), window) };
    let read = match source.read(request).await {
        Ok(mut records) => records.try_next().await.map(|_| ()),
        Err(error) => Err(error),
    };
    read.map_err(|error| told(&error.report()))
}
