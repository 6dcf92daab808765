//! `cdds subject copies`: the exports that may hold records about a person.

use cdds_core::domain::id::SubjectRequestId;
use cdds_core::domain::subject::copies::Holding;
use cdds_core::service::copies::{CopySurvey, RecallOutcome};
use cdds_view::{CopyDeletionView, CopyRecallView, CopyView, words};
use serde::Serialize;

use super::super::found;
use super::super::listed::rows;
use crate::args::Columns;
use crate::choice::Format;
use crate::compose::App;
use crate::error::CliError;
use crate::output::Reading;
use crate::progress::WorkBar;
use crate::session::Session;

const NOTHING: &str = "no export holds records that name the person by these identifiers";
const NOTHING_KEPT: &str = "no export that is kept may hold records about the person";
const NOBODY_HAS: &str = "nobody has a copy of an export that may hold records about the person";

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

/// Looks through all sets, and says what was found.
async fn survey(typed: &str, session: &Session) -> Result<(App, SubjectRequestId, CopySurvey), CliError> {
    let app = session.open().await?;
    app.check_store().await?;
    let request = found::subject_request(typed, &app, &session.principal).await?;
    let work = WorkBar::new(&session.console, "looking through the exports");
    let survey = app.copies.survey(&session.principal, request).await;
    drop(work);
    let survey = survey?;
    Counts { may: survey.may, unknown: survey.unknown, not: survey.not }.tell(session);
    Ok((app, request, survey))
}

/// Deletes the sets that may hold the person, and names those that a hold keeps.
pub(super) async fn delete(typed: &str, session: &Session) -> Result<(), CliError> {
    let (app, request, survey) = survey(typed, session).await?;
    ask(deletion(&survey).as_slice(), session)?;
    let views = deleted(&app, request, &survey, session).await?;
    Ok(session.output.list_or(&views, NOTHING_KEPT)?)
}

/// Asks whether to do all of this, if it is anything.
fn ask(doing: &[String], session: &Session) -> Result<(), CliError> {
    let doing = doing.join(", and ");
    let mut letters = doing.chars();
    match letters.next() {
        Some(first) => session.consent.ask(&format!("{}{}?", first.to_ascii_uppercase(), letters.as_str())),
        None => Ok(()),
    }
}

/// `delete 3 sets that may hold records about the person (1 on legal hold stay)`; `None` if nothing is to be deleted.
fn deletion(survey: &CopySurvey) -> Option<String> {
    let held = held(survey);
    let going = survey.kept.len() as u64 - held;
    let held = if held > 0 { format!(" ({} on legal hold stay)", words::count(held)) } else { String::new() };
    let sets = words::counted(going, "set");
    (going > 0).then(|| format!("delete {sets} that may hold records about the person{held}"))
}

fn held(survey: &CopySurvey) -> u64 {
    survey.kept.iter().filter(|copy| copy.set.hold).count() as u64
}

async fn deleted(
    app: &App,
    request: SubjectRequestId,
    survey: &CopySurvey,
    session: &Session,
) -> Result<Vec<CopyDeletionView>, CliError> {
    let going = survey.kept.len() as u64 - held(survey);
    let work = WorkBar::new(&session.console, &format!("deleting {}", words::counted(going, "set")));
    let deletions = app.copies.delete(&session.principal, request, &survey.kept).await;
    drop(work);
    Ok(deletions?.into_iter().map(Into::into).collect())
}

/// What was told and deleted, for programs.
#[derive(Serialize)]
struct Settled {
    recalls: Vec<CopyRecallView>,
    deletions: Vec<CopyDeletionView>,
}

/// Tells the subscribers of the sets that somebody has to delete them, names who has sets that nobody subscribes to, and then
/// deletes the sets that are kept, if that is wanted. If it is killed in between, the same command tells nobody twice, and
/// deletes what is left.
pub(super) async fn notify(typed: &str, also_delete: bool, session: &Session) -> Result<(), CliError> {
    let (app, request, survey) = survey(typed, session).await?;
    let deletion = deletion(&survey).filter(|_| also_delete);
    let doing: Vec<String> = telling(&survey).into_iter().chain(deletion).collect();
    ask(&doing, session)?;
    let recalls = app.copies.notify(&session.principal, request, &survey.had).await?;
    let recalls: Vec<CopyRecallView> = recalls.into_iter().map(Into::into).collect();
    let untold = recalls.iter().filter(|one| one.outcome == RecallOutcome::Nobody.as_str()).count() as u64;
    if !also_delete {
        session.output.list_or(&recalls, NOBODY_HAS)?;
        remind(untold, session);
        return Ok(());
    }
    if session.output.format() == Format::Json {
        let deletions = deleted(&app, request, &survey, session).await?;
        return Ok(session.output.outcome(&Settled { recalls, deletions }, "")?);
    }
    // Whoever is to be told is shown before anything else can fail.
    session.output.list_or(&recalls, NOBODY_HAS)?;
    remind(untold, session);
    let deletions = deleted(&app, request, &survey, session).await?;
    Ok(session.output.list_or(&deletions, NOTHING_KEPT)?)
}

/// `tell 2 subscribers to delete their copies of 3 sets`; `None` if nobody subscribes to a set that somebody has.
fn telling(survey: &CopySurvey) -> Option<String> {
    let subscribers = survey.subscribers().len() as u64;
    let told = survey.had.iter().filter(|copy| !copy.subscribers.is_empty()).count() as u64;
    let (subscribers, sets) = (words::counted(subscribers, "subscriber"), words::counted(told, "set"));
    (told > 0).then(|| format!("tell {subscribers} to delete their copies of {sets}"))
}

/// Says that some who have copies hear nothing by themselves.
fn remind(untold: u64, session: &Session) {
    if untold > 0 && session.output.format() != Format::Json {
        let sets = words::counted(untold, "set");
        session.console.note(&format!(
            "nobody subscribes to {sets} that somebody has: tell those who downloaded them, and those where they were delivered"
        ));
    }
}
