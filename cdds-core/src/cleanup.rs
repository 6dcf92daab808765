//! Removes stored files that are marked as removed, for engines and for services (rules A7, A8).

use tracing::{info, warn};

use crate::domain::id::ExecutionId;
use crate::domain::subject::copies::is_filter;
use crate::examination::ExaminationError;
use crate::keys;
use crate::ports::Ports;
use crate::ports::catalog::{CatalogError, Removal, Standing, Writer};
use crate::ports::sink::{Key, Sink, SinkError, SinkErrorKind};

/// The maximum number of removals in one pass. A removal that fails does not hold up the others.
const REMOVALS_PER_PASS: usize = 10_000;

/// Deletes the files of everything that is marked as removed. Files are first marked, then deleted, then
/// confirmed as deleted, so a crash in between repeats the deletion (rule A7). Returns whether all of them
/// are gone.
pub(crate) async fn carry_out_removals(ports: &Ports) -> Result<bool, CatalogError> {
    let removals = ports.catalog.removals(REMOVALS_PER_PASS).await?;
    let mut all_gone = removals.len() < REMOVALS_PER_PASS;
    for removal in removals {
        match delete_files(ports, &removal).await {
            Ok(()) => {
                let now = ports.catalog.now().await?;
                ports.catalog.confirm_removed(&removal, now).await?;
                info!(name: "files.removed", target: "cdds", ?removal, "files removed");
            }
            Err(ExaminationError::Catalog(error)) => return Err(error),
            Err(ExaminationError::Sink(error)) => {
                all_gone = false;
                warn!(name: "files.left", target: "cdds", ?removal, "cannot remove files: {}", error.report());
            }
        }
    }
    Ok(all_gone)
}

async fn delete_files(ports: &Ports, removal: &Removal) -> Result<(), ExaminationError> {
    match removal {
        Removal::Set { execution } => {
            delete_unwanted(ports, *execution).await?;
            // The listing may be empty because whoever deleted the files died before that was durable.
            ports.sink.delete(&keys::whole_set(*execution)).await?;
        }
        Removal::File { key, .. } => ports.sink.delete(key).await?,
        Removal::Filter { filter, .. } => {
            for key in filter.keys() {
                ports.sink.delete(&key).await?;
            }
        }
    }
    Ok(())
}

/// Deletes the files of those claims of an execution that the record lists and does not want. Files of other
/// claims stay: a catalog that was restored from a backup does not know them (rule E16).
async fn delete_unwanted(ports: &Ports, execution: ExecutionId) -> Result<(), ExaminationError> {
    let mut keys = ports.sink.list(&keys::execution(execution)).await?;
    keys.sort_unstable();
    for files in keys.chunk_by(|one, other| one.folder() == other.folder()) {
        let Some(writer) = files.first().and_then(keys::writer) else { continue };
        if ports.catalog.standing(writer).await? == Standing::Unwanted {
            for key in unwanted_of(ports, writer, files).await? {
                ports.sink.delete(key).await?;
            }
        }
    }
    Ok(())
}

/// Returns those of these files of an unwanted claim that nobody wants: all but filters that are on record, since they
/// outlive their set (rule D10).
pub(crate) async fn unwanted_of<'k>(
    ports: &Ports,
    writer: Writer,
    files: &'k [Key],
) -> Result<Vec<&'k Key>, CatalogError> {
    let kept = match files.iter().any(is_filter) {
        true => ports.catalog.subject_filter(writer.fence.id).await?,
        false => None,
    };
    let is_kept = |key: &&Key| {
        is_filter(key) && kept.as_ref().is_some_and(|filter| filter.folder.as_str() == key.folder())
    };
    Ok(files.iter().filter(|key| !is_kept(key)).collect())
}

/// Whether the manifest of a claim is stored. A listing shows it also while it is uploaded.
pub(crate) async fn has_manifest(sink: &dyn Sink, writer: Writer) -> Result<bool, SinkError> {
    match sink.read(&keys::manifest(writer), 0).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == SinkErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Deletes files that a person has just marked as removed. Leaves failed deletions to the next housekeeping.
pub(crate) async fn remove_marked(ports: &Ports) {
    if let Err(error) = carry_out_removals(ports).await {
        warn!("files marked as removed are left for the next housekeeping: {}", error.report());
    }
}
