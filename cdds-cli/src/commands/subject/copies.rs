//! `cdds subject copies`: the exports that may hold records about a person.

use cdds_core::domain::subject::copies::Holding;
use cdds_view::{CopyDeletionView, CopyView, words};

use super::super::found;
use super::super::listed::rows;
use crate::args::Columns;
use crate::choice::Format;
use crate::error::CliError;
use crate::output::Reading;
use crate::progress::WorkBar;
use crate::session::Session;

const NOTHING: &str = "no export holds records that name the person by these identifiers";

/// What the sets hold, counted.
#[derive(Default)]
struct Counts {
    may: u64,
    unknown: u64,
    not: u64,
}

impl Counts {
    fn count(&mut self, holding: Holding) {
        match holding {
            Holding::May => self.may += 1,
            Holding::Not => self.not += 1,
            _ => self.unknown += 1,
        }
    }

    /// Prints the counts, unless the output is JSON, whose readers can count its rows.
    fn tell(&self, session: &Session) {
        if session.output.format() != Format::Json {
            session.console.note(&self.words());
        }
    }

    /// What is shown meanwhile.
    fn progress(&self) -> String {
        let sets = words::counted(self.may + self.unknown + self.not, "set");
        format!(
            "looking through the exports: {sets} so far, of which {} may hold the person",
            words::count(self.may)
        )
    }

    fn words(&self) -> String {
        let sets = words::counted(self.may + self.unknown + self.not, "set");
        format!(
            "of {sets}, {} may hold the person, {} do not, and of {} nobody can tell",
            words::count(self.may),
            words::count(self.not),
            words::count(self.unknown)
        )
    }
}

/// Prints the sets as they are found.
pub(super) async fn list(typed: &str, all: bool, shown: &Columns, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    app.check_store().await?;
    let request = found::subject_request(typed, &app, &session.principal).await?;
    let mut rows = rows::<CopyView>(session, shown)?;
    let (mut counts, mut behind) = (Counts::default(), None);
    loop {
        let work = WorkBar::new(&session.console, &counts.progress());
        let page = app.copies.page(&session.principal, request, behind).await;
        // Rows and the line are on one terminal.
        drop(work);
        let page = page?;
        page.items.iter().for_each(|copy| counts.count(copy.holding));
        let told = page.items.into_iter().filter(|copy| all || copy.holding != Holding::Not);
        let views: Vec<CopyView> = told.map(CopyView::from).collect();
        if rows.add(&views)? == Reading::Over {
            return Ok(());
        }
        behind = page.next;
        if behind.is_none() {
            break;
        }
    }
    rows.end(NOTHING, None)?;
    counts.tell(session);
    Ok(())
}

/// Deletes the sets that may hold the person, and names those that a hold keeps.
pub(super) async fn delete(typed: &str, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    app.check_store().await?;
    let request = found::subject_request(typed, &app, &session.principal).await?;
    let work = WorkBar::new(&session.console, "looking through the exports");
    let survey = app.copies.survey(&session.principal, request).await;
    drop(work);
    let survey = survey?;
    Counts { may: survey.may, unknown: survey.unknown, not: survey.not }.tell(session);
    let held = survey.kept.iter().filter(|copy| copy.set.hold).count() as u64;
    let going = survey.kept.len() as u64 - held;
    if going > 0 {
        let held =
            if held > 0 { format!(" ({} on legal hold stay)", words::count(held)) } else { String::new() };
        let sets = words::counted(going, "set");
        session.consent.ask(&format!("Delete {sets} that may hold records about the person{held}?"))?;
    }
    let work = WorkBar::new(&session.console, &format!("deleting {}", words::counted(going, "set")));
    let deletions = app.copies.delete(&session.principal, request, &survey.kept).await;
    drop(work);
    let views: Vec<CopyDeletionView> = deletions?.into_iter().map(Into::into).collect();
    Ok(session.output.list_or(&views, "no export that is kept may hold records about the person")?)
}
