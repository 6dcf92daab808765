//! Errors of commands as scripts see them: an exit code and a stable code.

mod misuse;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use cdds_core::domain::violation::RuleViolation;
use cdds_core::engine::EngineError;
use cdds_core::ports::catalog::CatalogError;
use cdds_core::ports::sink::SinkError;
use cdds_core::ports::source::SourceError;
use cdds_core::service::{Entity, ServiceError};
use serde::Serialize;

pub(crate) use self::misuse::{print_clap, shortened};
use crate::choice::Format;
use crate::output::OutputError;
use crate::text::{escaped, plain_json, printable};

/// The exit codes of the contract; 0 is success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The operation failed.
    Failed,
    /// The command line or the configuration is wrong.
    Usage,
    /// A rule says no.
    Refused,
    /// There is no such thing.
    NotFound,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::NotFound => 4,
        })
    }
}

/// An error for people (message) and for scripts (exit code, code).
#[derive(Debug)]
pub(crate) struct CliError {
    exit: Exit,
    code: &'static str,
    message: String,
    /// What there is not, and the id under which it was looked for.
    missing: Option<(Entity, String)>,
}

impl CliError {
    /// The operation failed.
    pub(crate) fn failed(code: &'static str, message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, code, message: message.into(), missing: None }
    }

    /// A refusal by the command line itself rather than the domain.
    pub(crate) fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self { exit: Exit::Refused, code, message: message.into(), missing: None }
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, code: "usage", message: message.into(), missing: None }
    }

    /// The configuration is wrong.
    pub(crate) fn config(code: &'static str, message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, code, message: message.into(), missing: None }
    }

    /// There is no such thing.
    pub(crate) fn not_found(what: Entity, id: &str) -> Self {
        let message = format!("there is no {what} {}", shown(id));
        let missing = Some((what, id.to_owned()));
        Self { exit: Exit::NotFound, code: "not_found", message, missing }
    }

    /// There is no such source. Names those that there are.
    pub(crate) fn no_source(id: &str, known: &[&str]) -> Self {
        let way_out = match known {
            [] => "none is configured".to_owned(),
            known => format!("choose from {}", known.join(", ")),
        };
        let message = format!("there is no source {}: {way_out}", shown(id));
        Self { message, ..Self::not_found(Entity::Source, id) }
    }

    /// There is no such token.
    #[cfg(feature = "serve")]
    pub(crate) fn no_token(id: &str) -> Self {
        let message = format!("there is no token {}: `cdds token list` shows those of this owner", shown(id));
        Self { exit: Exit::NotFound, code: "not_found", message, missing: None }
    }

    /// There is no such file.
    pub(crate) fn no_file(path: &Path) -> Self {
        let message = format!("there is no file {}", shown(&path.display().to_string()));
        Self { exit: Exit::NotFound, code: "not_found", message, missing: None }
    }

    /// What there is not, and the id under which it was looked for.
    pub(crate) fn missing(&self) -> Option<(Entity, &str)> {
        self.missing.as_ref().map(|(what, id)| (*what, id.as_str()))
    }

    /// Names the file in the message.
    pub(crate) fn about(self, file: &Path) -> Self {
        Self { message: format!("{}: {}", file.display(), self.message), ..self }
    }

    /// Goes on with the message.
    pub(crate) fn followed_by(self, more: &str) -> Self {
        Self { message: format!("{}{more}", self.message), ..self }
    }

    /// Adds the way out.
    pub(crate) fn with_way_out(self, way_out: &str) -> Self {
        Self { message: format!("{}: {way_out}", self.message), ..self }
    }

    /// A file that was named cannot be read or written.
    pub(crate) fn file(doing: &str, path: &Path, error: &io::Error) -> Self {
        let message = format!("cannot {doing} {}: {error}", path.display());
        match error.kind() {
            io::ErrorKind::NotFound => {
                Self { exit: Exit::NotFound, code: "not_found", message, missing: None }
            }
            _ => Self::failed("file_failed", message),
        }
    }

    /// Returns the stable code, for scripts.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// Returns the message, for people.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Prints the error to stderr and returns the exit code.
    pub(crate) fn report(&self, format: Format) -> ExitCode {
        let mut stderr = io::stderr().lock();
        // If stderr is closed, the exit code still reports the failure.
        let _told = match format {
            Format::Table | Format::Toml => writeln!(stderr, "error: {}", escaped(&self.message)),
            Format::Json => writeln!(stderr, "{}", plain_json(&self.to_json())),
        };
        self.exit.into()
    }

    fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Envelope<'a> {
            error: Body<'a>,
        }
        #[derive(Serialize)]
        struct Body<'a> {
            code: &'a str,
            message: &'a str,
        }
        let envelope = Envelope { error: Body { code: self.code, message: &self.message } };
        // Two strings always serialise.
        serde_json::to_string(&envelope).unwrap_or_default()
    }
}

/// Sanitises and truncates an unparsable id or name, which is raw user input.
pub(crate) fn shown(id: &str) -> String {
    const CHARS_MAX: usize = 60;
    let id = printable(id);
    match id.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &id[..end]),
        None => id.into_owned(),
    }
}

impl From<ServiceError> for CliError {
    fn from(error: ServiceError) -> Self {
        let exit = match &error {
            ServiceError::Refused(_) | ServiceError::Forbidden(_) => Exit::Refused,
            ServiceError::NotFound { .. } => Exit::NotFound,
            _ => Exit::Failed,
        };
        let message = match &error {
            ServiceError::Catalog(cause) => cause.report(),
            ServiceError::Sink(cause) => cause.report(),
            ServiceError::Sealer(cause) => cause.report(),
            ServiceError::Packager(cause) => cause.report(),
            _ => error.to_string(),
        };
        let missing = match &error {
            ServiceError::NotFound { what, id } => Some((*what, id.clone())),
            _ => None,
        };
        Self { exit, code: error.code(), message, missing }
    }
}

impl From<RuleViolation> for CliError {
    fn from(violation: RuleViolation) -> Self {
        ServiceError::from(violation).into()
    }
}

impl From<CatalogError> for CliError {
    fn from(error: CatalogError) -> Self {
        ServiceError::from(error).into()
    }
}

impl From<SinkError> for CliError {
    fn from(error: SinkError) -> Self {
        ServiceError::from(error).into()
    }
}

impl From<OutputError> for CliError {
    fn from(error: OutputError) -> Self {
        Self::failed("output_failed", error.to_string())
    }
}

impl From<SourceError> for CliError {
    fn from(error: SourceError) -> Self {
        Self::failed("source_failed", error.report())
    }
}

impl From<EngineError> for CliError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Catalog(cause) => cause.into(),
            EngineError::Sink(cause) => cause.into(),
            other => Self::failed("engine_failed", other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cdds_core::domain::violation::Code;

    #[test]
    fn refusals_keep_the_code_of_the_domain() {
        let error = CliError::from(RuleViolation::new(Code::TooManyFiles, "101 \"files\""));
        assert_eq!(error.exit, Exit::Refused);
        assert_eq!(error.to_json(), r#"{"error":{"code":"too_many_files","message":"101 \"files\""}}"#);
    }

    #[test]
    fn a_missing_file_is_not_found_and_an_unreadable_one_a_failure() {
        let exit = |kind: io::ErrorKind| CliError::file("read", Path::new("x"), &kind.into()).exit;
        assert_eq!(exit(io::ErrorKind::NotFound), Exit::NotFound);
        assert_eq!(exit(io::ErrorKind::PermissionDenied), Exit::Failed);
    }
}
