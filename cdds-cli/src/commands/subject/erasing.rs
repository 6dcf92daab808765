//! `cdds subject preview` and `cdds subject reapply`.

use cdds_view::{ReapplicationView, SubjectErasureView};

use super::super::found;
use super::super::listed::print_all;
use crate::args::Columns;
use crate::error::CliError;
use crate::progress::WorkBar;
use crate::session::Session;

/// Prints what an erasure would erase.
pub(super) async fn preview(typed: &str, shown: &Columns, session: &Session) -> Result<(), CliError> {
    let (app, by) = (session.open().await?, &session.principal);
    let id = found::subject_request(typed, &app, by).await?;
    let work = WorkBar::new(&session.console, "counting what would be erased");
    let preview = app.subjects.preview(by, id).await;
    drop(work);
    let views: Vec<SubjectErasureView> = preview?.iter().map(Into::into).collect();
    print_all(session, shown, &views, "no type of the request is erased from")
}

/// Applies past erasures again, and prints what was found.
pub(super) async fn reapply(dry_run: bool, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    let doing =
        if dry_run { "looking what past erasures would erase" } else { "applying past erasures again" };
    let work = WorkBar::new(&session.console, doing);
    let done = app.subjects.reapply(&session.principal, dry_run).await;
    drop(work);
    let done = done?;
    session.output.object(&ReapplicationView::new(&done, dry_run))?;
    if done.is_whole() {
        return Ok(());
    }
    let why = "some past erasures were not applied: mend what is told, then run this again before anything is exported";
    Err(CliError::failed("reapply_incomplete", why))
}
