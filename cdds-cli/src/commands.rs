//! One file per command: parses the arguments into domain types, asks a service, shows the answer.

mod artifact;
mod attention;
mod audit;
mod bundle;
#[cfg(feature = "postgres")]
mod catalog;
mod check;
mod clock;
pub(crate) mod completions;
mod config;
mod demo;
mod destination;
mod disk;
mod doctor;
mod download;
mod found;
mod history;
mod init;
mod job;
mod known_fields;
mod listed;
mod manual;
mod misnamed;
mod notice;
mod offline;
mod recipient;
mod retention;
mod run;
#[cfg(feature = "serve")]
mod serve;
mod source;
mod status;
mod strayed;
mod subject;
mod titles;
#[cfg(feature = "serve")]
mod token;
#[cfg(feature = "serve")]
mod user;
mod workers;

use std::fmt::Display;
use std::str::FromStr;

use cdds_core::domain::access::Principal;
use cdds_core::domain::id::JobId;
use cdds_core::ports::catalog::query::{ExecutionQuery, Page, Slice};
use cdds_core::service::{Entity, ServiceError};
use serde::Serialize;

use self::listed::{ROWS_AT_ONCE, print_rows};
use crate::args::Command;
use crate::compose::App;
use crate::error::CliError;
use crate::session::Session;

/// Carries out a command.
pub(crate) async fn carry_out(command: Command, session: &Session) -> Result<(), CliError> {
    let (runs, changes) = (command.runs_the_engine(), command.changes_the_record());
    if (runs || changes) && !command.asks_before_it_removes() {
        session.confirm_asked_instant()?;
    }
    if runs {
        // Comes before anything that may take long, so that a person can still stop it.
        session.tell_of_asked_instant();
    }
    match dispatch(command, session).await {
        Err(error) => Err(strayed::explained(error, session).await),
        done => {
            if changes && !runs {
                session.tell_of_asked_instant();
            }
            done
        }
    }
}

async fn dispatch(command: Command, session: &Session) -> Result<(), CliError> {
    match command {
        Command::Init { dir } => init::init(&dir, session).await,
        Command::Demo(args) => demo::demo(&args, session).await,
        Command::Doctor(args) => doctor::doctor(&args, session).await,
        Command::Status => status::status(session).await,
        Command::Config(command) => config::carry_out(command, session).await,
        Command::Bundle(args) => bundle::bundle(&args, session).await,
        Command::Source(command) => source::carry_out(command, session).await,
        Command::Destination(command) => destination::carry_out(command, session).await,
        Command::Recipient(command) => recipient::carry_out(command, session).await,
        Command::Job(command) => job::carry_out(command, session).await,
        Command::Run(args) => run::run(args, session).await,
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::serve(&args, session).await,
        #[cfg(feature = "serve")]
        Command::User(command) => user::carry_out(&command, session),
        #[cfg(feature = "serve")]
        Command::Token(command) => token::carry_out(command, session),
        Command::History(command) => history::carry_out(command, session).await,
        Command::Check(args) => check::check(&args, session).await,
        Command::Notice(command) => notice::carry_out(command, session).await,
        Command::Artifact(command) => artifact::carry_out(command, session).await,
        Command::Retention(command) => retention::carry_out(command, session).await,
        Command::Subject(command) => subject::carry_out(command, session).await,
        Command::Audit(args) => audit::list(args, session).await,
        Command::Workers(args) => workers::carry_out(args, session).await,
        #[cfg(feature = "postgres")]
        Command::Catalog(command) => catalog::carry_out(command, session).await,
        Command::Verify(args) => offline::verify::verify(&args, session),
        Command::Decrypt(args) => offline::decrypt::decrypt(&args, session),
        Command::Join(args) => offline::join::join(&args, session),
        Command::Extract(args) => offline::extract::extract(&args, session),
        Command::Completions { shell } => completions::completions(shell, session),
        Command::Man { command, to: None } => manual::page(&command, session),
        Command::Man { to: Some(to), .. } => manual::pages(&to, session),
    }
}

/// Parses a typed id. Text that is no id is reported as not found.
fn id<T: FromStr>(what: Entity, text: &str) -> Result<T, CliError> {
    text.parse().map_err(|_| CliError::not_found(what, text))
}

/// Returns every row of a list, fetched page by page.
async fn every_row<T>(
    fetch: impl AsyncFn(Slice) -> Result<Page<T>, ServiceError>,
) -> Result<Vec<T>, CliError> {
    let mut rows = Vec::new();
    let mut slice = Slice::first(ROWS_AT_ONCE);
    loop {
        let page = fetch(slice).await?;
        rows.extend(page.items);
        match page.next {
            Some(next) => slice = Slice { after: Some(next), limit: ROWS_AT_ONCE },
            None => return Ok(rows),
        }
    }
}

/// Returns the id of the job by which a list is filtered. A deleted job counts while something of it is on
/// the record (rule J12); a job that never existed is an error rather than an empty list.
async fn filtered_job(app: &App, by: &Principal, typed: &str) -> Result<JobId, CliError> {
    let Ok(id) = typed.parse() else { return found::job(typed, app, by).await };
    match app.jobs.show(by, id).await {
        Ok(_) => Ok(id),
        Err(unknown @ ServiceError::NotFound { .. }) => {
            let query = ExecutionQuery::default().with_job(Some(id)).with_slice(Slice::first(1));
            let nothing = app.history.list(by, &query).await?.items.is_empty();
            if nothing { Err(unknown.into()) } else { Ok(id) }
        }
        Err(error) => Err(error.into()),
    }
}

/// What was deleted.
#[derive(Debug, Serialize)]
struct Deleted {
    /// `job`, `execution`, `artifact`, `artifact_set` (by its execution), `recipient` or `token`.
    deleted: &'static str,
    ids: Vec<String>,
}

impl Deleted {
    fn new<T: Display>(deleted: &'static str, ids: impl IntoIterator<Item = T>) -> Self {
        Self { deleted, ids: ids.into_iter().map(|id| id.to_string()).collect() }
    }

    fn show(&self, session: &Session) -> Result<(), CliError> {
        let words: Vec<String> =
            self.ids.iter().map(|id| format!("deleted {} {id}", self.deleted.replace('_', " "))).collect();
        Ok(session.output.outcome(self, &words.join("\n"))?)
    }
}
