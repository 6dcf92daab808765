//! `cdds catalog …`: the way of a catalog to a server.

use std::path::Path;

use cdds_core::ports::catalog::CatalogErrorKind;
use cdds_storage::catalog::CatalogCopy;
use cdds_view::words::counted;
use serde::Serialize;

use crate::args::CatalogCommand;
use crate::compose;
use crate::config::CatalogPlace;
use crate::error::CliError;
use crate::progress::WorkBar;
#[cfg(feature = "serve")]
use crate::serve::tokens::TokenFile;
use crate::session::Session;

pub(super) async fn carry_out(command: CatalogCommand, session: &Session) -> Result<(), CliError> {
    let CatalogCommand::Copy { from } = command;
    let config = session.config()?;
    let CatalogPlace::Server(server) = &config.catalog else {
        return Err(CliError::usage(format!(
            "catalog.url of {} names a file: name the catalog in PostgreSQL that it is to be copied into",
            session.config_path().display()
        )));
    };
    session.consent.ask(&format!(
        "Copy {} into {}, and use the file no more?",
        from.display(),
        config.catalog
    ))?;
    let catalog = compose::connect(server).await?;
    let work =
        WorkBar::new(&session.console, &format!("copying {}: all of it is stored at once", from.display()));
    let copied = catalog.copy_from(&from).await;
    drop(work);
    let copy = copied.map_err(|error| match error.kind() {
        CatalogErrorKind::Conflict => CliError::refused("catalog_not_empty", error.to_string()),
        _ => error.into(),
    })?;
    #[cfg(feature = "serve")]
    let tokens = take_tokens(&from, config.catalog.beside())?;
    #[cfg(not(feature = "serve"))]
    let tokens = 0;
    let outcome = Outcome::of(&copy, &from, &config.catalog, tokens);
    Ok(session.output.outcome(&outcome, &outcome.words())?)
}

/// Adds the tokens beside the file to those beside the configuration, where a server with this catalog looks. Returns how
/// many it added.
#[cfg(feature = "serve")]
fn take_tokens(from: &Path, to: &Path) -> Result<usize, CliError> {
    let tokens = TokenFile::beside(from).read()?;
    if tokens.is_empty() {
        return Ok(0);
    }
    let mut added = 0;
    TokenFile::beside(to).change(|there| {
        for token in tokens {
            if there.iter().all(|other| other.id() != token.id()) {
                there.push(token);
                added += 1;
            }
        }
    })?;
    Ok(added)
}

/// What was copied.
#[derive(Debug, Serialize)]
struct Outcome {
    from: String,
    to: String,
    jobs: u64,
    executions: u64,
    artifacts: u64,
    audit: u64,
    rows: u64,
    tokens: usize,
    was_there: bool,
}

impl Outcome {
    fn of(copy: &CatalogCopy, from: &Path, to: &CatalogPlace, tokens: usize) -> Self {
        Self {
            from: from.display().to_string(),
            to: to.to_string(),
            jobs: copy.jobs,
            executions: copy.executions,
            artifacts: copy.artifacts,
            audit: copy.audit,
            rows: copy.rows,
            tokens,
            was_there: copy.was_there,
        }
    }

    fn words(&self) -> String {
        let begin = match self.was_there {
            true => format!("{} was copied before. In {} are", self.from, self.to),
            false => format!("copied {} into {}:", self.from, self.to),
        };
        format!(
            "{begin} {}, {}, {} and {}\n{} is used no more: keep it as a backup, and start the workers",
            counted(self.jobs, "job"),
            counted(self.executions, "execution"),
            counted(self.artifacts, "file"),
            match self.audit {
                1 => "1 entry of the audit".to_owned(),
                more => format!("{more} entries of the audit"),
            },
            self.from,
        )
    }
}
