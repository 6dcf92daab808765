//! `cdds audit`: who did what.

use cdds_core::domain::access::{Action, PrincipalName};
use cdds_core::domain::id::ExecutionId;
use cdds_core::ports::catalog::query::{AuditQuery, Between};
use cdds_view::AuditView;
use chrono::{DateTime, Utc};

use super::listed::print_all;
use super::{found, print_rows};
use crate::args::AuditArgs;
use crate::compose::App;
use crate::error::CliError;
use crate::session::Session;

const NOTHING_YET: &str = "nothing is on record: each change and each download will be";

pub(super) async fn list(args: AuditArgs, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    let object = match &args.object {
        Some(typed) => Some(found::object(typed, &app, &session.principal).await?),
        None => None,
    };
    let set = object.as_deref().and_then(|object| object.parse().ok());
    if let (Some(set), Some(Action::Download), None, false) = (set, args.action, args.sort, args.listing.page)
        && app.history.show(&session.principal, set).await.is_ok()
    {
        return downloads(set, args, &app, session).await;
    }
    let mut query = AuditQuery::default()
        .with_object(object)
        .with_principal(args.principal.map(PrincipalName::new).transpose()?)
        .with_action(args.action)
        .with_at(session.between(args.since, args.until));
    let is_all = query == AuditQuery::default();
    if let Some(sort) = args.sort {
        query.sort = sort;
    }
    let (listing, sort) = (&args.listing, query.sort);
    let nothing = if is_all { NOTHING_YET } else { "no entry matches: leave out a filter" };
    let page = async |slice| app.audit.list(&session.principal, &query.clone().with_slice(slice)).await;
    print_rows(session, (listing, sort), nothing, page, AuditView::from).await
}

/// Lists the downloads of a set: those of all its files, which have entries of their own.
async fn downloads(set: ExecutionId, args: AuditArgs, app: &App, session: &Session) -> Result<(), CliError> {
    let at = session.between(args.since, args.until);
    let principal = args.principal.map(PrincipalName::new).transpose()?;
    let mut records = app.audit.downloads_of(&session.principal, set).await?;
    records.retain(|record| {
        principal.as_ref().is_none_or(|wanted| *wanted == record.principal) && within(at, record.at)
    });
    records.truncate(args.listing.limit.map_or(usize::MAX, |limit| limit as usize));
    let views: Vec<AuditView> = records.into_iter().map(AuditView::from).collect();
    print_all(session, &args.listing.shown, &views, "nobody has downloaded a file of this set")
}

fn within(range: Between, at: DateTime<Utc>) -> bool {
    range.from.is_none_or(|from| at >= from) && range.to.is_none_or(|to| at < to)
}
