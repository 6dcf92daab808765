//! The traits through which rules and engine meet the world, and the bundle an embedder composes.
//!
//! | port | what it is | implementations in this workspace |
//! |---|---|---|
//! | [`clock::Clock`] | the only source of time | [`system::SystemClock`](crate::system::SystemClock), manual in tests |
//! | [`ids::Ids`] | fresh identifiers | [`system::SystemIds`](crate::system::SystemIds) |
//! | [`workers::Workers`] | where CPU work runs | `cdds_storage::workers::ThreadPool` |
//! | [`source::Source`] | where records come from | `cdds_storage::source` |
//! | [`packager::Packager`] | files to archive parts | `cdds_storage::archive` |
//! | [`sealer::Certificates`], [`sealer::Sealer`] | for whom parts are encrypted | `cdds_crypto` |
//! | [`sealer::ManifestSigner`] | who vouches for a set; optional, the engine's | `cdds_crypto` |
//! | [`sink::Sink`] | where parts are stored | `cdds_storage::sink` |
//! | [`catalog::Catalog`] | jobs, executions, artifacts | `cdds_storage::catalog` |

pub mod catalog;
pub mod clock;
pub mod error;
mod failure;
pub mod ids;
pub mod packager;
pub mod sealer;
pub mod sink;
pub mod source;
pub mod workers;

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};

/// Everything that services and engine need from outside. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Time.
    pub clock: Arc<dyn clock::Clock>,
    /// Identifiers of new jobs.
    pub ids: Arc<dyn ids::Ids>,
    /// CPU work.
    pub workers: Arc<dyn workers::Workers>,
    /// The registered sources.
    pub sources: source::Sources,
    /// The archive format.
    pub packager: Arc<dyn packager::Packager>,
    /// Certificates and sealing.
    pub certificates: Arc<dyn sealer::Certificates>,
    /// The artifact store.
    pub sink: Arc<dyn sink::Sink>,
    /// The record of everything.
    pub catalog: Arc<dyn catalog::Catalog>,
}

impl Ports {
    /// Returns the present in whole microseconds, as instants are stored.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(6)
    }
}
