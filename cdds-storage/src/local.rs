//! All ports on one machine, in one folder.

use std::io;
use std::path::Path;
use std::sync::Arc;

use cdds_core::Ports;
use cdds_core::ports::catalog::{Catalog, CatalogError};
use cdds_core::ports::sink::SinkError;
use cdds_core::service::pairing::{PairedSink, Pairing};
use cdds_core::system::{SystemClock, SystemIds};

use crate::{ObjectSink, SqliteCatalog, ThreadPool, ZipPackager, private};

/// Why the ports of a folder cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// A folder is missing and cannot be made.
    #[error("cannot make the folder {folder}")]
    Folder {
        /// Its path.
        folder: String,
        /// The reason.
        source: io::Error,
    },
    /// The threads cannot be started.
    #[error("cannot start worker threads")]
    Threads(#[source] io::Error),
    /// The catalog cannot be opened.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The store cannot be opened.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// Opens the ports of a service on one machine, and creates them at first: an SQLite catalog `cdds.db` and a
/// store `artifacts` in this folder, ZIP archives, and a thread for each processor. Only the user of the process
/// may read what is created. Sources and certificates are added to the result.
///
/// The store is marked as this catalog's. If it is missing or exchanged later, for instance because a disk is not
/// mounted, each access to it is refused, so that nothing is taken for lost.
///
/// It waits for files, so call it before the service begins or on a thread that may block.
///
/// ```
/// use cdds_core::{Artifacts, Engine, JobRules, Jobs};
/// use cdds_storage::{JsonLinesConfig, JsonLinesSource, JsonLinesType};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// let calls = JsonLinesConfig::new("calls".parse()?, "Call records", "calls.jsonl")
///     .with_type(JsonLinesType::new("call".parse()?, None));
/// let ports = cdds_storage::local(folder)?.with_source(JsonLinesSource::new(calls)?);
/// let (jobs, artifacts) = (Jobs::new(&ports, JobRules::default()), Artifacts::new(&ports));
/// let engine = Engine::builder(&ports).build();
/// # let _built = (jobs, artifacts, engine);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`LocalError`] says which part cannot be opened, and its cause why.
pub fn local(folder: impl AsRef<Path>) -> Result<Ports, LocalError> {
    let folder = folder.as_ref();
    let store = folder.join("artifacts");
    private::create_dir_all(&store)
        .map_err(|source| LocalError::Folder { folder: store.display().to_string(), source })?;
    let catalog: Arc<dyn Catalog> = Arc::new(SqliteCatalog::open(folder.join("cdds.db"))?);
    let sink = Arc::new(ObjectSink::local(&store)?);
    let pairing = Pairing::new(Arc::clone(&catalog), sink, Arc::new(SystemIds));
    let sink = Arc::new(PairedSink::new(pairing, Arc::new(SystemClock::new())));
    let workers = Arc::new(ThreadPool::new(None).map_err(LocalError::Threads)?);
    Ok(Ports::new(catalog, sink, Arc::new(ZipPackager::default()), workers))
}

#[cfg(test)]
mod tests {
    use cdds_core::ports::sink::{Prefix, SinkErrorKind};
    use cdds_core::{
        Engine, Frequency, JobRules, JobSettings, Jobs, Owner, Principal, Protection, Start, Title, Until,
    };
    use futures::executor::block_on;

    use super::*;
    use crate::{JsonLinesConfig, JsonLinesSource, JsonLinesType};

    /// Exports a record, so that the store holds something.
    fn export(ports: Ports, folder: &Path) {
        let file = folder.join("calls.jsonl");
        std::fs::write(&file, "{\"caller\":\"Ada\"}\n").unwrap();
        let call = "call".parse::<cdds_core::TypeId>().unwrap();
        let calls = JsonLinesConfig::new("calls".parse().unwrap(), "Calls", file.display().to_string())
            .with_type(JsonLinesType::new(call.clone(), None));
        let ports = ports.with_source(JsonLinesSource::new(calls).unwrap());
        let (title, once) = (Title::new("Calls").unwrap(), Frequency::Once(Start::Immediately));
        let job = JobSettings::new(title, "calls".parse().unwrap(), call, once, Protection::Plaintext);
        let host = Principal::host(Owner::default());
        block_on(Jobs::new(&ports, JobRules::default()).submit(&host, job)).unwrap();
        let run = block_on(Engine::builder(&ports).build().run(Until::Idle, std::future::pending()));
        assert_eq!(run.unwrap().finished, 1);
    }

    fn listed(ports: &Ports) -> Result<usize, SinkErrorKind> {
        let store = Prefix::new("");
        block_on(ports.sink.list(&store)).map(|found| found.len()).map_err(|error| error.kind())
    }

    #[test]
    fn a_folder_is_opened_again_and_an_exchanged_store_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("new/data");
        export(local(&place).unwrap(), folder.path());
        assert!(listed(&local(&place).unwrap()).is_ok());
        std::fs::remove_dir_all(place.join("artifacts")).unwrap();
        assert!(listed(&local(&place).unwrap()).is_err(), "the store's mark is gone");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = local(&file).unwrap_err();
        assert!(error.to_string().contains("file/artifacts"), "{error}");
    }
}
