//! `cdds audit`: who did what.

use std::cmp::Ordering;
use std::sync::{Mutex, PoisonError};

use cdds_core::domain::access::audit::AuditRecord;
use cdds_core::domain::access::{Action, PrincipalName};
use cdds_core::domain::id::ExecutionId;
use cdds_core::ports::catalog::query::{AuditColumn, AuditQuery, Between, Page, Slice, Sort};
use cdds_core::service::ServiceError;
use cdds_view::AuditView;
use chrono::{DateTime, Utc};

use super::titles::Titles;
use super::{every_row, found, misnamed, print_rows};
use crate::args::AuditArgs;
use crate::compose::App;
use crate::error::CliError;
use crate::session::Session;
use crate::view::EntryView;

const NOTHING_YET: &str = "nothing is on record: each change and each download will be";

pub(super) async fn list(args: AuditArgs, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    let object = match &args.object {
        Some(typed) => Some(found::object(typed, &app, &session.principal).await?),
        None => None,
    };
    let set = object.as_deref().and_then(|object| object.parse().ok());
    if let (Some(set), Some(Action::Download)) = (set, args.action)
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
    misnamed::in_audit(&query, &app, session).await?;
    if let Some(sort) = args.sort {
        query.sort = sort;
    }
    let (listing, sort) = (&args.listing, query.sort);
    let nothing = if is_all { NOTHING_YET } else { "no entry matches: leave out a filter" };
    let page = async |slice| {
        let page = app.audit.list(&session.principal, &query.clone().with_slice(slice)).await?;
        Ok(Page { items: views(page.items, &app, session).await?, total: page.total, next: page.next })
    };
    print_rows(session, (listing, sort), nothing, page, |view| view).await
}

/// Adds the titles of the jobs that entries are about.
async fn views(
    entries: Vec<AuditRecord>,
    app: &App,
    session: &Session,
) -> Result<Vec<EntryView>, ServiceError> {
    let titles = Titles::of_entries(&entries, app, session).await?;
    let view = |entry: AuditRecord| {
        let title = titles.of_entry(&entry).map(str::to_owned);
        EntryView::new(AuditView::from(entry), title)
    };
    Ok(entries.into_iter().map(view).collect())
}

/// Lists the downloads of a set: those of all its files, which have entries of their own, and those of its manifest and
/// its signature, whose entries name the set.
async fn downloads(set: ExecutionId, args: AuditArgs, app: &App, session: &Session) -> Result<(), CliError> {
    if args.listing.cursor.is_some() {
        return Err(CliError::usage("the downloads of a set are listed as a whole: leave out --cursor"));
    }
    let at = session.between(args.since, args.until);
    let principal = args.principal.map(PrincipalName::new).transpose()?;
    let mut records = app.audit.downloads_of(&session.principal, set).await?;
    let of_set = AuditQuery::default().with_object(Some(set.to_string())).with_action(Some(Action::Download));
    let page =
        async |slice: Slice| app.audit.list(&session.principal, &of_set.clone().with_slice(slice)).await;
    records.extend(every_row(page).await?);
    records.retain(|record| {
        principal.as_ref().is_none_or(|wanted| *wanted == record.principal) && within(at, record.at)
    });
    let sort = args.sort.unwrap_or(AuditQuery::default().sort);
    sorted(&mut records, sort);
    let views = views(records, app, session).await?;
    let nothing = "nobody has downloaded a file of this set";
    // A page as long as the list, so that every option of a list counts.
    let limit = args.listing.limit.map_or(usize::MAX, |limit| limit as usize);
    let whole = Mutex::new(views.into_iter().take(limit).collect::<Vec<_>>());
    let page = async |_: Slice| {
        let items = std::mem::take(&mut *whole.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Page { items, total: None, next: None })
    };
    print_rows(session, (&args.listing, sort), nothing, page, |view| view).await
}

/// Sorts as the catalog does; what is equal, the newest first.
fn sorted(records: &mut [AuditRecord], sort: Sort<AuditColumn>) {
    records.sort_by(|a, b| {
        let by_instant = (a.at, a.id).cmp(&(b.at, b.id));
        let order = match sort.column {
            AuditColumn::Principal => a.principal.cmp(&b.principal),
            AuditColumn::Action => Ordering::Equal,
            _ => by_instant,
        };
        let order = if sort.descending { order.reverse() } else { order };
        order.then(by_instant.reverse())
    });
}

fn within(range: Between, at: DateTime<Utc>) -> bool {
    range.from.is_none_or(|from| at >= from) && range.to.is_none_or(|to| at < to)
}
