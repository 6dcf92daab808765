//! One invocation: who asks, when, and where the answer goes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cdds_core::domain::access::{Principal, Role};
use cdds_core::domain::execution::ahead::AHEAD_MIN;
use cdds_core::domain::id::Owner;
use cdds_core::ports::catalog::query::Between;
use cdds_core::ports::clock::Clock;
use cdds_core::system::SystemClock;
use cdds_view::words;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::args::{Global, Moment};
use crate::compose::{App, Opening, Purpose};
use crate::config::Config;
use crate::consent::Consent;
use crate::console::Console;
use crate::error::CliError;
use crate::home;
use crate::output::Output;
use crate::user;

/// The context of every command; the configuration is read only by the commands that need it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) principal: Principal,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) output: Output,
    pub(crate) console: Console,
    pub(crate) consent: Consent,
    config: PathBuf,
    /// The configuration as somebody named it.
    named: Option<PathBuf>,
    /// The instant given by `--now`, and its distance from the system's clock.
    asked: Option<(DateTime<Utc>, TimeDelta)>,
    /// What catalog and store are opened for.
    purpose: Purpose,
}

impl Session {
    /// Checks the global options and starts the log, for a command that perhaps only reads the record.
    pub(crate) fn start(global: Global, only_reads: bool) -> Result<Self, CliError> {
        let console = Console::start(&global);
        let clock = global.now.map_or_else(SystemClock::new, SystemClock::starting_at);
        let config = global.config.clone().unwrap_or_else(home::configuration);
        if global.verbose > 0 && config.components().count() > 1 && global.config.is_none() {
            console.note(&format!("using the configuration {}", config.display()));
        }
        let purpose = if only_reads { Purpose::Reading } else { Purpose::Changing };
        let asked = global.now.map(|now| (now, now - SystemClock::new().now()));
        Ok(Self {
            output: Output::new(global.output, global.color, global.quiet, clock.now()),
            principal: Principal::new(user::name(), Owner::new(global.owner)?, Role::Administrator),
            clock: Arc::new(clock),
            console,
            consent: Consent::new(global.yes),
            config,
            named: global.config,
            asked,
            purpose,
        })
    }

    /// Returns the path of the configuration.
    pub(crate) fn config_path(&self) -> &Path {
        &self.config
    }

    /// Returns the path of the configuration as it was named, if it was.
    pub(crate) fn named_config(&self) -> Option<&Path> {
        self.named.as_deref()
    }

    /// Reads the configuration.
    pub(crate) fn config(&self) -> Result<Config, CliError> {
        Config::load(&self.config)
    }

    /// Reads the configuration and opens catalog and store.
    pub(crate) async fn open(&self) -> Result<App, CliError> {
        self.open_over(&self.config()?).await
    }

    /// Opens the catalog and the store that a configuration names.
    pub(crate) async fn open_over(&self, config: &Config) -> Result<App, CliError> {
        let opening = Opening { is_clock_set: self.asked.is_some(), purpose: self.purpose };
        App::open(config, Arc::clone(&self.clock), opening).await
    }

    /// Returns a range of time, seen from the present of this command.
    pub(crate) fn between(&self, from: Option<Moment>, to: Option<Moment>) -> Between {
        let now = self.clock.now();
        Between { from: from.map(|from| from.at(now)), to: to.map(|to| to.at(now)) }
    }

    /// Warns if an explicit `--now` lies far from the system's clock. The instant is trusted, but a mistyped
    /// year cannot be recognised afterwards from the changes that it caused.
    pub(crate) fn tell_of_asked_instant(&self) {
        if let Some(told) = self.far_instant() {
            self.console.note(&format!("warning: {told}"));
        }
    }

    /// Asks whether changes are to be dated by an explicit `--now` that lies far from the system's clock.
    pub(crate) fn confirm_asked_instant(&self) -> Result<(), CliError> {
        self.far_instant().map_or(Ok(()), |told| self.consent.ask(&format!("{told}. Go on?")))
    }

    fn far_instant(&self) -> Option<String> {
        let (now, shift) = self.asked.filter(|(_, shift)| shift.abs() > AHEAD_MIN)?;
        let days = words::counted(shift.abs().num_days().unsigned_abs(), "day");
        let side = if shift > TimeDelta::zero() { "ahead of" } else { "behind" };
        let now = now.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        Some(format!("--now {now} is {days} {side} this machine's clock: changes made now are dated by it"))
    }
}
