//! What removes something or moves time asks first, where somebody can answer.

use std::io::{self, IsTerminal, Write};

use crate::error::CliError;

/// The answer to what is asked on a terminal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Consent {
    /// Whether it was given beforehand, by `--yes`.
    given: bool,
}

impl Consent {
    pub(crate) fn new(given: bool) -> Self {
        Self { given }
    }

    /// Returns whether somebody would be asked.
    pub(crate) fn asks(self) -> bool {
        !self.given && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks whether to go on. Skips the question with `--yes`, and without a terminal, where nobody can
    /// answer.
    ///
    /// # Errors
    /// `not_confirmed` for every answer but yes, and for the end of the input. In that case nothing was
    /// changed.
    pub(crate) fn ask(self, question: &str) -> Result<(), CliError> {
        if !self.asks() {
            return Ok(());
        }
        match answer(question) {
            Ok(answer) if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") => Ok(()),
            Ok(_) => Err(CliError::refused(
                "not_confirmed",
                "nothing was changed: answer `y` to go on, or use --yes",
            )),
            Err(error) => {
                Err(CliError::failed("file_failed", format!("cannot ask on the terminal: {error}")))
            }
        }
    }
}

fn answer(question: &str) -> io::Result<String> {
    let mut terminal = io::stderr().lock();
    write!(terminal, "{question} [y/N] ")?;
    terminal.flush()?;
    let mut answer = String::new();
    if io::stdin().read_line(&mut answer)? == 0 {
        // Later output begins on a line of its own.
        writeln!(terminal)?;
    }
    Ok(answer)
}
