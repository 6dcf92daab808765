//! `cdds audit`: who did what.

use cdds_core::domain::access::PrincipalName;
use cdds_core::ports::catalog::query::AuditQuery;
use cdds_view::AuditView;

use super::{found, print_rows};
use crate::args::AuditArgs;
use crate::error::CliError;
use crate::session::Session;

const NOTHING_YET: &str = "nothing is on record: each change and each download will be";

pub(super) async fn list(args: AuditArgs, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    let object = match &args.object {
        Some(typed) => Some(found::object(typed, &app, &session.principal).await?),
        None => None,
    };
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
