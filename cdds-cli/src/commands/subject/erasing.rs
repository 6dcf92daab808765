//! `cdds subject preview`, `cdds subject approve` and `cdds subject reapply`.

use cdds_core::domain::id::SubjectRequestId;
use cdds_core::domain::subject::request::{RequestStatus, SubjectRequest};
use cdds_view::{ReapplicationView, SubjectErasureView, words};

use super::super::found;
use super::super::listed::print_all;
use crate::args::Columns;
use crate::compose::App;
use crate::error::CliError;
use crate::progress::WorkBar;
use crate::session::Session;
use crate::view::Prospect;

/// Prints what an erasure would erase.
pub(super) async fn preview(typed: &str, shown: &Columns, session: &Session) -> Result<(), CliError> {
    let (app, by) = (session.open().await?, &session.principal);
    let id = found::subject_request(typed, &app, by).await?;
    let work = WorkBar::new(&session.console, "counting what would be erased");
    let preview = app.subjects.preview(by, id).await;
    drop(work);
    let views: Vec<Prospect> = preview?.iter().map(|one| Prospect(one.into())).collect();
    print_all(session, shown, &views, "no type of the request is erased from")
}

/// Approves an erasure: asks first, with what it would erase and what would stay, and tells of the types that it does not
/// reach.
pub(super) async fn approve(
    id: SubjectRequestId,
    app: &App,
    session: &Session,
) -> Result<SubjectRequest, CliError> {
    let by = &session.principal;
    let request = app.subjects.show(by, id).await?;
    // What cannot be approved is refused, with the reason, and nobody is asked before.
    let is_next = request.kind.erases() && request.status() == RequestStatus::Verified;
    if is_next && session.consent.asks() {
        let work = WorkBar::new(&session.console, "counting what would be erased");
        let preview = app.subjects.preview(by, id).await;
        drop(work);
        session.consent.ask(&match preview {
            Ok(preview) => {
                let preview: Vec<SubjectErasureView> = preview.iter().map(Into::into).collect();
                format!("{} Erase them for good?", counted(&preview))
            }
            // Who approves need not have the key, by which the worker erases.
            Err(error) => format!(
                "It cannot be counted here what would be erased: {}. Erase it for good all the same?",
                CliError::from(error).message()
            ),
        })?;
    }
    let approved = app.subjects.approve(by, id).await?;
    for (source, data_type) in app.subjects.not_erased(by, id).await? {
        session.console.note(&format!(
            "note: {source}/{data_type} has no rule for erasures (`erase`): what it holds about the person stays, and is to \
             be erased where it is"
        ));
    }
    Ok(approved)
}

/// `12 records about the person in 2 types would be erased, 3 would stay.`
fn counted(preview: &[SubjectErasureView]) -> String {
    let erased: u64 = preview.iter().map(|one| one.records).sum();
    let types = preview.iter().filter(|one| one.records > 0).count() as u64;
    let stay: u64 = preview.iter().flat_map(|one| &one.kept).map(|kept| kept.records).sum();
    let uncounted = preview.iter().filter(|one| one.failure.is_some());
    let uncounted: Vec<String> =
        uncounted.map(|one| format!("{}/{} cannot be counted now. ", one.source, one.data_type)).collect();
    format!(
        "{} about the person in {} would be erased, {} would stay. {}",
        words::counted(erased, "record"),
        words::counted(types, "type"),
        words::count(stay),
        uncounted.concat()
    )
    .trim_end()
    .to_owned()
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
