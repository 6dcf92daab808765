//! `cdds job …`: the Jobs page.

use cdds_core::domain::frequency::{Frequency, Start};
use cdds_core::domain::id::{JobId, RecipientName, SourceId, TypeId};
use cdds_core::domain::job::{Description, JobSettings, Protection, RecipientNames, Title};
use cdds_core::domain::retention::RetentionDays;
use cdds_core::domain::selection::CategorySelection;
use cdds_core::domain::split_size::SplitSize;
use cdds_core::domain::violation::RuleViolation;
use cdds_core::ports::catalog::query::JobQuery;

use super::{every_row, id};
use crate::args::{CreateArgs, JobCommand, ListJobsArgs, Run, StateFilter};
use crate::error::CliError;
use crate::session::Session;
use crate::view::JobView;

pub(super) async fn carry_out(command: JobCommand, session: &Session) -> Result<(), CliError> {
    let owner = &session.owner;
    let overview = match command {
        JobCommand::List(args) => return list(args, session).await,
        JobCommand::Create(args) => {
            let settings = settings(args)?;
            session.open()?.jobs.submit(owner, settings).await?
        }
        JobCommand::Show { id } => session.open()?.jobs.show(owner, job_id(&id)?).await?,
        JobCommand::Suspend { id } => session.open()?.jobs.suspend(owner, job_id(&id)?).await?,
        JobCommand::Resume { id } => session.open()?.jobs.resume(owner, job_id(&id)?).await?,
    };
    session.output.object(&JobView::from(overview))
}

pub(super) fn job_id(text: &str) -> Result<JobId, CliError> {
    id("job", text)
}

async fn list(args: ListJobsArgs, session: &Session) -> Result<(), CliError> {
    let mut query = JobQuery {
        search: args.search,
        frequency: args.frequency.map(Into::into),
        state: args.state.and_then(StateFilter::state),
        ..JobQuery::default()
    };
    if let Some(sort) = args.sort {
        query.sort = sort;
    }
    let jobs = session.open()?.jobs;
    let rows = every_row(async |slice| {
        let query = JobQuery { slice, ..query.clone() };
        jobs.list(&session.owner, &query).await
    })
    .await?;
    let views: Vec<JobView> = rows.into_iter().map(JobView::from).collect();
    session.output.list(&views)
}

/// What was typed, as settings that are valid by themselves.
fn settings(args: CreateArgs) -> Result<JobSettings, CliError> {
    let frequency = frequency(&args)?;
    Ok(JobSettings {
        description: Description::new(&args.description)?,
        categories: args.category.map_or(CategorySelection::All, categories),
        timeframe: args.timeframe.parse()?,
        split_size: args.split_size.map(SplitSize::from_bytes).transpose()?,
        retention: args.retention_days.map(RetentionDays::new).transpose()?,
        ..JobSettings::new(
            Title::new(&args.title)?,
            SourceId::new(args.source)?,
            TypeId::new(args.data_type)?,
            frequency,
            protection(args.recipient, args.plaintext)?,
        )
    })
}

/// Whether these values are declared is decided when the job is saved (rule J3).
fn categories(values: Vec<String>) -> CategorySelection {
    CategorySelection::Only(values.into_iter().filter(|value| !value.is_empty()).collect())
}

/// Sealed unless plaintext is asked for by name (rule S1).
fn protection(recipients: Vec<String>, plaintext: bool) -> Result<Protection, RuleViolation> {
    if plaintext {
        return Ok(Protection::Plaintext);
    }
    let names = recipients.into_iter().map(RecipientName::new).collect::<Result<Vec<_>, _>>()?;
    RecipientNames::new(names).map(Protection::Sealed)
}

fn frequency(args: &CreateArgs) -> Result<Frequency, CliError> {
    match (args.run, args.start, &args.at) {
        (Run::Once, None, None) => Ok(Frequency::Once(Start::Immediately)),
        (Run::Once, Some(start), None) => Ok(Frequency::Once(Start::At(start))),
        (Run::Once, _, Some(_)) => Err(CliError::usage("--at goes with --run daily: use --start for once")),
        (Run::Daily, None, Some(at)) => Ok(Frequency::Daily(at.parse()?)),
        (Run::Daily, None, None) => Err(CliError::usage("--run daily needs the time of day: add --at HH:MM")),
        (Run::Daily, Some(_), _) => Err(CliError::usage("--start goes with --run once: use --at for daily")),
    }
}
