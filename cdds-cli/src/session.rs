//! One invocation: who asks, when, and where the answer goes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cdds_core::domain::id::Owner;
use cdds_core::ports::clock::Clock;
use cdds_core::system::SystemClock;

use crate::args::Global;
use crate::compose::App;
use crate::config::Config;
use crate::console::Console;
use crate::error::CliError;
use crate::output::Output;

/// What every command needs; the configuration is read only by those that ask for it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) owner: Owner,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) output: Output,
    pub(crate) console: Console,
    config: PathBuf,
}

impl Session {
    /// Checks the global options and starts the log.
    pub(crate) fn start(global: Global) -> Result<Self, CliError> {
        let console = Console::start(&global);
        let clock = global.now.map_or_else(SystemClock::new, SystemClock::starting_at);
        Ok(Self {
            output: Output::new(&global, clock.now()),
            owner: Owner::new(global.owner)?,
            clock: Arc::new(clock),
            console,
            config: global.config,
        })
    }

    /// Where the configuration is.
    pub(crate) fn config_path(&self) -> &Path {
        &self.config
    }

    /// Reads the configuration.
    pub(crate) fn config(&self) -> Result<Config, CliError> {
        Config::load(&self.config)
    }

    /// Reads the configuration and opens what it names.
    pub(crate) fn open(&self) -> Result<App, CliError> {
        App::open(&self.config()?, Arc::clone(&self.clock))
    }
}
