//! `cdds subject …`: what people ask for about their own records.

mod copies;
mod erasing;
mod key;

pub(super) use self::key::{Absence, absence};

use std::io::{self, IsTerminal, Read};

use cdds_core::domain::subject::request::{Evidence, RequestText, Scope, ScopePart, SubjectRequest, refusal};
use cdds_core::domain::subject::{Identifier, Subject};
use cdds_core::ports::catalog::query::SubjectRequestQuery;
use cdds_core::service::subjects::{NewHandover, NewSubjectRequest};
use cdds_view::SubjectRequestView;
use zeroize::Zeroizing;

use super::{found, print_rows};
use crate::args::{CreateSubjectArgs, ListSubjectsArgs, SubjectCommand};
use crate::compose::App;
use crate::error::CliError;
use crate::input;
use crate::session::Session;

/// The most bytes of standard input: twenty identifiers of the greatest length, and room for their kinds.
const BYTES_MAX: u64 = 64 << 10;

pub(super) async fn carry_out(command: SubjectCommand, session: &Session) -> Result<(), CliError> {
    let command = match command {
        SubjectCommand::Create(args) => return create(args, session).await,
        SubjectCommand::List(args) => return list(args, session).await,
        SubjectCommand::Key { name, lost } => return key::make(name, lost, session).await,
        SubjectCommand::Preview { id, shown } => return erasing::preview(&id, &shown, session).await,
        SubjectCommand::Reapply { dry_run } => return erasing::reapply(dry_run, session).await,
        SubjectCommand::Copies { id, all, notify: false, delete: false, shown } => {
            return copies::list(&id, all, &shown, session).await;
        }
        SubjectCommand::Copies { id, notify: false, .. } => return copies::delete(&id, session).await,
        SubjectCommand::Copies { id, delete, .. } => return copies::notify(&id, delete, session).await,
        command => command,
    };
    let (app, by) = (session.open().await?, &session.principal);
    let id = async |typed: &str| found::subject_request(typed, &app, by).await;
    let request = match command {
        SubjectCommand::Verify { id: typed, by: who, how } => {
            let evidence = Evidence { who: RequestText::new(&who)?, how: RequestText::new(&how)? };
            app.subjects.verify(by, id(&typed).await?, &evidence).await?
        }
        SubjectCommand::Approve { id: typed } => erasing::approve(id(&typed).await?, &app, session).await?,
        SubjectCommand::Extend { id: typed, until } => {
            let until = until.map(|until| until.at(session.clock.now()));
            app.subjects.extend(by, id(&typed).await?, until).await?
        }
        SubjectCommand::Refuse { id: typed, reason } => {
            app.subjects.refuse(by, id(&typed).await?, &RequestText::new(&reason)?).await?
        }
        SubjectCommand::Withdraw { id: typed } => app.subjects.withdraw(by, id(&typed).await?).await?,
        SubjectCommand::Run { id: typed } => app.subjects.run(by, id(&typed).await?).await?,
        SubjectCommand::Show { id: typed } => app.subjects.show(by, id(&typed).await?).await?,
        SubjectCommand::Create(_)
        | SubjectCommand::List(_)
        | SubjectCommand::Key { .. }
        | SubjectCommand::Preview { .. }
        | SubjectCommand::Reapply { .. }
        | SubjectCommand::Copies { .. } => return Ok(()),
    };
    show(&request, &app, session).await
}

async fn show(request: &SubjectRequest, app: &App, session: &Session) -> Result<(), CliError> {
    let tasks = app.subjects.tasks(&session.principal, request.id).await?;
    let missing = app.subjects.missing_key(request);
    let export = app.subjects.export(&session.principal, request.id).await?;
    let view = SubjectRequestView::new(request, app.now().await?)
        .with_export(export.as_ref())
        .with_erasures(&tasks, missing.as_ref());
    Ok(session.output.object(&view)?)
}

async fn create(args: CreateSubjectArgs, session: &Session) -> Result<(), CliError> {
    let subject = subject(&args.identifier, session)?;
    let parts = args.source.iter().map(|part| part.parse()).collect::<Result<Vec<ScopePart>, _>>()?;
    let new = NewSubjectRequest::new(subject, args.kind)
        .with_scope(Scope::new(parts)?)
        .with_due_at(args.due.map(|due| due.at(session.clock.now())))
        .with_handover(handover(&args)?);
    if args.kind.hands_over() && args.certificate.is_none() && !args.plaintext {
        let refused: CliError = args
            .kind
            .check_handover(false)
            .map_or_else(CliError::from, |()| CliError::usage("say how the records are handed over"));
        return Err(refused.with_way_out("--certificate FILE, or --plaintext"));
    }
    let app = session.open().await?;
    let created = app.subjects.create(&session.principal, &new).await;
    let request = created.map_err(|error| match (CliError::from(error), &args.certificate) {
        (refused, Some(path)) if refused.code() == "invalid_certificate" => refused.about(path),
        (refused, _) => refused,
    })?;
    show(&request, &app, session).await
}

/// Returns how a copy is to be handed over.
fn handover(args: &CreateSubjectArgs) -> Result<Option<NewHandover>, CliError> {
    match &args.certificate {
        None => Ok(args.plaintext.then_some(NewHandover::Plaintext)),
        Some(path) => {
            let bytes = input::read(path).map_err(|error| CliError::file("read", path, &error))?;
            Ok(Some(NewHandover::Certificate(bytes)))
        }
    }
}

/// Reads the identifiers that are typed, or that standard input holds.
fn subject(typed: &[String], session: &Session) -> Result<Subject, CliError> {
    let mut identifiers = Vec::new();
    for one in typed {
        if one == "-" {
            if io::stdin().is_terminal() {
                session.console.note("type the identifiers, one KIND=VALUE a line, and end with Ctrl-D:");
            }
            let text = standard_input()?;
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            identifiers
                .extend(lines.map(str::parse).collect::<Result<Vec<Identifier>, _>>().map_err(refusal)?);
        } else {
            identifiers.push(one.parse().map_err(refusal)?);
        }
    }
    Ok(Subject::new(identifiers).map_err(refusal)?)
}

fn standard_input() -> Result<Zeroizing<String>, CliError> {
    let failed = |error: io::Error| {
        CliError::failed("file_failed", format!("cannot read the identifiers from standard input: {error}"))
    };
    // As long as it can be: one that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(BYTES_MAX + 1).unwrap_or(0)));
    io::stdin().lock().take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(CliError::usage("standard input is too long for the identifiers of one person"));
    }
    input::text(&bytes).ok_or_else(|| CliError::usage(format!("standard input {}", input::NO_TEXT)))
}

async fn list(args: ListSubjectsArgs, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    let mut query =
        SubjectRequestQuery::default().with_status(args.state).with_open(args.open).with_kind(args.kind);
    let nothing = if query == SubjectRequestQuery::default() {
        "nobody has asked for anything: `cdds subject create` puts a request on record"
    } else {
        "no request matches: leave out a filter"
    };
    if let Some(sort) = args.sort {
        query.sort = sort;
    }
    let now = app.now().await?;
    let page = async |slice| app.subjects.list(&session.principal, &query.clone().with_slice(slice)).await;
    let view = |request: SubjectRequest| SubjectRequestView::new(&request, now);
    print_rows(session, (&args.listing, query.sort), nothing, page, view).await
}
