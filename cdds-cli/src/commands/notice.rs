//! `cdds notice …`: who was told of what.

use cdds_core::domain::id::Subscriber;
use cdds_core::domain::notice::Channel;
use cdds_core::domain::notice::subscription::Subscription;
use cdds_core::ports::catalog::query::NoticeQuery;
use cdds_view::{EndpointView, NoticeView};
use serde::Serialize;

use super::{found, print_rows};
use crate::args::{ListNoticesArgs, NoticeCommand};
use crate::error::CliError;
use crate::session::Session;

pub(super) async fn carry_out(command: NoticeCommand, session: &Session) -> Result<(), CliError> {
    match command {
        NoticeCommand::List(args) => list(args, session).await,
        NoticeCommand::Replay { id: typed } => {
            let app = session.open().await?;
            let id = found::notice(&typed, &app, &session.principal).await?;
            let notice = app.outbox.send_again(&session.principal, id).await?;
            Ok(session.output.object(&NoticeView::from(notice))?)
        }
        NoticeCommand::Enable { target } => {
            let state =
                session.open().await?.subscribers.enable(&session.principal, &endpoint(&target)?).await?;
            Ok(session.output.object(&EndpointView::from(state))?)
        }
        NoticeCommand::Disable { target } => {
            let state =
                session.open().await?.subscribers.disable(&session.principal, &endpoint(&target)?).await?;
            Ok(session.output.object(&EndpointView::from(state))?)
        }
        NoticeCommand::Test { target } => test(&target, session).await,
    }
}

/// Reads the name of an endpoint. Addresses of mail are never disabled.
fn endpoint(target: &str) -> Result<Subscriber, CliError> {
    let one: Subscription = target.parse()?;
    match one.channel {
        Channel::Webhook => Ok(one.subscriber),
        _ => Err(CliError::usage("only an endpoint is enabled and disabled: write webhook:ID")),
    }
}

async fn list(args: ListNoticesArgs, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    // An embedding service takes its own; nobody does here.
    let all = NoticeQuery::default().with_for_host(false);
    let mut query = all.clone();
    query.status = args.state;
    if let Some(execution) = &args.execution {
        query.execution = Some(found::execution(execution, &app, &session.principal).await?);
    }
    if let Some(job) = &args.job {
        query.job = Some(found::job(job, &app, &session.principal).await?);
    }
    query.kind = args.kind;
    if let Some(told) = &args.subscriber {
        let Subscription { subscriber, channel, .. } = told.parse()?;
        (query.subscriber, query.channel) = (Some(subscriber), Some(channel));
    }
    query.at = session.between(args.from, args.to);
    let nothing = if query == all {
        "nobody was told of anything: `cdds job edit ID --notify mailto:ADDRESS` names somebody"
    } else {
        "no notice matches: leave out a filter"
    };
    let page = async |slice| app.outbox.list(&session.principal, &query.clone().with_slice(slice)).await;
    print_rows(session, (&args.listing, query.sort), nothing, page, NoticeView::from).await
}

/// What came of a test message.
#[derive(Debug, Serialize)]
struct Test {
    target: String,
    /// Whether it was taken.
    sent: bool,
    /// Why not; null if it was.
    error: Option<String>,
    milliseconds: u64,
}

async fn test(target: &str, session: &Session) -> Result<(), CliError> {
    let subscription: Subscription = target.parse()?;
    let tested = session.open().await?.subscribers.test(&session.principal, &subscription).await?;
    let milliseconds = u64::try_from(tested.took.as_millis()).unwrap_or(u64::MAX);
    let test = Test {
        target: subscription.to_string(),
        sent: tested.failure.is_none(),
        error: tested.failure.clone(),
        milliseconds,
    };
    match tested.failure {
        None => {
            let words =
                format!("{target} was told in {milliseconds} ms: look whether the message has arrived");
            Ok(session.output.outcome(&test, &words)?)
        }
        Some(why) => {
            session.output.outcome(&test, "nothing was sent")?;
            Err(CliError::failed("notice_failed", format!("{target} was not told: {why}")))
        }
    }
}
