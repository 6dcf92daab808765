//! `cdds source …`: lists the registered sources and their fields, and checks whether they can be read.

use std::collections::BTreeSet;
use std::sync::Arc;

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::id::{SourceId, TypeId};
use cdds_core::domain::record::template::{FieldNames, FieldSelection, Template};
use cdds_core::domain::subject::SubjectField;
use cdds_core::domain::violation::{Code, RuleViolation};
use cdds_core::ports::source::{BadRecordMode, DataType, Estimate, ReadRequest, RegisteredSource, Source};
use cdds_core::service::Entity;
use cdds_core::service::sources::TypeFields;
use cdds_storage::source::Survey;
use futures::TryStreamExt;

use super::id;
use super::listed::print_all;
use cdds_view::{FieldView, SourceView, words};

use crate::args::{Columns, SourceCommand};
use crate::config::Config;
use crate::error::CliError;
use crate::progress::WorkBar;
use crate::session::Session;
use crate::text::escaped;
use crate::view::CheckView;

pub(super) async fn carry_out(command: SourceCommand, session: &Session) -> Result<(), CliError> {
    match command {
        SourceCommand::List => list(session).await,
        SourceCommand::Check { id } => check(&id, session).await,
        SourceCommand::Fields { id, r#type, shown } => fields(&id, r#type, &shown, session).await,
    }
}

async fn list(session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    let sources = app.sources.for_owner(&session.principal.owner);
    let views: Vec<SourceView> = sources.iter().map(|(id, source)| SourceView::new(id, source)).collect();
    Ok(session.output.list(&views)?)
}

async fn check(typed: &str, session: &Session) -> Result<(), CliError> {
    let config = session.config()?;
    let app = session.open_over(&config).await?;
    let id: SourceId = id(Entity::Source, typed)?;
    let source = match app.sources.for_owner(&session.principal.owner).find(&id) {
        None => return Err(CliError::not_found(Entity::Source, typed)),
        Some(RegisteredSource::Unsupported { reason, .. }) => {
            return Err(RuleViolation::new(Code::UnsupportedSource, reason.clone()).into());
        }
        Some(RegisteredSource::Supported(source)) => Arc::clone(source),
    };
    let (mut views, mut failures) = (Vec::new(), Vec::new());
    // If the source cannot be read, the read below reports why.
    let remarks = source.remarks(&session.principal.owner).await.unwrap_or_default();
    for remark in &remarks {
        session.console.note(&format!("note: {}", escaped(remark)));
    }
    for data_type in &source.describe().types {
        match read_beginning(&id, source.as_ref(), data_type, &config, session).await {
            Ok(survey) => {
                let faults = faults(data_type, &survey);
                for warning in survey.warnings() {
                    session.console.note(&format!("warning: type {}: {}", data_type.id, escaped(&warning)));
                }
                failures.extend(faults);
                let estimate = source.estimate(&everything(data_type, session)).await?;
                views.push(CheckView::new(
                    &id,
                    data_type,
                    &survey,
                    estimate.and_then(Estimate::records),
                    &remarks,
                ));
            }
            Err(error) => failures.push(error.message().to_owned()),
        }
    }
    session.output.list(&views)?;
    if failures.is_empty() {
        return Ok(());
    }
    Err(CliError::failed("source_failed", failures.join("; ")))
}

/// Lists the fields of one type or all. Names the types that could not be asked, and fails if there are any.
async fn fields(
    typed: &str,
    only: Option<String>,
    shown: &Columns,
    session: &Session,
) -> Result<(), CliError> {
    let app = session.open().await?;
    let source: SourceId = id(Entity::Source, typed)?;
    let only = only.map(TypeId::new).transpose()?;
    let work = WorkBar::new(&session.console, &format!("asking {source} for its fields"));
    let types = app.checks.fields(&session.principal, &source, only.as_ref()).await;
    drop(work);
    let types = types?;
    let empty = types.iter().filter(|known| known.fields.is_empty() && known.failed.is_none());
    for known in empty {
        let why = "declares no fields, and no record was read";
        session.console.note(&format!("note: type {} {why}", known.data_type));
    }
    let told = |known: &TypeFields| Some(format!("type {}: {}", known.data_type, known.failed.as_ref()?));
    let failures: Vec<String> = types.iter().filter_map(told).collect();
    let views: Vec<FieldView> = types.into_iter().flat_map(FieldView::of).collect();
    print_all(session, shown, &views, "no field is known")?;
    if failures.is_empty() {
        return Ok(());
    }
    Err(CliError::failed("source_failed", failures.join("; ")))
}

/// Requests everything up to now, like a job with the timeframe `all`.
fn everything(data_type: &DataType, session: &Session) -> ReadRequest {
    let owner = session.principal.owner.clone();
    ReadRequest::new(owner, data_type.id.clone(), Window::until(session.clock.now()))
}

/// Returns the faults that keep jobs from exporting records of a type: some are unreadable, or none has the
/// declared instant.
pub(super) fn faults(data_type: &DataType, survey: &Survey) -> Vec<String> {
    let mut faults = Vec::new();
    if survey.bad_records() > 0 {
        let examples = survey.bad_examples().iter().map(|bad| format!("{}: {}", bad.position, bad.reason));
        let all = survey.bad_records() + survey.records();
        faults.push(format!(
            "type {}: {} of {all} records cannot be read: {}",
            data_type.id,
            survey.bad_records(),
            examples.collect::<Vec<_>>().join("; ")
        ));
    }
    faults.extend(survey.fault().map(|fault| format!("type {}: {fault}", data_type.id)));
    faults
}

/// Looks for what the type declares and the source does not have, reads enough records to find what they lack, and looks
/// for the fields that name data subjects.
pub(super) async fn read_beginning(
    id: &SourceId,
    source: &dyn Source,
    data_type: &DataType,
    config: &Config,
    session: &Session,
) -> Result<Survey, CliError> {
    let mut survey = config.survey(id, &data_type.id).ok_or_else(|| {
        CliError::failed("source_failed", format!("type {} is not configured", data_type.id))
    })?;
    // If the source does not answer, the read says why.
    let misnamed = source.faults(&session.principal.owner, &data_type.id).await.unwrap_or_default();
    if !misnamed.is_empty() {
        let told: Vec<String> =
            misnamed.iter().map(|fault| format!("type {}, {fault}", data_type.id)).collect();
        return Err(CliError::failed("source_failed", told.join("; ")));
    }
    let request = everything(data_type, session).with_bad_records(BadRecordMode::Report);
    let work = WorkBar::new(&session.console, &format!("reading the beginning of {}", data_type.id));
    let mut batches = source.read(request).await?;
    while survey.wants_more() {
        let Some(batch) = batches.try_next().await? else { break };
        survey.take(&batch);
        let records = words::counted(survey.records(), "record");
        work.tell(&format!("reading the beginning of {}: {records}", data_type.id));
    }
    drop(work);
    if !data_type.subject_fields.is_empty() {
        check_subject(source, data_type, session).await?;
    }
    Ok(survey)
}

/// Looks for the subject fields. The read fails on a field that a type does not declare, or that is no
/// column.
async fn check_subject(source: &dyn Source, data_type: &DataType, session: &Session) -> Result<(), CliError> {
    let told =
        |why: &str| CliError::failed("source_failed", format!("type {}, subject: {why}", data_type.id));
    // Several fields may be in one object.
    let names: BTreeSet<String> = data_type.subject_fields.iter().map(SubjectField::key).collect();
    let fields = FieldNames::new(names).map(FieldSelection::Only)?;
    let template = Template::new(fields, Vec::new())?;
    template.check(data_type).map_err(|violation| told(&violation.to_string()))?;
    // Bad records have already been reported.
    let bad_records = BadRecordMode::Report;
    let request = everything(data_type, session).with_template(template).with_bad_records(bad_records);
    let read = match source.read(request).await {
        Ok(mut records) => records.try_next().await.map(|_| ()),
        Err(error) => Err(error),
    };
    read.map_err(|error| told(&error.report()))
}
