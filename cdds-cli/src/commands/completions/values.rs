//! What there is to be named: read from the configuration and the catalog, without a trace and within a moment.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use cdds_core::domain::access::{Principal, Role};
use cdds_core::domain::id::Owner;
use cdds_core::ports::catalog::query::{
    ArtifactQuery, ExecutionQuery, IdBeginning, JobQuery, NoticeQuery, Slice, SubjectRequestQuery,
};
use cdds_core::system::SystemClock;
use cdds_view::SourceView;
use clap_complete::engine::CompletionCandidate;

use super::super::found;
use super::fields::Chosen;
use super::kind::Kind;
use crate::compose::{App, Opening, Purpose, register};
use crate::config::Config;
use crate::error::CliError;
use crate::home;
use crate::text::printable;
use crate::user;

/// How long somebody waits who has pressed a key.
const PATIENCE: Duration = Duration::from_millis(700);
/// More rows than anybody looks through.
const ROWS_MAX: u64 = 40;

/// A word, and what it means.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) word: String,
    meaning: Option<String>,
}

impl Value {
    pub(super) fn plain(word: impl Into<String>) -> Self {
        Self { word: word.into(), meaning: None }
    }

    fn meaning(word: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self { word: word.into(), meaning: Some(meaning.into()).filter(|meaning| !meaning.is_empty()) }
    }

    /// Returns it behind the items of a list that were typed before.
    pub(super) fn candidate(self, before: &str, quoting: Quoting) -> CompletionCandidate {
        let meaning = self.meaning.map(|meaning| printable(&meaning).into_owned().into());
        CompletionCandidate::new(format!("{before}{}", quoting.quoted(&self.word))).help(meaning)
    }
}

/// Who quotes words with blanks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoting {
    /// The shell does.
    Shells,
    /// The program, by backslashes: bash takes what it gets.
    Backslashes,
}

impl Quoting {
    fn quoted(self, word: &str) -> String {
        let is_plain = |c: char| c.is_alphanumeric() || "-_./:=,@%+".contains(c);
        let quoted = word.chars().flat_map(|c| (!is_plain(c)).then_some('\\').into_iter().chain([c]));
        if self == Self::Shells { word.to_owned() } else { quoted.collect() }
    }

    /// Returns what is meant by what was typed.
    pub(super) fn unquoted(self, typed: &str) -> String {
        match self {
            Self::Shells => typed.to_owned(),
            Self::Backslashes => typed.replace('\\', ""),
        }
    }
}

/// Returns what is known and begins with `typed`, or nothing if that takes too long.
pub(super) fn known(kind: Kind, typed: &str) -> Vec<Value> {
    let (sender, answer) = mpsc::channel();
    let typed = typed.to_owned();
    // A thread that is late ends with the process.
    let _late = thread::spawn(move || {
        let found = futures::executor::block_on(Asked::by_words().look_up(kind, &typed));
        sender.send(found.unwrap_or_default())
    });
    answer.recv_timeout(PATIENCE).unwrap_or_default()
}

/// What the words that were typed so far say of where to look.
struct Asked {
    config: PathBuf,
    owner: Option<String>,
    source: Option<String>,
    types: Vec<String>,
    /// The job that is edited or cloned.
    job: Option<String>,
}

impl Asked {
    fn by_words() -> Self {
        // The shell's words come after `--`.
        let words: Vec<OsString> = std::env::args_os().skip_while(|word| word != "--").skip(1).collect();
        let named = option("--config", &words).or_else(|| std::env::var("CDDS_CONFIG").ok());
        Self {
            config: named.map_or_else(home::configuration, PathBuf::from),
            owner: option("--owner", &words),
            source: option("--source", &words).or_else(|| operand(&["source"], &["fields"], &words)),
            types: option("--type", &words)
                .iter()
                .flat_map(|typed| typed.split(','))
                .map(str::to_owned)
                .collect(),
            job: operand(&["job"], &["edit", "clone"], &words),
        }
    }

    async fn look_up(&self, kind: Kind, typed: &str) -> Result<Vec<Value>, CliError> {
        let config = Config::load(&self.config)?;
        let owner = self.owner.clone().map_or_else(|| Ok(Owner::default()), Owner::new)?;
        let by = Principal::new(user::name(), owner, Role::Administrator);
        match kind {
            Kind::Source | Kind::Type => self.of_sources(kind, &config, &by),
            Kind::Field => self.fields(&config, &by, "").await,
            Kind::Filter => self.fields(&config, &by, "=").await,
            _ => of_record(kind, typed, &config, &by).await,
        }
    }

    fn of_sources(&self, kind: Kind, config: &Config, by: &Principal) -> Result<Vec<Value>, CliError> {
        let sources = register(&config.sources)?;
        let sources = sources.for_owner(&by.owner);
        let views = sources.iter().map(|(id, source)| SourceView::new(id, source));
        if kind == Kind::Source {
            return Ok(views.map(|view| Value::meaning(view.id.to_string(), view.title)).collect());
        }
        let of_source =
            views.filter(|view| self.source.as_ref().is_none_or(|source| *source == view.id.to_string()));
        let types = of_source.flat_map(|view| view.types.into_iter().map(|data_type| data_type.id));
        Ok(types.map(|data_type| Value::plain(data_type.to_string())).collect())
    }

    /// Returns the fields of the records that are chosen, each with `end` behind it.
    async fn fields(&self, config: &Config, by: &Principal, end: &str) -> Result<Vec<Value>, CliError> {
        let mut chosen = Chosen { source: self.source.clone(), types: self.types.clone() };
        if let (None, Some(typed)) = (&chosen.source, &self.job) {
            let app = App::open(config, Arc::new(SystemClock::new()), completing()).await?;
            let job = app.jobs.show(by, found::job(typed, &app, by).await?).await?.job;
            chosen = chosen.of_job(&job.settings);
        }
        let fields = chosen.fields(&register(&config.sources)?, by).await;
        Ok(fields.into_iter().map(|(name, what)| Value::meaning(format!("{name}{end}"), what)).collect())
    }
}

fn completing() -> Opening {
    Opening { purpose: Purpose::Completing, ..Opening::default() }
}

/// Returns the word behind a command, unless that is an option: `ID` in `cdds job edit ID`.
fn operand(group: &[&str], names: &[&str], words: &[OsString]) -> Option<String> {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let at = words.windows(2).position(|two| group.contains(&two[0]) && names.contains(&two[1]))?;
    words.get(at + 2).filter(|word| !word.starts_with('-') && !word.is_empty()).map(|word| (*word).to_owned())
}

/// Returns the value of an option among words.
fn option(name: &str, words: &[OsString]) -> Option<String> {
    let mut words = words.iter().filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        if word == name {
            return words.next().map(str::to_owned);
        }
        if let Some(value) = word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
            return Some(value.to_owned());
        }
    }
    None
}

/// Returns what is on record. Of long lists it is the newest, or those whose ids begin as typed.
async fn of_record(kind: Kind, typed: &str, config: &Config, by: &Principal) -> Result<Vec<Value>, CliError> {
    let app = App::open(config, Arc::new(SystemClock::new()), completing()).await?;
    of_app(kind, typed, &app, by).await
}

async fn of_app(kind: Kind, typed: &str, app: &App, by: &Principal) -> Result<Vec<Value>, CliError> {
    let (beginning, slice) = (typed.parse::<IdBeginning>().ok(), Slice::first(ROWS_MAX));
    Ok(match kind {
        Kind::Job => jobs(typed, beginning, app, by).await?,
        Kind::Execution => {
            let query = ExecutionQuery::default().with_slice(slice);
            let query = beginning.into_iter().fold(query, ExecutionQuery::with_id_begins);
            let found = app.history.list(by, &query).await?.items.into_iter();
            let told = found.map(|one| {
                let execution = one.execution;
                let title = execution.settings.title.as_str();
                let told =
                    format!("{title}, {}, {}", execution.status().as_str(), execution.slot.date_naive());
                Value::meaning(execution.id.to_string(), told)
            });
            told.collect()
        }
        Kind::Artifact => {
            let query = ArtifactQuery::default().with_slice(slice);
            let query = beginning.into_iter().fold(query, ArtifactQuery::with_id_begins);
            let found = app.artifacts.list(by, &query).await?.items.into_iter();
            found.map(|one| Value::meaning(one.artifact.id.to_string(), one.artifact.name)).collect()
        }
        Kind::Notice => {
            let query = NoticeQuery::default().with_slice(slice);
            let query = beginning.into_iter().fold(query, NoticeQuery::with_id_begins);
            let found = app.outbox.list(by, &query).await?.items.into_iter();
            found.map(|one| Value::meaning(one.work.id.to_string(), one.subscriber.as_str())).collect()
        }
        Kind::Worker => {
            let workers = app.fleet.list(by).await?.into_iter().map(cdds_view::WorkerView::from);
            workers.map(|worker| Value::plain(worker.id.to_string())).collect()
        }
        Kind::Recipient => {
            let recipients = app.recipients.list(by).await?.into_iter();
            recipients.map(|recipient| Value::plain(recipient.name.to_string())).collect()
        }
        Kind::Destination => {
            let states = app.deliveries.destinations(by).await?.into_iter();
            let told = states.map(|state| {
                let description = state.description;
                Value::meaning(description.id.to_string(), description.address)
            });
            told.collect()
        }
        Kind::Request => {
            let query = SubjectRequestQuery::default().with_slice(slice);
            let query = beginning.into_iter().fold(query, SubjectRequestQuery::with_id_begins);
            let found = app.subjects.list(by, &query).await?.items.into_iter();
            found
                .map(|one| Value::meaning(one.id.to_string(), format!("{}, {}", one.kind, one.status())))
                .collect()
        }
        Kind::Object => {
            let mut all = Vec::new();
            for kind in [Kind::Job, Kind::Execution, Kind::Artifact, Kind::Recipient, Kind::Request] {
                all.extend(Box::pin(of_app(kind, typed, app, by)).await.unwrap_or_default());
            }
            all
        }
        Kind::Source | Kind::Type | Kind::Field | Kind::Filter | Kind::Columns(_) | Kind::Sort(_) => {
            Vec::new()
        }
    })
}

/// Returns ids and titles of jobs.
async fn jobs(
    typed: &str,
    beginning: Option<IdBeginning>,
    app: &App,
    by: &Principal,
) -> Result<Vec<Value>, CliError> {
    let query = JobQuery::default().with_slice(Slice::first(ROWS_MAX));
    let mut found = Vec::new();
    if beginning.is_some() || typed.is_empty() {
        let query = beginning.into_iter().fold(query.clone(), JobQuery::with_id_begins);
        let jobs = app.jobs.list(by, &query).await?.items.into_iter();
        found.extend(jobs.map(|one| Value::meaning(one.job.id.to_string(), one.job.settings.title.as_str())));
    }
    let query = if typed.is_empty() { query } else { query.with_search(typed.to_owned()) };
    let titled = app.jobs.list(by, &query).await?.items.into_iter();
    found.extend(titled.map(|one| Value::plain(one.job.settings.title.as_str())));
    Ok(found)
}
