//! Takes up changes of users and tokens while the server runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cdds_console::accounts::Accounts;

use super::tokens::{State, TokenFile, state};
use crate::config::Config;
use crate::error::CliError;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_millis(500);

/// The files, and which state of them is in use.
pub(super) struct Reload {
    accounts: Accounts,
    config: PathBuf,
    tokens: TokenFile,
    config_state: Option<State>,
    tokens_state: Option<State>,
}

impl Reload {
    /// Reads the tokens; the users are those of the configuration that was just read.
    pub(super) fn new(accounts: Accounts, config: &Path, tokens: TokenFile) -> Result<Self, CliError> {
        let (config_state, tokens_state) = (state(config), tokens.state());
        accounts.set_tokens(tokens.read()?);
        Ok(Self { accounts, config: config.to_owned(), tokens, config_state, tokens_state })
    }

    /// Looks at the files until it is dropped.
    pub(super) async fn go_on(mut self) {
        loop {
            tokio::time::sleep(EVERY).await;
            self.look();
        }
    }

    /// A file that cannot be read changes nothing until it is mended: nobody is let in by half of it.
    fn look(&mut self) {
        let tokens_state = self.tokens.state();
        if tokens_state != self.tokens_state {
            self.tokens_state = tokens_state;
            match self.tokens.read() {
                Ok(tokens) => self.accounts.set_tokens(tokens),
                Err(error) => tracing::warn!(error = error.message(), "the old tokens stay"),
            }
        }
        let config_state = state(&self.config);
        if config_state != self.config_state {
            self.config_state = config_state;
            match Config::load(&self.config) {
                Ok(config) => self.accounts.set_users(config.serve.users),
                Err(error) => tracing::warn!(error = error.message(), "the old users stay"),
            }
        }
    }
}
