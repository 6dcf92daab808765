//! Takes up changes of users and tokens while the server runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cdds_console::accounts::Accounts;
use tokio::sync::Semaphore;

use super::tokens::{State, TokenFile, state};
use crate::config::Config;
use crate::error::CliError;

/// How often the files are looked at while nobody asks anything: pages that are kept up to date end with their user.
const EVERY: Duration = Duration::from_millis(500);

/// The files, and which state of them is in use.
pub(super) struct Reload {
    accounts: Accounts,
    config: PathBuf,
    tokens: TokenFile,
    seen: Mutex<Seen>,
    turn: Arc<Semaphore>,
}

/// The states of the files that were last read.
struct Seen {
    config: Option<State>,
    tokens: Option<State>,
}

impl Reload {
    /// Reads the tokens; the users are those of the configuration that was just read.
    pub(super) fn new(accounts: Accounts, config: &Path, tokens: TokenFile) -> Result<Self, CliError> {
        let seen = Seen { config: state(config), tokens: tokens.state() };
        accounts.set_tokens(tokens.read()?);
        let (config, turn) = (config.to_owned(), Arc::new(Semaphore::new(1)));
        Ok(Self { accounts, config, tokens, seen: Mutex::new(seen), turn })
    }

    /// Returns the accounts that follow the files.
    pub(super) fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Looks at the files until it is dropped.
    pub(super) async fn go_on(self: Arc<Self>) {
        loop {
            tokio::time::sleep(EVERY).await;
            Arc::clone(&self).look_aside().await;
        }
    }

    /// Looks at the files, on a thread that may wait for a disk. Every request does so before it is answered: a token
    /// counts as soon as it was printed, and no longer than until it was revoked.
    pub(super) async fn look_aside(self: Arc<Self>) {
        // One at a time: they exclude each other anyway, and would each hold a thread meanwhile.
        let Ok(turn) = Arc::clone(&self.turn).acquire_owned().await else { return };
        let look = move || {
            let _turn = turn;
            self.look();
        };
        if let Err(error) = tokio::task::spawn_blocking(look).await {
            tracing::warn!(%error, "the files of users and tokens were not looked at");
        }
    }

    /// A file that cannot be read changes nothing until it is mended: nobody is let in by half of it.
    fn look(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let tokens = self.tokens.state();
        if tokens != seen.tokens {
            seen.tokens = tokens;
            match self.tokens.read() {
                Ok(tokens) => self.accounts.set_tokens(tokens),
                Err(error) => tracing::warn!(error = error.message(), "the old tokens stay"),
            }
        }
        let config = state(&self.config);
        if config != seen.config {
            seen.config = config;
            match Config::load(&self.config) {
                Ok(config) => self.accounts.set_users(config.serve.users),
                Err(error) => tracing::warn!(error = error.message(), "the old users stay"),
            }
        }
    }
}
