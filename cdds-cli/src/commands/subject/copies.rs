//! `cdds subject copies`: the exports that may hold records about a person.

use cdds_core::domain::id::{ExecutionId, SubjectRequestId};
use cdds_core::domain::subject::copies::Holding;
use cdds_core::domain::violation::Code;
use cdds_core::service::ServiceError;
use cdds_core::service::copies::CopyOf;
use cdds_view::{CopyView, words};
use serde::Serialize;

use super::super::found;
use crate::choice::Format;
use crate::compose::App;
use crate::error::CliError;
use crate::output::{Cell, Look, Reading, View};
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
pub(super) async fn list(typed: &str, all: bool, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    app.check_store().await?;
    let request = found::subject_request(typed, &app, &session.principal).await?;
    // No column is named, so all of them are known.
    let Ok(mut rows) = session.output.rows::<CopyView>(Look::default()) else { return Ok(()) };
    let (mut counts, mut behind) = (Counts::default(), None);
    loop {
        let page = app.copies.page(&session.principal, request, behind).await?;
        page.items.iter().for_each(|copy| counts.count(copy.holding));
        let shown = page.items.into_iter().filter(|copy| all || copy.holding != Holding::Not);
        let views: Vec<CopyView> = shown.map(CopyView::from).collect();
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

/// What became of a set that may hold the person.
#[derive(Debug, Serialize)]
struct CopyDeletion {
    execution_id: ExecutionId,
    title: Option<String>,
    /// `deleted`, `on_hold`, or `gone` if it was deleted or had expired meanwhile.
    outcome: &'static str,
}

impl View for CopyDeletion {
    const COLUMNS: &'static [&'static str] = &["set", "job", "outcome"];
    const GIVES_WAY: &'static [&'static str] = &["job"];

    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::Id(self.execution_id.to_string()),
            self.title.clone().into(),
            Cell::Text(self.outcome.replace('_', " ")),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
    }
}

/// Deletes the sets that may hold the person, and names those that a hold keeps.
pub(super) async fn delete(typed: &str, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    app.check_store().await?;
    let request = found::subject_request(typed, &app, &session.principal).await?;
    let kept = kept(&app, request, session).await?;
    let held = kept.iter().filter(|copy| copy.set.hold).count() as u64;
    let going = kept.len() as u64 - held;
    if going > 0 {
        let held =
            if held > 0 { format!(" ({} on legal hold stay)", words::count(held)) } else { String::new() };
        let sets = words::counted(going, "set");
        session.consent.ask(&format!("Delete {sets} that may hold records about the person{held}?"))?;
    }
    let mut deletions = Vec::with_capacity(kept.len());
    for copy in kept {
        let execution = copy.set.execution;
        let outcome = if copy.set.hold {
            "on_hold"
        } else {
            match app.artifacts.delete_set(&session.principal, execution).await {
                Ok(()) => "deleted",
                Err(ServiceError::NotFound { .. }) => "gone",
                // Put on hold since.
                Err(ServiceError::Refused(why)) if why.code() == Code::OnHold => "on_hold",
                Err(error) => return Err(error.into()),
            }
        };
        let title = copy.title.map(|title| title.to_string());
        deletions.push(CopyDeletion { execution_id: execution, title, outcome });
    }
    Ok(session.output.list_or(&deletions, "no export that is kept may hold records about the person")?)
}

/// Returns the sets that may hold the person and can still be downloaded.
async fn kept(app: &App, request: SubjectRequestId, session: &Session) -> Result<Vec<CopyOf>, CliError> {
    let (mut kept, mut behind, now) = (Vec::new(), None, app.now().await?);
    let mut counts = Counts::default();
    loop {
        let page = app.copies.page(&session.principal, request, behind).await?;
        page.items.iter().for_each(|copy| counts.count(copy.holding));
        let goes = |copy: &CopyOf| copy.holding == Holding::May && copy.set.is_kept(now);
        kept.extend(page.items.into_iter().filter(goes));
        behind = page.next;
        if behind.is_none() {
            counts.tell(session);
            return Ok(kept);
        }
    }
}
