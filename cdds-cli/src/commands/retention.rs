//! `cdds retention …`: what goes when.

use std::collections::BTreeMap;

use cdds_core::domain::id::{ExecutionId, JobId};
use cdds_core::ports::catalog::query::{ArtifactColumn, ArtifactOverview, ArtifactQuery, Sort};
use cdds_view::{Instant, words};
use serde::Serialize;

use super::every_row;
use super::listed::print_all;
use crate::args::{Columns, Moment, RetentionCommand};
use crate::error::CliError;
use crate::output::{Cell, View};
use crate::session::Session;

/// A set that expires.
#[derive(Debug, Serialize)]
struct Expiring {
    execution_id: ExecutionId,
    job_id: JobId,
    /// The name of its first file.
    name: String,
    expires_at: Instant,
    /// Whether it is on legal hold, and stays.
    hold: bool,
    files: u64,
    bytes: u64,
}

/// The headings of the list.
pub(super) const COLUMNS: &[&str] = &["expires", "set", "files", "size", "on hold", "execution", "job"];

impl View for Expiring {
    const COLUMNS: &'static [&'static str] = COLUMNS;
    const GIVES_WAY: &'static [&'static str] = &["job", "files"];

    fn row(&self) -> Vec<Cell> {
        vec![
            self.expires_at.into(),
            Cell::File(self.name.clone()),
            Cell::Count(self.files),
            Cell::Bytes(self.bytes),
            Cell::Word(if self.hold { "kept" } else { "no" }),
            Cell::Id(self.execution_id.to_string()),
            Cell::Id(self.job_id.to_string()),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        Self::COLUMNS.iter().copied().zip(self.row()).collect()
    }
}

pub(super) async fn carry_out(command: RetentionCommand, session: &Session) -> Result<(), CliError> {
    let RetentionCommand::Preview { until, shown } = command;
    preview(until, &shown, session).await
}

async fn preview(until: Moment, shown: &Columns, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    let query = ArtifactQuery::default()
        .with_expires(session.between(None, Some(until)))
        .with_sort(Sort { column: ArtifactColumn::RemainingDays, descending: false });
    let page = async |slice| app.artifacts.list(&session.principal, &query.clone().with_slice(slice)).await;
    let sets = sets(every_row(page).await?);
    let end = Instant(until.at(session.clock.now()));
    let nothing = format!("no set expires before {end}: --until looks further ahead");
    print_all(session, shown, &sets, &nothing)?;
    let told = |hold: bool| {
        let some: Vec<&Expiring> = sets.iter().filter(|set| set.hold == hold).collect();
        let bytes = some.iter().map(|set| set.bytes).sum();
        (some.len() as u64, format!("{}, {}", words::counted(some.len() as u64, "set"), words::bytes(bytes)))
    };
    let ((_, going), (held, staying)) = (told(false), told(true));
    if !sets.is_empty() {
        let stays = if held > 0 { format!("; on hold, and kept: {staying}") } else { String::new() };
        session.console.note(&format!("going: {going}{stays}"));
    }
    Ok(())
}

/// Joins the files of each set, in the order of their expiry.
fn sets(files: Vec<ArtifactOverview>) -> Vec<Expiring> {
    let (mut sets, mut places) = (Vec::<Expiring>::new(), BTreeMap::new());
    for ArtifactOverview { artifact, .. } in files {
        let place = *places.entry(artifact.execution_id).or_insert(sets.len());
        if let Some(set) = sets.get_mut(place) {
            set.files += 1;
            set.bytes += artifact.bytes;
            set.hold |= artifact.hold;
            continue;
        }
        sets.push(Expiring {
            execution_id: artifact.execution_id,
            job_id: artifact.job_id,
            name: artifact.name,
            expires_at: Instant(artifact.expires_at),
            hold: artifact.hold,
            files: 1,
            bytes: artifact.bytes,
        });
    }
    sets
}
