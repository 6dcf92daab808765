//! `cdds job list`.

use cdds_core::domain::id::{RecipientName, SourceId, TypeId};
use cdds_core::ports::catalog::query::JobQuery;
use cdds_view::JobView;

use crate::args::{JobFilters, ListJobsArgs, Listing, StateFilter};
use crate::commands::{misnamed, print_rows};
use crate::compose::App;
use crate::error::CliError;
use crate::session::Session;

const NOTHING_YET: &str =
    "no jobs: `cdds job create --help` shows how to submit one, `cdds source list` what it can export";

pub(super) async fn list(args: ListJobsArgs, app: &App, session: &Session) -> Result<(), CliError> {
    let by = &args.filters;
    misnamed::in_filters(by.source.as_deref(), by.data_type.as_deref(), app, session);
    misnamed::recipient(by.recipient.as_deref(), app, session).await?;
    let (query, listing) = query(args, session)?;
    let all = JobQuery::default().with_sort(query.sort);
    let nothing = if query == all { NOTHING_YET } else { "no job matches: leave out a filter" };
    let (recipients, now) = (app.recipients.list(&session.principal).await?, app.now().await?);
    let page = async |slice| app.jobs.list(&session.principal, &query.clone().with_slice(slice)).await;
    print_rows(session, (&listing, query.sort), nothing, page, |row| JobView::new(row, &recipients, now))
        .await
}

fn query(args: ListJobsArgs, session: &Session) -> Result<(JobQuery, Listing), CliError> {
    let query = JobQuery::default();
    let sort = args.sort.unwrap_or(query.sort);
    let query = filtered(query, args.filters)?
        .with_state(args.state.and_then(StateFilter::state))
        .with_latest_status(args.latest_status)
        .with_created(session.between(args.created_from, args.created_to))
        .with_latest_started(session.between(args.latest_started_from, args.latest_started_to))
        .with_next_starts(session.between(args.next_starts_from, args.next_starts_to))
        .with_sort(sort);
    Ok((query, args.listing))
}

/// Narrows a query to the jobs that have this in common.
pub(super) fn filtered(query: JobQuery, by: JobFilters) -> Result<JobQuery, CliError> {
    Ok(query
        .with_search(by.search)
        .with_source(by.source.map(SourceId::new).transpose()?)
        .with_data_type(by.data_type.map(TypeId::new).transpose()?)
        .with_recipient(by.recipient.map(RecipientName::new).transpose()?)
        .with_frequency(by.frequency))
}
