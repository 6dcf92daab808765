//! The traits through which the rules and the engine reach the outside world, and the bundle that an embedder
//! composes.
//!
//! | port | purpose | implementations in this workspace |
//! |---|---|---|
//! | [`clock::Clock`] | the time of this process, and of embedded catalogs | [`system::SystemClock`](crate::system::SystemClock), manual in tests |
//! | [`ids::Ids`] | fresh identifiers | [`system::SystemIds`](crate::system::SystemIds) |
//! | [`workers::Workers`] | the pool for CPU work | `cdds_storage::workers::ThreadPool` |
//! | [`source::Source`] | reading records | `cdds_storage::source` |
//! | [`packager::Packager`] | packing files into archive parts | `cdds_storage::archive` |
//! | [`sealer::Certificates`], [`sealer::Sealer`] | encrypting parts for recipients | `cdds_crypto` |
//! | [`sealer::ManifestSigner`] | signing a set's manifest; optional, passed to the engine | `cdds_crypto` |
//! | [`sink::Sink`] | storing parts | `cdds_storage::sink` |
//! | [`subject_keys::SubjectKeys`] | the keys of data subjects: their identifiers sealed, and hashed | `cdds_crypto` |
//! | [`destination::Destination`] | places to which sets are delivered besides the store | `cdds_delivery` |
//! | [`notifier::Notifier`] | telling subscribers | `cdds_delivery` |
//! | [`catalog::Catalog`] | jobs, executions, artifacts | `cdds_storage::catalog` |
//!
//! Who implements one of them checks it with `testing::conformance` (feature `testing`), which tries each promise of
//! its contract.

pub mod catalog;
pub mod clock;
pub mod destination;
pub mod error;
mod failure;
pub mod ids;
pub mod notifier;
pub mod packager;
pub mod sealer;
pub mod sink;
pub mod source;
pub mod subject_keys;
pub mod workers;

use std::sync::Arc;

use crate::setters::setters;
use crate::system::{SystemClock, SystemIds};

/// The external dependencies of the services and the engine. Cheap to clone.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Ports {
    /// Measures durations, waits, and dates log lines. Decisions go by the catalog's clock
    /// ([`WorkQueue::now`](catalog::WorkQueue::now)).
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
    /// Jobs, executions, artifacts and recipients.
    pub catalog: Arc<dyn catalog::Catalog>,
    /// The registered destinations.
    pub destinations: destination::Destinations,
    /// How subscribers are told.
    pub notifiers: notifier::Notifiers,
    /// The keys of data subjects.
    pub subject_keys: Arc<dyn subject_keys::SubjectKeys>,
}

setters! {
    Ports {
        with_clock => clock: value Arc<dyn clock::Clock>;
        with_ids => ids: value Arc<dyn ids::Ids>;
        with_workers => workers: value Arc<dyn workers::Workers>;
        with_sources => sources: value source::Sources;
        with_packager => packager: value Arc<dyn packager::Packager>;
        with_certificates => certificates: value Arc<dyn sealer::Certificates>;
        with_sink => sink: value Arc<dyn sink::Sink>;
        with_catalog => catalog: value Arc<dyn catalog::Catalog>;
        with_destinations => destinations: value destination::Destinations;
        with_notifiers => notifiers: value notifier::Notifiers;
        with_subject_keys => subject_keys: value Arc<dyn subject_keys::SubjectKeys>;
    }
}

impl Ports {
    /// Puts ports together that have the system's clock, random identifiers, no sources yet, and
    /// [no certificates](sealer::NoCertificates): every job is plaintext until
    /// [`with_certificates`](Ports::with_certificates). Without [keys](subject_keys::NoSubjectKeys), requests of data
    /// subjects are refused.
    pub fn new(
        catalog: Arc<dyn catalog::Catalog>,
        sink: Arc<dyn sink::Sink>,
        packager: Arc<dyn packager::Packager>,
        workers: Arc<dyn workers::Workers>,
    ) -> Self {
        Self {
            clock: Arc::new(SystemClock::new()),
            ids: Arc::new(SystemIds),
            workers,
            sources: source::Sources::new(),
            packager,
            certificates: Arc::new(sealer::NoCertificates),
            sink,
            catalog,
            destinations: destination::Destinations::new(),
            notifiers: notifier::Notifiers::new(),
            subject_keys: Arc::new(subject_keys::NoSubjectKeys),
        }
    }

    /// Registers a source. One that is shared is passed as its `Arc`.
    #[must_use]
    pub fn with_source(self, source: impl source::Source + 'static) -> Self {
        Self { sources: self.sources.with(source), ..self }
    }

    /// Registers a destination. One that is shared is passed as its `Arc`.
    #[must_use]
    pub fn with_destination(self, destination: impl destination::Destination + 'static) -> Self {
        Self { destinations: self.destinations.with(destination), ..self }
    }

    /// Registers how subscribers of a channel are told.
    #[must_use]
    pub fn with_notifier(self, notifier: impl notifier::Notifier + 'static) -> Self {
        Self { notifiers: self.notifiers.with(notifier), ..self }
    }
}
