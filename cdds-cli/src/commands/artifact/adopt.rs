//! `cdds artifact adopt`: takes sets of the store back into a catalog that was restored from a backup.

use std::collections::BTreeSet;

use cdds_core::domain::archive::adoption::WatermarkAfter;
use cdds_core::domain::id::ExecutionId;
use cdds_core::service::adoption::{Adopted, UnlistedSet};
use cdds_core::service::{Entity, ServiceError};
use serde::Serialize;

use super::super::id;
use crate::args::AdoptArgs;
use crate::error::CliError;
use crate::session::Session;

/// What became of one set.
#[derive(Debug, Serialize)]
struct Outcome {
    execution: ExecutionId,
    /// The folder of the set in the store.
    folder: String,
    adopted: bool,
    /// What happened to the job's watermark: null if it follows none, or nothing was adopted.
    watermark: Option<&'static str>,
    /// Why it was not adopted.
    reason: Option<String>,
}

impl Outcome {
    fn of(set: &UnlistedSet, result: Result<Adopted, ServiceError>) -> Result<Self, CliError> {
        let (watermark, reason) = match result {
            Ok(adopted) => (after(adopted.watermark), None),
            Err(ServiceError::Unadoptable { reason, .. }) => (None, Some(reason.to_string())),
            Err(error) => return Err(error.into()),
        };
        let folder = set.folder().as_str().to_owned();
        Ok(Self { execution: set.execution(), folder, adopted: reason.is_none(), watermark, reason })
    }

    fn words(&self) -> String {
        let Self { execution, folder, .. } = self;
        match (&self.reason, self.watermark) {
            (Some(reason), _) => format!("left {execution} ({folder}): {reason}"),
            (None, Some("stays")) => {
                format!("adopted {execution}; its records will be exported again, the watermark stays")
            }
            (None, _) => format!("adopted {execution}"),
        }
    }
}

fn after(watermark: WatermarkAfter) -> Option<&'static str> {
    match watermark {
        WatermarkAfter::None => None,
        WatermarkAfter::Moves => Some("moves"),
        WatermarkAfter::Stays => Some("stays"),
    }
}

pub(super) async fn adopt(args: &AdoptArgs, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    app.check_store().await?;
    let adoptions = app.adoptions()?;
    let mut unlisted = adoptions.unlisted().await?;
    let named = args
        .executions
        .iter()
        .map(|typed| id(Entity::Execution, typed))
        .collect::<Result<BTreeSet<_>, _>>()?;
    if !args.all {
        unlisted.retain(|set| named.contains(&set.execution()));
    }
    for execution in named {
        let is_there = unlisted.iter().any(|set| set.execution() == execution);
        // A set that is listed already needs nothing: adopting is repeatable.
        if !is_there && app.artifacts.set(&session.principal, execution).await.is_err() {
            return Err(
                ServiceError::NotFound { what: Entity::ArtifactSet, id: execution.to_string() }.into()
            );
        }
    }
    let mut outcomes = Vec::new();
    for set in &unlisted {
        outcomes.push(Outcome::of(set, adoptions.adopt(&session.principal, set).await)?);
    }
    let words: Vec<String> = outcomes.iter().map(Outcome::words).collect();
    let words = if words.is_empty() { "nothing to adopt".to_owned() } else { words.join("\n") };
    session.output.outcome(&outcomes, &words)?;
    match outcomes.iter().filter(|outcome| !outcome.adopted).count() {
        0 => Ok(()),
        left => {
            Err(CliError::failed("sets_left", format!("{left} of {} sets were not adopted", outcomes.len())))
        }
    }
}
